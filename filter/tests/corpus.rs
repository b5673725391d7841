//! The fuzzer's corpus, replayed on stable Rust: what it once found stays mended.

#[path = "fake/case.rs"]
mod case;
mod fake;

use std::path::Path;

#[test]
fn every_case_of_the_corpus_is_answered() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/request");
    let files: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.len() >= 8, "the corpus is kept in the repository");
    for file in files {
        case::run(&std::fs::read(&file).unwrap());
    }
}
