//! International bank account numbers.

use super::{Found, Kind, is_name};

/// The length of an account number by country, as ISO 13616's registry has it.
const LENGTHS: [(&[u8; 2], usize); 79] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
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
    let (_, length) = LENGTHS.iter().find(|(known, _)| **known == country)?;
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
