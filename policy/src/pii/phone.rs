//! Numbers to call.

use super::context::{Contexts, Hint};
use super::numbers::{Group, ends, is_joined, starts};
use super::{Found, Kind};

/// The most digits of a number with its country code (E.164), and two for a `00` before it.
const LONGEST: usize = 15;

/// A number whose shape tells that it is one, or that a word near it does.
pub(super) fn at(text: &[u8], groups: &[Group<'_>], contexts: &mut Contexts<'_>) -> Option<Found> {
    let first = groups.first()?;
    let start = opening(text, first.start);
    let plus = text.get(start) == Some(&b'+');
    let joined = start < first.start && is_joined(text, start.checked_sub(1));
    if joined || !(plus || start < first.start || starts(text, groups)) {
        return None;
    }
    let shaped = if plus {
        international(groups)
    } else {
        american(groups)
            .or_else(|| chinese(groups))
            .or_else(|| abroad(groups))
            .or_else(|| domestic(groups))
    };
    let fits = |end: &usize| ends(text, *end) || extension(text, *end) > *end;
    let end = match shaped.filter(fits) {
        Some(end) => end,
        None => bare(groups)
            .filter(fits)
            .filter(|end| contexts.near(start, *end, Hint::Phone))?,
    };
    let end = extension(text, end);
    let other = !plus && contexts.right_before(start, Hint::Other);
    (ends(text, end) && !other).then_some(Found {
        kind: Kind::Phone,
        start,
        end,
    })
}

/// Where a number begins with its `+` and its bracket.
fn opening(text: &[u8], start: usize) -> usize {
    let before = |at: usize, wanted: u8| at.checked_sub(1).filter(|at| text.get(*at) == Some(&wanted));
    let bracket = before(start, b'(').unwrap_or(start);
    before(bracket, b'+').unwrap_or(bracket)
}

/// The end of a number with its extension, as in `x123`.
fn extension(text: &[u8], end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let marks: [&[u8]; 4] = [b"x", b" x", b" ext. ", b" ext "];
    let digits = |mark: &[u8]| {
        let rest = rest.strip_prefix(mark)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (1..=6).contains(&digits).then_some(end + mark.len() + digits)
    };
    marks.into_iter().find_map(digits).unwrap_or(end)
}

/// The first groups of 8 to 15 digits in all; behind 11 digits a space ends the number.
fn international(groups: &[Group<'_>]) -> Option<usize> {
    let mut digits = 0;
    let mut end = None;
    for (index, group) in groups.iter().enumerate() {
        let over = digits >= 11 && group.gap.contains(&b' ');
        if digits + group.digits.len() > LONGEST || (index > 0 && over) || group.gap.contains(&b'/') {
            break;
        }
        digits += group.digits.len();
        end = (digits >= 8).then_some(group.end);
    }
    end
}

/// `00` and a country code.
fn abroad(groups: &[Group<'_>]) -> Option<usize> {
    let first = groups.first()?;
    let code = matches!(first.digits, [b'0', b'0', b'1'..=b'9', ..]);
    let alone = first.digits.len() >= 12;
    (code && first.digits.len() <= LONGEST && (groups.len() > 1 || alone)).then(|| international(groups))?
}

/// Three, three and four digits, in North America: `(234) 567-8901`, `234.567.8901`, `1-234-567-8901`.
fn american(groups: &[Group<'_>]) -> Option<usize> {
    let groups = match groups {
        [code, rest @ ..] if matches!(code.digits, b"1" | b"001") => rest,
        _ => groups,
    };
    let [area, exchange, line, ..] = groups else {
        return None;
    };
    let lengths = [area, exchange, line].map(|group| group.digits.len()) == [3, 3, 4];
    let given = |group: &Group<'_>| matches!(group.digits, [b'2'..=b'9', ..]);
    let marked = match (exchange.gap, line.gap) {
        (b" ", b" ") => given(area) && given(exchange),
        (b"-" | b"." | b")" | b") " | b")-" | b" ", b"-" | b"." | b" ") => true,
        _ => false,
    };
    (lengths && marked).then_some(line.end)
}

/// A mobile number of China: 11 digits, or three, four and four.
fn chinese(groups: &[Group<'_>]) -> Option<usize> {
    let first = groups.first()?;
    let mobile = matches!(first.digits, [b'1', b'3'..=b'9', ..]);
    let end = match groups {
        [whole, ..] if whole.digits.len() == 11 => whole.end,
        [a, b, c, ..] if [a, b, c].map(|group| group.digits.len()) == [3, 4, 4] && b.gap == c.gap => c.end,
        _ => return None,
    };
    mobile.then_some(end)
}

/// A number that begins with the `0` of a country's own calls: 9 to 12 digits, of which ten or more where they are
/// not parted.
fn domestic(groups: &[Group<'_>]) -> Option<usize> {
    let first = groups.first()?;
    if !matches!(first.digits, [b'0', b'1'..=b'9', ..]) || first.digits == b"0123456789" {
        return None;
    }
    if matches!(first.digits.len(), 10..=11) {
        return Some(first.end);
    }
    let mut digits = first.digits.len();
    let mut end = None;
    for group in groups.iter().skip(1) {
        let apart = group.gap.contains(&b'/') || (digits >= 10 && group.gap.contains(&b' '));
        if digits + group.digits.len() > 12 || apart {
            break;
        }
        digits += group.digits.len();
        end = (digits >= 9).then_some(group.end);
    }
    end.filter(|_| first.digits.len() <= 5)
}

/// 7 to 12 digits that nothing but a word near them makes a number to call.
fn bare(groups: &[Group<'_>]) -> Option<usize> {
    let first = groups.first()?;
    let gap = groups.get(1).map(|group| group.gap);
    let mut digits = 0;
    let mut end = None;
    let mut taken = 0;
    for (index, group) in groups.iter().enumerate() {
        let apart = group.gap.contains(&b'/') || (digits >= 9 && index > 1 && Some(group.gap) != gap);
        if digits + group.digits.len() > 12 || (index > 0 && apart) {
            break;
        }
        digits += group.digits.len();
        taken = index + 1;
        end = (digits >= 7).then_some(group.end);
    }
    let lengths: Vec<_> = groups
        .iter()
        .take(taken)
        .map(|group| group.digits.len())
        .collect();
    let date = matches!(
        lengths.as_slice(),
        [4, 2, 2] | [2, 2, 4] | [1, 2, 4] | [2, 1, 4] | [1, 1, 4]
    );
    let small = first.digits.len() == 1;
    end.filter(|_| !date && !small)
}
