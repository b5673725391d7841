//! The threads of a pipeline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::form::{Budget, form};
use super::lanes::Lanes;
use super::{Answer, Input, Job, Pipeline, Refusal, Size, of};
use crate::engine::{EngineError, Scores, Shared, Tokens, Worker};
use crate::metrics::Metrics;

type Batch = Vec<Job<Tokens>>;

pub(super) fn start(pipeline: &Pipeline, engine: &Shared, size: Size) -> Result<(), EngineError> {
    // Of no capacity: the batch that is formed while others run waits in the hand of the thread that formed it.
    let (hand, batches) = sync_channel(0);
    let batches = Arc::new(Mutex::new(batches));
    for _ in 0..size.workers {
        let runner = Runner {
            worker: engine.worker()?,
            engine: engine.clone(),
            metrics: pipeline.metrics.clone(),
        };
        let batches = batches.clone();
        spawn("worker", move || runner.run_all(&batches))?;
    }
    for _ in 0..size.tokenizers {
        let (incoming, ready) = (pipeline.incoming.clone(), pipeline.ready.clone());
        let (engine, metrics) = (engine.clone(), pipeline.metrics.clone());
        spawn("tokenizer", move || {
            tokenise(&incoming, &ready, &engine, &metrics);
        })?;
    }
    let (ready, metrics) = (pipeline.ready.clone(), pipeline.metrics.clone());
    let budget = Budget {
        tokens: size.batch_tokens,
        workers: size.workers,
    };
    spawn("batches", move || batch(&ready, budget, &hand, &metrics))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
    let thread = thread::Builder::new().name(name.into()).spawn(run);
    thread
        .map(drop)
        .map_err(|error| EngineError::Run(format!("thread {name}: {error}")))
}

fn tokenise(incoming: &Lanes<Job<Input>>, ready: &Lanes<Job<Tokens>>, engine: &Shared, metrics: &Metrics) {
    while let Some(job) = incoming.take(VecDeque::pop_front) {
        let Some(mut job) = job.and_then(|job| job.alive(metrics)) else {
            continue;
        };
        let input = std::mem::replace(&mut job.input, Input::Tokens(Vec::new()));
        let tokens = guarded(|| match input {
            Input::Text(text) => engine.encode(&text),
            Input::Tokens(tokens) => engine.complete(tokens),
        });
        match tokens {
            Ok(tokens) => {
                let class = job.class;
                ready.push(class, vec![job.with(tokens)]);
                metrics.queued.get_or_create(&of(class)).inc();
            }
            Err(error) => fail(job, &error),
        }
    }
}

fn batch(ready: &Lanes<Job<Tokens>>, budget: Budget, hand: &SyncSender<Batch>, metrics: &Metrics) {
    let length = |job: &Job<Tokens>| job.input.len();
    loop {
        let next = ready.take(|lane| {
            form(lane, budget, length, |job| {
                let class = job.class;
                let alive = job.alive(metrics);
                if alive.is_none() {
                    metrics.queued.get_or_create(&of(class)).dec();
                }
                alive
            })
        });
        let Some(batch) = next else { return };
        if !batch.is_empty() && hand.send(batch).is_err() {
            return;
        }
    }
}

struct Runner {
    worker: Box<dyn Worker>,
    engine: Shared,
    metrics: Arc<Metrics>,
}

impl Runner {
    fn run_all(mut self, batches: &Mutex<Receiver<Batch>>) {
        loop {
            let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = next else { return };
            for job in &batch {
                self.metrics.queued.get_or_create(&of(job.class)).dec();
            }
            let alive = |job: Job<Tokens>| job.alive(&self.metrics);
            let batch: Batch = batch.into_iter().filter_map(alive).collect();
            if !batch.is_empty() {
                self.run(batch);
            }
        }
    }

    fn run(&mut self, batch: Batch) {
        let started = Instant::now();
        self.count(&batch, started);
        let tokens: Vec<&[u32]> = batch.iter().map(|job| job.input.as_slice()).collect();
        let result = guarded(|| self.worker.run(&tokens)).and_then(|scores| complete(scores, batch.len()));
        self.metrics
            .inference_seconds
            .observe(started.elapsed().as_secs_f64());
        match result {
            Ok(scores) => answer(batch, scores),
            Err(error) => {
                log::error!("a batch of {} texts failed: {error}", batch.len());
                batch.into_iter().for_each(|job| fail(job, &error));
                // What the failure left of the state is not to be trusted.
                if let Ok(worker) = self.engine.worker() {
                    self.worker = worker;
                }
            }
        }
    }

    fn count(&self, batch: &[Job<Tokens>], started: Instant) {
        let lengths = batch.iter().map(|job| job.input.len());
        let padded = lengths.clone().max().unwrap_or(0) * batch.len();
        self.metrics.batch_texts.observe(batch.len() as f64);
        self.metrics.batch_tokens.observe(padded as f64);
        self.metrics.tokens.inc_by(lengths.sum::<usize>() as u64);
        for job in batch {
            let waited = started.duration_since(job.arrived).as_secs_f64();
            self.metrics
                .queue_seconds
                .get_or_create(&of(job.class))
                .observe(waited);
        }
    }
}

fn complete(scores: Vec<Scores>, wanted: usize) -> Result<Vec<Scores>, EngineError> {
    if scores.len() == wanted {
        Ok(scores)
    } else {
        Err(EngineError::Run(format!(
            "{} results for {wanted} texts",
            scores.len()
        )))
    }
}

fn answer(batch: Batch, scores: Vec<Scores>) {
    for (job, scores) in batch.into_iter().zip(scores) {
        let answer = Answer {
            scores,
            tokens: job.input.len(),
        };
        job.tell(Ok(answer));
    }
}

fn fail<T>(job: Job<T>, error: &EngineError) {
    job.tell(Err(Refusal::Failed(error.to_string())));
}

/// A library's panic costs the texts at hand, not the thread.
fn guarded<R>(run: impl FnOnce() -> Result<R, EngineError>) -> Result<R, EngineError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(EngineError::Run("panicked".into())))
}
