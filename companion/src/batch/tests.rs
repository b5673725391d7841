//! The pipeline on a model that does what the test says.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::engine::{About, Engine, EngineError, Scores, Tokens, Worker};

/// A model whose batches wait at a gate, and that says which it ran. A text's tokens are its bytes.
#[derive(Debug)]
struct Gated {
    about: About,
    gate: Arc<Mutex<Receiver<()>>>,
    ran: Sender<Vec<String>>,
    encoded: Sender<String>,
}

struct GatedWorker {
    gate: Arc<Mutex<Receiver<()>>>,
    ran: Sender<Vec<String>>,
}

impl Engine for Gated {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str) -> Result<Tokens, EngineError> {
        assert!(text != "panic", "asked to");
        self.encoded.send(text.into()).ok();
        Ok(text.bytes().map(u32::from).collect())
    }

    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError> {
        Ok(tokens)
    }

    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        Ok(Box::new(GatedWorker {
            gate: self.gate.clone(),
            ran: self.ran.clone(),
        }))
    }
}

impl Worker for GatedWorker {
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError> {
        let text = |tokens: &&[u32]| tokens.iter().filter_map(|&b| char::from_u32(b)).collect();
        let texts: Vec<String> = batch.iter().map(text).collect();
        self.ran.send(texts.clone()).ok();
        self.gate.lock().unwrap().recv().ok();
        assert!(!texts.contains(&"explode".to_owned()), "asked to");
        let length = |text: &String| Scores {
            heads: None,
            embedding: vec![text.len() as f32],
        };
        Ok(texts.iter().map(length).collect())
    }
}

struct Rig {
    pipeline: Arc<Pipeline>,
    gate: Sender<()>,
    ran: Receiver<Vec<String>>,
    encoded: Receiver<String>,
}

fn rig(queued_texts: usize, batch_tokens: usize) -> Rig {
    let ((gate, waits), (said, ran), (noted, encoded)) = (channel(), channel(), channel());
    let engine: Shared = Arc::new(Gated {
        about: About {
            id: "gated".into(),
            revision: "1".into(),
            width: 1,
            max_tokens: 100,
            vocabulary: 256,
            labels: None,
        },
        gate: Arc::new(Mutex::new(waits)),
        ran: said,
        encoded: noted,
    });
    let size = Size {
        workers: 1,
        tokenizers: 1,
        batch_tokens,
        queued_texts,
    };
    let pipeline = Pipeline::start(&engine, size, Arc::default()).unwrap();
    Rig {
        pipeline: Arc::new(pipeline),
        gate,
        ran,
        encoded,
    }
}

type Running = tokio::task::JoinHandle<Result<Vec<Answer>, Refusal>>;

