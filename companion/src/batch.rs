//! Batches as text-embeddings-inference makes them: nothing waits for company. Whatever is queued when a worker becomes
//! free is its next batch, and that batch is formed while the others still run.
//!
//! `run` -> tokeniser threads -> queue -> one thread that forms batches -> workers. Both queues have two lanes, so that
//! a small request does not wait behind a large one.

mod form;
mod lanes;
mod threads;

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::engine::{EngineError, Scores, Shared, Tokens};
use crate::metrics::{Dropped, Metrics, OfClass, Reason};
use lanes::Lanes;

/// Which lane a request waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
pub enum Class {
    /// Somebody waits for it: few texts. Served first, though not for ever.
    interactive,
    /// Everything else.
    bulk,
}

/// What to run a model on.
#[derive(Debug, Clone)]
pub enum Input {
    /// A text.
    Text(String),
    /// Tokens that the client made with the model's own tokenizer, without marks; all below its vocabulary.
    Tokens(Tokens),
}

/// What a model said of a text.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its numbers.
    pub scores: Scores,
    /// How many tokens it read.
    pub tokens: usize,
}

/// Why a text was not run.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Too many texts are waiting.
    Full,
    /// The deadline passed.
    Deadline,
    /// The server is ending.
    Ending,
    /// The model failed.
    Failed(String),
}

/// How many threads run a model, and how much at a time.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Threads that run the graph.
    pub workers: usize,
    /// Threads that tokenise.
    pub tokenizers: usize,
    /// Most tokens of a batch, padding included; a single text may be longer.
    pub batch_tokens: usize,
    /// Most texts waiting or being run, of each class.
    pub queued_texts: usize,
}

/// A model with its threads and queues. They end when it is dropped.
#[derive(Debug)]
pub struct Pipeline {
    incoming: Arc<Lanes<Job<Input>>>,
    ready: Arc<Lanes<Job<Tokens>>>,
    interactive: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// A text on its way.
#[derive(Debug)]
struct Job<T> {
    input: T,
    answer: oneshot::Sender<Result<Answer, Refusal>>,
    class: Class,
    deadline: Option<Instant>,
    arrived: Instant,
    /// Given back when the last text of the request is done or dropped, even if the client has long left.
    place: Arc<Place>,
}

/// A request's places in the queue.
#[derive(Debug)]
struct Place(#[allow(dead_code)] OwnedSemaphorePermit);

impl Pipeline {
    /// Starts the threads.
    pub fn start(engine: &Shared, size: Size, metrics: Arc<Metrics>) -> Result<Self, EngineError> {
        let pipeline = Self {
            incoming: Arc::default(),
            ready: Arc::default(),
            interactive: Arc::new(Semaphore::new(size.queued_texts)),
            bulk: Arc::new(Semaphore::new(size.queued_texts)),
            metrics,
        };
        threads::start(&pipeline, engine, size)?;
        Ok(pipeline)
    }

    /// Runs the model on each input; the answers are in their order. Dropping the future drops what has not begun.
    pub async fn run(
        &self,
        inputs: Vec<Input>,
        class: Class,
        deadline: Option<Instant>,
    ) -> Result<Vec<Answer>, Refusal> {
        let place = self.place(inputs.len(), class)?;
        let arrived = Instant::now();
        let mut answers = Vec::with_capacity(inputs.len());
        let jobs = inputs.into_iter().map(|input| {
            let (answer, receiver) = oneshot::channel();
            answers.push(receiver);
            Job {
                input,
                answer,
                class,
                deadline,
                arrived,
                place: place.clone(),
            }
        });
        self.incoming.push(class, jobs.collect());
        drop(place);
        let all = async {
            let mut found = Vec::with_capacity(answers.len());
            for answer in answers {
                found.push(answer.await.unwrap_or(Err(Refusal::Ending))?);
            }
            Ok(found)
        };
        match deadline {
            None => all.await,
            Some(deadline) => tokio::time::timeout_at(deadline.into(), all)
                .await
                .unwrap_or(Err(Refusal::Deadline)),
        }
    }

    fn place(&self, texts: usize, class: Class) -> Result<Arc<Place>, Refusal> {
        let places = match class {
            Class::interactive => &self.interactive,
            Class::bulk => &self.bulk,
        };
        let texts = u32::try_from(texts).map_err(|_| Refusal::Full)?;
        let permit = places.clone().try_acquire_many_owned(texts);
        permit
            .map(|permit| Arc::new(Place(permit)))
            .map_err(|_| Refusal::Full)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.incoming.close();
        self.ready.close();
    }
}

impl<T> Job<T> {
    /// The job, unless nobody waits for it any more; then it is told so and counted.
    fn alive(self, metrics: &Metrics) -> Option<Self> {
        let reason = if self.answer.is_closed() {
            Reason::client_gone
        } else if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Reason::deadline
        } else {
            return Some(self);
        };
        metrics.dropped.get_or_create(&Dropped { reason }).inc();
        self.answer.send(Err(Refusal::Deadline)).ok();
        None
    }

    /// Gives the answer, of which who left meanwhile gets none. Who has it finds its place in the queue free.
    fn tell(self, answer: Result<Answer, Refusal>) {
        drop(self.place);
        self.answer.send(answer).ok();
    }

    fn with<U>(self, input: U) -> Job<U> {
        Job {
            input,
            answer: self.answer,
            class: self.class,
            deadline: self.deadline,
            arrived: self.arrived,
            place: self.place,
        }
    }
}

fn of(class: Class) -> OfClass {
    OfClass { class }
}

#[cfg(test)]
mod tests;
