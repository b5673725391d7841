//! Models in directories.

use std::fs;
use std::path::Path;

use promptswitch_companion::device::{Choice, Device};
use promptswitch_companion::engine;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::onnx;
use crate::rig::{Server, dot, numbers};

async fn serve(folders: &[&TempDir]) -> Server {
    let models: Vec<String> = folders
        .iter()
        .enumerate()
        .map(|(i, folder)| format!("m{i}={}", folder.path().display()))
        .collect();
    let flags: Vec<&str> = models.iter().flat_map(|model| ["--model", model]).collect();
    Server::start(&flags).await
}

async fn vectors(server: &Server, input: Value) -> Vec<Vec<f32>> {
    let answer = server.ask("/v1/embeddings", &json!({"input": input})).await;
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|item| numbers(&item["embedding"])).collect()
}

/// The mean of the vectors of tokens, at length 1.
fn mean(tokens: &[u8]) -> Vec<f32> {
    let n = tokens.len() as f32;
    let sum = |of: fn(u8) -> f32| tokens.iter().map(|t| of(*t)).sum::<f32>() / n;
    let mut mean = vec![sum(f32::from), 1.0, sum(|t| f32::from(t % 2)), 0.0];
    engine::normalise(&mut mean);
    mean
}

fn close(a: &[f32], b: &[f32]) {
    assert!(dot(a, b) > 0.99999, "{a:?} is not {b:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_is_pooled_by_the_mean_without_the_padding_of_its_batch() {
    let folder = onnx::encoder();
    let server = serve(&[&folder]).await;
    let found = vectors(&server, json!(["cat", "cat dog sun moon star", "sun star"])).await;
    close(&found[0], &mean(&[5]));
    close(&found[1], &mean(&[5, 6, 7, 8, 9]));
    close(&found[2], &mean(&[7, 9]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pooling_file_can_ask_for_the_first_token() {
    let folder = onnx::encoder();
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let pooling = json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false});
    onnx::write(folder.path(), "1_Pooling/config.json", &pooling);
    let server = serve(&[&folder]).await;
    close(&vectors(&server, json!("dog cat cat")).await[0], &mean(&[6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_reads_as_many_tokens_as_its_files_say() {
    let folder = onnx::encoder();
    let server = serve(&[&folder]).await;
    let text = "cat ".repeat(8) + &"dog ".repeat(20);
    let answer = server.ask("/v1/embeddings", &json!({"input": text})).await;
    assert_eq!(answer["usage"]["prompt_tokens"], 8);
    close(&numbers(&answer["data"][0]["embedding"]), &mean(&[5]));
    close(&vectors(&server, json!([5, 6])).await[0], &mean(&[5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_directory_gives_all_heads_by_its_own_names() {
    let folder = onnx::classifier();
    let server = serve(&[&folder]).await;
    let body = json!({"texts": ["cat", "cat dog sun"], "heads": ["domain", "guard", "fact_check", "feedback", "embedding"]});
    let answer = server.ask("/v1/classify", &body).await;
    assert_eq!(
        (&answer["model"], &answer["revision"]),
        (&json!("m0"), &json!("tiny-1"))
    );
    let results = answer["results"].as_array().unwrap();
    // Begin, prefix, words, end.
    close(&numbers(&results[0]["embedding"]), &mean(&[2, 4, 5, 3]));
    close(&numbers(&results[1]["embedding"]), &mean(&[2, 4, 5, 6, 7, 3]));
    for result in results {
        let domain = result["domain"]["scores"].as_object().unwrap();
        assert_eq!(domain.len(), 14);
        let sum: f64 = domain.values().filter_map(Value::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-4);
        assert!(domain.contains_key(result["domain"]["label"].as_str().unwrap()));
        assert!(result["fact_check"].is_f64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_larger_classifier_of_this_repository_is_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/large");
    let server = Server::start(&["--model", &format!("large={}", folder.display())]).await;
    let texts = [
        (
            "How do plants make sugar from light in photosynthesis?",
            "biology",
        ),
        (
            "May a landlord evict a tenant without an order of the court?",
            "law",
        ),
        ("求函数 f(x)=x^3-3x 的极值。", "math"),
    ];
    let asked = json!({"texts": texts.map(|(text, _)| text), "heads": ["domain", "embedding"]});
    let answer = server.ask("/v1/classify", &asked).await;
    for (result, (text, domain)) in answer["results"].as_array().unwrap().iter().zip(texts) {
        assert_eq!(result["domain"]["label"], domain, "{text}");
        assert_eq!(result["embedding"].as_array().unwrap().len(), 384);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_reads_the_head_and_the_tail_of_a_long_text() {
    let folder = onnx::classifier();
    let server = serve(&[&folder]).await;
    let text = format!("cat cat cat cat {} moon star", "dog ".repeat(50));
    let found = vectors(&server, json!(text)).await;
    close(&found[0], &mean(&[2, 4, 5, 5, 5, 5, 8, 9, 3]));
    let long = format!("cat cat cat cat {} moon star", "dog ".repeat(200_000));
    close(&vectors(&server, json!(long)).await[0], &found[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_models_are_served_by_name_and_classify_finds_one_that_can() {
    let (encoder, classifier) = (onnx::encoder(), onnx::classifier());
    let server = serve(&[&encoder, &classifier]).await;
    assert_eq!(
        server.ask("/v1/embeddings", &json!({"input": "cat"})).await["model"],
        "m0"
    );
    assert_eq!(
        server.ask("/v1/classify", &json!({"text": "cat"})).await["model"],
        "m1"
    );
    let body = json!({"text": "cat", "model": "m0"});
    let (status, error) = server.refused("/v1/classify", &body).await;
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().contains("embeddings only"),
        "{error}"
    );
}

fn load(folder: &Path) -> Result<(), String> {
    let device = Device::choose(Choice::Cpu).unwrap();
    engine::load(folder, "m", &device)
        .map(drop)
        .map_err(|e| e.to_string())
}

#[test]
fn a_broken_directory_is_refused_with_the_file_and_the_reason() {
    let broken = |folder: TempDir, name: &str, bytes: &[u8], why: &str| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(error.contains(why), "{name}: {error}");
    };
    let missing = TempDir::new().unwrap();
    assert!(load(missing.path()).unwrap_err().contains("model.onnx"));
    broken(onnx::encoder(), "model.onnx", b"\xff\xff", "model.onnx");
    broken(onnx::encoder(), "tokenizer.json", b"{", "tokenizer.json");
    broken(
        onnx::encoder(),
        "config.json",
        br#"{"pooling": "max"}"#,
        "pooling max",
    );
    broken(
        onnx::classifier(),
        "model.json",
        br#"{"labels": 5}"#,
        "model.json",
    );
    let encoder = fs::read(onnx::encoder().path().join("model.onnx")).unwrap();
    broken(onnx::classifier(), "model.onnx", &encoder, "input input_ids");
}
