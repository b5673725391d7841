//! How much of the personal data of each type is found, and how much of what is found is some.

use std::collections::BTreeMap;
use std::ops::Range;

use promptswitch_policy::pii::{Kind, scan};
use serde_json::{Map, Value, json};

use super::rows::Row;

#[derive(Default)]
struct Counts {
    labelled: usize,
    recalled: usize,
    found: usize,
    right: usize,
}

/// A find is right, and a label recalled, where the other one of the same type covers at least half of it.
pub(super) fn measure(rows: &[Row]) -> Result<Value, String> {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let labels =
            labels(row).ok_or_else(|| format!("row {}: needs `spans` of [start, end, type]", number + 1))?;
        let finds = scan(&row.text);
        for kind in Kind::ALL {
            let name = kind.as_str();
            let wanted = || {
                labels
                    .iter()
                    .filter(move |(_, label)| *label == name)
                    .map(|(span, _)| span.clone())
            };
            let found = || {
                finds
                    .iter()
                    .filter(move |found| found.kind == kind)
                    .map(|found| found.start..found.end)
            };
            let counts = counts.entry(name).or_default();
            counts.labelled += wanted().count();
            counts.found += found().count();
            counts.recalled += wanted()
                .filter(|one| found().any(|other| covers(&other, one)))
                .count();
            counts.right += found()
                .filter(|one| wanted().any(|other| covers(&other, one)))
                .count();
        }
    }
    let per_type: Map<String, Value> = counts
        .iter()
        .map(|(name, counts)| ((*name).to_owned(), counts.json()))
        .collect();
    let all = counts.values().fold(Counts::default(), |sum, one| Counts {
        labelled: sum.labelled + one.labelled,
        recalled: sum.recalled + one.recalled,
        found: sum.found + one.found,
        right: sum.right + one.right,
    });
    let mut report = all.json();
    if let Value::Object(report) = &mut report {
        report.insert("n".into(), json!(rows.len()));
        report.insert("per_type".into(), Value::Object(per_type));
    }
    Ok(report)
}

impl Counts {
    fn json(&self) -> Value {
        // Of nothing, all is right.
        let share = |part: usize, whole: usize| {
            if whole == 0 {
                1.0
            } else {
                part as f64 / whole as f64
            }
        };
        json!({
            "labelled": self.labelled, "found": self.found,
            "precision": share(self.right, self.found), "recall": share(self.recalled, self.labelled),
        })
    }
}

fn covers(other: &Range<usize>, one: &Range<usize>) -> bool {
    let shared = one.end.min(other.end).saturating_sub(one.start.max(other.start));
    shared * 2 >= one.len() && shared > 0
}

/// The labels in bytes of the text.
fn labels(row: &Row) -> Option<Vec<(Range<usize>, &str)>> {
    let mut places: Vec<usize> = row.text.char_indices().map(|(place, _)| place).collect();
    places.push(row.text.len());
    let place = |value: &Value| places.get(usize::try_from(value.as_u64()?).ok()?).copied();
    row.value
        .get("spans")?
        .as_array()?
        .iter()
        .map(|span| match span.as_array()?.as_slice() {
            [start, end, kind] => Some((place(start)?..place(end)?, kind.as_str()?)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, spans: Value) -> Row {
        Row {
            text: text.to_owned(),
            source: None,
            value: json!({"spans": spans}),
        }
    }

    #[test]
    fn places_are_counted_in_characters_and_half_is_enough() {
        let report = measure(&[
            row("写给 a@b.example 吧", json!([[3, 14, "EMAIL_ADDRESS"]])),
            row("write to c@d.example", json!([])),
            row("no address", json!([[0, 2, "EMAIL_ADDRESS"], [3, 10, "PERSON"]])),
        ]);
        let report = report.unwrap();
        let mail = &report["per_type"]["EMAIL_ADDRESS"];
        assert_eq!((&mail["labelled"], &mail["found"]), (&json!(2), &json!(2)));
        assert_eq!((&mail["precision"], &mail["recall"]), (&json!(0.5), &json!(0.5)));
        assert_eq!(report["n"], 3);
    }

    #[test]
    fn a_row_without_spans_is_named() {
        let rows = [row("a", json!([])), row("b", json!("x"))];
        assert_eq!(
            measure(&rows).unwrap_err(),
            "row 2: needs `spans` of [start, end, type]"
        );
    }
}
