//! A batch that runs alone has all cores; batches that run side by side have one each, which is the more throughput.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tract_linalg::multithread::{Executor, multithread_tract_scope};

use crate::device::Device;

/// The cores of this machine, for the batches of one model.
#[derive(Debug)]
pub(super) struct Cores {
    all: Executor,
    running: AtomicUsize,
}

impl Cores {
    /// For graphs on a device; an accelerator has batches come one at a time, from the thread that holds its state.
    pub(super) fn new(device: &Device) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            all: if cores > 1 && !device.is_accelerator() {
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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use tract_linalg::multithread::current_tract_executor;

    use super::*;
    use crate::device::Choice;

    fn has_all() -> bool {
        matches!(current_tract_executor(), Executor::MultiThread(_))
    }

    #[test]
    fn a_batch_alone_has_all_cores_and_one_beside_it_its_own() {
        let cores = Cores::new(&Device::choose(Choice::Cpu).unwrap());
        let several = available_parallelism().unwrap().get() > 1;
        let beside = || thread::scope(|scope| scope.spawn(|| cores.run(has_all)).join().unwrap());
        assert_eq!(cores.run(|| (has_all(), beside())), (several, false));
        assert_eq!(cores.run(has_all), several);
    }

    #[test]
    fn a_batch_that_panicked_is_not_counted_any_more() {
        let cores = Cores::new(&Device::choose(Choice::Cpu).unwrap());
        let panicked = catch_unwind(AssertUnwindSafe(|| cores.run(|| panic!("a batch"))));
        assert!(panicked.is_err());
        assert_eq!(cores.running.load(Ordering::Relaxed), 0);
    }
}
