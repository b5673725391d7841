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

#[test]
fn many_words_are_found_as_few_are() {
    let words: Vec<String> = (0..2000).map(|index| format!("Word{index}É")).collect();
    let words: Vec<_> = words.iter().map(String::as_str).chain(["d7", ""]).collect();
    assert!(words.iter().map(|word| word.len()).sum::<usize>() > MAX_TABLE_WORDS);
    assert_eq!(found(&words, "a word7é"), [(2000, 5..7), (7, 2..9)]);
    assert_eq!(found(&["d7", "", "word7é"], "a word7É"), [(0, 5..7), (2, 2..9)]);
}
