//! What a misspelled key was meant to be.

/// The known key that is closest to `key`, if it is close: two slips at most, and fewer in short keys.
pub(crate) fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters = normalised(key);
    let measured = known.iter().filter_map(|known| {
        let candidate = normalised(known);
        let allowed = if candidate.len() < 5 { 1 } else { 2 };
        // Also keeps the table small when a document has a key of a megabyte.
        if candidate.len().abs_diff(letters.len()) > allowed {
            return None;
        }
        let distance = distance(&letters, &candidate);
        (distance <= allowed).then_some((distance, *known))
    });
    measured.min().map(|(_, known)| known)
}

/// Without what tells `modelRefs`, `model_refs` and `model-refs` apart.
fn normalised(key: &str) -> Vec<char> {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many letters have to be added, removed, changed or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&above, j) + usize::from(x != y);
            let mut best = changed.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["priority", "name", "modelRefs", "tier"];
        let table = [
            ("prority", Some("priority")),
            ("pirority", Some("priority")),
            ("Priority", Some("priority")),
            ("model_refs", Some("modelRefs")),
            ("model_ref", Some("modelRefs")),
            ("nmae", Some("name")),
            ("game", Some("name")),
            ("gate", None),
            ("weight", None),
            ("", None),
        ];
        for (key, expected) in table {
            assert_eq!(nearest(key, &known), expected, "{key}");
        }
    }
}
