//! Personal data and secrets in a text, found by rules: one file for each type.

mod card;
mod china_id;
mod context;
mod email;
mod iban;
mod ip;
mod numbers;
mod phone;
mod secret;
mod ssn;

use numbers::Numbers;

/// A type of personal data that the rules find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An address for mail.
    Email,
    /// A number to call.
    Phone,
    /// The number of a credit or debit card.
    Card,
    /// An international bank account number.
    Iban,
    /// An IPv4 or IPv6 address that belongs to someone.
    Ip,
    /// A social security number of the United States.
    Ssn,
    /// A resident identity number of China.
    ChinaId,
    /// An API key, an access token or a private key.
    Secret,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 8] = [
        Kind::Email,
        Kind::Phone,
        Kind::Card,
        Kind::Iban,
        Kind::Ip,
        Kind::Ssn,
        Kind::ChinaId,
        Kind::Secret,
    ];

    /// The name that a configuration uses: VSR's, and `CN_ID` and `API_KEY`, which it does not have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Email => "EMAIL_ADDRESS",
            Kind::Phone => "PHONE_NUMBER",
            Kind::Card => "CREDIT_CARD",
            Kind::Iban => "IBAN_CODE",
            Kind::Ip => "IP_ADDRESS",
            Kind::Ssn => "US_SSN",
            Kind::ChinaId => "CN_ID",
            Kind::Secret => "API_KEY",
        }
    }
}

/// Where personal data of a type is, in bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// Finds personal data in one pass, in the order of the text and without overlap.
pub fn scan(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    email::find(bytes, &mut found);
    words(bytes, &mut found);
    numbers(text, &mut found);
    without_overlap(found)
}

/// Types that show in a word: letters, digits, and what keys are made of.
fn words(text: &[u8], found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(start) = position(text, at, is_word) {
        let (mut digits, mut colons) = (0, 0);
        let word = text
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| is_word(**byte));
        let length = word
            .inspect(|byte| {
                digits += usize::from(byte.is_ascii_digit());
                colons += usize::from(**byte == b':');
            })
            .count();
        let end = start + length;
        // Most words are none of them, which these numbers tell at once.
        if digits >= 2 {
            iban::find(text, start, end, found);
        }
        if colons >= 2 {
            ip::find_v6(text, start, end, found);
        }
        if length >= secret::SHORTEST {
            secret::find(text, start, end, found);
        }
        at = end;
    }
    secret::find_private_keys(text, found);
}

/// Types that are made of digits.
fn numbers(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut contexts = context::Contexts::new(text);
    let mut runs = Numbers::new(bytes);
    while let Some(groups) = runs.next_run() {
        let mut index = 0;
        while let Some(rest) = groups.get(index..).filter(|rest| !rest.is_empty()) {
            let matched = china_id::at(bytes, rest)
                .or_else(|| card::at(bytes, rest, &mut contexts))
                .or_else(|| ssn::at(bytes, rest))
                .or_else(|| ip::v4_at(bytes, rest))
                .or_else(|| phone::at(bytes, rest, &mut contexts));
            match matched {
                Some(matched) => {
                    found.push(matched);
                    index += rest
                        .iter()
                        .take_while(|group| group.start < matched.end)
                        .count()
                        .max(1);
                }
                None => index += 1,
            }
        }
    }
}

/// Of those that overlap the one that starts first stays, and of those that start together the longest.
fn without_overlap(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end), found.kind));
    let mut end = 0;
    found.retain(|found| {
        let clear = found.start >= end;
        end = if clear { found.end } else { end };
        clear
    });
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'+' | b'/' | b'=' | b'~')
}

/// The first byte at or after `from` that `is` holds of.
fn position(text: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    Some(from + text.get(from..)?.iter().position(|byte| is(*byte))?)
}

/// Whether a letter, a digit or `_` is at a place.
fn is_name(text: &[u8], at: Option<usize>) -> bool {
    let byte = at.and_then(|at| text.get(at));
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests;
