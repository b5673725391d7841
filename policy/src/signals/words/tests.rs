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

#[test]
fn in_a_long_text_words_are_found_wherever_they_stand_and_in_order() {
    let words = ["needle", "dle", "針"];
    for before in [0, 8_190, 8_192, 16_383, 32_766, 32_768, 100_000] {
        let text = format!("{}NEEDLE {} 針.", "-".repeat(before), "x".repeat(70_000));
        let last = before + 7 + 70_000 + 1;
        assert_eq!(
            found(&words, &text),
            [
                (0, before..before + 6),
                (1, before + 3..before + 6),
                (2, last..last + 3)
            ],
            "{before}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn a_table_finds_what_links_find(text in "[abAB]{0,200}", words in proptest::collection::vec("[ab]{1,4}", 1..6), times in 1..400_usize) {
        let text = text.repeat(times);
        let mut expected = Vec::new();
        let links = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).unwrap();
        expected.extend(links.find_overlapping_iter(&text).map(|m| (m.end(), m.pattern().as_usize())));
        let mut seen = Vec::new();
        Table::new(&words).unwrap().scan(text.as_bytes(), |word, place| {
            seen.push((place.end, word.as_usize()));
            ControlFlow::Continue(())
        });
        expected.sort_unstable();
        let ends: Vec<_> = seen.iter().map(|(end, _)| *end).collect();
        proptest::prop_assert!(ends.is_sorted());
        seen.sort_unstable();
        proptest::prop_assert_eq!(seen, expected);
    }
}
