use std::collections::BTreeMap;
use std::io::Read;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What is found, as `TYPE=text`, joined by `; `.
fn shown(text: &str) -> String {
    let show = |found: &Found| {
        let part = text.get(found.start..found.end).unwrap();
        format!("{}={part}", found.kind.as_str())
    };
    scan(text).iter().map(show).collect::<Vec<_>>().join("; ")
}

/// The rows of a file of `../../shared/data/pii`, or None, with a line that says so, where it is absent.
fn rows(name: &str) -> Option<Vec<Value>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/pii")
        .join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: {name} is not on this machine");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[derive(Default)]
struct Figures {
    found: usize,
    right: usize,
    gold: usize,
    recalled: usize,
}

/// Counts what is found and what should be; a part of it in common is enough.
fn measure(row: &Value, figures: &mut BTreeMap<Kind, Figures>) {
    let text = row["text"].as_str().unwrap();
    let places: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let byte = |value: &Value| places[usize::try_from(value.as_u64().unwrap()).unwrap()];
    let found = scan(text);
    for kind in Kind::ALL {
        let spans = row["spans"].as_array().unwrap().iter();
        let gold: Vec<_> = spans
            .filter(|span| span[2] == kind.as_str())
            .map(|span| (byte(&span[0]), byte(&span[1])))
            .collect();
        let found: Vec<_> = found.iter().filter(|found| found.kind == kind).collect();
        let overlap = |found: &Found, gold: &(usize, usize)| found.start < gold.1 && gold.0 < found.end;
        let figures = figures.entry(kind).or_default();
        figures.found += found.len();
        figures.gold += gold.len();
        figures.right += found
            .iter()
            .filter(|found| gold.iter().any(|gold| overlap(found, gold)))
            .count();
        figures.recalled += gold
            .iter()
            .filter(|gold| found.iter().any(|found| overlap(found, gold)))
            .count();
    }
}

#[test]
fn precision_and_recall_hold_on_rows_that_the_rules_were_not_made_from() {
    let mut figures = BTreeMap::new();
    for name in ["presidio.jsonl.gz", "pii_synth.jsonl.gz"] {
        let Some(rows) = rows(name) else { return };
        let rows = rows.iter().filter(|row| row["split"] == "validation");
        rows.for_each(|row| measure(row, &mut figures));
    }
    for (kind, figures) in figures {
        let share = |part: usize, whole: usize| {
            if whole == 0 {
                1.0
            } else {
                part as f64 / whole as f64
            }
        };
        let (precision, recall) = (
            share(figures.right, figures.found),
            share(figures.recalled, figures.gold),
        );
        let (kind, found, gold) = (kind.as_str(), figures.found, figures.gold);
        println!("{kind:14} precision {precision:.3} of {found:4}, recall {recall:.3} of {gold:4}");
        assert!(
            precision >= 0.98 && recall >= 0.949,
            "{kind}: {precision:.3}, {recall:.3}"
        );
    }
}

