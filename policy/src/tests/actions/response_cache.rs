//! `response_cache`.

use super::*;

#[test]
fn an_answer_is_shared_by_equal_requests_of_one_user_alone() {
    let policy = load(&with(plugin(
        "response_cache",
        json!({"enabled": true, "mode": "exact", "ttl_seconds": 10}),
    )));
    let key = |body: &str, user: &str| {
        let verdict = judge(&policy, Api::ChatCompletions, body, &[("x-authz-user-id", user)]);
        verdict.cache.map(|plan| plan.key)
    };
    let one = r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":0}"#;
    let same = r#"{ "stream":true,"temperature" : 0,"stream_options":{"include_usage":true}, "messages":[ {"role":"user","content":"a b"}],"model":"MoM" }"#;
    let others = [
        r#"{"model":"auto","messages":[{"role":"user","content":"ab"}],"temperature":0}"#,
        r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":1}"#,
        r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":0,"tools":[]}"#,
    ];
    assert!(key(one, "ann").is_some());
    assert_eq!(key(one, "ann"), key(same, "ann"));
    assert_ne!(key(one, "ann"), key(one, "bob"));
    assert_eq!(key(one, ""), None);
    for other in others {
        assert_ne!(key(one, "ann"), key(other, "ann"), "{other}");
    }
    let anonymous = judge(&policy, Api::ChatCompletions, one, &[]);
    assert_eq!((anonymous.reason, anonymous.cache), (Reason::Decision, None));
}

#[test]
fn requests_control_their_caching_where_the_plugin_allows_it() {
    let plan = |controls: Value, header: &str| {
        let configuration = json!({"enabled": true, "mode": "exact", "scope": "global", "ttl_seconds": 60, "request_controls": controls});
        let policy = load(&with(plugin("response_cache", configuration)));
        let verdict = judge(
            &policy,
            Api::ChatCompletions,
            &body("auto", "x"),
            &[("x-vsr-cache-control", header)],
        );
        verdict
            .cache
            .map(|plan| (plan.read, plan.write, plan.ttl_ms, plan.max_age_ms))
    };
    let on = json!({"enabled": true});
    let more = json!({"enabled": true, "allowed": ["max-age", "ttl"], "max_ttl_seconds": 30});
    let table = [
        (&on, "", Some((true, true, 60_000, None))),
        (&on, "No-Cache", Some((false, true, 60_000, None))),
        (&on, "no-store", Some((true, false, 60_000, None))),
        (&on, "bypass", None),
        (&on, "no-cache, no-store", None),
        (&on, "ttl=1", Some((true, true, 60_000, None))),
        (
            &more,
            "ttl=5, max-age = 7",
            Some((true, true, 5_000, Some(7_000))),
        ),
        (&more, "ttl=45", Some((true, true, 30_000, None))),
        (&more, "ttl=-1, no-cache", Some((true, true, 60_000, None))),
        (&more, "ttl=0", Some((true, false, 0, None))),
    ];
    for (controls, header, expected) in table {
        assert_eq!(plan(controls.clone(), header), expected, "{controls} {header}");
    }
    assert_eq!(
        plan(json!({"enabled": false}), "bypass"),
        Some((true, true, 60_000, None))
    );
}

#[test]
fn retention_and_the_store_rule_the_cache() {
    let table = [
        (
            json!({"drop": true}),
            json!({"enabled": true}),
            Some((false, 3_600_000)),
        ),
        (
            json!({"ttl_turns": 2}),
            json!({"enabled": true, "ttl_seconds": 5}),
            Some((true, 120_000)),
        ),
        (
            json!({}),
            json!({"enabled": true, "ttl_seconds": 5}),
            Some((true, 5_000)),
        ),
        (json!({}), json!({"enabled": false}), None),
    ];
    for (retention, store, expected) in table {
        let mut document = with(plugin(
            "response_cache",
            json!({"enabled": true, "mode": "exact", "scope": "global"}),
        ));
        document["routing"]["decisions"][0]["emits"] = json!([{"kind": "retention", "retention": retention}]);
        document["global"] = json!({"stores": {"response_cache": store}});
        let plan = judge(&load(&document), Api::ChatCompletions, &body("auto", "x"), &[]).cache;
        assert_eq!(
            plan.map(|plan| (plan.write, plan.ttl_ms)),
            expected,
            "{retention} {store}"
        );
    }
}

#[test]
fn a_cached_answer_says_so() {
    let policy = load(&with(plugin(
        "response_cache",
        json!({"enabled": true, "mode": "exact", "scope": "global"}),
    )));
    let mut verdict = judge(&policy, Api::ChatCompletions, &body("auto", "x"), &[]);
    let plan = verdict.cache.clone().unwrap();
    let mut cache = Cache::new(10_000);
    assert!(cache.put(&plan, 200, "application/json", br#"{"choices":[]}"#.to_vec(), 0));
    verdict.answer_from_cache(cache.get(&plan, 1).unwrap());
    let headers = policy.response_headers(&verdict, false);
    for expected in [
        ("x-promptswitch-reason", "cache_hit"),
        ("x-vsr-response-path", "cache"),
        ("x-vsr-cache-hit", "true"),
    ] {
        assert!(
            headers.contains(&(expected.0, expected.1.to_owned())),
            "{headers:?}"
        );
    }
}