impl Rig {
    /// Sends texts, and waits until they are tokenised.
    fn send(&self, class: Class, texts: &[&str]) -> Running {
        let inputs = texts.iter().map(|text| Input::Text((*text).into())).collect();
        let pipeline = self.pipeline.clone();
        let running = tokio::spawn(async move { pipeline.run(inputs, class, None).await });
        for _ in texts {
            self.encoded.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        running
    }

    /// Waits until so many texts are in the queue or in the batch that was formed ahead.
    async fn wait_for_queued(&self, class: Class, texts: i64) {
        while self.pipeline.metrics.queued.get_or_create(&of(class)).get() < texts {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What the next batch is made of.
    fn next(&self) -> Vec<String> {
        self.ran.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Lets so many batches finish.
    fn open(&self, batches: usize) {
        (0..batches).for_each(|_| self.gate.send(()).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_while_a_batch_runs_becomes_one_batch() {
    let rig = rig(100, 1000);
    let first = rig.send(Class::bulk, &["first"]);
    assert_eq!(rig.next(), ["first"]);
    // One batch is formed ahead; what comes after it is together.
    let ahead = rig.send(Class::bulk, &["ahead"]);
    let rest: Vec<_> = ["a", "b", "c"].map(|t| rig.send(Class::bulk, &[t])).into();
    rig.open(10);
    let mut order = Vec::new();
    while order.iter().map(Vec::len).sum::<usize>() < 4 {
        order.push(rig.next());
    }
    assert!(order.len() < 4, "{order:?}");
    assert_eq!(first.await.unwrap().unwrap()[0].tokens, 5);
    assert!(ahead.await.unwrap().is_ok());
    for one in rest {
        assert_eq!(one.await.unwrap().unwrap()[0].scores.embedding, [1.0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_request_overtakes_a_large_one_that_came_before_it() {
    let rig = rig(100, 8);
    let large = rig.send(Class::bulk, &["bulkbulk"; 10]);
    assert_eq!(rig.next(), ["bulkbulk"]);
    let small = rig.send(Class::interactive, &["small"]);
    rig.wait_for_queued(Class::interactive, 1).await;
    rig.open(20);
    let order: Vec<String> = (0..10).flat_map(|_| rig.next()).collect();
    let place = order.iter().position(|text| text == "small");
    // At most the batch that was formed already is before it.
    assert!(place.is_some_and(|place| place <= 1), "{order:?}");
    assert!(small.await.unwrap().is_ok());
    assert_eq!(large.await.unwrap().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_requests_do_not_starve_a_large_one() {
    let rig = rig(100, 8);
    let large = rig.send(Class::bulk, &["bulkbulk"; 4]);
    assert_eq!(rig.next(), ["bulkbulk"]);
    let small: Vec<_> = (0..20)
        .map(|_| rig.send(Class::interactive, &["smallest"]))
        .collect();
    rig.wait_for_queued(Class::interactive, 20).await;
    rig.open(30);
    let order: Vec<String> = (0..23).flat_map(|_| rig.next()).collect();
    let last = order.iter().rposition(|text| text == "bulkbulk").unwrap();
    assert!(last < 16, "{order:?}");
    assert!(large.await.unwrap().is_ok());
    for one in small {
        assert!(one.await.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_whose_deadline_passed_in_the_queue_is_never_run() {
    let rig = rig(100, 5);
    let first = rig.send(Class::bulk, &["first"]);
    assert_eq!(rig.next(), ["first"]);
    let ahead = rig.send(Class::bulk, &["ahead"]);
    let soon = Some(Instant::now() + Duration::from_millis(1));
    let late = vec![Input::Text("later".into())];
    let refused = rig.pipeline.run(late, Class::bulk, soon).await;
    assert_eq!(refused.unwrap_err(), Refusal::Deadline);
    let last = rig.send(Class::bulk, &["last"]);
    rig.open(5);
    assert_eq!([rig.next(), rig.next()], [["ahead"], ["last"]]);
    for one in [first, ahead, last] {
        assert!(one.await.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_whose_client_left_is_never_run() {
    let rig = rig(100, 5);
    let first = rig.send(Class::bulk, &["first"]);
    assert_eq!(rig.next(), ["first"]);
    let ahead = rig.send(Class::bulk, &["ahead"]);
    let gone = rig.send(Class::bulk, &["gone!"]);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let last = rig.send(Class::bulk, &["last"]);
    rig.open(5);
    assert_eq!([rig.next(), rig.next()], [["ahead"], ["last"]]);
    for one in [first, ahead, last] {
        assert!(one.await.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_one_class_and_not_the_other() {
    let rig = rig(2, 8);
    let running = rig.send(Class::bulk, &["one", "two"]);
    let pipeline = rig.pipeline.clone();
    let more = pipeline.run(vec![Input::Text("more".into())], Class::bulk, None);
    assert_eq!(more.await.unwrap_err(), Refusal::Full);
    let small = rig.send(Class::interactive, &["small"]);
    rig.open(5);
    assert!(running.await.unwrap().is_ok());
    assert!(small.await.unwrap().is_ok());
    // The places are free again once the last job is gone.
    let again = rig.send(Class::bulk, &["three"]);
    assert!(again.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_the_model_fails_its_batch_and_no_other() {
    let rig = rig(100, 1);
    rig.open(5);
    let failed = rig.send(Class::bulk, &["explode"]).await.unwrap();
    assert!(matches!(failed, Err(Refusal::Failed(_))));
    let text = Input::Text("panic".into());
    let failed = rig.pipeline.run(vec![text], Class::bulk, None).await;
    assert!(matches!(failed, Err(Refusal::Failed(_))));
    assert!(rig.send(Class::bulk, &["fine"]).await.unwrap().is_ok());
}
