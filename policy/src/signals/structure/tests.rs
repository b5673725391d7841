use serde_json::{Value, json};

use super::*;
use crate::config::report::Report;

fn read(rules: &Value) -> (Structures, Vec<String>) {
    let report = Report::default();
    let objects = rules.as_array().unwrap().iter();
    let objects = objects.map(|rule| Object::new("r".to_owned(), rule.as_object().unwrap(), &report));
    let structures = Structures::read(objects.collect());
    let found = report.into_sorted().iter().map(ToString::to_string).collect();
    (structures, found)
}

fn judge(feature: Value, predicate: Value, text: &str) -> Option<f32> {
    let rules = json!([{"name": "s", "feature": feature, "predicate": predicate}]);
    let (structures, found) = read(&rules);
    assert_eq!(found, [""; 0], "{rules}");
    structures.scan(text)[0]
}

/// VSR's confidence of a value at a distance from its bound.
fn at(distance: f64) -> Option<f32> {
    Some((1.0 / (1.0 + (-4.0 * distance).exp())) as f32)
}

#[test]
fn features_of_sources_are_judged_by_predicates() {
    let regex =
        |kind: &str, pattern: &str| json!({"type": kind, "source": {"type": "regex", "pattern": pattern}});
    let set = |kind: &str, words: Value| json!({"type": kind, "source": {"type": "keyword_set", "keywords": words}});
    let bytes = json!({"type": "count", "source": {"type": "text_bytes"}});
    let none = Value::Null;
    let table = [
        (regex("exists", "[?？]"), none.clone(), "what？", Some(1.0)),
        (regex("exists", "[?？]"), none.clone(), "what", None),
        (
            regex("count", "[?？]"),
            json!({"gte": 4.0}),
            "a? b? c? d?",
            Some(0.5),
        ),
        (
            regex("count", "[?？]"),
            json!({"gte": 4.0}),
            "a? b? c? d? e?",
            at(1.0),
        ),
        (regex("count", "[?？]"), json!({"gte": 4.0}), "a? b? c?", None),
        (
            regex("count", "[?？]"),
            json!({"gte": 1, "lte": 2}),
            "a? b?",
            at(1.0),
        ),
        (regex("count", "[?？]"), none.clone(), "a", None),
        (
            regex("density", "[?]"),
            json!({"lt": 0.05}),
            "no question",
            at(0.05),
        ),
        (
            regex("density", "[?]"),
            json!({"lt": 0.05}),
            "one question?",
            None,
        ),
        (
            regex("density", "[?]"),
            json!({"gt": 0.2}),
            "one of four words?",
            at(0.25 - 0.2),
        ),
        (
            set("density", json!(["at most", "不超过"])),
            json!({"gt": 0.08}),
            "不超过 at most 3",
            at(2.0 / 6.0 - 0.08),
        ),
        (
            set("count", json!(["json", "c++"])),
            none.clone(),
            "JSON json jsonl _json_ c++",
            Some(1.0),
        ),
        (
            set("count", json!(["json"])),
            json!({"gte": 3}),
            "JSON json jsonl _json_",
            Some(0.5),
        ),
        (
            set("count", json!(["c++"])),
            json!({"gte": 2}),
            "c++11 c++, c++",
            Some(0.5),
        ),
        (
            set("count", json!(["aa"])),
            json!({"gte": 2}),
            "aaaa aa aa",
            Some(0.5),
        ),
        (
            set("count", json!(["表格"])),
            json!({"gte": 2}),
            "表格表格",
            Some(0.5),
        ),
        (
            set("count", json!(["a", "a b"])),
            json!({"gte": 3}),
            "a b a",
            Some(0.5),
        ),
        (set("density", json!(["a"])), none.clone(), "?!", None),
        (bytes.clone(), json!({"gt": 5}), "été!", at(1.0)),
        (bytes, json!({"gt": 5}), "  ", None),
    ];
    for (feature, predicate, text, confidence) in table {
        let found = judge(feature.clone(), predicate.clone(), text);
        assert_eq!(found, confidence, "{feature} {predicate} {text:?}");
    }
}

#[test]
fn markers_of_a_sequence_follow_each_other_anywhere() {
    let table = [
        ("First do this, THEN that", Some(1.0)),
        ("then first", None),
        ("firsthand, and then", Some(1.0)),
        ("先读，再写", Some(1.0)),
        ("firstthen", Some(1.0)),
        ("first next", None),
    ];
    for kind in ["sequence", "exists", "count"] {
        let source = json!({"type": "sequence", "sequences": [["first", "then"], ["先", "再"]]});
        for (text, confidence) in table {
            let feature = json!({"type": kind, "source": source});
            assert_eq!(judge(feature, Value::Null, text), confidence, "{kind} {text}");
        }
    }
    let source = json!({"type": "sequence", "case_sensitive": true, "sequences": [["First", "then"]]});
    assert_eq!(
        judge(
            json!({"type": "sequence", "source": source}),
            Value::Null,
            "first, then"
        ),
        None
    );
}

#[test]
fn words_and_characters_are_the_units_of_density() {
    let table = [
        ("", 0),
        ("a b-c 3d", 4),
        ("_a_b", 2),
        ("a中文b", 4),
        ("데이터 a", 4),
        ("カー", 2),
        ("é à", 2),
        ("...", 0),
    ];
    for (text, units) in table {
        assert_eq!(count_units(text), units, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let table = [
        (json!({"name": "s"}), "error: r.feature.type: is missing"),
        (
            json!({"name": "s", "feature": {"type": "many", "source": {"type": "text_bytes"}}}),
            "error: r.feature.type: must be one of exists,",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "words"}}}),
            "error: r.feature.source.type: must be one of regex,",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "regex"}}}),
            "error: r.feature.source.pattern: is missing",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "regex", "pattern": "("}}}),
            "error: r.feature.source.pattern: is not a regular expression",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "keyword_set"}}}),
            "error: r.feature.source.keywords: must be words",
        ),
        (
            json!({"name": "s", "feature": {"type": "sequence", "source": {"type": "sequence", "sequences": [["a"]]}}}),
            "error: r.feature.source.sequences[0]: must be a list of markers",
        ),
        (
            json!({"name": "s", "feature": {"type": "sequence", "source": {"type": "text_bytes"}}}),
            "error: r.feature.source.type: has to be `sequence`",
        ),
        (
            json!({"name": "s", "feature": {"type": "density", "source": {"type": "text_bytes"}}}),
            "error: r.feature.source.type: `text_bytes` goes with",
        ),
        (
            json!({"name": "s", "feature": {"type": "exists", "source": {"type": "regex", "pattern": "x"}}, "predicate": {"gt": 1}}),
            "error: r.predicate: does not go with",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "text_bytes"}}, "predicate": {"gt": 1, "gte": 1}}),
            "error: r.predicate.gte: there is a gt as well",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "text_bytes"}}, "predicate": {"gt": 1, "lt": 1}}),
            "error: r.predicate: never holds",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "text_bytes"}}, "predicate": {}}),
            "error: r.predicate: needs gt,",
        ),
        (
            json!({"name": "s", "feature": {"type": "count", "source": {"type": "text_bytes", "patern": "x"}}}),
            "error: r.feature.source.patern: unknown key `patern`; did you mean `pattern`?",
        ),
    ];
    for (rule, expected) in table {
        let (_, found) = read(&json!([rule]));
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
}
