use promptswitch_model::Classifier;
use serde_json::{Value, json};

use crate::rig::Server;

const PATH: &str = "/v1/classify";

#[tokio::test(flavor = "multi_thread")]
async fn a_text_gets_every_head_in_the_form_that_the_filter_reads() {
    let server = Server::start(&[]).await;
    let text = "What is the derivative of x^3 * sin(x)?";
    let answer = server.ask(PATH, &json!({"text": text})).await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all = ["model", "revision", "taxonomy", "results", "microseconds"];
    assert_eq!(keys(&answer), all);
    assert_eq!(answer["model"], "promptswitch-small");
    assert_eq!(answer["taxonomy"], "mmlu-pro-14");
    assert!(answer["microseconds"].is_u64());
    let result = &answer["results"][0];
    assert_eq!(keys(result), ["domain", "guard", "fact_check", "feedback"]);
    assert_eq!(keys(&result["domain"]), ["label", "confidence", "scores"]);
    assert_eq!(keys(&result["guard"]), ["label", "confidence", "scores"]);
    assert_eq!(
        keys(&result["guard"]["scores"]),
        ["benign", "jailbreak", "injection"]
    );
    assert_eq!(keys(&result["feedback"]), ["label", "scores"]);
    assert_eq!(result["feedback"]["scores"].as_object().unwrap().len(), 4);
    assert_eq!(result["domain"]["label"], "math");

    let classifier = Classifier::load().unwrap();
    assert_eq!(answer["revision"], json!(classifier.card().revision));
    let scores = classifier.score(text, 128).unwrap();
    for (label, chance) in classifier.labels().iter().zip(scores.domain) {
        let found = result["domain"]["scores"][label].as_f64().unwrap();
        assert!((found - f64::from(chance)).abs() < 1e-5, "{label}");
    }
    assert_eq!(result["domain"]["confidence"], result["domain"]["scores"]["math"]);
    assert!((result["fact_check"].as_f64().unwrap() - f64::from(scores.fact_check)).abs() < 1e-5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_classified_by_its_last_user_message() {
    let server = Server::start(&[]).await;
    let text = "Prove that the square root of 2 is irrational.";
    let messages = json!([
        {"role": "system", "content": "You are a lawyer."},
        {"role": "user", "content": "What is the difference between a crime and a tort?"},
        {"role": "assistant", "content": "One is public."},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]);
    let by_messages = server.ask(PATH, &json!({"messages": messages})).await;
    let by_text = server.ask(PATH, &json!({"text": text})).await;
    assert_eq!(by_messages["results"], by_text["results"]);
    assert_eq!(server.refused(PATH, &json!({"messages": []})).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_texts_get_a_result_each_in_their_order() {
    let server = Server::start(&[]).await;
    let texts = [
        "2+2 is",
        "Why did the Roman Empire fall?",
        "",
        "感冒和流感有什么区别？",
    ];
    let answer = server.ask(PATH, &json!({"texts": texts})).await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), texts.len());
    for (text, result) in texts.iter().zip(results) {
        let alone = server.ask(PATH, &json!({"text": text})).await;
        assert_eq!(alone["results"][0], *result, "{text}");
    }
    assert_eq!(results[2]["domain"]["label"], "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_heads_that_are_asked_for_are_in_a_result() {
    let server = Server::start(&[]).await;
    let body = json!({"text": "hello", "heads": ["guard", "embedding"]});
    let result = server.ask(PATH, &body).await["results"][0].clone();
    let keys: Vec<_> = result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["guard", "embedding"]);
    assert_eq!(result["embedding"].as_array().unwrap().len(), 128);
    for heads in [json!([]), json!(["mood"]), json!("guard")] {
        let (status, error) = server.refused(PATH, &json!({"text": "x", "heads": heads})).await;
        assert_eq!(status, 400, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gives_exactly_one_thing_to_classify() {
    let server = Server::start(&[]).await;
    for body in [
        json!({}),
        json!({"text": "a", "texts": ["b"]}),
        json!({"text": 5}),
        json!({"texts": "a"}),
        json!({"texts": []}),
        json!({"messages": "a"}),
        json!([]),
    ] {
        let (status, error) = server.refused(PATH, &body).await;
        assert_eq!(
            (status, &error["type"]),
            (400, &json!("invalid_request_error")),
            "{body}"
        );
    }
}
