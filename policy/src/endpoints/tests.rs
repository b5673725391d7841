use serde_json::{Value, json};

use super::{Endpoints, Placed, REST_MS};
use crate::tests::{Fake, decision, document, domain, findings, load};
use crate::{Api, Context, Policy, Reason, Request, Verdict};

const A: &str = "10.0.0.1:8000";
const B: &str = "10.0.0.2:8000";
const C: &str = "10.0.0.3:8000";

/// Three endpoints for `large`, which math goes to, one for `small`, the default.
fn policy() -> Policy {
    let mut document = document(json!([decision("d", 1, domain("math"))]));
    document["promptswitch"] = json!({
        "endpoints": {"models": {"large": [A, B, C], "small": ["[fd00::1]:8000"]}},
        "outputs": [
            {"header": "x-selected-model", "value": "{model}"},
            {"header": "x-gateway-destination-endpoint", "value": "{endpoints}"},
        ],
    });
    load(&document)
}

fn chat(turns: &[&str]) -> Value {
    let role = |index| if index % 2 == 0 { "user" } else { "assistant" };
    let turns = turns.iter().enumerate();
    let turns: Vec<_> = turns
        .map(|(index, text)| json!({"role": role(index), "content": text}))
        .collect();
    json!({"model": "large", "messages": turns})
}

fn decide(policy: &Policy, api: Api, body: &Value) -> Verdict {
    let body = body.to_string();
    let request = Request::parse(api, body.as_bytes()).unwrap();
    policy.decide(&request, &Context::default(), &mut Fake::sure_of("math"))
}

/// The endpoints of a request that is sent, how much of its prompt the first has seen, and the request.
fn send(policy: &Policy, endpoints: &mut Endpoints, body: &Value) -> (Vec<String>, usize, Placed) {
    let mut verdict = decide(policy, Api::ChatCompletions, body);
    let placed = policy.place(&mut verdict, endpoints, 0).unwrap();
    let placement = verdict.placement.unwrap();
    let order = placement.order.split(',').map(str::to_owned).collect();
    (order, placement.matched, placed)
}

/// As [`send`], and the request is over at once.
fn first(policy: &Policy, endpoints: &mut Endpoints, body: &Value) -> String {
    let (order, _, placed) = send(policy, endpoints, body);
    endpoints.ended(&placed);
    order[0].clone()
}

fn long(text: &str) -> String {
    text.repeat(2000 / text.len())
}

#[test]
fn a_conversation_goes_back_to_where_it_was() {
    let (policy, mut endpoints) = (policy(), Endpoints::default());
    let turns = [long("one "), long("two "), long("three ")];
    let home = first(&policy, &mut endpoints, &chat(&[&turns[0]]));
    for other in ["x ", "y ", "z ", "v "] {
        first(&policy, &mut endpoints, &chat(&[&long(other)]));
    }
    let turns: Vec<_> = turns.iter().map(String::as_str).collect();
    let (order, matched, _) = send(&policy, &mut endpoints, &chat(&turns));
    assert_eq!(order[0], home);
    assert_eq!(order.len(), 3);
    // 2,000 bytes of text behind `[{"content":"`.
    assert_eq!(matched, 7);
}

#[test]
fn new_prompts_go_round() {
    let (policy, mut endpoints) = (policy(), Endpoints::default());
    let texts = ["x ", "y ", "z ", "v ", "w ", "u "].map(long);
    let firsts = texts.map(|text| first(&policy, &mut endpoints, &chat(&[&text])));
    assert_eq!(firsts, [A, B, C, A, B, C]);
}

#[test]
fn requests_in_flight_send_others_elsewhere_until_they_end() {
    let (policy, mut endpoints) = (policy(), Endpoints::default());
    let prompt = chat(&[&long("same ")]);
    let (order, _, mut placed) = send(&policy, &mut endpoints, &prompt);
    assert_eq!(order[0], A);
    let mut open = Vec::new();
    let elsewhere = loop {
        let (order, _, next) = send(&policy, &mut endpoints, &prompt);
        open.push(std::mem::replace(&mut placed, next));
        if order[0] != A {
            break order[0].clone();
        }
        assert!(open.len() < 100, "a prefix is not worth any number of requests");
    };
    assert_eq!(elsewhere, B);
    open.iter().for_each(|placed| endpoints.ended(placed));
    endpoints.ended(&placed);
    assert_eq!(
        endpoints.known.iter().map(|known| known.in_flight).sum::<u32>(),
        0
    );
    assert_eq!(first(&policy, &mut endpoints, &prompt), A);
}

