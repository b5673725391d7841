//! Digits in groups, as people write long numbers.

/// Digits without anything between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) digits: &'t [u8],
    /// What is between the group before and this one; empty at the start of a run.
    pub(super) gap: &'t [u8],
}

/// The runs of groups of a text: at most three of ` -.()/` are between two groups of a run.
pub(super) struct Numbers<'t> {
    text: &'t [u8],
    at: usize,
    groups: Vec<Group<'t>>,
}

/// Longer runs are cut, so that each is looked at in bounded time.
const LONGEST_RUN: usize = 64;

impl<'t> Numbers<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Numbers {
            text,
            at: 0,
            groups: Vec::new(),
        }
    }

    /// The next run, None at the end of the text.
    pub(super) fn next_run(&mut self) -> Option<&[Group<'t>]> {
        self.groups.clear();
        let mut start = super::position(self.text, self.at, |byte| byte.is_ascii_digit())?;
        let mut gap: &[u8] = &[];
        loop {
            let end =
                super::position(self.text, start, |byte| !byte.is_ascii_digit()).unwrap_or(self.text.len());
            let digits = self.text.get(start..end)?;
            self.groups.push(Group {
                start,
                end,
                digits,
                gap,
            });
            self.at = end;
            let after = self.text.get(end..)?;
            let between = after.iter().take_while(|byte| b" -.()/".contains(byte)).count();
            let gap_after = after.get(..between)?;
            // ` .5` is a number of its own.
            let linked = (1..=3).contains(&between)
                && after.get(between).is_some_and(u8::is_ascii_digit)
                && !gap_after.ends_with(b" .");
            if !linked || self.groups.len() == LONGEST_RUN {
                return Some(&self.groups);
            }
            gap = gap_after;
            start = end + between;
        }
    }
}

/// Whether a number can start with the first of some groups: it is not the rest of a word or of another number.
pub(super) fn starts(text: &[u8], groups: &[Group<'_>]) -> bool {
    let Some(first) = groups.first() else { return false };
    let before = first.start.checked_sub(1);
    match first.gap {
        [] => !is_joined(text, before),
        gap => gap.contains(&b' '),
    }
}

/// Whether a number can end at a place: what follows does not belong to it. A word behind a dash is another word.
pub(super) fn ends(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        Some(b'-' | b'.' | b'/') => {
            let rest = text.get(end + 1..).unwrap_or_default();
            let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            letters >= 3 || !super::is_name(text, Some(end + 1))
        }
        _ => !super::is_name(text, Some(end)),
    }
}

pub(super) fn is_joined(text: &[u8], before: Option<usize>) -> bool {
    let Some(at) = before else { return false };
    // Text that was escaped for JSON or for a shell has `\n` where a line ended.
    let escaped = at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\\');
    match text.get(at) {
        Some(b'n' | b'r' | b't') if escaped => false,
        Some(b'-' | b'.' | b'/' | b'$' | b'#') => true,
        _ => super::is_name(text, before),
    }
}

/// The digits of the first groups, up to `most` of them, with gaps that `joins` holds of; and where they end.
pub(super) fn joined<'t>(
    groups: &[Group<'t>],
    most: usize,
    joins: impl Fn(&[u8]) -> bool,
) -> Option<(Vec<u8>, usize)> {
    let mut digits = Vec::new();
    let mut end = 0;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 && !joins(group.gap) || digits.len() + group.digits.len() > most {
            break;
        }
        digits.extend_from_slice(group.digits);
        end = group.end;
    }
    (!digits.is_empty()).then_some((digits, end))
}
