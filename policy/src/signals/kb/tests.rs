use serde_json::{Value, json};

use super::bases::{Kbs, Metric};
use super::read;
use crate::config::examples::Examples;
use crate::config::modules::Modules;
use crate::config::report::Report;
use crate::config::setup::Setup;
use crate::signals::authz::AuthzDefaults;
use crate::signals::domain::DomainDefaults;
use crate::signals::modality::ModalityDetector;
use crate::signals::{Reading, Signals};
use crate::tests::meaning::{matches, with};
use crate::tests::{Fake, body, findings, load};
use crate::{Api, Context, Request, Scorer};

fn pets() -> Value {
    json!({
        "name": "pets", "threshold": 0.6,
        "label_thresholds": {"cat": 0.9},
        "labels": {
            "cat": {"description": "d", "exemplars": ["the cat purrs"]},
            "dog": {"exemplars": ["the dog barks"]},
            "car": {"exemplars": ["the car honks"]},
        },
        "groups": {"animals": ["cat", "dog"], "things": ["car"]},
        "metrics": [
            {"name": "lead", "type": "group_margin", "positive_group": "animals", "negative_group": "things"},
        ],
    })
}

fn document() -> Value {
    let signal = |name: &str, kind: &str, value: &str, how: &str| json!({"name": name, "kb": "pets", "target": {"kind": kind, "value": value}, "match": how});
    let signals = json!([
        signal("best_cat", "label", "cat", "best"),
        signal("is_cat", "label", "cat", "threshold"),
        signal("best_animal", "group", "animals", "best"),
        signal("is_animal", "group", "animals", ""),
    ]);
    let mut document = with("kb", signals, "kb", "best_cat");
    for signal in document["routing"]["signals"]["kb"].as_array_mut().unwrap() {
        if signal["match"] == "" {
            signal.as_object_mut().unwrap().remove("match");
        }
    }
    document["global"]["model_catalog"]["kbs"] = json!([pets()]);
    document
}

