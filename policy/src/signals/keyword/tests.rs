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

#[test]
fn entries_of_the_method_regex_are_expressions() {
    let table = [
        ("urgent", "urgently", true),
        (r"\burgent\b", "urgently", false),
        ("refactor(ing|ed)?s", "Refactorings", true),
        ("(修复|fix).{0,8}bug", "请修复这个 bug", true),
        ("^start", "a start", false),
        ("c+x", "ccx", true),
    ];
    for (entry, text, found) in table {
        let json = serde_json::json!([{"name": "k", "method": "regex", "keywords": [entry]}]);
        assert_eq!(
            keywords(json).scan(text)[0].is_some(),
            found,
            "{entry:?} in {text:?}"
        );
    }
    let json = serde_json::json!([
        {"name": "exact", "method": "regex", "case_sensitive": true, "keywords": ["US", "U.K"]},
    ]);
    let keywords = keywords(json);
    assert_eq!(keywords.scan("us, u.k"), [None]);
    assert_eq!(keywords.scan("the USA"), [Some(0.75)]);
    assert_eq!(keywords.scan("USA, UxK"), [Some(1.0)]);
}

#[test]
fn words_may_be_misspelt_where_that_is_asked_for() {
    let rule = |threshold: usize, operator: &str| {
        let json = serde_json::json!([{"name": "k", "operator": operator, "fuzzy_match": true,
            "fuzzy_threshold": threshold, "keywords": ["urgent", "immediately"]}]);
        keywords(json)
    };
    let table = [
        (0, "OR", "urgnet!", Some(0.75)),
        (1, "OR", "urgnet!", None),
        (1, "OR", "URGENTS", Some(0.75)),
        (2, "OR", "urgent, imediatly", Some(1.0)),
        (2, "AND", "urgent", None),
        (2, "AND", "urgnt imediately", Some(1.0)),
        (2, "NOR", "urgnt", None),
        (2, "NOR", "calm", Some(1.0)),
    ];
    for (threshold, operator, text, confidence) in table {
        assert_eq!(
            rule(threshold, operator).scan(text),
            [confidence],
            "{threshold} {operator} {text}"
        );
    }
    let json = serde_json::json!([{"name": "k", "method": "fuzzy", "keywords": ["urgent"]}]);
    assert_eq!(keywords(json).scan("urgnt"), [Some(1.0)]);
}

#[test]
fn other_methods_count_in_the_same_way() {
    let json = serde_json::json!([
        {"name": "b", "method": "bm25", "keywords": ["code review", "deploy"]},
        {"name": "n", "method": "ngram", "operator": "AND", "keywords": ["urgent", "deadline"]},
        {"name": "w", "keywords": ["review"]},
    ]);
    let keywords = keywords(json);
    assert_eq!(
        keywords.scan("Reviewing urgant dedline"),
        [Some(0.75), Some(1.0), None]
    );
    assert_eq!(keywords.scan("review"), [Some(0.75), None, Some(1.0)]);
}
