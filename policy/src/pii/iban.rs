//! International bank account numbers.

use super::{Found, Kind, is_name};

/// The countries by the length of their account numbers, as ISO 13616's registry has them.
const LENGTHS: [(usize, &str); 17] = [
    (15, "NO"),
    (16, "BE"),
    (18, "DK FI FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU XK"),
    (21, "CH HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ TL"),
    (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "FR GR IT MC MR SM"),
    (28, "AL AZ BY CY DO GT HU LB PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU"),
    (31, "MT SC"),
    (32, "LC"),
];

/// An account number that begins somewhere in a word; in groups of four it goes on in the words behind.
pub(super) fn find(text: &[u8], start: usize, end: usize, found: &mut Vec<Found>) {
    for at in start..end.saturating_sub(3) {
        if is_name(text, at.checked_sub(1)) {
            continue;
        }
        if let Some(end) = ends_at(text, at) {
            found.push(Found {
                kind: Kind::Iban,
                start: at,
                end,
            });
        }
    }
}

fn ends_at(text: &[u8], start: usize) -> Option<usize> {
    let [a, b, c, d] = *text.get(start..start + 4)?.first_chunk()?;
    if !(c.is_ascii_digit() && d.is_ascii_digit()) {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let is_one = |codes: &str| codes.split(' ').any(|code| code.as_bytes() == country);
    let (length, _) = LENGTHS.iter().find(|(_, codes)| is_one(codes))?;
    let mut number = Vec::with_capacity(*length);
    let mut at = start;
    while number.len() < *length {
        match text.get(at)? {
            byte if byte.is_ascii_alphanumeric() => number.push(byte.to_ascii_uppercase()),
            // Small letters are taken only where nothing is between them.
            b' ' if number.len() % 4 == 0 && a.is_ascii_uppercase() => {}
            _ => return None,
        }
        at += 1;
    }
    (!is_name(text, Some(at)) && mod_97(&number) == 1).then_some(at)
}

/// The remainder by 97 of the number with its first four characters at its end, letters being 10 to 35.
fn mod_97(number: &[u8]) -> u32 {
    let (head, tail) = number.split_at_checked(4).unwrap_or((number, &[]));
    tail.iter().chain(head).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    })
}
