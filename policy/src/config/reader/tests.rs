use serde_json::json;

use super::*;

fn findings(value: &Value, read: impl FnOnce(&mut Object<'_>)) -> Vec<String> {
    let report = Report::default();
    let mut object = Object::new("a".to_owned(), value.as_object().unwrap(), &report);
    read(&mut object);
    object.finish();
    report.into_sorted().iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let found = findings(&json!({"prority": 1, "x y": 2}), |object| {
        object.ignore(&["priority", "name"])
    });
    assert_eq!(
        found,
        [
            "error: a.prority: unknown key `prority`; did you mean `priority`?",
            "error: a.`x y`: unknown key `x y`"
        ]
    );
}

#[test]
fn ill_typed_values_are_named_by_path_and_kind() {
    let value = json!({"t": 5, "f": "x", "n": [], "i": 1.5, "o": "x", "l": [1, {}], "s": ["a", 1], "c": "z"});
    let found = findings(&value, |object| {
        assert_eq!(object.text("t"), None);
        assert_eq!(object.flag("f"), None);
        assert_eq!(object.number("n", 0.0..=1.0), None);
        assert_eq!(object.integer("i", 0..=9), None);
        assert!(object.object("o").is_none());
        assert_eq!(object.objects("l").len(), 1);
        assert_eq!(object.texts("s"), Some(vec!["a"]));
        assert_eq!(object.choice("c", &[("A", 1), ("B", 2)]), None);
    });
    assert_eq!(
        found,
        [
            "error: a.t: must be a string, found a number",
            "error: a.f: must be true or false, found a string",
            "error: a.n: must be a number, found a list",
            "error: a.i: must be a whole number, found a number",
            "error: a.o: must be a mapping, found a string",
            "error: a.l[0]: must be a mapping, found a number",
            "error: a.s[1]: must be a string, found a number",
            "error: a.c: must be one of A, B, found `z`",
        ]
    );
}

#[test]
fn whole_floats_are_integers_and_null_is_absent() {
    let found = findings(&json!({"a": 500.0, "b": null, "c": -3, "d": 10}), |object| {
        assert_eq!(object.integer("a", 0..=1000), Some(500));
        assert_eq!(object.integer("b", 0..=1), None);
        assert_eq!(object.integer("c", -5..=1), Some(-3));
        assert_eq!(object.integer("d", 0..=1), None);
    });
    assert_eq!(found, ["error: a.d: must be 0 to 1, found 10"]);
}

#[test]
fn numbers_with_a_point_may_be_texts_as_envoy_makes_of_them() {
    let value = json!({"a": "0.6", "b": "2.0", "c": "1e-3"});
    let found = findings(&value, |object| {
        assert_eq!(object.number("a", 0.0..=1.0), Some(0.6));
        assert_eq!(object.integer("b", 0..=9), Some(2));
        assert_eq!(object.number("c", 0.0..=1.0), Some(0.001));
    });
    assert!(found.is_empty(), "{found:?}");
    let value = json!({"a": "5", "b": "0.6x", "c": "inf.", "d": ""});
    let found = findings(&value, |object| {
        for key in ["a", "b", "c", "d"] {
            assert_eq!(object.number(key, 0.0..=9.0), None);
        }
    });
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn sections_that_are_empty_or_off_are_not_reported() {
    let off = json!({"a": {}, "b": {"enabled": false, "x": 1}, "c": [], "d": false, "e": "", "f": null});
    let found = findings(&off, |object| {
        for key in ["a", "b", "c", "d", "e", "f"] {
            object.tuning(key, "why");
        }
    });
    assert_eq!(found, [""; 0]);
    let on = json!({"a": {"x": 1}, "b": {"enabled": true}});
    let found = findings(&on, |object| {
        object.tuning("a", "why");
        object.unsupported("b", "why");
    });
    assert_eq!(found, ["error: a.b: why", "warning: a.a: has no effect: why"]);
}
