//! What the semantic cache is worth: how many paraphrases it hits where it wrongly hits one in a hundred pairs that are
//! none, with and without its guard; and how long a look-up among many entries takes.
//!
//! ```sh
//! cargo run --release -p promptswitch-companion --example cache_figures -- PAIRS.jsonl.gz
//! ```
//!
//! A line of the file has `a`, `b`, `label` (1: one answer would do for both), `source` and `split`.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use promptswitch_companion::cache::{Answer, Cache, Found, Scope, Text};
use promptswitch_companion::config::{CacheConfig, Place};
use promptswitch_companion::device::{Choice, Device};
use promptswitch_companion::engine::{self, EngineError, Shared, builtin::Builtin};
use serde::Deserialize;

/// Of the pairs that are no paraphrases so many may hit.
const FALSE_HITS: f64 = 0.01;

#[derive(Parser)]
struct Options {
    /// Pairs of texts, JSON lines, gzip
    pairs: PathBuf,
    /// Directory of the model that makes the embeddings; without it the built-in one
    #[arg(long)]
    model: Option<PathBuf>,
    /// At most about so many pairs of each source
    #[arg(long, default_value_t = usize::MAX)]
    most: usize,
    /// Sources, by the start of their names
    #[arg(long, value_delimiter = ',', default_value = "QQP,LCQMC")]
    sources: Vec<String>,
    /// Entries among which look-ups are timed; 0 for none
    #[arg(long, default_value_t = 100_000)]
    entries: usize,
}

#[derive(Deserialize)]
struct Row {
    a: String,
    b: String,
    label: Option<u8>,
    source: String,
    split: String,
}

/// A pair as the cache sees it.
struct Seen {
    similarity: f32,
    agrees: bool,
    same: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let rows = rows(&options)?;
    let model: Shared = match &options.model {
        Some(folder) => engine::load(folder, "model", &Device::choose(Choice::Auto)?)?,
        None => Arc::new(Builtin::load()?),
    };
    println!(
        "| source | pairs, paraphrases | threshold | guard | hits | false hits |\n|---|---|---|---|---|---|"
    );
    for source in &options.sources {
        let rows = rows.iter().filter(|row| row.split == "validation");
        let rows = rows.filter(|row| row.source.starts_with(source) && row.label.is_some());
        let rows: Vec<&Row> = rows.collect();
        // Spread over the file, which may be in an order.
        let step = rows.len().div_ceil(options.most).max(1);
        let rows: Vec<&Row> = rows.into_iter().step_by(step).collect();
        report(source, &see(&model, &rows).await?);
    }
    if options.entries > 0 {
        time(&model, &rows, options.entries).await?;
    }
    Ok(())
}

fn rows(options: &Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let file = flate2::read::GzDecoder::new(File::open(&options.pairs)?);
    let lines = BufReader::new(file).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

/// The embedding of each text, by as many threads as there are cores.
fn embed(model: &Shared, texts: &[&str]) -> Result<Vec<Vec<f32>>, EngineError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = texts.len().div_ceil(threads).max(1);
    let run = |texts: &[&str]| -> Result<Vec<Vec<f32>>, EngineError> {
        let mut worker = model.worker()?;
        let mut all = Vec::new();
        for text in texts {
            let scores = worker.run(&[&model.encode(text)?])?;
            all.extend(scores.into_iter().map(|scores| scores.embedding));
        }
        Ok(all)
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = texts
            .chunks(part)
            .map(|texts| scope.spawn(move || run(texts)))
            .collect();
        let mut all = Vec::new();
        for part in parts {
            let part = part.join();
            all.extend(part.map_err(|_| EngineError::Run("a thread failed".into()))??);
        }
        Ok(all)
    })
}

fn cache(entries: usize) -> Result<Cache, String> {
    Cache::new(CacheConfig {
        place: Place::Memory {
            entries,
            bytes: usize::MAX,
        },
        ttl: Duration::from_secs(86_400),
        threshold: 0.0,
    })
}

fn answer() -> Answer {
    Answer {
        response: "{}".into(),
        content_type: "application/json".into(),
    }
}

