//! Social security numbers of the United States.

use super::numbers::{Group, ends, starts};
use super::{Found, Kind};

/// Three, two and four digits with dashes, in ranges that are given out.
pub(super) fn at(text: &[u8], groups: &[Group<'_>]) -> Option<Found> {
    let [area, group, serial, ..] = groups else {
        return None;
    };
    let lengths = [area, group, serial].map(|part| part.digits.len()) == [3, 2, 4];
    let dashes = group.gap == b"-" && serial.gap == b"-";
    let given = !matches!(area.digits, b"000" | b"666" | [b'9', ..])
        && group.digits != b"00"
        && serial.digits != b"0000";
    let right = lengths && dashes && given && starts(text, groups) && ends(text, serial.end);
    right.then_some(Found {
        kind: Kind::Ssn,
        start: area.start,
        end: serial.end,
    })
}
