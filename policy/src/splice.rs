//! Edits of a body that leave every other byte as it was.

use std::ops::Range;

/// One replacement in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes to replace.
    pub range: Range<usize>,
    /// What to put there.
    pub with: Vec<u8>,
}

/// The body after `edits`, made in one pass with one allocation.
///
/// Edits must be in order and must not overlap, as [`crate::Verdict::edits`] are; one that is out of order or
/// out of bounds is left out.
pub fn splice(body: &[u8], edits: &[Edit]) -> Vec<u8> {
    let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(body.len() + added);
    let mut done = 0;
    for edit in edits {
        let Some(kept) = body.get(done..edit.range.start) else {
            continue;
        };
        if edit.range.end < edit.range.start || edit.range.end > body.len() {
            continue;
        }
        out.extend_from_slice(kept);
        out.extend_from_slice(&edit.with);
        done = edit.range.end;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn edits_out_of_order_or_bounds_are_left_out() {
        let edit = |range, with: &str| Edit {
            range,
            with: with.into(),
        };
        assert_eq!(splice(b"abc", &[edit(1..2, "XY")]), b"aXYc");
        assert_eq!(splice(b"abc", &[edit(2..3, "X"), edit(0..1, "Y")]), b"abX");
        assert_eq!(
            splice(b"abc", &[edit(2..1, "X"), edit(3..9, "Y"), edit(3..3, "!")]),
            b"abc!"
        );
    }

    proptest! {
        #[test]
        fn all_other_bytes_stay(pieces in prop::collection::vec((".{0,9}", ".{0,9}", ".{0,9}"), 0..6)) {
            let (mut body, mut expected, mut edits) = (Vec::new(), Vec::new(), Vec::new());
            for (kept, old, new) in &pieces {
                body.extend_from_slice(kept.as_bytes());
                expected.extend_from_slice(kept.as_bytes());
                edits.push(Edit { range: body.len()..body.len() + old.len(), with: new.clone().into() });
                body.extend_from_slice(old.as_bytes());
                expected.extend_from_slice(new.as_bytes());
            }
            prop_assert_eq!(splice(&body, &edits), expected);
        }
    }
}
