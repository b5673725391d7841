//! Resident identity numbers of China.

use super::numbers::Group;
use super::{Found, Kind, is_name};

/// 17 digits and a check digit or `X`: region, date of birth, sequence.
pub(super) fn at(text: &[u8], groups: &[Group<'_>]) -> Option<Found> {
    let first = groups.first()?;
    let check = match first.digits.len() {
        18 => *first.digits.last()?,
        17 => text.get(first.end)?.to_ascii_uppercase(),
        _ => return None,
    };
    let end = first.start + 18;
    if is_name(text, first.start.checked_sub(1)) || is_name(text, Some(end)) {
        return None;
    }
    let number = |from: usize, length: usize| {
        let digits = first.digits.get(from..from + length).unwrap_or_default();
        digits
            .iter()
            .fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let region = (11..=82).contains(&number(0, 2));
    let born = (1900..=2099).contains(&number(6, 4))
        && (1..=12).contains(&number(10, 2))
        && (1..=31).contains(&number(12, 2));
    let right = region && born && check == check_digit(first.digits);
    right.then_some(Found {
        kind: Kind::ChinaId,
        start: first.start,
        end,
    })
}

/// ISO 7064 MOD 11-2, as GB 11643 says.
fn check_digit(digits: &[u8]) -> u8 {
    let sum = digits
        .iter()
        .take(17)
        .fold(0u32, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    match (12 - sum) % 11 {
        10 => b'X',
        digit => b'0' + digit as u8,
    }
}
