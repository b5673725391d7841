//! The ONNX graph, compiled by tract once per sequence length.

use tract_hir::prelude::*;

use crate::card::Bigram;
use crate::{Card, DOMAINS, Error, onnx};

type Plan = Arc<TypedRunnableModel>;

/// One plan per bucket of sequence lengths: tract optimises concrete shapes better than symbolic ones. The plans share
/// the tables, which tract keeps behind reference counts.
#[derive(Debug)]
pub(crate) struct Graph {
    plans: Vec<(usize, Plan)>,
    pad_id: i64,
    bigram: Option<Bigram>,
}

impl Graph {
    pub(crate) fn new(card: &Card, file: &'static [u8]) -> Result<Self, Error> {
        let asset = |e: TractError| Error::Asset {
            name: "model.onnx",
            why: format!("{e:#}"),
        };
        let graph = onnx::Graph::parse(file).map_err(asset)?;
        let plan = |length: usize| -> TractResult<(usize, Plan)> {
            Ok((length, graph.build(length)?.into_optimized()?.into_runnable()?))
        };
        let plans = card
            .buckets
            .iter()
            .map(|&length| plan(length))
            .collect::<TractResult<_>>()
            .map_err(asset)?;
        Ok(Self {
            plans,
            pad_id: card.pad_id,
            bigram: card.bigram.clone(),
        })
    }

    /// Scores of at most `max_tokens` tokens; more than the longest bucket holds are cut off.
    pub(crate) fn domain(&self, tokens: &[i64]) -> Result<[f32; DOMAINS], Error> {
        let run = |e: TractError| Error::Run(format!("{e:#}"));
        let (length, plan) = self
            .plans
            .iter()
            .find(|(length, _)| tokens.len() <= *length)
            .or(self.plans.last())
            .ok_or_else(|| Error::Run("no plan".into()))?;
        let mut inputs = tvec![row(tokens.iter().copied(), *length, self.pad_id).map_err(run)?];
        if let Some(bigram) = &self.bigram {
            inputs.push(row(bigram.rows(tokens, self.pad_id), *length, 0).map_err(run)?);
        }
        let outputs = plan.run(inputs).map_err(run)?;
        let scores = outputs.first().ok_or_else(|| Error::Run("no output".into()))?;
        let scores = scores.to_plain_array_view::<f32>().map_err(run)?;
        let scores = scores.as_slice().and_then(|s| <[f32; DOMAINS]>::try_from(s).ok());
        scores
            .filter(|s| s.iter().all(|p| p.is_finite()))
            .ok_or_else(|| Error::Run("output is not 14 finite scores".into()))
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
