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
fn each_length_is_compiled_once() {
    let classifier = Classifier::load().unwrap();
    let mut compiled = 1;
    while classifier.prepare().unwrap() {
        compiled += 1;
    }
    assert_eq!(compiled, classifier.card().buckets.len());
    classifier.score(&"word ".repeat(200), 128).unwrap();
    assert!(!classifier.prepare().unwrap());
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
fn any_text_gives_chances_that_sum_to_one_and_a_vector_of_length_one() {
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
        let scores = classifier.score(text, 128).unwrap();
        for chances in [&scores.domain[..], &scores.guard, &scores.feedback] {
            assert!(chances.iter().all(|p| (0.0..=1.0).contains(p)), "{text:.20}");
            assert!((chances.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{text:.20}");
        }
        assert!((0.0..=1.0).contains(&scores.fact_check), "{text:.20}");
        let length: f32 = scores.embedding.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-3, "{text:.20}");
    }
}

#[test]
fn a_text_without_a_known_token_is_of_the_domain_other() {
    let classifier = Classifier::load().unwrap();
    let other = classifier.labels().iter().position(|l| l == "other").unwrap();
    for text in ["", " \n", "\u{fffd}\u{fffd}", "\u{10ffff}"] {
        let scores = classifier.score(text, 128).unwrap();
        assert_eq!(scores.domain[other], 1.0, "{text:?}");
        assert_eq!(scores.domain.iter().sum::<f32>(), 1.0, "{text:?}");
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
        classifier.score(&text("x "), 128).unwrap(),
        classifier.score(&text("y "), 128).unwrap()
    );
}

#[test]
fn the_same_text_twice_gives_the_same_scores_in_every_bucket() {
    let classifier = Classifier::load().unwrap();
    for words in [3, 20, 50, 200] {
        let text = "why is the sky blue? ".repeat(words);
        let first = classifier.score(&text, 128).unwrap();
        classifier.score("another text", 128).unwrap();
        assert_eq!(first, classifier.score(&text, 128).unwrap());
    }
}

#[test]
fn threads_share_one_classifier() {
    let classifier = Classifier::load().unwrap();
    let expected = classifier.score("What is a prime number?", 128).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let scores = classifier.score("What is a prime number?", 128).unwrap();
                    assert_eq!(scores, expected);
                }
            });
        }
    });
}

#[test]
fn a_typo_leaves_most_spellings_of_a_word() {
    let classifier = Classifier::load().unwrap();
    let rows = |text: &str| {
        let tokens = classifier.encoder.encode(text, 128);
        classifier.encoder.spellings(&tokens, 16)
    };
    let (right, wrong) = (rows("photosynthesis"), rows("photosyntesis"));
    let kept = right.iter().filter(|row| wrong.contains(row)).count();
    assert!(kept * 2 > right.len(), "{kept} of {}", right.len());
}

#[test]
fn runs_of_characters_stay_inside_a_word_and_a_bucket_limits_them() {
    let classifier = Classifier::load().unwrap();
    let rows = |text: &str, length| {
        let tokens = classifier.encoder.encode(text, 128);
        classifier.encoder.spellings(&tokens, length)
    };
    assert_eq!([rows("cat", 16), rows("dog", 16)].concat(), rows("cat dog", 16));
    assert_eq!(
        rows(&"supercalifragilistic ".repeat(9), 16).len(),
        16 * classifier.card.spelling.per_token
    );
}

/// What the crate that trained the vocabulary says.
fn reference(tokenizer: &tokenizers::Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode_fast(text, false).unwrap().get_ids().to_vec()
}

#[test]
fn texts_of_all_characters_are_cut_as_the_tokenizers_crate_cuts_them() {
    let (ours, theirs) = (
        unigram::Unigram::parse(TOKENIZER).unwrap().0,
        tokenizers::Tokenizer::from_bytes(TOKENIZER).unwrap(),
    );
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    // Most of the last planes is unassigned or private.
    for chunk in all.iter().take(0x3_2000).collect::<Vec<_>>().chunks(24) {
        let text: String = chunk.iter().copied().collect();
        assert_eq!(ours.encode(&text), reference(&theirs, &text), "{text:?}");
        let spaced: String = chunk.iter().flat_map(|&&c| ['a', c, 'e', ' ']).collect();
        assert_eq!(ours.encode(&spaced), reference(&theirs, &spaced), "{spaced:?}");
    }
    for case in golden_cases().unwrap() {
        assert_eq!(
            ours.encode(&case.text),
            reference(&theirs, &case.text),
            "{:?}",
            case.text
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_cut_as_the_tokenizers_crate_cuts_it(text in "(\\PC|[a-zA-Z ,.▁\u{300}-\u{36f}\u{1100}-\u{11ff}\u{ac00}-\u{d7a3}一-龥]|\\s){0,80}") {
        thread_local!(static BOTH: (unigram::Unigram, tokenizers::Tokenizer) = (
            unigram::Unigram::parse(TOKENIZER).unwrap().0,
            tokenizers::Tokenizer::from_bytes(TOKENIZER).unwrap(),
        ));
        BOTH.with(|(ours, theirs)| assert_eq!(ours.encode(&text), reference(theirs, &text)));
    }
}

#[test]
fn a_tokenizer_that_works_in_another_way_is_refused() {
    let error = |from: &str, to: &str| {
        let changed = String::from_utf8(TOKENIZER.to_vec())
            .unwrap()
            .replacen(from, to, 1);
        unigram::Unigram::parse(changed.as_bytes()).unwrap_err()
    };
    assert!(error("NFKC", "NFC").starts_with("normalizer: is not "));
    assert!(error("WhitespaceSplit", "Whitespace").starts_with("pre_tokenizer: is not "));
    assert!(error(r#""unk_id":1"#, r#""unk_id":99999999"#).starts_with("unk_id: "));
}
