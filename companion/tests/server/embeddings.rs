use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};

use crate::rig::{Server, dot, numbers};

const PATH: &str = "/v1/embeddings";

fn vectors(answer: &Value) -> Vec<Vec<f32>> {
    let data = answer["data"].as_array().unwrap();
    for (index, item) in data.iter().enumerate() {
        assert_eq!(
            (&item["index"], &item["object"]),
            (&json!(index), &json!("embedding"))
        );
    }
    data.iter().map(|item| numbers(&item["embedding"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_string_gives_one_vector_of_length_one_and_counts_its_tokens() {
    let server = Server::start(&[]).await;
    let body = json!({"model": "promptswitch-small", "input": "What is a prime number?"});
    let answer = server.ask(PATH, &body).await;
    let [vector] = &vectors(&answer)[..] else {
        panic!("{answer}")
    };
    assert_eq!(vector.len(), 128);
    assert!((dot(vector, vector) - 1.0).abs() < 1e-3);
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["model"], "promptswitch-small");
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() >= 5);
    assert_eq!(answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vectors_of_an_array_are_in_its_order_and_those_of_each_text_alone() {
    let server = Server::start(&["--workers", "2"]).await;
    let texts: Vec<String> = (0..60)
        .map(|i| format!("text {i} {}", "word ".repeat(i)))
        .collect();
    let together = vectors(&server.ask(PATH, &json!({"input": texts})).await);
    assert_eq!(together.len(), 60);
    for i in [0, 1, 30, 59] {
        let alone = vectors(&server.ask(PATH, &json!({"input": texts[i]})).await);
        assert!(dot(&alone[0], &together[i]) > 0.9999, "text {i}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_taken_in_the_place_of_text() {
    let server = Server::start(&[]).await;
    let one = vectors(&server.ask(PATH, &json!({"input": [5, 6, 7]})).await);
    let two = vectors(&server.ask(PATH, &json!({"input": [[5, 6, 7], [900, 901]]})).await);
    assert_eq!((one.len(), two.len()), (1, 2));
    assert_eq!(one[0], two[0]);
    assert_ne!(one[0], two[1]);
    let (status, error) = server.refused(PATH, &json!({"input": [5, 100_257]})).await;
    assert_eq!(status, 400);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("token 100257 is not in 0..")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_holds_the_same_numbers() {
    let server = Server::start(&[]).await;
    let floats = vectors(&server.ask(PATH, &json!({"input": "hello"})).await);
    let body = json!({"input": "hello", "encoding_format": "base64"});
    let answer = server.ask(PATH, &body).await;
    let bytes = STANDARD
        .decode(answer["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let (chunks, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    let decoded: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    assert_eq!(decoded, floats[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_dimensions_are_the_first_ones_at_length_one() {
    let server = Server::start(&[]).await;
    let whole = vectors(&server.ask(PATH, &json!({"input": "hello"})).await);
    let cut = vectors(
        &server
            .ask(PATH, &json!({"input": "hello", "dimensions": 32}))
            .await,
    );
    assert_eq!(cut[0].len(), 32);
    assert!((dot(&cut[0], &cut[0]) - 1.0).abs() < 1e-4);
    assert!(dot(&cut[0], &whole[0][..32]) > 0.0);
    for wrong in [json!(0), json!(129), json!(-1), json!("x")] {
        let body = json!({"input": "hello", "dimensions": wrong});
        assert_eq!(server.refused(PATH, &body).await.0, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_without_tls_is_served_and_many_requests_share_a_connection() {
    let server = Server::start(&[]).await;
    let client = Client::builder().http2_prior_knowledge().build().unwrap();
    let ask = |i: usize| {
        let request = client.post(server.url(PATH));
        let request = request.json(&json!({"input": format!("text {i}")}));
        async move { request.send().await.unwrap() }
    };
    let mut answers = tokio::task::JoinSet::new();
    (0..40).for_each(|i| drop(answers.spawn(ask(i))));
    let mut count = 0;
    while let Some(answer) = answers.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), 200);
        count += 1;
    }
    assert_eq!(count, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_ranked_by_their_likeness_to_the_query() {
    let server = Server::start(&[]).await;
    let documents = [
        "The cat sat on the mat.",
        "How do I compute the derivative of a polynomial?",
        "Best pizza in town",
    ];
    let body = json!({"query": "derivative of x^2", "documents": documents, "return_documents": true});
    let answer = server.ask("/v1/rerank", &body).await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["index"], 1);
    assert_eq!(results[0]["document"]["text"], documents[1]);
    let scores: Vec<f64> = results
        .iter()
        .map(|r| r["relevance_score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let body = json!({"query": "q", "documents": [{"text": "a"}, "b"], "top_n": 1});
    let answer = server.ask("/v1/rerank", &body).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 1);
    assert!(answer["results"][0]["document"].is_null());
    assert_eq!(
        server
            .refused("/v1/rerank", &json!({"query": "q", "documents": []}))
            .await
            .0,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_models_are_listed_and_an_unknown_one_is_named() {
    let server = Server::start(&[]).await;
    let list: Value = server.get("/v1/models").await.json().await.unwrap();
    assert_eq!(list["data"][0]["id"], "promptswitch-small");
    assert_eq!(list["data"][0]["dimensions"], 128);
    let (status, error) = server
        .refused(PATH, &json!({"input": "x", "model": "gpt-9"}))
        .await;
    assert_eq!((status, &error["code"]), (404, &json!("model_not_found")));
    assert!(error["message"].as_str().unwrap().contains("promptswitch-small"));
}
