use serde_json::{Value, json};

use super::{POLICY, folder, run, shared, write};

const PROBES: &str = r#"
schema_version: v1
acceptance: {min_probe_pass_rate: 100.0}
decisions:
  - id: code
    expected_decision: code
    expected_alias: large
    expected_signals: {keywords: [code]}
    objective: is ignored
    variants:
      - {id: asks, query: "why does rust fail?", tags: [baseline]}
      - id: chats
        messages: [{role: user, content: hello}, {role: assistant, content: hi}, {role: user, content: my rust fails}]
        tools: [{type: function, function: {name: f}}]
      - {id: is_silent, query: "what  is\n2 + 2?", expected_signals: {domains: [math]}}
  - id: small_talk
    expected_decision: code
    variants: [{query: hello, model: small}, {query: rust, repeat: 3, padding: {text: hello, placement: around}}]
"#;

fn probe(test: &str, probes: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = folder(test);
    let policy = write(&folder, "policy.yaml", POLICY);
    let probes = write(&folder, "probes.yaml", probes);
    run(&[&["probe", &policy, &probes], arguments].concat())
}

#[test]
fn probe_counts_what_passes_and_says_why_the_rest_does_not() {
    let (status, out, errors) = probe("probe", PROBES, &["--json"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&out).unwrap();
    let keys: Vec<_> = report.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["passed", "total", "failures"]);
    assert_eq!((&report["passed"], &report["total"]), (&json!(3), &json!(5)));
    let failures = &report["failures"];
    assert_eq!(
        (
            &failures[0]["id"],
            &failures[0]["decision"],
            &failures[0]["query"]
        ),
        (&json!("code:is_silent"), &json!("code"), &json!("what is 2 + 2?"))
    );
    assert_eq!(failures[0]["reasons"][0], "decision: expected code, found math");
    assert_eq!(
        failures[0]["reasons"][1],
        "the expected decision does not hold: keyword code does not match"
    );
    assert_eq!(failures[1]["id"], "small_talk:v1");
    assert_eq!(
        failures[1]["reasons"][0],
        "not decided: the client named a declared model; nothing was classified"
    );
}

#[test]
fn probe_prints_counts_by_decision_and_the_rate() {
    let (status, out, _) = probe("probe_text", PROBES, &[]);
    assert_eq!(status, 0);
    for line in [
        "   2 / 3    code",
        "   1 / 2    small_talk",
        "failed: code:is_silent  what is 2 + 2?",
        "3 / 5 passed, 60.0 %",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    }
}

#[test]
fn probe_fails_below_the_rate_that_is_asked_for() {
    for (rate, expected) in [("60", 0), ("60.1", 1)] {
        let (status, out, errors) = probe("probe_rate", PROBES, &["--json", "--min-pass-rate", rate]);
        assert_eq!((status, errors.as_str()), (expected, ""), "{rate}");
        assert!(out.starts_with('{'));
    }
}

#[test]
fn a_probe_that_cannot_be_asked_is_named() {
    let table = [
        ("{id: x}", "d:x: needs either a query or messages"),
        (
            "{query: a, repeat: 0}",
            "d:v1: repeat must be 1 to 10000, found 0",
        ),
        (
            "{messages: [{role: user, content: [{type: image_fixture, fixture: cat}]}]}",
            "d:v1: there is no image `cat` in fixtures.images",
        ),
        (
            "{messages: [{role: user, content: a}], generated_text: {message_index: 0, content_index: 0, target_text_bytes: 5}}",
            "d:v1: generated_text: the message's content is not a list",
        ),
    ];
    for (variant, message) in table {
        let probes = format!("decisions: [{{id: d, variants: [{variant}]}}]");
        let (status, _, errors) = probe("probe_wrong", &probes, &[]);
        assert!(
            status == 1 && errors.ends_with(&format!(": {message}\n")),
            "{errors}"
        );
    }
}

/// Four of VSR's own recipes, with 115 probes.
#[test]
fn the_shared_recipes_pass_most_of_their_probes() {
    let (mut passed, mut total) = (0, 0);
    for recipe in ["balance", "feedback", "knowledge", "privacy"] {
        let file = |name: &str| shared(&format!("probes/{recipe}/{name}.yaml"));
        let (Some(config), Some(probes)) = (file("config"), file("probes")) else {
            return;
        };
        let (config, probes) = (config.to_str().unwrap(), probes.to_str().unwrap());
        let (status, out, errors) = run(&["probe", config, probes, "--json"]);
        if errors.contains("not supported yet") {
            println!("skipped: {recipe} needs what is not here yet");
            continue;
        }
        assert_eq!(status, 0, "{errors}");
        let report: Value = serde_json::from_str(&out).unwrap();
        println!("{recipe}: {} of {}", report["passed"], report["total"]);
        passed += report["passed"].as_u64().unwrap();
        total += report["total"].as_u64().unwrap();
    }
    assert!(passed * 100 >= total * 85, "{passed} of {total}");
}
