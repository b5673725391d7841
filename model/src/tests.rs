use super::*;

#[test]
fn every_golden_case_gives_its_recorded_scores() {
    let classifier = Classifier::load().unwrap();
    let cases = golden_cases().unwrap();
    assert!(cases.len() >= 8);
    for case in &cases {
        classifier
            .check(case)
            .unwrap_or_else(|e| panic!("{:?}: {e}", case.text));
    }
}

#[test]
fn a_damaged_asset_refuses_to_load_and_names_itself() {
    let error = |card, tokenizer, graph| {
        Classifier::from_assets(card, tokenizer, graph)
            .unwrap_err()
            .to_string()
    };
    assert!(error(b"{}", TOKENIZER, GRAPH).starts_with("model asset model.json: "));
    assert!(error(CARD, b"{", GRAPH).starts_with("model asset tokenizer.json: "));
    assert!(error(CARD, TOKENIZER, &GRAPH[..GRAPH.len() / 2]).starts_with("model asset model.onnx: "));
}

#[test]
fn any_text_gives_fourteen_chances_that_sum_to_one() {
    let classifier = Classifier::load().unwrap();
    let long = "a long story. ".repeat(80_000);
    for text in [
        "",
        "a",
        "\0",
        "👩‍👩‍👧‍👦",
        "مرحبا بالعالم",
        "数学和 mathematics",
        "\u{202e}abc",
        &long,
    ] {
        let scores = classifier.domain(text, 128).unwrap();
        assert!(scores.iter().all(|p| (0.0..=1.0).contains(p)), "{text:.20}");
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{text:.20}");
    }
}

#[test]
fn a_long_text_is_judged_by_its_head_and_tail() {
    let classifier = Classifier::load().unwrap();
    let text = |middle: &str| {
        format!(
            "{}{}{}",
            "head ".repeat(400),
            middle.repeat(1000),
            "tail ".repeat(400)
        )
    };
    assert_eq!(
        classifier.domain(&text("x "), 128).unwrap(),
        classifier.domain(&text("y "), 128).unwrap()
    );
}

#[test]
fn padding_to_a_longer_bucket_does_not_change_the_scores() {
    let classifier = Classifier::load().unwrap();
    let tokens = classifier
        .encoder
        .encode("What is the derivative of x squared?", 128)
        .unwrap();
    let mut padded = tokens.clone();
    padded.resize(100, classifier.card.pad_id);
    let (short, long) = (
        classifier.graph.domain(&tokens).unwrap(),
        classifier.graph.domain(&padded).unwrap(),
    );
    let bigrams = classifier.card.bigram.is_some();
    for (a, b) in short.iter().zip(&long) {
        // With pairs, padding by hand adds pairs of pad tokens that the encoder never makes.
        assert!(bigrams || (a - b).abs() < 1e-5, "{a} {b}");
    }
}