/// Each pair in a scope of its own: one text stored, the other looked up, however unlike they are.
async fn see(model: &Shared, rows: &[&Row]) -> Result<Vec<Seen>, Box<dyn Error>> {
    let texts: Vec<&str> = rows.iter().flat_map(|row| [&*row.a, &*row.b]).collect();
    let vectors = embed(model, &texts)?;
    let cache = cache(1)?;
    let mut seen = Vec::new();
    for (number, (row, pair)) in rows.iter().zip(vectors.chunks(2)).enumerate() {
        let [a, b] = pair else { continue };
        let scope = Scope {
            tenant: number.to_string(),
            ..Scope::default()
        };
        let stored = text(&row.a, a);
        let kept = cache.store(scope.clone(), stored, answer(), cache.ttl).await;
        kept.map_err(|why| format!("{why:?}"))?;
        let found = cache.look_up(scope, text(&row.b, b), -1.0).await;
        seen.push(Seen {
            similarity: a.iter().zip(b).map(|(a, b)| a * b).sum(),
            agrees: matches!(found, Found::Hit(_)),
            same: row.label == Some(1),
        });
    }
    Ok(seen)
}

fn text(text: &str, embedding: &[f32]) -> Text {
    Text {
        text: text.into(),
        embedding: embedding.into(),
    }
}

/// Share of the paraphrases and of the others that hit.
fn rates(seen: &[Seen], threshold: f32, guard: bool) -> (f64, f64) {
    let rate = |same: bool| {
        let all = seen.iter().filter(|pair| pair.same == same);
        let hits = all.clone().filter(|pair| pair.similarity >= threshold);
        let hits = hits.filter(|pair| pair.agrees || !guard).count();
        hits as f64 / all.count().max(1) as f64
    };
    (rate(true), rate(false))
}

fn report(source: &str, seen: &[Seen]) {
    let same = seen.iter().filter(|pair| pair.same).count();
    let line = |threshold: f32, guard: bool, note: &str| {
        let (hits, wrong) = rates(seen, threshold, guard);
        let guard = if guard { "with" } else { "without" };
        let (hits, wrong) = (hits * 100.0, wrong * 100.0);
        println!(
            "| {source} | {}, {same} | {threshold:.3}{note} | {guard} | {hits:.1} % | {wrong:.2} % |",
            seen.len()
        );
    };
    for guard in [false, true] {
        // The false hits fall with the threshold.
        let mut thresholds = (0..=1000).map(|step| step as f32 / 1000.0);
        let allowed = thresholds.find(|threshold| rates(seen, *threshold, guard).1 <= FALSE_HITS);
        line(allowed.unwrap_or(1.0), guard, " (1 %)");
    }
    for threshold in [0.90, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99] {
        line(threshold, false, "");
        line(threshold, true, "");
    }
}

/// Look-ups of texts that are not stored, among so many that are, all of one scope.
async fn time(model: &Shared, rows: &[Row], entries: usize) -> Result<(), Box<dyn Error>> {
    const QUERIES: usize = 2000;
    let distinct: HashMap<&str, ()> = rows
        .iter()
        .flat_map(|row| [(&*row.a, ()), (&*row.b, ())])
        .collect();
    let texts: Vec<&str> = distinct.into_keys().take(entries + QUERIES).collect();
    let (stored, asked) = texts.split_at(entries.min(texts.len().saturating_sub(QUERIES)));
    let cache = cache(entries)?;
    let began = Instant::now();
    for (stored, vector) in stored.iter().zip(embed(model, stored)?) {
        let kept = cache.store(Scope::default(), text(stored, &vector), answer(), cache.ttl);
        kept.await.map_err(|why| format!("{why:?}"))?;
    }
    let filled = began.elapsed();
    let (mut worker, mut ends) = (model.worker()?, BTreeMap::<&str, usize>::new());
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for asked in asked {
        let began = Instant::now();
        let scores = worker.run(&[&model.encode(asked)?])?;
        let vector = scores.into_iter().next().ok_or("no embedding")?.embedding;
        let embedded = Instant::now();
        let found = cache.look_up(Scope::default(), text(asked, &vector), 0.99).await;
        alone.push(embedded.elapsed());
        whole.push(began.elapsed());
        let end = match found {
            Found::Hit(_) => "hits",
            Found::Guarded => "guarded",
            Found::Miss | Found::Unavailable => "misses",
        };
        *ends.entry(end).or_default() += 1;
    }
    println!(
        "\n| look-up among {} entries | p50 ms | p99 ms |\n|---|---|---|",
        cache.size().0
    );
    for (name, mut times) in [("embedding excluded", alone), ("embedding included", whole)] {
        times.sort();
        let at = |part: f64| times.get((times.len() as f64 * part) as usize);
        let at = |part: f64| at(part).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        println!("| {name} | {:.2} | {:.2} |", at(0.5), at(0.99));
    }
    println!(
        "\n{} look-ups one after the other: {ends:?}; embedded and stored in {filled:.0?}",
        asked.len()
    );
    Ok(())
}
