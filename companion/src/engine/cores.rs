//! A batch that runs alone has all cores; batches that run side by side have one each, which is the more throughput.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tract_linalg::multithread::{Executor, multithread_tract_scope};

/// The cores of this machine, for the batches of one model.
#[derive(Debug)]
pub(super) struct Cores {
    all: Executor,
    running: AtomicUsize,
}

impl Cores {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            all: if cores > 1 {
                Executor::multithread(cores)
            } else {
                Executor::SingleThread
            },
            running: AtomicUsize::new(0),
        }
    }

    /// Runs a batch: on all cores where no other batch runs yet, else on the one of its thread.
    pub(super) fn run<R: Send>(&self, batch: impl FnOnce() -> R + Send) -> R {
        let _running = Running::start(&self.running);
        match &self.all {
            // Within the pool, as each product would otherwise pass from this thread to one of the pool and back.
            Executor::MultiThread(pool) if self.running.load(Ordering::Relaxed) == 1 => {
                pool.install(|| multithread_tract_scope(self.all.clone(), batch))
            }
            _ => batch(),
        }
    }
}

/// A running batch, counted until it is dropped, also by a panic.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn start(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
