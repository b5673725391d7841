//! The Mooncake conversation trace, scaled to what a simulator on a small machine can take.
//!
//! A line of the trace is one request: when it came, how long prompt and answer were, and which blocks of 512 tokens the prompt
//! is made of (FAST25-release/traces of kvcache-ai/Mooncake). Each block becomes a text of its own.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::MODEL;

/// Tokens of a block in the trace.
const BLOCK: usize = 512;
/// A token of a prompt stands for so many of the trace.
pub(super) const PROMPT_SCALE: usize = 4;
/// A token of an answer stands for so many of the trace.
pub(super) const ANSWER_SCALE: usize = 16;

/// One request of the trace.
pub(super) struct Row {
    /// After the first.
    pub(super) at: Duration,
    prompt_tokens: usize,
    answer_tokens: usize,
    blocks: Vec<u64>,
}

/// The first requests of a trace.
pub(super) fn read(path: &Path, requests: usize) -> Result<Vec<Row>> {
    let file = std::fs::File::open(path).with_context(|| {
        format!(
            "{}: the trace is FAST25-release/traces/conversation_trace.jsonl of kvcache-ai/Mooncake, packed by gzip",
            path.display()
        )
    })?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.take(requests).map(|line| row(&line?)).collect()
}

fn row(line: &str) -> Result<Row> {
    let line: Value = serde_json::from_str(line)?;
    let number = |key: &str| {
        line.get(key)
            .and_then(Value::as_u64)
            .with_context(|| format!("no {key}"))
    };
    let blocks = line
        .get("hash_ids")
        .and_then(Value::as_array)
        .context("no hash_ids")?;
    Ok(Row {
        at: Duration::from_millis(number("timestamp")?),
        prompt_tokens: usize::try_from(number("input_length")?)?,
        answer_tokens: usize::try_from(number("output_length")?)?,
        blocks: blocks.iter().filter_map(Value::as_u64).collect(),
    })
}

/// The share of all prompts' blocks that one endless cache would have had.
pub(super) fn best_share(rows: &[Row]) -> f64 {
    let mut seen = BTreeSet::<u64>::new();
    let (mut hits, mut all) = (0, 0);
    for row in rows {
        hits += row.blocks.iter().take_while(|block| seen.contains(block)).count();
        all += row.blocks.len();
        seen.extend(&row.blocks);
    }
    hits as f64 / all.max(1) as f64
}

impl Row {
    /// The request, whose words are tokens to the simulator, and 4 bytes long as its tokens are said to be.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.blocks.len() * BLOCK * 4 / PROMPT_SCALE);
        let mut left = self.prompt_tokens;
        for block in &self.blocks {
            words(&mut text, *block, left.min(BLOCK) / PROMPT_SCALE);
            left = left.saturating_sub(BLOCK);
        }
        json!({
            "model": MODEL, "stream": true, "ignore_eos": true,
            "max_tokens": (self.answer_tokens / ANSWER_SCALE).max(1),
            "messages": [{"role": "user", "content": text}],
        })
        .to_string()
        .into_bytes()
    }
}

/// The words of a block, which no other block has in that order.
fn words(text: &mut String, block: u64, count: usize) {
    let mut state = block;
    for _ in 0..count {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // Writing to a string cannot fail.
        let _ = write!(text, "{:03x} ", (mixed >> 32) & 0xfff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(blocks: &[u64], prompt_tokens: usize) -> Row {
        Row {
            at: Duration::ZERO,
            prompt_tokens,
            answer_tokens: 1,
            blocks: blocks.to_vec(),
        }
    }

    #[test]
    fn prompts_of_the_same_blocks_begin_with_the_same_text() {
        let text = |row: Row| {
            let body: Value = serde_json::from_slice(&row.body()).unwrap();
            body.pointer("/messages/0/content")
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        };
        let (a, b) = (text(row(&[7, 8, 9], 1200)), text(row(&[7, 8, 10], 1536)));
        assert_eq!((a.len(), b.len()), (1200, 1536));
        assert_eq!(a.get(..1024), b.get(..1024));
        assert_ne!(a.get(1024..1100), b.get(1024..1100));
    }

    #[test]
    fn the_best_share_counts_blocks_from_the_start_of_a_prompt_only() {
        let rows = [row(&[0, 1, 2, 3], 0), row(&[0, 1, 9, 3], 0)];
        assert!((best_share(&rows) - 0.25).abs() < 1e-9);
    }
}
