use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn apply(body: &str, change: impl FnOnce(&mut Edits<'_, '_>)) -> String {
    String::from_utf8(rewritten(body.as_bytes(), change)).unwrap()
}

#[test]
fn members_are_set_and_removed_in_place() {
    type Case = (&'static str, fn(&mut Edits<'_, '_>), &'static str);
    let table: [Case; 12] = [
        (r#"{"a":1}"#, |edits| edits.set("a", "2"), r#"{"a":2}"#),
        (
            r#" { "b" : 1 } "#,
            |edits| edits.set("a", "2"),
            r#" {"a":2, "b" : 1 } "#,
        ),
        ("{}", |edits| edits.set("a", "2"), r#"{"a":2}"#),
        ("[]", |edits| edits.set_text("a", "\""), r#"{"a":"\""}"#),
        (
            r#"{"a":1,"b":2,"a":3}"#,
            |edits| edits.set("a", "0"),
            r#"{"a":0,"b":2,"a":0}"#,
        ),
        (
            r#"{"a":1,"b":2,"\u0061":3}"#,
            |edits| edits.remove("a"),
            r#"{"b":2}"#,
        ),
        (
            r#"{ "a":1 , "b":2 , "c":3 }"#,
            |edits| edits.remove("b"),
            r#"{ "a":1 , "c":3 }"#,
        ),
        (r#"{"a":1,"b":2}"#, |edits| edits.remove("b"), r#"{"a":1}"#),
        (r#"{ "a":1 }"#, |edits| edits.remove("a"), r#"{  }"#),
        (
            r#"{"a":1,"b":2}"#,
            |edits| {
                edits.remove("a");
                edits.remove("b");
                edits.set("c", "3")
            },
            r#"{"c":3}"#,
        ),
        (
            r#"{"a":1}"#,
            |edits| {
                edits.set("a", "2");
                edits.remove("a")
            },
            r#"{}"#,
        ),
        (r#"{"a":1}"#, |edits| edits.remove("x"), r#"{"a":1}"#),
    ];
    for (body, change, expected) in table {
        assert_eq!(apply(body, change), expected, "{body}");
    }
}

#[test]
fn edits_inside_of_a_repeated_member_leave_only_the_last_one() {
    let edit = |range, with: &str| Edit {
        range,
        with: with.into(),
    };
    let body = r#"{"a":[1],"a":[2]}"#;
    let after = apply(body, |edits| edits.inside("a", vec![edit(14..15, "3")]));
    assert_eq!(after, r#"{"a":[3]}"#);
    let after = apply(body, |edits| {
        edits.set("a", "0");
        edits.inside("a", vec![edit(14..15, "3")]);
    });
    assert_eq!(after, r#"{"a":0,"a":0}"#);
}

#[test]
fn overlapping_edits_are_refused() {
    let edit = |range, with: &str| Edit {
        range,
        with: with.into(),
    };
    let after = apply(r#"{"a":[1,2]}"#, |edits| {
        edits.inside("a", vec![edit(7..9, "X"), edit(6..8, "")]);
        edits.inside("a", vec![edit(9..9, "Y")]);
    });
    assert_eq!(after, r#"{"a":[2Y]}"#);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c\"\\\\{}, é]{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Members with the whitespace between them, and the body that they make.
fn object() -> impl Strategy<Value = (Vec<(String, Value)>, String)> {
    prop::collection::vec(("[a-e]", value(), "[ \n]{0,2}"), 0..6).prop_map(|members| {
        let text = members
            .iter()
            .map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}{space}"));
        let body = format!("{{{}}}", text.collect::<Vec<_>>().join(","));
        let members = members.into_iter().map(|(key, value, _)| (key, value));
        (members.collect(), body)
    })
}

proptest! {
    #[test]
    fn the_changed_body_parses_to_what_was_asked_for(
        (members, body) in object(),
        changes in prop::collection::vec(("[a-g]", prop::option::of(value())), 0..5),
    ) {
        let mut expected: Map<String, Value> = members.iter().cloned().collect();
        let after = apply(&body, |edits| {
            for (key, change) in &changes {
                match change {
                    Some(value) => edits.set(key, value.to_string()),
                    None => edits.remove(key),
                }
            }
        });
        for (key, change) in &changes {
            match change {
                Some(value) => drop(expected.insert(key.clone(), value.clone())),
                None => drop(expected.shift_remove(key)),
            }
        }
        let found: Map<String, Value> = serde_json::from_str(&after).unwrap();
        prop_assert_eq!(&found, &expected, "{} -> {}", body, after);
        let fields = members_text(&body);
        let kept = fields.iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        let after = members_text(&after);
        let stayed = after.iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        prop_assert_eq!(kept.collect::<Vec<_>>(), stayed.collect::<Vec<_>>());
    }

    #[test]
    fn items_are_cut_with_their_commas(items_and_cuts in prop::collection::vec((value(), any::<bool>(), "[ \n]{0,2}"), 0..6)) {
        let text = items_and_cuts.iter().map(|(item, _, space)| format!("{space}{item}{space}"));
        let body = format!("[{}]", text.collect::<Vec<_>>().join(","));
        let places = items(body.as_bytes(), 0).unwrap();
        let removed: Vec<_> = items_and_cuts.iter().map(|(_, removed, _)| *removed).collect();
        let after = splice(body.as_bytes(), &cut(&places, &removed));
        let kept = items_and_cuts.iter().filter(|(_, removed, _)| !removed).map(|(item, _, _)| item.clone());
        prop_assert_eq!(serde_json::from_slice::<Value>(&after).unwrap(), Value::Array(kept.collect()));
    }
}

/// Keys, and members byte for byte.
fn members_text(body: &str) -> Vec<(String, String)> {
    let fields = members(body.as_bytes()).unwrap();
    let text = |field: &Field<'_>| {
        (
            field.key.decode().into_owned(),
            body.get(field.whole.clone()).unwrap().to_owned(),
        )
    };
    fields.iter().map(text).collect()
}