#[test]
fn each_type_is_found_by_its_shape() {
    let table = [
        (
            "Mail ana.b+c@mail.example.org.",
            "EMAIL_ADDRESS=ana.b+c@mail.example.org",
        ),
        ("'x@y.de', <z@y.de>", "EMAIL_ADDRESS=x@y.de; EMAIL_ADDRESS=z@y.de"),
        (
            "+1 (415) 555-2671 or 415.555.2671x12",
            "PHONE_NUMBER=+1 (415) 555-2671; PHONE_NUMBER=415.555.2671x12",
        ),
        (
            "+49 (0)30 901820, 030 9018-2000",
            "PHONE_NUMBER=+49 (0)30 901820; PHONE_NUMBER=030 9018-2000",
        ),
        (
            "手机13812345678，座机010-62345678",
            "PHONE_NUMBER=13812345678; PHONE_NUMBER=010-62345678",
        ),
        ("my phone is 555 2671", "PHONE_NUMBER=555 2671"),
        ("4111 1111 1111 1111", "CREDIT_CARD=4111 1111 1111 1111"),
        ("amex 378282246310005.", "CREDIT_CARD=378282246310005"),
        (
            "DE89 3704 0044 0532 0130 00",
            "IBAN_CODE=DE89 3704 0044 0532 0130 00",
        ),
        ("GB82WEST12345698765432!", "IBAN_CODE=GB82WEST12345698765432"),
        ("from 8.8.8.8:53", "IP_ADDRESS=8.8.8.8"),
        (
            "[2001:db8:85a3::8a2e:370:7334]",
            "IP_ADDRESS=2001:db8:85a3::8a2e:370:7334",
        ),
        ("ssn 219-09-9998", "US_SSN=219-09-9998"),
        ("身份证11010519491231002X。", "CN_ID=11010519491231002X"),
        (
            "key ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "API_KEY=ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        ),
        (
            r#"api_key="q8Zr1mT5vX2bN7cK4dL9""#,
            "API_KEY=q8Zr1mT5vX2bN7cK4dL9",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "API_KEY=-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        ),
        (r"a\n(415)555-2671 fax\n", "PHONE_NUMBER=(415)555-2671"),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    let table = [
        "a@b, @home, icon@2x.png, git@github.com:org/repo",
        "2024-01-31 12:30:45, 31.12.2024 and 1,234,567.89",
        "version 1.2.3.4 and v10.20.30",
        "127.0.0.1:8080, 0.0.0.0, 255.255.255.0 and 192.168.1.1",
        "4111 1111 1111 1112",
        "GB82WEST12345698765431",
        "000-12-3456, 219-00-9998, 900-12-3456",
        "110105194912310021",
        "std::fs::read, 00:1a:2b:3c:4d:5e, 12:34:56",
        "123e4567-e89b-12d3-a456-426614174000",
        "sk-learn-is-a-python-library",
        "token: the_next_token_of_the_input",
        "ISBN 978-0-15-749785-6",
        "order 0123456789",
        "3.14159265358979, 0.1234567890123",
        ".00766 .00766 25 .00540",
        "456712345678901234",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "1 2 3 4 5 6 7 8 9 10 11 12",
    ];
    for text in table {
        assert_eq!(shown(text), "", "{text}");
    }
}

/// Runs of what rules look for.
fn hostile(bytes: usize) -> Vec<String> {
    let units = [
        "1",
        "1 ",
        "0",
        "12-",
        "4111 ",
        "(555)",
        "+",
        "+1",
        "@",
        "a@",
        "a.",
        ":",
        "f:",
        "DE8",
        "DE89 3704 ",
        "sk-",
        "eyJ.",
        "-----BEGIN ",
        "x",
        " ",
        "中",
        "call 1234567 ",
        "1.2.3.",
        "192.168.0.",
        "ghp_a1B",
        "key=",
        "\\n5",
    ];
    units.iter().map(|unit| unit.repeat(bytes / unit.len())).collect()
}

#[test]
fn no_text_takes_more_than_linear_time() {
    for text in hostile(100_000) {
        let started = std::time::Instant::now();
        scan(&text);
        // It takes milliseconds as built for release; a quadratic rule would take minutes.
        assert!(
            started.elapsed().as_secs() < 10,
            "{:?} for {:?}",
            started.elapsed(),
            text.chars().take(12).collect::<String>()
        );
    }
}

#[test]
#[ignore = "prints figures, which only say something in a release build"]
fn a_megabyte_takes_milliseconds() {
    let prose = "The quick brown fox called 12 of its 345 friends in 2024, and wrote to fox@den.example. ";
    for text in hostile(1_000_000)
        .into_iter()
        .chain([prose.repeat(1_000_000 / prose.len())])
    {
        let started = std::time::Instant::now();
        let found = scan(&text).len();
        println!(
            "{:?}: {found} found in {:?}",
            text.chars().take(12).collect::<String>(),
            started.elapsed()
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_scanned_what_is_found_is_in_the_text_and_in_order(text in "[0-9a-fxA-Z@.:+() \\-_/=\\\\中]{0,200}") {
        let mut last = 0;
        for found in scan(&text) {
            prop_assert!(last <= found.start && found.start < found.end);
            prop_assert!(text.get(found.start..found.end).is_some());
            last = found.end;
        }
    }
}
