//! A mock model server that speaks the APIs of OpenAI and Anthropic and remembers what it was sent.

mod answers;
mod body;
mod server;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Result;
use tokio::{
    runtime,
    sync::{Semaphore, oneshot},
};

use crate::message::Headers;

/// A request with this header is remembered under its value; one without it leaves no trace.
pub const TEST_ID: &str = "x-test-id";

/// A streaming request with this header gets its events one by one, each at a call of [`Upstream::step`].
pub const TEST_STEP: &str = "x-test-step";

/// A model server of one model, on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request as the model server received it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

#[derive(Debug)]
struct Shared {
    model: String,
    seen: Mutex<HashMap<String, Vec<Seen>>>,
    event_gap: Mutex<Duration>,
    steps: Semaphore,
}

impl Upstream {
    /// Serves `model` at an address (HTTP/1.1 and HTTP/2 in clear text); port 0 takes a free one.
    pub fn start(model: &str, addr: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            model: model.into(),
            seen: Mutex::default(),
            event_gap: Mutex::default(),
            steps: Semaphore::new(0),
        });
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let thread = std::thread::Builder::new()
            .name(format!("upstream {model}"))
            .spawn(move || {
                let served: io::Result<()> = runtime.block_on(async {
                    tokio::select! {
                        served = server::serve(listener, serving) => served,
                        _ = stopped => Ok(()),
                    }
                });
                if let Err(error) = served {
                    eprintln!("a mock model server stopped: {error}");
                }
            })?;
        Ok(Self {
            addr,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The model that it serves.
    pub fn model(&self) -> &str {
        &self.shared.model
    }

    /// The requests with this [`TEST_ID`] that were received whole since the last call.
    pub fn take_seen(&self, test_id: &str) -> Vec<Seen> {
        lock(&self.shared.seen).remove(test_id).unwrap_or_default()
    }

    /// The pause before each event of a streaming answer but the first.
    pub fn set_event_gap(&self, gap: Duration) {
        *lock(&self.shared.event_gap) = gap;
    }

    /// Lets a streaming answer with [`TEST_STEP`] send one more event.
    pub fn step(&self) {
        self.shared.steps.add_permits(1);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread ends at once; how it ended no longer matters.
            thread.join().ok();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
