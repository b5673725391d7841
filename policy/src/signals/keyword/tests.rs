use super::*;
use crate::config::report::Report;

fn keywords(json: serde_json::Value) -> Keywords {
    let report = Report::default();
    let objects = json.as_array().unwrap().iter();
    let objects = objects
        .map(|v| Object::new(String::new(), v.as_object().unwrap(), &report))
        .collect();
    let keywords = Keywords::read(objects);
    assert_eq!(report.into_sorted(), []);
    keywords
}

fn one(operator: &str, words: &[&str], text: &str) -> Option<f32> {
    let json = serde_json::json!([{"name": "k", "operator": operator, "keywords": words}]);
    keywords(json).scan(text)[0]
}

#[test]
fn words_are_found_at_word_boundaries_in_any_case() {
    let table = [
        ("urgent", "this is URGENT!", true),
        ("urgent", "urgently", false),
        ("urgent", "insurgent", false),
        ("urgent", "urgent_now", false),
        ("urgent", "insurgent, but urgent", true),
        ("step by step", "Step by step, please", true),
        ("C++", "is C++ fast", true),
        ("C++", "c++17", true),
        (".net", "asp.net", true),
        ("naïve", "NAÏVE", true),
        ("naïve", "naïves", false),
        ("straße", "die Straße", true),
        ("привет", "ПРИВЕТ мир", true),
        ("不要上传", "请不要上传文件", true),
        ("内部 SDK", "这是内部 sdk文档", true),
        ("内部 SDK", "内部 SDKs", true),
        ("SDK", "内部SDK文档", true),
        ("데이터", "데이터를", true),
        ("a", "", false),
    ];
    for (word, text, found) in table {
        assert_eq!(one("OR", &[word], text).is_some(), found, "{word:?} in {text:?}");
    }
}

#[test]
fn operators_and_counts_make_the_confidence() {
    let words = ["one", "two", "three", "four"];
    let table = [
        ("OR", "one", Some(0.625)),
        ("OR", "one one two", Some(0.75)),
        ("OR", "five", None),
        ("AND", "one two three", None),
        ("AND", "four three two one", Some(1.0)),
        ("NOR", "five", Some(1.0)),
        ("NOR", "one", None),
    ];
    for (operator, text, confidence) in table {
        assert_eq!(one(operator, &words, text), confidence, "{operator} {text}");
    }
}

#[test]
fn case_counts_only_where_it_is_asked_for() {
    let keywords = keywords(serde_json::json!([
        {"name": "exact", "case_sensitive": true, "keywords": ["US", "Ärger"]},
        {"name": "any", "keywords": ["US"]},
    ]));
    let found = |text| {
        keywords
            .scan(text)
            .iter()
            .map(Option::is_some)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("the US"), [true, true]);
    assert_eq!(found("let us go"), [false, true]);
    assert_eq!(found("ärger"), [false, false]);
    assert_eq!(found("Ärger, us and US"), [true, true]);
}

#[test]
fn overlapping_words_of_many_rules_are_all_found() {
    let json = serde_json::json!([{"name": "a", "keywords": ["new york", "york city"]}, {"name": "b", "keywords": ["york"]}]);
    assert_eq!(keywords(json).scan("new york city"), [Some(1.0), Some(1.0)]);
}
