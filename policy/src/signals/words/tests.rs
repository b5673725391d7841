use super::*;

fn found(words: &[&str], text: &str) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    Finder::new(words.iter().copied()).scan(text, |word, place| {
        found.push((word, place));
        ControlFlow::Continue(())
    });
    found
}

#[test]
fn overlapping_words_are_all_found_in_any_case() {
    assert_eq!(
        found(&["ab", "bc", "", "É"], "xABCé"),
        [(0, 1..3), (1, 2..4), (3, 4..6)]
    );
    assert_eq!(found(&[], "x"), []);
    assert_eq!(found(&["中"], "É中"), [(0, 2..5)]);
}

#[test]
fn folding_keeps_every_byte_in_its_place() {
    for text in ["İstanbul", "ẞ", "K elvin", "ΑΣ", "plain", "中文 한국어"] {
        assert_eq!(fold(text).len(), text.len(), "{text}");
    }
    assert_eq!(fold("ÀΣ中"), "àσ中");
}
