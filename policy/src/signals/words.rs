//! Finding many words in one pass over a text, and what a word is.

mod table;

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use aho_corasick::{AhoCorasick, PatternID};
use table::Table;

/// Up to this many bytes of words the automaton is a table of all transitions: it reads a byte in about a
/// nanosecond, and takes some 300 bytes for each byte of the words.
const MAX_TABLE_WORDS: usize = 8 << 10;

/// Finds words in any case, wherever they stand and overlapping.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// None when there are no words.
    machine: Option<Machine>,
    /// The words that the machine knows, by their index.
    indices: Vec<usize>,
    /// Whether a word has letters beyond ASCII that come in two cases.
    folds: bool,
}

#[derive(Debug)]
enum Machine {
    /// Few words.
    Table(Box<Table>),
    Links(AhoCorasick),
}

impl Finder {
    /// Hits name words by their index in `words`. Empty words are never found.
    pub(crate) fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Finder {
        let words = words.into_iter().enumerate().filter(|(_, word)| !word.is_empty());
        let (indices, words): (Vec<_>, Vec<_>) = words.unzip();
        let has_case = |c: char| !c.is_ascii() && (lower(c) != c || c.is_lowercase());
        let small = words.iter().map(|word| word.len()).sum::<usize>() <= MAX_TABLE_WORDS;
        let folded: Vec<_> = words.iter().map(|word| fold(word)).map(Cow::into_owned).collect();
        // Building fails only for more words than fit a 31-bit state; nothing would match then.
        let machine = match (words.is_empty(), small) {
            (true, _) => None,
            (false, true) => Table::new(&folded).map(Box::new).map(Machine::Table),
            (false, false) => AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(folded)
                .ok()
                .map(Machine::Links),
        };
        Finder {
            machine,
            indices,
            folds: words.iter().any(|word| word.chars().any(has_case)),
        }
    }

    /// Calls `hit` with each word found, by its index, and where in `text`, in the order of the ends.
    pub(crate) fn scan(&self, text: &str, mut hit: impl FnMut(usize, Range<usize>) -> ControlFlow<()>) {
        let Some(machine) = &self.machine else { return };
        let folded = if self.folds {
            fold(text)
        } else {
            Cow::Borrowed(text)
        };
        let mut tell = |word: PatternID, place| match self.indices.get(word.as_usize()) {
            Some(index) => hit(*index, place),
            None => ControlFlow::Continue(()),
        };
        match machine {
            Machine::Table(table) => table.scan(folded.as_bytes(), tell),
            Machine::Links(links) => {
                let mut found = links.find_overlapping_iter(folded.as_ref());
                let _ = found.try_for_each(|found| tell(found.pattern(), found.range()));
            }
        }
    }
}

/// A word to be found, with what has to hold where it is.
#[derive(Debug)]
pub(crate) struct Word {
    /// The spelling that has to occur, when case matters.
    exact: Option<String>,
    edges: Edges,
}

/// What may stand beside a word.
#[derive(Clone, Copy, Debug)]
enum Edges {
    Anything,
    /// No part of a longer word, at the ends where the word itself has such parts.
    Words {
        start: bool,
        end: bool,
    },
    /// No letter or digit but Chinese, Japanese and Korean ones.
    NoLetters,
}

impl Word {
    /// A word that has to stand alone; one with Chinese, Japanese or Korean characters may stand anywhere.
    pub(crate) fn standing(word: &str, case_sensitive: bool) -> Word {
        let edges = Edges::Words {
            start: word.chars().next().is_some_and(is_word),
            end: word.chars().next_back().is_some_and(is_word),
        };
        Word::new(word, case_sensitive, edges)
    }

    /// A word that has to stand apart from letters and digits; one with Chinese, Japanese or Korean characters may
    /// stand anywhere.
    pub(crate) fn apart(word: &str, case_sensitive: bool) -> Word {
        Word::new(word, case_sensitive, Edges::NoLetters)
    }

    /// A word that may be part of a longer one.
    pub(crate) fn anywhere(word: &str, case_sensitive: bool) -> Word {
        Word::new(word, case_sensitive, Edges::Anything)
    }

    fn new(word: &str, case_sensitive: bool, edges: Edges) -> Word {
        let anywhere = word.chars().any(is_cjk);
        Word {
            exact: case_sensitive.then(|| word.to_owned()),
            edges: if anywhere { Edges::Anything } else { edges },
        }
    }

    /// Whether the word, found at `place` of `text`, is there as a word and in the spelling asked for.
    pub(crate) fn stands(&self, text: &str, place: &Range<usize>) -> bool {
        let before = || text.get(..place.start)?.chars().next_back();
        let after = || text.get(place.end..)?.chars().next();
        let is_letter = |c: char| c.is_alphanumeric() && !is_cjk(c);
        let apart = match self.edges {
            Edges::Anything => true,
            Edges::Words { start, end } => {
                !(start && before().is_some_and(is_word) || end && after().is_some_and(is_word))
            }
            Edges::NoLetters => !before().is_some_and(is_letter) && !after().is_some_and(is_letter),
        };
        apart
            && self
                .exact
                .as_deref()
                .is_none_or(|exact| text.get(place.clone()) == Some(exact))
    }
}

/// `text` in lower case as far as that keeps every byte's place; ASCII is left to the automaton.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.chars().all(|c| lower(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(lower).collect())
}

/// A character in lower case, unless it is ASCII or would take another number of bytes.
fn lower(c: char) -> char {
    // The characters between have one case only, and telling that from a table takes ten times as long.
    if c.is_ascii() || matches!(c, '\u{2e80}'..='\u{a63f}' | '\u{ac00}'..='\u{d7ff}') {
        return c;
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
        _ => c,
    }
}

/// Whether `c` is part of words that are set apart by spaces. Chinese, Japanese, Korean, Thai and their like
/// are not: there, a keyword is found wherever it stands.
pub(crate) fn is_word(c: char) -> bool {
    let unspaced = matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Myanmar
        | '\u{1100}'..='\u{11ff}' // Hangul
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{2e80}'..='\u{a4cf}' // Han, kana, bopomofo, Yi
        | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' // Hangul
        | '\u{f900}'..='\u{faff}' // Han
        | '\u{ff66}'..='\u{ffdc}' // half-width kana and Hangul
        | '\u{20000}'..='\u{3ffff}' // Han
    );
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric() && !unspaced)
}

/// Whether `c` is of the Han, Hiragana, Katakana or Hangul script.
pub(crate) fn is_cjk(c: char) -> bool {
    c >= '\u{1100}' && (is_han(c) || is_kana(c) || is_hangul(c))
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fd5}' | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{fad9}' | '\u{20000}'..='\u{3ffff}')
}

pub(crate) fn is_kana(c: char) -> bool {
    matches!(c,
        '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fd}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff6f}' | '\u{ff71}'..='\u{ff9d}')
}

pub(crate) fn is_hangul(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{3200}'..='\u{321e}' | '\u{3260}'..='\u{327e}'
        | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7a3}' | '\u{d7b0}'..='\u{d7fb}' | '\u{ffa0}'..='\u{ffdc}')
}

#[cfg(test)]
mod tests;