#[test]
fn a_response_from_elsewhere_moves_the_request_and_rests_the_first() {
    let (policy, mut endpoints) = (policy(), Endpoints::default());
    let prompt = chat(&[&long("same ")]);
    let (order, _, mut placed) = send(&policy, &mut endpoints, &prompt);
    assert_eq!(order[0], A);
    for unknown in [&b""[..], b"10.9.9.9:1", b"\xff", A.as_bytes()] {
        policy.served(&mut placed, unknown, &mut endpoints, 0);
    }
    policy.served(&mut placed, C.as_bytes(), &mut endpoints, 0);
    let in_flight = |endpoints: &Endpoints| {
        endpoints
            .known
            .iter()
            .map(|known| known.in_flight)
            .collect::<Vec<_>>()
    };
    assert_eq!(in_flight(&endpoints), [0, 0, 1, 0]);
    endpoints.ended(&placed);
    assert_eq!(in_flight(&endpoints), [0, 0, 0, 0]);
    let (order, matched, _) = send(&policy, &mut endpoints, &prompt);
    assert_eq!((order, matched), ([C, B, A].map(str::to_owned).to_vec(), 7));
    let mut verdict = decide(&policy, Api::ChatCompletions, &prompt);
    policy.place(&mut verdict, &mut endpoints, REST_MS).unwrap();
    assert_eq!(verdict.placement.unwrap().order, [A, C, B].join(","), "rested");
}

#[test]
fn the_model_says_whose_endpoints_they_are_however_it_was_chosen() {
    let policy = policy();
    let small = "[fd00::1]:8000";
    let all = [A, B, C].join(",");
    for (model, expected) in [
        ("auto", all.as_str()),
        ("large", &all),
        ("org/large-70b", &all),
        ("small", small),
        ("nobody", ""),
    ] {
        let mut verdict = decide(
            &policy,
            Api::ChatCompletions,
            &json!({"model": model, "messages": [{"role": "user", "content": "x"}]}),
        );
        let placed = policy.place(&mut verdict, &mut Endpoints::default(), 0);
        assert_eq!(placed.is_some(), !expected.is_empty(), "{model}");
        let headers = policy.request_headers(&verdict, &());
        let header = headers
            .iter()
            .find(|(name, _)| *name == "x-gateway-destination-endpoint");
        assert_eq!(header.map_or("", |(_, value)| value), expected, "{model}");
    }
    let mut verdict = policy.fallback(Reason::BodyTooLarge);
    policy.place(&mut verdict, &mut Endpoints::default(), 0).unwrap();
    assert_eq!(verdict.placement.unwrap().order, small);
    assert!(
        policy
            .owned_headers()
            .contains(&"x-gateway-destination-endpoint".to_owned())
    );
}

/// How many blocks of `b`'s prompt an endpoint has seen that was sent `a`'s, and how many there are.
fn shared(api: Api, a: &Value, b: &Value) -> (usize, usize) {
    let (policy, mut endpoints) = (policy(), Endpoints::default());
    let mut place = |body| {
        let mut verdict = decide(&policy, api, body);
        policy.place(&mut verdict, &mut endpoints, 0).unwrap();
        verdict.placement.unwrap()
    };
    place(a);
    let placement = place(b);
    (placement.matched, placement.blocks)
}

