//! Median time of a classification by length, with its parts: `cargo run --release -p promptswitch-model --example time`.

use std::time::Instant;

use promptswitch_model::Classifier;

fn main() -> Result<(), promptswitch_model::Error> {
    let started = Instant::now();
    let classifier = Classifier::load()?;
    println!("load {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    for words in [8, 24, 100, 2_000] {
        let text = "the quick brown fox jumps over the lazy dog "
            .split_inclusive(' ')
            .cycle()
            .take(words)
            .collect::<String>();
        for max_tokens in [1, 16, 32, 64, 128] {
            let mut times: Vec<f64> = (0..50)
                .map(|_| {
                    let started = Instant::now();
                    let _ = classifier.score(&text, max_tokens);
                    started.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!(
                "{words} words, at most {max_tokens} tokens: {:.3} ms",
                times.get(times.len() / 2).copied().unwrap_or_default()
            );
        }
    }
    Ok(())
}
