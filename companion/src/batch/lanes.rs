//! A queue with two lanes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Class;

/// So many takes of the interactive lane may follow each other while the bulk lane waits: what is served first must not
/// be all that is served.
const INTERACTIVE_IN_A_ROW: u32 = 4;

/// A queue with a lane for each class.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

#[derive(Debug)]
struct State<T> {
    interactive: VecDeque<T>,
    bulk: VecDeque<T>,
    in_a_row: u32,
    closed: bool,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                interactive: VecDeque::new(),
                bulk: VecDeque::new(),
                in_a_row: 0,
                closed: false,
            }),
            ready: Condvar::new(),
        }
    }
}

impl<T> Lanes<T> {
    pub(super) fn push(&self, class: Class, items: Vec<T>) {
        let many = items.len() > 1;
        self.lock().lane(class).extend(items);
        if many {
            self.ready.notify_all();
        } else {
            self.ready.notify_one();
        }
    }

    /// Waits until there is something, and lets `take` have the lane whose turn it is; `None` when the queue is closed.
    pub(super) fn take<R>(&self, take: impl FnOnce(&mut VecDeque<T>) -> R) -> Option<R> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(class) = state.turn() {
                return Some(take(state.lane(class)));
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waiters get `None`, and what is queued is dropped.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.interactive.clear();
        state.bulk.clear();
        drop(state);
        self.ready.notify_all();
    }

    /// No holder of the lock leaves the lanes half changed, so a poisoned lock may be used.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn lane(&mut self, class: Class) -> &mut VecDeque<T> {
        match class {
            Class::interactive => &mut self.interactive,
            Class::bulk => &mut self.bulk,
        }
    }

    fn turn(&mut self) -> Option<Class> {
        match (self.interactive.is_empty(), self.bulk.is_empty()) {
            (true, true) => None,
            (false, true) => Some(Class::interactive),
            (false, false) if self.in_a_row < INTERACTIVE_IN_A_ROW => {
                self.in_a_row += 1;
                Some(Class::interactive)
            }
            (_, false) => {
                self.in_a_row = 0;
                Some(Class::bulk)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interactive_lane_goes_first_and_every_fifth_take_is_of_the_bulk_lane() {
        let lanes = Lanes::default();
        lanes.push(Class::bulk, vec!["bulk"; 3]);
        lanes.push(Class::interactive, vec!["small"; 6]);
        let order: Vec<_> = (0..9)
            .map(|_| lanes.take(VecDeque::pop_front).flatten().unwrap())
            .collect();
        let small = ["small"; 4];
        assert_eq!(order[..4], small);
        assert_eq!(order[4..], ["bulk", "small", "small", "bulk", "bulk"]);
    }

    #[test]
    fn a_closed_queue_gives_nothing_and_wakes_who_waits() {
        let lanes = Lanes::<u8>::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| lanes.take(VecDeque::pop_front));
            lanes.close();
            assert_eq!(waiter.join().unwrap(), None);
        });
    }
}
