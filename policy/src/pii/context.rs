//! Words that tell what a number near them is.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// What a word tells of the number near it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hint {
    /// It is one to call.
    Phone,
    /// It is one to call if the word is behind it: offices have numbers, and are at numbers too.
    Place,
    /// It is a payment card's.
    Card,
    /// It is an account's, an order's or a document's, and none to call.
    Other,
}

const HINTS: [(Hint, &[&str]); 4] = [
    (
        Hint::Phone,
        &[
            "phone",
            "tel.",
            "tel:",
            "tel ",
            "mobile",
            "cell",
            "fax",
            "desk:",
            "call",
            "dial",
            "sms",
            "text me",
            "text us",
            "whatsapp",
            "reach me",
            "reach you",
            "reach us",
            "hotline",
            "answering",
            "messages to",
            "voicemail",
            "电话",
            "電話",
            "手机",
            "手機",
            "热线",
            "传真",
            "联系方式",
        ],
    ),
    (Hint::Place, &["office"]),
    (
        Hint::Card,
        &[
            "card",
            " cc ",
            "visa",
            "mastercard",
            "maestro",
            "amex",
            "信用卡",
            "借记卡",
        ],
    ),
    (
        Hint::Other,
        &[
            "account",
            "order",
            "invoice",
            "tracking",
            "isbn",
            "serial",
            "银行卡",
            "卡号",
            "账号",
            "帐号",
            "订单",
            "单号",
        ],
    ),
];

static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst);
    let words = HINTS.iter().flat_map(|(_, words)| words.iter());
    builder.build(words).ok()
});

/// How far behind a word a number may be, in bytes.
const BEHIND: usize = 40;

/// How far before a word.
const BEFORE: usize = 10;

/// How close a word has to be to rule something out.
const CLOSE: usize = 16;

/// The words of a text, looked for when they are first needed.
pub(super) struct Contexts<'t> {
    text: &'t str,
    /// Start, end and meaning of each, in order.
    words: Option<Vec<(usize, usize, Hint)>>,
}

impl<'t> Contexts<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Contexts { text, words: None }
    }

    /// Whether a word near a number, before it or shortly behind it, says what it is.
    pub(super) fn near(&mut self, start: usize, end: usize, wanted: Hint) -> bool {
        self.any(
            start.saturating_sub(BEHIND),
            end + BEFORE,
            |word_start, word_end, hint| {
                let behind = word_start >= end;
                let place = hint == Hint::Place && wanted == Hint::Phone;
                hint == wanted && (word_end <= start || behind) || place && behind
            },
        )
    }

    /// Whether a word right before a number says what it is.
    pub(super) fn right_before(&mut self, start: usize, wanted: Hint) -> bool {
        self.any(start.saturating_sub(CLOSE), start, |_, word_end, hint| {
            hint == wanted && word_end <= start
        })
    }

    /// Whether `is` holds of a word between two places.
    fn any(&mut self, from: usize, to: usize, is: impl Fn(usize, usize, Hint) -> bool) -> bool {
        let text = self.text;
        let words = self.words.get_or_insert_with(|| find(text));
        let first = words.partition_point(|(_, end, _)| *end < from);
        let words = words.get(first..).unwrap_or_default().iter();
        words
            .take_while(|(start, _, _)| *start < to)
            .any(|(start, end, hint)| is(*start, *end, *hint))
    }
}

fn find(text: &str) -> Vec<(usize, usize, Hint)> {
    let Some(words) = WORDS.as_ref() else {
        return Vec::new();
    };
    let hints: Vec<_> = HINTS
        .iter()
        .flat_map(|(hint, words)| words.iter().map(|_| *hint))
        .collect();
    let hint = |index: usize| hints.get(index).copied().unwrap_or(Hint::Other);
    let found = words.find_iter(text);
    found
        .map(|found| (found.start(), found.end(), hint(found.pattern().as_usize())))
        .collect()
}
