//! The same numbers on a card as on the CPU; skipped where no card is, and built with `--features cuda` only.

use std::path::Path;

use promptswitch_companion::device::{Choice, Device};
use promptswitch_companion::engine::{self, Scores};

use crate::rig::dot;

const TEXTS: [&str; 3] = [
    "What is the derivative of x^3 * sin(x)?",
    "合同中的哪一条规定了违约金？",
    "Why?",
];

fn scores(device: &Device) -> Vec<Scores> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/large");
    let engine = engine::load(&folder, "large", device).unwrap();
    let tokens: Vec<_> = TEXTS.map(|text| engine.encode(text).unwrap()).into();
    let batch: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
    engine.worker().unwrap().run(&batch).unwrap()
}

#[test]
fn a_card_gives_the_numbers_of_the_cpu() {
    let card = match Device::choose(Choice::Cuda) {
        Ok(card) => card,
        Err(why) => return println!("skipped: {why}"),
    };
    assert!(card.is_accelerator());
    let cpu = Device::choose(Choice::Cpu).unwrap();
    for (ours, theirs) in scores(&cpu).iter().zip(scores(&card)) {
        assert!(dot(&ours.embedding, &theirs.embedding) > 0.999);
        let (ours, theirs) = (ours.heads.as_ref().unwrap(), theirs.heads.unwrap());
        for (a, b) in ours.domain.iter().zip(theirs.domain) {
            assert!((a - b).abs() < 0.01, "{a} {b}");
        }
    }
}

#[test]
fn without_a_card_auto_is_the_cpu_and_cuda_is_an_error() {
    let auto = Device::choose(Choice::Auto).unwrap();
    match Device::choose(Choice::Cuda) {
        Ok(_) => assert!(auto.is_accelerator()),
        Err(why) => {
            assert!(why.to_string().starts_with("device cuda: "), "{why}");
            assert!(auto.to_string().starts_with("cpu (no cuda: "), "{auto}");
        }
    }
}
