use proptest::prelude::*;

use super::*;

fn accepts(json: &[u8]) -> bool {
    let mut scanner = Scanner::new(json);
    scanner.skip().and_then(|()| scanner.end()).is_ok()
}

#[test]
fn the_grammar_is_that_of_json() {
    let good = [
        "{}",
        "[]",
        " [1 , 2]\n",
        "-0",
        "0.5e+10",
        "1E9",
        "null",
        "true",
        r#""a\"b""#,
        r#"{"a":{"b":[{}]}}"#,
    ];
    let bad = [
        "",
        " ",
        "{",
        "[1,]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "nul",
        "tru e",
        "[1 2]",
        "[}",
        r#""a"#,
        r#""a\"#,
        "1 1",
        "{1:2}",
        "nulll",
        "[1]]",
        "NaN",
    ];
    for json in good {
        assert!(accepts(json.as_bytes()), "{json}");
    }
    for json in bad {
        assert!(!accepts(json.as_bytes()), "{json}");
    }
}

#[test]
fn nesting_of_any_depth_is_skipped() {
    let depth = 1_000_000;
    let json = [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(accepts(&json));
    assert!(!accepts(&json[..json.len() - 1]));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert!(accepts(b"\xef\xbb\xbf{}"));
}

#[test]
fn strings_are_skipped_unvalidated() {
    assert!(accepts(b"[\"\xff\xfe\", \"\\q\", \"\\ud800\", \"a\nb\", \"\0\"]"));
}

proptest! {
    #[test]
    fn outside_strings_it_agrees_with_serde_json(json in r#"([{}\[\],:]|"k"|[0-9eE.+-]{1,4}|true|null| ){0,12}"#) {
        let serde = serde_json::from_str::<serde_json::Value>(&json);
        // Numbers too large for a float are JSON all the same.
        let out_of_range = serde.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        prop_assert_eq!(accepts(json.as_bytes()), serde.is_ok() || out_of_range, "{}", json);
    }

    #[test]
    fn random_bytes_never_make_it_panic(bytes in any::<Vec<u8>>()) {
        accepts(&bytes);
    }
}
