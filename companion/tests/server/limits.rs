use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Server, error};

const PATH: &str = "/v1/embeddings";

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_a_clear_400() {
    let server = Server::start(&[]).await;
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"input\": \"a\xff\xfe\"}",
        b"{\"input\": \"\\ud800\"}",
        b"{\"input\": {}}",
        b"{\"input\": \"a\", \"encoding_format\": \"xml\"}",
        b"{\"input\": \"a\", \"input\": \"b\"}",
        b"\x00\x01\x02",
    ];
    for body in bodies {
        for path in [PATH, "/v1/classify", "/v1/rerank"] {
            let request = server.client.post(server.url(path)).body(body);
            let (status, error) = error(request.send().await.unwrap()).await;
            assert_eq!(status, 400, "{path} {:?}: {error}", String::from_utf8_lossy(body));
        }
    }
    let deep = format!("{{\"input\": {}", "[".repeat(200_000));
    let request = server.client.post(server.url(PATH)).body(deep);
    assert_eq!(error(request.send().await.unwrap()).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_mb_is_refused_whether_announced_or_not() {
    let server = Server::start(&[]).await;
    let mb = Bytes::from(vec![b'x'; 1 << 20]);
    let announced = server.client.post(server.url(PATH)).body(vec![b'x'; 100 << 20]);
    assert_eq!(error(announced.send().await.unwrap()).await.0, 413);
    let parts = std::iter::repeat_n(mb, 100).map(Ok::<_, std::io::Error>);
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let chunked = server.client.post(server.url(PATH)).body(stream);
    let (status, error) = error(chunked.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (413, &json!("body_too_large")));
    server.ask(PATH, &json!({"input": "still there"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_texts_than_allowed_are_refused() {
    let server = Server::start(&[]).await;
    let texts = vec!["a"; 10_000];
    for (path, key) in [(PATH, "input"), ("/v1/classify", "texts")] {
        let (status, error) = server.refused(path, &json!({key: texts})).await;
        assert_eq!(status, 400);
        assert!(
            error["message"].as_str().unwrap().contains("more than 2048"),
            "{error}"
        );
    }
    let body = json!({"query": "q", "documents": texts});
    assert_eq!(server.refused("/v1/rerank", &body).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_a_megabyte_is_cut_to_what_the_model_reads() {
    let server = Server::start(&[]).await;
    let long = "why is the sky blue? ".repeat(50_000);
    let answer = server.ask(PATH, &json!({"input": long})).await;
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() <= 128);
    server
        .ask("/v1/classify", &json!({"text": "\u{10ffff}".repeat(250_000)}))
        .await;
    let (status, _) = server.refused(PATH, &json!({"input": vec![5; 100_000]})).await;
    assert_eq!(status, 400, "more tokens than any model reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_room_for_so_many_bytes_together() {
    let server = Server::start(&["--max-body-bytes", "1000", "--max-held-bytes", "1500"]).await;
    // The first body is announced and never sent.
    let mut first = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    first.write_all(head.as_bytes()).await.unwrap();
    loop {
        let text = "x".repeat(700);
        let response = server.post(PATH, &json!({"input": text})).send().await.unwrap();
        if response.status() == 200 {
            // The first has not been read yet.
            continue;
        }
        assert_eq!(response.headers()["retry-after"], "1");
        let (status, error) = error(response).await;
        assert_eq!((status, &error["code"]), (429, &json!("overloaded")));
        break;
    }
    drop(first);
    loop {
        let response = server.post(PATH, &json!({"input": "x".repeat(700)})).send();
        if response.await.unwrap().status() == 200 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_given_up() {
    let server = Server::start(&["--read-timeout-ms", "100"]).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("body_timeout"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_given_up() {
    let server = Server::start(&["--read-timeout-ms", "100"]).await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n", "POST /v1/embeddings HT"] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        let hangs = std::time::Duration::from_secs(60);
        let ended = tokio::time::timeout(hangs, end).await;
        assert!(ended.is_ok(), "after {said:?} the server waits for more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_given_up() {
    const REQUESTS: usize = 4000;
    let server = Server::start(&["--read-timeout-ms", "200"]).await;
    let (mut reader, mut writer) = TcpStream::connect(server.addr).await.unwrap().into_split();
    let asking = tokio::spawn(async move {
        // It fails when the connection ends, and the other half says how that went.
        let _ = writer
            .write_all(
                "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"
                    .repeat(REQUESTS)
                    .as_bytes(),
            )
            .await;
        writer
    });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut answers = Vec::new();
    let _ = reader.read_to_end(&mut answers).await;
    let answered = String::from_utf8_lossy(&answers).matches("HTTP/1.1 200").count();
    assert!((1..REQUESTS).contains(&answered), "{answered}");
    asking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_get_errors_of_the_same_form() {
    let server = Server::start(&[]).await;
    assert_eq!(error(server.get("/v1/nothing").await).await.0, 404);
    assert_eq!(error(server.get(PATH).await).await.0, 405);
    let (status, error) = server
        .refused("/v1/cache/lookup", &json!({"text": "x", "scope": {}}))
        .await;
    assert_eq!((status, &error["code"]), (404, &json!("cache_off")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_a_request_that_is_refused_before_its_body_is_read() {
    let server = Server::start(&[]).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let long = "x".repeat(1 << 20);
    for (method, path) in [("POST", "/v1/nothing"), ("PUT", PATH)] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            long.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(long.as_bytes()).await.unwrap();
    }
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.split_whitespace().next())
        .collect();
    assert_eq!(statuses, ["404", "405", "200"], "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_counted_by_route_and_status() {
    let server = Server::start(&[]).await;
    server.ask(PATH, &json!({"input": "hello"})).await;
    server.refused(PATH, &Value::Null).await;
    server.get("/v1/anything/else").await;
    let text = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "promptswitch_companion_requests_total{route=\"/v1/embeddings\",status=\"200\"} 1\n",
        "promptswitch_companion_requests_total{route=\"/v1/embeddings\",status=\"400\"} 1\n",
        "promptswitch_companion_requests_total{route=\"other\",status=\"404\"} 1\n",
        "promptswitch_companion_queue_seconds_count{class=\"bulk\"}",
        "promptswitch_companion_build_info{version=",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}
