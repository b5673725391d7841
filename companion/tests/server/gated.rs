//! A model whose batches wait until the test lets them pass, and that counts what it ran.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use promptswitch_companion::batch::Size;
use promptswitch_companion::engine::{About, Engine, EngineError, Scores, Shared, Tokens, Worker};
use promptswitch_companion::{Model, Models};

use super::rig::Server;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    /// Texts whose batch has begun.
    pub(crate) begun: AtomicUsize,
}

impl Gate {
    /// Lets everything pass from now on.
    pub(crate) fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until so many texts have begun.
    pub(crate) async fn wait_for(&self, begun: usize) {
        while self.begun.load(Ordering::SeqCst) < begun {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// Serves a gated model, with room for so many texts.
pub(crate) async fn start(flags: &[&str], queued_texts: usize) -> (Server, Arc<Gate>) {
    let server = Server::starting(flags).await;
    let gate = Arc::<Gate>::default();
    let about = About {
        id: "gated".into(),
        revision: "1".into(),
        width: 2,
        max_tokens: 100,
        vocabulary: 256,
        labels: None,
    };
    let engine: Shared = Arc::new(Gated {
        about,
        gate: gate.clone(),
    });
    let size = Size {
        workers: 1,
        tokenizers: 1,
        batch_tokens: 1,
        queued_texts,
    };
    let model = Model::start(engine, size, server.app.metrics.clone()).unwrap();
    server.app.serve(Models::new(vec![model]));
    (server, gate)
}

#[derive(Debug)]
struct Gated {
    about: About,
    gate: Arc<Gate>,
}

impl Engine for Gated {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str) -> Result<Tokens, EngineError> {
        Ok(text.bytes().map(u32::from).collect())
    }

    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError> {
        Ok(tokens)
    }

    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        Ok(Box::new(GatedWorker(self.gate.clone())))
    }
}

struct GatedWorker(Arc<Gate>);

impl Worker for GatedWorker {
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError> {
        self.0.begun.fetch_add(batch.len(), Ordering::SeqCst);
        let mut open = self.0.open.lock().unwrap();
        while !*open {
            open = self.0.opened.wait(open).unwrap();
        }
        let scores = |_| Scores {
            heads: None,
            embedding: vec![1.0, 0.0],
        };
        Ok(batch.iter().map(scores).collect())
    }
}
