use super::*;

#[test]
fn the_dialect_is_that_of_go() {
    let table = [
        (r"(?m)^\s*\d+\.\s+", "a\n 1. b\n2. c", 2),
        (r"[?？]", "a? b？ c", 2),
        (r"\bcaf\b", "café", 1),
        (r"\d", "٣", 0),
        (r"[\w-]+", "a-b ü", 1),
        (r"[^\W]", "a.", 1),
        (r"[[]", "[", 1),
        (r"[]x]", "]", 1),
        (r"[a&&b]", "&", 1),
        (r"[[:alpha:]]", "a1", 1),
        (r"\<system\>", "<system>", 1),
        (r"ÄRGER", "ärger", 1),
        (r"\p{Han}+", "a中文b", 1),
        ("", "ab", 3),
    ];
    for (source, text, count) in table {
        let pattern = Pattern::new(source, false).unwrap();
        assert_eq!(pattern.count(text), count, "{source} in {text}");
        assert_eq!(pattern.is_match(text), count > 0, "{source} in {text}");
    }
    assert!(!Pattern::new("x", true).unwrap().is_match("X"));
}

#[test]
fn what_cannot_be_compiled_is_told_in_one_line() {
    let table = [
        ("(", "is not a regular expression: unclosed group"),
        ("a**{", "is not a regular expression: "),
        ("(?=x)", "is not a regular expression: look-around"),
        ("((a{0,100}){0,100}){0,100}", "is too large when compiled"),
    ];
    for (source, expected) in table {
        let error = Pattern::new(source, false).unwrap_err();
        assert!(
            error.starts_with(expected) && !error.contains('\n'),
            "{source}: {error}"
        );
    }
}

#[test]
fn a_large_expression_sees_both_ends_of_a_long_text() {
    let pattern = Pattern::new("(?:start|stop).{0,40}(?:x|y)", false).unwrap();
    assert!(pattern.reach < 1 << 20);
    let text = format!("start x{}stop y", "é".repeat(1 << 20));
    assert_eq!(pattern.count(&text), 2);
    assert_eq!(Pattern::new("é", false).unwrap().count(&text), 1 << 20);
}
