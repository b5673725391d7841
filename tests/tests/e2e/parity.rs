//! The scores inside Envoy are those of the native model.

use anyhow::{Context, Result, ensure};
use promptswitch_model::Classifier;
use promptswitch_tests::{
    message::{Framing, Pace, Request},
    stack::Stack,
};

use crate::suite::{Listener, Suite};

const TEXTS: &str = include_str!("texts.txt");
const MAX_TOKENS: usize = 128;
const TOLERANCE: f32 = 1e-3;

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    suite.test(
        "scores inside Envoy are those of the native model, in every script",
        guide,
        scores_are_native,
    );
}

fn scores_are_native(stack: &Stack) -> Result<()> {
    let classifier = Classifier::load()?;
    ensure!(texts().count() >= 500);
    for text in texts() {
        let native = classifier.score(&text, MAX_TOKENS)?.domain;
        let inside = scores_inside(stack, &text).with_context(|| format!("{text:.60}"))?;
        ensure!(
            inside.len() == native.len(),
            "{} scores for {text:.60}",
            inside.len()
        );
        for (label, score) in classifier.labels().iter().zip(native) {
            let inside = inside
                .iter()
                .find(|(name, _)| name == label)
                .map(|(_, score)| *score);
            let inside = inside.with_context(|| format!("no score of {label}"))?;
            // Written so that a NaN fails.
            ensure!(
                (inside - score).abs() <= TOLERANCE,
                "{label}: {inside} in Envoy, {score} natively: {text:.60}"
            );
        }
    }
    Ok(())
}

// The lines of the file, and each with another; texts longer than the model reads, and with what a line cannot hold; a run of
// characters from all over Unicode up to the last emoji, control characters included.
fn texts() -> impl Iterator<Item = String> {
    let lines = TEXTS.lines().map(String::from);
    let long = TEXTS.lines().step_by(9).map(|line| line.repeat(40));
    let odd = [
        TEXTS.into(),
        "one\n\ntwo\r\nthree".into(),
        "a\0b".into(),
        "x".repeat(5000),
        "1 ".repeat(3000),
    ];
    let pairs = TEXTS.lines().zip(TEXTS.lines().skip(11));
    let pairs = pairs.map(|(one, other)| format!("{one} {other}"));
    let runs = (0..0x1_fb00).step_by(0x130);
    let runs = runs.map(|first| (first..first + 24).filter_map(char::from_u32).collect::<String>());
    // Among surrogates there is none.
    let runs = runs.filter(|run| !run.trim().is_empty());
    lines.chain(pairs).chain(long).chain(odd).chain(runs)
}

fn scores_inside(stack: &Stack, text: &str) -> Result<Vec<(String, f32)>> {
    let request = Request::chat("auto", text).header("x-vsr-debug", "true");
    let response = stack
        .send(&request, Framing::ContentLength, Pace::Whole)?
        .response;
    let scores = response
        .header("x-promptswitch-domain-scores")
        .context("no scores in the response")?;
    let pairs = scores.split(',').map(|pair| {
        let (label, score) = pair
            .trim()
            .split_once('=')
            .with_context(|| format!("a score like {pair}"))?;
        Ok((label.to_string(), score.parse()?))
    });
    pairs.collect()
}
