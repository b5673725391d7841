use super::*;

#[test]
fn every_scenario_file_loads_and_every_request_can_be_built() {
    let scenarios = all().unwrap();
    assert!(scenarios.len() > 50, "only {} scenarios", scenarios.len());
    for (_, scenario) in &scenarios {
        let request = scenario.request().unwrap();
        if let BodyExpect::Model(model) = &scenario.expect.body {
            replace_model(&request.body, "auto", model).unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
        }
        assert!(!scenario.framings().is_empty(), "{} is never sent", scenario.name);
    }
}

#[test]
fn no_two_scenarios_have_one_name() {
    let mut names: Vec<_> = all()
        .unwrap()
        .into_iter()
        .map(|(_, scenario)| scenario.name)
        .collect();
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[test]
fn a_body_is_made_of_strings_hex_json_and_repeats() {
    let text = r#"[{name: parts, request: {body: ['a', {hex: "00 ff"}, {json: {b: [1]}}, {repeat: xy, times: 2}]}, expect: {}}]"#;
    let scenario = parse(text).unwrap().remove(0);
    assert_eq!(scenario.request().unwrap().body, b"a\x00\xff{\"b\":[1]}xyxy");
}

#[test]
fn a_model_is_replaced_only_where_it_stands_once() {
    assert_eq!(
        replace_model(br#"{"model":"auto"}"#, "auto", "m").unwrap(),
        br#"{"model":"m"}"#
    );
    assert!(replace_model(br#"["auto","auto"]"#, "auto", "m").is_err());
    assert!(replace_model(b"[]", "auto", "m").is_err());
}

#[test]
fn an_unknown_field_is_an_error_that_names_the_scenario() {
    let error = parse("[{name: odd, request: {}, expect: {statuss: 1}}]").unwrap_err();
    assert!(format!("{error:#}").contains("odd"), "{error:#}");
}
