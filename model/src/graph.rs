//! The ONNX graph, compiled by tract once per sequence length, when a text of that length first comes or before.

use std::sync::{Mutex, OnceLock};

use tract_core::internal::TractErrorContext;
use tract_core::optim::Optimizer;
use tract_core::prelude::*;

use crate::card::Bigram;
use crate::text::Encoder;
use crate::{Card, Error, Scores, onnx};

/// The trunk, one plan per bucket of sequence lengths, as tract optimises concrete shapes better than symbolic ones; and the
/// heads, which know no length. All share the tables, which tract keeps behind reference counts.
#[derive(Debug)]
pub(crate) struct Graph {
    source: onnx::Graph,
    trunks: Vec<Trunk>,
    heads: Plan,
    pad_id: i64,
    bigram: Bigram,
    embedding_width: usize,
}

#[derive(Debug)]
struct Trunk {
    length: usize,
    spellings: usize,
    /// To compile it takes some milliseconds, half of what loading otherwise takes in all.
    plan: OnceLock<Plan>,
}

/// What the trunk gives and the heads read; `train/export.py` names them so.
const SEAM: [&str; 2] = ["features", "wide"];

impl Graph {
    pub(crate) fn new(card: &Card, file: &'static [u8]) -> Result<Self, Error> {
        Self::compile(card, file).map_err(|e| Error::Asset {
            name: "model.onnx",
            why: format!("{e:#}"),
        })
    }

    fn compile(card: &Card, file: &'static [u8]) -> TractResult<Self> {
        let mut source = onnx::Graph::parse(file)?;
        let trunks: Vec<_> = card
            .buckets
            .iter()
            .map(|&length| Trunk {
                length,
                spellings: length * card.spelling.per_token,
                plan: OnceLock::new(),
            })
            .collect();
        let trunk = trunks.first().context("no bucket")?.plan(&source)?;
        let facts = (0..SEAM.len()).map(|output| trunk.runnable.model().output_fact(output).cloned());
        let facts = facts.collect::<TractResult<Vec<_>>>()?;
        let inputs: Vec<_> = SEAM.into_iter().zip(facts).collect();
        let heads = Plan::new(source.build(&inputs, &["chances", "embedding"])?)?;
        source.keep(&SEAM);
        Ok(Self {
            heads,
            source,
            trunks,
            pad_id: card.pad_id,
            bigram: card.bigram.clone(),
            embedding_width: card.embedding_width,
        })
    }

    /// Compiles the trunk for the next length that has none; whether there was one.
    pub(crate) fn prepare(&self) -> Result<bool, Error> {
        let Some(next) = self.trunks.iter().find(|trunk| trunk.plan.get().is_none()) else {
            return Ok(false);
        };
        next.plan(&self.source).map_err(failure)?;
        Ok(true)
    }

    /// Scores of at most `max_tokens` tokens; more than the longest bucket holds are cut off.
    pub(crate) fn score(&self, encoder: &Encoder, tokens: &[i64]) -> Result<Scores, Error> {
        let trunk = self.trunk(tokens.len())?;
        let inputs = tvec![
            row(tokens.iter().copied(), trunk.length, self.pad_id).map_err(failure)?,
            row(self.bigram.rows(tokens, self.pad_id), trunk.length, 0).map_err(failure)?,
            row(
                encoder.spellings(tokens, trunk.length).into_iter(),
                trunk.spellings,
                0
            )
            .map_err(failure)?,
        ];
        self.read(&self.run(trunk.length, inputs)?)
    }

    /// The chances and the embedding, from the tokens, the pairs and the spellings of a bucket of this length.
    pub(crate) fn run(&self, length: usize, inputs: TVec<TValue>) -> Result<TVec<TValue>, Error> {
        let plan = self.trunk(length)?.plan(&self.source);
        let features = plan.and_then(|plan| plan.run(inputs));
        let outputs = features.and_then(|features| self.heads.run(features));
        outputs.map_err(failure)
    }

    /// The shortest bucket that holds so many tokens, or the longest of all.
    fn trunk(&self, tokens: usize) -> Result<&Trunk, Error> {
        let fits = self.trunks.iter().find(|trunk| tokens <= trunk.length);
        fits.or(self.trunks.last())
            .ok_or_else(|| Error::Run("no plan".into()))
    }

    fn read(&self, outputs: &[TValue]) -> Result<Scores, Error> {
        let [chances, embedding] = outputs else {
            return Err(Error::Run(format!("{} outputs, not 2", outputs.len())));
        };
        let mut chances = finite("chances", chances)?;
        let embedding = finite("embedding", embedding)?.to_vec();
        if embedding.len() != self.embedding_width {
            return Err(Error::Run(format!(
                "embedding: {} numbers, not {}",
                embedding.len(),
                self.embedding_width
            )));
        }
        let domain = *take(&mut chances)?;
        let guard = *take(&mut chances)?;
        let [fact_check] = *take(&mut chances)?;
        let feedback = *take(&mut chances)?;
        Ok(Scores {
            domain,
            guard,
            fact_check,
            feedback,
            embedding,
        })
    }
}

impl Trunk {
    fn plan(&self, source: &onnx::Graph) -> TractResult<&Plan> {
        if let Some(plan) = self.plan.get() {
            return Ok(plan);
        }
        let lengths = [
            ("tokens", self.length),
            ("bigrams", self.length),
            ("spellings", self.spellings),
        ];
        let inputs = lengths.map(|(name, length)| (name, i64::fact([length])));
        let plan = Plan::new(source.build(&inputs, &SEAM)?)?;
        Ok(self.plan.get_or_init(|| plan))
    }
}

fn failure(error: TractError) -> Error {
    Error::Run(format!("{error:#}"))
}

/// The first passes of tract's clean-up look at one operator at a time. The rest, which move slices and transpositions
/// through the graph, take half as long again as all else in loading, and make our longest plan four times as slow.
const CLEANING_PASSES: usize = 5;

struct Plan {
    runnable: Arc<TypedRunnableModel>,
    /// Building a run's state costs as much as running a short text, so it is kept. A caller who finds it in use by
    /// another thread, or lost to a failed run, builds one.
    state: Mutex<Option<TypedSimpleState>>,
}

impl Plan {
    fn new(mut model: TypedModel) -> TractResult<Self> {
        let mut clean_up = Optimizer::declutter();
        clean_up.passes.truncate(CLEANING_PASSES);
        clean_up.optimize(&mut model)?;
        model.optimize()?;
        Ok(Self {
            runnable: model.into_runnable()?,
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
        f.debug_struct("Plan").finish_non_exhaustive()
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
    Ok(Tensor::from_shape(&[length], &padded)?.into())
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

/// The next numbers of a row.
fn take<'a, const N: usize>(row: &mut &'a [f32]) -> Result<&'a [f32; N], Error> {
    let (first, rest) = row
        .split_first_chunk()
        .ok_or_else(|| Error::Run(format!("chances: {} numbers where {N} are due", row.len())))?;
    *row = rest;
    Ok(first)
}