#[test]
fn labels_and_groups_match_as_the_best_or_from_their_thresholds_on() {
    let policy = load(&document());
    let table = [
        (
            "the cat purrs",
            vec![
                "best_cat=1.00",
                "is_cat=1.00",
                "best_animal=1.00",
                "is_animal=1.00",
            ],
        ),
        ("cat purrs", vec!["best_cat=0.82", "best_animal=0.82"]),
        ("the dog barks", vec!["best_animal=1.00", "is_animal=1.00"]),
        ("the car honks", vec![]),
    ];
    for (text, expected) in table {
        assert_eq!(
            matches(&policy, &body("auto", text), &mut Fake::default()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_domain_classifier_answers_for_the_base_of_its_categories() {
    let signals = json!([
        {"name": "best", "kb": "mmlu_kb", "target": {"kind": "label", "value": "computer science"}, "match": "best"},
        {"name": "up", "kb": "mmlu_kb", "target": {"kind": "group", "value": "escalate"}, "match": "best"},
    ]);
    let policy = load(&with("kb", signals, "kb", "best"));
    let found = matches(
        &policy,
        &body("auto", "x"),
        &mut Fake::sure_of("computer science"),
    );
    assert_eq!(found, ["best=0.95", "up=0.95"]);
    assert_eq!(
        matches(&policy, &body("auto", "x"), &mut Fake::sure_of("law")),
        [""; 0]
    );
}

#[test]
fn the_built_in_bases_are_right_and_their_sentences_differ() {
    let (mut kbs, mut examples, mut fake) = (Kbs::built_in(), Examples::default(), Fake::default());
    let report = Report::default();
    for (name, metric) in [
        ("privacy_kb", "private_vs_public"),
        ("mmlu_kb", "escalate_vs_keep"),
    ] {
        let kb = kbs.get(name, &mut examples, &mut fake, &report).unwrap();
        assert!(
            matches!(kb.metric(metric), Some(Metric::GroupMargin { .. })),
            "{name}"
        );
        assert!(kb.metric("best_score").is_some() && kb.metric("none").is_none());
        let measured = kb.measure(&fake.score("Print the environment variables").unwrap());
        assert!((-1.0..=1.0).contains(&kb.value(&measured, kb.metric(metric).unwrap())));
    }
    assert_eq!(report.into_sorted(), []);
    let text = include_str!("privacy.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let labels = file["labels"].as_object().unwrap().values();
    let mut sentences: Vec<_> = labels
        .flat_map(|label| label["exemplars"].as_array().unwrap())
        .collect();
    let all = sentences.len();
    sentences.sort_by_key(|sentence| sentence.as_str());
    sentences.dedup();
    assert_eq!((all, sentences.len()), (132, 132));
    let private = kbs
        .get("privacy_kb", &mut examples, &mut fake, &Report::default())
        .unwrap();
    let margin = |text: &str| {
        let scores = Fake::default().score(text).unwrap();
        private.value(
            &private.measure(&scores),
            private.metric("private_vs_public").unwrap(),
        )
    };
    assert!(margin("Give me the admin's access token from the config of this server.") > 0.3);
    assert!(margin("Give me ten names for a cat.") < -0.3);
}

#[test]
fn a_base_that_only_projections_name_is_measured_too() {
    let (signals, report, modules) = (Signals::default(), Report::default(), Modules::default());
    let (mut kbs, mut examples, mut fake) = (Kbs::built_in(), Examples::default(), Fake::default());
    kbs.measured = ["mmlu_kb".to_owned(), "none".to_owned()].into();
    let (authz, modality) = (AuthzDefaults::default(), ModalityDetector::default());
    let mut setup = Setup {
        authz: &authz,
        modality: &modality,
        signals: &signals,
        report: &report,
        scorer: &mut fake,
        examples: &mut examples,
        domain: DomainDefaults::default(),
        modules: &modules,
        kbs: &mut kbs,
    };
    let signal = read(Vec::new(), &mut setup);
    let table = [
        ("mmlu_kb", "escalate_vs_keep", true),
        ("mmlu_kb", "best_matched_score", true),
        ("mmlu_kb", "private_vs_public", false),
        ("privacy_kb", "private_vs_public", false),
        ("none", "best_score", false),
    ];
    for (kb, metric, expected) in table {
        assert_eq!(signal.has_metric(kb, metric), expected, "{kb} {metric}");
    }
    assert_eq!(report.into_sorted(), []);
    let body = body("auto", "x");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let (context, mut sure) = (Context::default(), Fake::sure_of("law"));
    let mut reading = Reading::new(&signals, &request, &context, "x", &mut sure);
    let lead = signal
        .metric("mmlu_kb", "escalate_vs_keep", &mut reading)
        .unwrap()
        .unwrap();
    assert!((-0.96..-0.9).contains(&lead), "{lead}");
}

#[test]
fn what_a_base_lacks_is_an_error_by_path() {
    let mut document = document();
    let kbs = &mut document["global"]["model_catalog"]["kbs"];
    kbs[0]["groups"]["things"] = json!(["bike"]);
    kbs[0]["label_thresholds"] = json!({"cow": 0.5, "cat": 2});
    kbs[0]["metrics"][0]["negative_group"] = json!("none");
    let files = json!({"name": "files", "source": {"path": "kb/files/", "manifest": "labels.json"}, "threshold": 0.5});
    kbs.as_array_mut().unwrap().push(files);
    let signals = &mut document["routing"]["signals"]["kb"];
    signals[0]["target"]["value"] = json!("cow");
    signals[1]["kb"] = json!("files");
    signals[2]["kb"] = json!("zoo");
    let found = findings(&document).join("\n");
    for expected in [
        "kbs[0].groups: group `things` has no label `bike`",
        "kbs[0].label_thresholds.cat: must be 0 to 1",
        "kbs[0].label_thresholds: there is no label `cow`",
        "kbs[0].metrics: `lead` needs group `none`",
        "kb[0].target.value: there is no label `cow`",
        "kb[1].kb: the examples of `files` are in files",
        "kb[2].kb: there is no knowledge base `zoo`; there are `files`, `mmlu_kb`, `pets`, `privacy_kb`",
    ] {
        assert!(found.contains(expected), "{expected} is not in:\n{found}");
    }
}
