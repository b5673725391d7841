//! `fast_response`.

use super::*;

#[test]
fn a_fast_response_speaks_the_clients_api() {
    let mut document = with(plugin("fast_response", json!({"message": "No."})));
    document["routing"]["decisions"][0]["modelRefs"] = json!([]);
    assert_eq!(findings(&document), [""; 0]);
    let policy = load(&document);
    let table = [
        (
            Api::ChatCompletions,
            r#""messages":[{"role":"user","content":"x"}]"#,
            "/choices/0/message/content",
            "/choices/0/delta/content",
        ),
        (
            Api::Completions,
            r#""prompt":"x""#,
            "/choices/0/text",
            "/choices/0/text",
        ),
        (
            Api::Responses,
            r#""input":"x""#,
            "/output/0/content/0/text",
            "/delta",
        ),
        (
            Api::Messages,
            r#""messages":[{"role":"user","content":"x"}]"#,
            "/content/0/text",
            "/delta/text",
        ),
    ];
    for (api, prompt, whole, part) in table {
        let verdict = judge(&policy, api, &format!(r#"{{"model":"auto",{prompt}}}"#), &[]);
        assert_eq!(
            (verdict.reason, verdict.decision.as_deref()),
            (Reason::FastResponse, Some("d"))
        );
        let reply = verdict.reply.unwrap();
        assert_eq!(
            (reply.status, reply.content_type.as_str()),
            (200, "application/json")
        );
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(answer.pointer(whole).unwrap(), "No.", "{api:?}");
        let verdict = judge(
            &policy,
            api,
            &format!(r#"{{"stream":true,"model":"auto",{prompt}}}"#),
            &[],
        );
        let reply = verdict.reply.unwrap();
        assert_eq!(reply.content_type, "text/event-stream");
        let text = String::from_utf8(reply.body).unwrap();
        let events = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let parts = events.filter_map(|event| Some(event.pointer(part)?.as_str()?.to_owned()));
        assert_eq!(parts.collect::<String>(), "No.", "{api:?}");
        let end = if matches!(api, Api::ChatCompletions | Api::Completions) {
            "data: [DONE]\n\n"
        } else {
            "}\n\n"
        };
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn a_fast_response_can_be_an_error() {
    let error = json!({"status": 403, "code": "blocked", "message": "Not here."});
    let policy = load(&with(plugin("fast_response", json!({"error": error}))));
    let verdict = judge(
        &policy,
        Api::ChatCompletions,
        r#"{"stream":true,"model":"auto","messages":[{"role":"user","content":"x"}]}"#,
        &[],
    );
    let headers = policy.response_headers(&verdict, false);
    for expected in [
        ("x-promptswitch-reason", "fast_response"),
        ("x-vsr-response-path", "fast_response"),
        ("x-vsr-selected-decision", "d"),
    ] {
        assert!(
            headers.contains(&(expected.0, expected.1.to_owned())),
            "{headers:?}"
        );
    }
    let reply = verdict.reply.unwrap();
    assert_eq!(reply.status, 403);
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.body).unwrap(),
        json!({"error": {"message": "Not here.", "type": "permission_error", "param": null, "code": "blocked"}})
    );
    let reply = judge(&policy, Api::Messages, &body("auto", "x"), &[])
        .reply
        .unwrap();
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("permission_error"))
    );
}
