use serde_json::{Value, json};

use super::*;

fn domain(best: &str, chance: f64) -> Value {
    let rest = (1.0 - chance) / 13.0;
    let scores = DOMAINS
        .iter()
        .map(|d| ((*d).to_owned(), json!(if *d == best { chance } else { rest })));
    json!({"label": best, "confidence": chance, "scores": scores.collect::<serde_json::Map<_, _>>()})
}

fn answer(result: Value) -> Vec<u8> {
    json!({"model": "large", "results": [result]})
        .to_string()
        .into_bytes()
}

fn scores(best: &str, chance: f32) -> Scores {
    let rest = (1.0 - chance) / 13.0;
    let domain = DOMAINS.map(|d| if d == best { chance } else { rest });
    Scores::new(domain, [0.9, 0.05, 0.05], 0.2, [0.7, 0.1, 0.1, 0.1], vec![1.0])
}

#[test]
fn of_each_chance_a_quarter_is_the_own_models() {
    let opinion = Opinion::read(&answer(json!({
        "domain": domain("law", 0.8),
        "guard": {"scores": {"benign": 0.1, "jailbreak": 0.9, "injection": 0.0}},
        "fact_check": 1.0,
    })))
    .unwrap();
    assert_eq!(opinion.best(), "law");
    let joined = scores("math", 0.4).joined(&opinion);
    let (best, chance) = joined.domain.best();
    assert_eq!(best, "law");
    assert!((chance - (0.25 * 0.6 / 13.0 + 0.75 * 0.8)).abs() < 1e-6);
    assert!((joined.guard.jailbreak - (0.25 * 0.05 + 0.75 * 0.9)).abs() < 1e-6);
    assert!((joined.fact_check - 0.8).abs() < 1e-6);
    assert_eq!(
        joined.feedback,
        scores("math", 0.4).feedback,
        "a head that the companion lacks stays"
    );
    assert_eq!(joined.embedding, [1.0]);
}

#[test]
fn an_answer_that_lies_is_refused() {
    let mut missing = domain("law", 0.8);
    missing["scores"].as_object_mut().unwrap().remove("law");
    let mut more = domain("law", 0.8);
    more["scores"]["astrology"] = json!(0.0);
    let mut text = domain("law", 0.8);
    text["scores"]["law"] = json!("NaN");
    let mut much = domain("law", 0.8);
    much["scores"]["law"] = json!(1.7);
    let table = [
        (b"".to_vec(), "not JSON"),
        (b"<html>".to_vec(), "not JSON"),
        (
            br#"{"results":[{"domain":{"scores":{"law":1e999}}}]}"#.to_vec(),
            "not JSON",
        ),
        (b"[]".to_vec(), "no result"),
        (answer(json!({})), "no domain scores"),
        (answer(json!({"domain": missing})), "a label is missing"),
        (answer(json!({"domain": more})), "chances do not add up to 1"),
        (answer(json!({"domain": text})), "a chance is none"),
        (answer(json!({"domain": much})), "a chance is none"),
        (
            answer(json!({"domain": domain("none of them", 0.9)})),
            "chances do not add up to 1",
        ),
        (
            answer(json!({"domain": domain("law", 0.9), "fact_check": -1})),
            "a chance is none",
        ),
    ];
    for (body, problem) in table {
        assert_eq!(
            Opinion::read(&body),
            Err(problem),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
fn a_question_holds_the_head_and_the_tail_of_a_long_text() {
    let text = format!("{}中{}", "h".repeat(HEAD_BYTES - 1), "t".repeat(1 << 20));
    let question: Value = serde_json::from_slice(&Offload::question(&text)).unwrap();
    let sent = question["text"].as_str().unwrap();
    assert_eq!(sent.len(), HEAD_BYTES - 1 + 1 + TAIL_BYTES);
    assert!(sent.starts_with("hhh") && sent.ends_with("ttt"));
    let question: Value = serde_json::from_slice(&Offload::question("a \"short\" one")).unwrap();
    assert_eq!(question["text"], "a \"short\" one");
}