#[test]
fn what_a_server_reads_first_is_hashed_first() {
    let question = json!([{"role": "user", "content": long("what is it? ")}]);
    let with = |extra: Value| {
        let mut body =
            json!({"model": "large", "messages": question, "input": question, "prompt": long("p ")});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    let table = [
        (Api::ChatCompletions, json!({}), json!({}), (7, 7)),
        (Api::Completions, json!({}), json!({}), (7, 7)),
        (
            Api::Messages,
            json!({"system": "a"}),
            json!({"system": "a"}),
            (8, 8),
        ),
        (
            Api::Messages,
            json!({"system": "a"}),
            json!({"system": "b"}),
            (0, 8),
        ),
        (
            Api::Responses,
            json!({"instructions": long("a")}),
            json!({"instructions": long("a")}),
            (15, 15),
        ),
        (
            Api::ChatCompletions,
            json!({"tools": [{"a": 1}]}),
            json!({"tools": [{"a": 2}]}),
            (0, 8),
        ),
        (
            Api::ChatCompletions,
            json!({"cache_salt": "a"}),
            json!({"cache_salt": "b"}),
            (0, 7),
        ),
        // What has no part in the prompt, and stands before it, changes nothing.
        (
            Api::ChatCompletions,
            json!({"a": 1, "temperature": 0.1}),
            json!({"user": "x"}),
            (7, 7),
        ),
    ];
    for (api, a, b, expected) in table {
        assert_eq!(
            shared(api, &with(a.clone()), &with(b.clone())),
            expected,
            "{api:?} {a} {b}"
        );
    }
}

#[test]
fn models_do_not_share_what_they_have_read() {
    let mut document = document(json!([]));
    document["promptswitch"] = json!({
        "endpoints": {"models": {"large": [A, B], "small": [A, B]}},
        "outputs": [{"header": "x-endpoint", "value": "{endpoints}"}],
    });
    let (policy, mut endpoints) = (load(&document), Endpoints::default());
    let prompt = chat(&[&long("same ")]);
    send(&policy, &mut endpoints, &prompt);
    let mut other = prompt.clone();
    other["model"] = json!("small");
    let (order, matched, _) = send(&policy, &mut endpoints, &other);
    // And the requests in flight are the endpoint's, whatever their model.
    assert_eq!((order[0].as_str(), matched), (B, 0));
}

#[test]
fn a_longer_prompt_than_is_hashed_is_matched_by_its_start() {
    let start = long("start ").repeat(300);
    let (a, b) = (chat(&[&(start.clone() + "a")]), chat(&[&(start + "b")]));
    assert_eq!(shared(Api::ChatCompletions, &a, &b), (2048, 2048));
}

#[test]
fn what_servers_say_counts_for_four_intervals() {
    let mut document = document(json!([]));
    document["promptswitch"] = json!({
        "endpoints": {"models": {"large": [A, B]}, "metrics": {"cluster": "companion", "interval": "1s"}},
        "outputs": [{"header": "x-endpoint", "value": "{endpoints}"}],
    });
    let (policy, mut endpoints) = (load(&document), Endpoints::default());
    let answer = json!({"endpoints": {
        A: {"age_ms": 500, "queue": 5, "kv_cache": 0.5, "loras": {"max": 1, "running": ["tuned"], "waiting": []}},
        B: {"age_ms": 500, "queue": 5, "kv_cache": 0.4, "loras": {"max": 1, "running": ["other"], "waiting": []}},
    }});
    policy
        .report(answer.to_string().as_bytes(), &mut endpoints, 10_500)
        .unwrap();
    let mut first = |model: &str, now_ms| {
        let mut verdict = policy.fallback(Reason::Default);
        (verdict.model, verdict.upstream_model) = ("large".to_owned(), model.to_owned());
        let placed = policy.place(&mut verdict, &mut endpoints, now_ms).unwrap();
        endpoints.ended(&placed);
        verdict
            .placement
            .unwrap()
            .order
            .split(',')
            .next()
            .unwrap()
            .to_owned()
    };
    let firsts = [10_500, 11_000, 14_000].map(|now_ms| first("org/large-70b", now_ms));
    assert_eq!(firsts, [B, B, B], "its cache is emptier");
    assert_eq!(first("tuned", 14_000), A, "it has the adapter");
    assert_eq!(
        [first("org/large-70b", 14_001), first("org/large-70b", 14_001)],
        [B, A],
        "old news"
    );
}

#[test]
fn there_are_no_more_endpoints_than_fit_into_memory() {
    let mut document = document(json!([]));
    let many: Vec<_> = (0..200).map(|host| format!("10.0.0.{host}:8000")).collect();
    document["promptswitch"] = json!({
        "endpoints": {"models": {"large": many}},
        "outputs": [{"header": "x-endpoint", "value": "{endpoints}"}],
    });
    let expected = "error: promptswitch.endpoints.models: must have at most 128 endpoints in all";
    assert_eq!(findings(&document), [expected]);
}
