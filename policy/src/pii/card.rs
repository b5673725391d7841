//! Numbers of payment cards.

use super::context::{Contexts, Hint};
use super::numbers::{Group, ends, joined, starts};
use super::{Found, Kind};

/// A card's number: 12 to 19 digits with the right check digit, in groups or not, that begin as an issuer's do or
/// stand behind a word that says so.
pub(super) fn at(text: &[u8], groups: &[Group<'_>], contexts: &mut Contexts<'_>) -> Option<Found> {
    let first = groups.first().filter(|_| starts(text, groups))?;
    let whole = matches!(first.digits.len(), 12..=19);
    let (digits, end) = if whole {
        (first.digits.to_vec(), first.end)
    } else if first.digits.len() == 4 {
        let gap = groups.get(1)?.gap;
        joined(groups, 19, |other| other == gap && matches!(gap, b" " | b"-"))?
    } else {
        return None;
    };
    let right = (12..=19).contains(&digits.len()) && luhn(&digits) && ends(text, end);
    let right = right && (issued(&digits) || contexts.near(first.start, end, Hint::Card));
    right.then_some(Found {
        kind: Kind::Card,
        start: first.start,
        end,
    })
}

/// Whether an issuer has numbers of this length that begin like this.
fn issued(digits: &[u8]) -> bool {
    let number = |length: usize| {
        let digits = digits.get(..length).unwrap_or_default();
        digits
            .iter()
            .fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let (one, two, three, four) = (number(1), number(2), number(3), number(4));
    match digits.len() {
        // Maestro's, and those of 12 digits only where the beginning is well known.
        12 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763),
        13 => one == 4 || matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763),
        14 => two == 36 || two == 38 || two == 39 || (300..=305).contains(&three),
        15 => two == 34 || two == 37 || four == 1800 || four == 2131,
        16 => {
            one == 4
                || matches!(two, 35 | 51..=55 | 62 | 65 | 67)
                || (2221..=2720).contains(&four)
                || four == 6011
                || (644..=649).contains(&three)
                || matches!(four, 5018 | 5020 | 5038 | 5893 | 6304)
                || matches!(four, 1800 | 2131)
        }
        length @ 17..=19 => {
            two == 62
                || (one == 4 && length == 19)
                || matches!(four, 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763)
        }
        _ => false,
    }
}

/// Whether the last digit is the check digit of the others.
fn luhn(digits: &[u8]) -> bool {
    let value = |(index, digit): (usize, &u8)| {
        let digit = u32::from(digit - b'0');
        match index % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    };
    let sum: u32 = digits.iter().rev().enumerate().map(value).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| Some(digit) != digits.first())
}
