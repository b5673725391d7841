//! Long texts in pieces that the model reads whole.

/// The bytes of a window: about 100 tokens of English, 130 of Chinese.
const LENGTH: usize = 400;

/// From the start of a window to that of the next; a quarter overlaps, so that no short attack is cut in all.
const STRIDE: usize = 300;

/// How many windows of one request are read at most.
pub(super) const MOST: usize = 64;

/// The windows of some texts, `most` at most: all of them, or the first, the last, and those evenly between.
pub(super) fn of<'t>(texts: &[&'t str], most: usize) -> Vec<&'t str> {
    let all: Vec<_> = texts
        .iter()
        .flat_map(|text| (0..count(text)).map(move |index| (*text, index)))
        .collect();
    let (last, steps) = (all.len().saturating_sub(1), most.saturating_sub(1).max(1));
    let pick = |step: usize| all.get(step * last / steps);
    let picked: Vec<_> = if all.len() > most {
        (0..most).filter_map(pick).collect()
    } else {
        all.iter().collect()
    };
    picked
        .into_iter()
        .filter_map(|(text, index)| window(text, *index))
        .collect()
}

fn count(text: &str) -> usize {
    1 + text.len().saturating_sub(LENGTH).div_ceil(STRIDE)
}

/// The last window ends with the text, so that it is as long as the others.
fn window(text: &str, index: usize) -> Option<&str> {
    let start = (index * STRIDE).min(text.len().saturating_sub(LENGTH));
    text.get(text.floor_char_boundary(start)..text.ceil_char_boundary(start + LENGTH))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_is_one_window_and_a_long_one_overlaps_by_a_quarter() {
        assert_eq!(of(&["short"], 64), ["short"]);
        let text: String = (0..1000).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
        let found = of(&[&text], 64);
        let expected = [0..400, 300..700, 600..1000].map(|range| text.get(range).unwrap());
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_too_long_is_read_at_its_head_its_tail_and_evenly_between() {
        let text: String = (0..100_000).map(|i| format!("{i:07} ")).collect();
        let found = of(&[&text], 64);
        assert_eq!(found.len(), 64);
        assert!(text.starts_with(found[0]) && text.ends_with(found[63]));
        let starts: Vec<usize> = found.iter().map(|window| text.find(window).unwrap()).collect();
        let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!(most - least <= STRIDE, "{least} to {most}");
    }

    proptest! {
        #[test]
        fn windows_cover_every_character_of_a_text_that_is_not_too_long(text in "[a-z中😀 ]{0,3000}") {
            let found = of(&[&text], 64);
            let mut covered = 0;
            for window in found {
                let start = window.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert!(start <= covered, "a gap before byte {}", start);
                covered = covered.max(start + window.len());
            }
            prop_assert_eq!(covered, text.len());
        }
    }
}
