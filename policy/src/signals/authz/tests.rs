use serde_json::{Value, json};

use crate::tests::{Fake, document, findings, load};
use crate::{Api, Context, Policy, Request};

fn bindings(bindings: Value, authz: Value) -> Value {
    let rule = |role: &str| json!({"type": "authz", "name": role});
    let decide = |role: &str| json!({"name": role, "priority": 1, "rules": rule(role), "modelRefs": [{"model": "large"}]});
    let mut document = document(json!([decide("premium"), decide("admin")]));
    document["routing"]["signals"]["role_bindings"] = bindings;
    document["global"] = json!({"services": {"authz": authz}});
    document
}

fn some_bindings() -> Value {
    json!([
        {"name": "a", "role": "premium", "subjects": [{"kind": "Group", "name": "premium-tier"}]},
        {"name": "b", "role": "premium", "subjects": [{"kind": "user", "name": " alice "}]},
        {"name": "c", "role": "admin", "subjects": [{"kind": "User", "name": "root"}, {"kind": "Group", "name": "ops"}]},
    ])
}

fn decide(policy: &Policy, headers: &[(&str, &str)]) -> Option<String> {
    let body = crate::tests::body("auto", "hello");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| *known == name)?;
        Some(found.1.as_bytes().to_vec())
    };
    let context = Context {
        headers: &header,
        ..Context::default()
    };
    policy.decide(&request, &context, &mut Fake::default()).decision
}

#[test]
fn roles_follow_from_users_and_groups() {
    let policy = load(&bindings(some_bindings(), json!({"fail_open": true})));
    let (user, groups) = ("x-authz-user-id", "x-authz-user-groups");
    let table = [
        (vec![], None),
        (vec![(groups, "premium-tier")], None),
        (vec![(user, ""), (groups, "premium-tier")], None),
        (vec![(user, "bob")], None),
        (vec![(user, "alice")], Some("premium")),
        (vec![(user, "Alice")], None),
        (
            vec![(user, "bob"), (groups, "x, premium-tier ,y")],
            Some("premium"),
        ),
        (vec![(user, "bob"), (groups, "ops")], Some("admin")),
        (vec![(user, "bob"), (groups, "premium")], None),
    ];
    for (headers, decision) in table {
        assert_eq!(decide(&policy, &headers).as_deref(), decision, "{headers:?}");
    }
}

#[test]
fn the_headers_can_be_named() {
    let identity = json!({"user_id_header": "X-User-Id", "user_groups_header": "x-groups"});
    let policy = load(&bindings(
        some_bindings(),
        json!({"fail_open": true, "identity": identity}),
    ));
    assert_eq!(
        decide(&policy, &[("x-user-id", "alice")]).as_deref(),
        Some("premium")
    );
    assert_eq!(decide(&policy, &[("x-authz-user-id", "alice")]), None);
    let found = findings(&bindings(
        some_bindings(),
        json!({"identity": {"user_id_header": "a b"}}),
    ));
    assert!(
        found[0].starts_with("error: global.services.authz.identity.user_id_header: `a b` is not"),
        "{found:?}"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let path = "error: routing.signals.role_bindings[0]";
    let table = [
        (json!({"name": "a", "role": "premium"}), ".subjects: needs one"),
        (
            json!({"name": "a", "subjects": [{"kind": "User", "name": "u"}]}),
            ".role: is missing",
        ),
        (
            json!({"name": "a", "role": "premium", "subjects": [{"kind": "Robot", "name": "u"}]}),
            ".subjects[0].kind: must be one of User, Group",
        ),
        (
            json!({"name": "a", "role": "premium", "subjects": [{"kind": "User", "name": " "}]}),
            ".subjects[0].name: is missing",
        ),
    ];
    for (binding, expected) in table {
        let found = findings(&bindings(json!([binding]), json!({"fail_open": true})));
        let expected = format!("{path}{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
    let found = findings(&bindings(some_bindings(), json!({})));
    assert!(
        found[0].starts_with("warning: global.services.authz.fail_open: requests without x-authz-user-id"),
        "{found:?}"
    );
}
