//! The ONNX graph, compiled by tract once per sequence length.

use std::sync::Mutex;

use tract_hir::prelude::*;

use crate::card::Bigram;
use crate::text::Encoder;
use crate::{Card, Error, Scores, onnx};

/// One plan per bucket of sequence lengths: tract optimises concrete shapes better than symbolic ones. The plans share
/// the tables, which tract keeps behind reference counts.
#[derive(Debug)]
pub(crate) struct Graph {
    plans: Vec<Plan>,
    pad_id: i64,
    bigram: Bigram,
    embedding_width: usize,
}

struct Plan {
    length: usize,
    spellings: usize,
    runnable: Arc<TypedRunnableModel>,
    /// Building a run's state costs as much as running a short text, so it is kept. A caller who finds it in use by
    /// another thread, or lost to a failed run, builds one.
    state: Mutex<Option<TypedSimpleState>>,
}

impl Graph {
    pub(crate) fn new(card: &Card, file: &'static [u8]) -> Result<Self, Error> {
        let asset = |e: TractError| Error::Asset {
            name: "model.onnx",
            why: format!("{e:#}"),
        };
        let graph = onnx::Graph::parse(file).map_err(asset)?;
        let plans = card
            .buckets
            .iter()
            .map(|&length| Plan::new(&graph, length, length * card.spelling.per_token))
            .collect::<TractResult<_>>()
            .map_err(asset)?;
        Ok(Self {
            plans,
            pad_id: card.pad_id,
            bigram: card.bigram.clone(),
            embedding_width: card.embedding_width,
        })
    }

    /// Scores of at most `max_tokens` tokens; more than the longest bucket holds are cut off.
    pub(crate) fn score(&self, encoder: &Encoder, tokens: &[i64]) -> Result<Scores, Error> {
        let plan = self
            .plans
            .iter()
            .find(|plan| tokens.len() <= plan.length)
            .or(self.plans.last());
        let plan = plan.ok_or_else(|| Error::Run("no plan".into()))?;
        let run = |e: TractError| Error::Run(format!("{e:#}"));
        let inputs = tvec![
            row(tokens.iter().copied(), plan.length, self.pad_id).map_err(run)?,
            row(self.bigram.rows(tokens, self.pad_id), plan.length, 0).map_err(run)?,
            row(
                encoder.spellings(tokens, plan.length).into_iter(),
                plan.spellings,
                0
            )
            .map_err(run)?,
        ];
        self.read(&plan.run(inputs).map_err(run)?)
    }

    fn read(&self, outputs: &[TValue]) -> Result<Scores, Error> {
        let [domain, guard, fact_check, feedback, embedding] = outputs else {
            return Err(Error::Run(format!("{} outputs, not 5", outputs.len())));
        };
        let [fact_check] = numbers("fact_check", fact_check)?;
        let embedding = finite("embedding", embedding)?.to_vec();
        if embedding.len() != self.embedding_width {
            return Err(Error::Run(format!(
                "embedding: {} numbers, not {}",
                embedding.len(),
                self.embedding_width
            )));
        }
        Ok(Scores {
            domain: numbers("domain", domain)?,
            guard: numbers("guard", guard)?,
            fact_check,
            feedback: numbers("feedback", feedback)?,
            embedding,
        })
    }
}

impl Plan {
    fn new(graph: &onnx::Graph, length: usize, spellings: usize) -> TractResult<Self> {
        let model = graph.build(&[length, length, spellings])?;
        Ok(Self {
            length,
            spellings,
            runnable: model.into_optimized()?.into_runnable()?,
            state: Mutex::new(None),
        })
    }

    fn run(&self, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let kept = self.state.try_lock().ok().and_then(|mut kept| kept.take());
        let mut state = kept.map_or_else(|| self.runnable.spawn(), Ok)?;
        let outputs = state.run(inputs)?;
        if let Ok(mut kept) = self.state.try_lock() {
            *kept = Some(state);
        }
        Ok(outputs)
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Bigram {
    fn rows<'a>(&'a self, tokens: &'a [i64], pad_id: i64) -> impl Iterator<Item = i64> + 'a {
        let previous = std::iter::once(pad_id).chain(tokens.iter().copied());
        previous.zip(tokens).map(|(previous, &current)| {
            // Token ids are far below 2^32.
            let hash = (previous as u32)
                .wrapping_mul(self.a)
                .wrapping_add((current as u32).wrapping_mul(self.b));
            let hash = (hash ^ (hash >> 15)).wrapping_mul(self.c);
            i64::from((hash >> (32 - self.bits)).max(1))
        })
    }
}

fn row(ids: impl Iterator<Item = i64>, length: usize, pad: i64) -> TractResult<TValue> {
    let mut padded: Vec<i64> = ids.take(length).collect();
    padded.resize(length, pad);
    Ok(Tensor::from_shape(&[1, length], &padded)?.into())
}

fn finite<'a>(name: &str, output: &'a TValue) -> Result<&'a [f32], Error> {
    let view = output
        .to_plain_array_view::<f32>()
        .map_err(|e| Error::Run(format!("{name}: {e:#}")))?;
    let values = view
        .to_slice()
        .filter(|values| values.iter().all(|v| v.is_finite()));
    values.ok_or_else(|| Error::Run(format!("{name}: not finite numbers")))
}

fn numbers<const N: usize>(name: &str, output: &TValue) -> Result<[f32; N], Error> {
    let values = finite(name, output)?;
    values
        .try_into()
        .map_err(|_| Error::Run(format!("{name}: {} numbers, not {N}", values.len())))
}
