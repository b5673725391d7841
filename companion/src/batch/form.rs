//! Which texts go into the next batch.

use std::collections::VecDeque;

/// So many of the oldest texts are looked at: sorting thousands for a batch of a few would cost more than it saves.
const LOOK: usize = 256;

/// What a batch may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Most tokens, padding included.
    pub(super) tokens: usize,
    /// Threads that batches are run by.
    pub(super) workers: usize,
}

/// Takes a batch from the front of a lane: the oldest text and those nearest to it in length, as long as the padded
/// batch is within the budget. What stays keeps its order. `length` is a text's number of tokens; `alive` says whether
/// it is still wanted, and those that are not are dropped. The batch is empty only if no text was alive.
pub(super) fn form<T>(
    lane: &mut VecDeque<T>,
    budget: Budget,
    length: impl Fn(&T) -> usize,
    mut alive: impl FnMut(T) -> Option<T>,
) -> Vec<T> {
    let mut window: Vec<(usize, T)> = Vec::with_capacity(lane.len().min(LOOK));
    while window.len() < LOOK {
        let Some(item) = lane.pop_front() else { break };
        window.extend(alive(item).map(|item| (window.len(), item)));
    }
    window.sort_by_key(|(_, item)| length(item));
    let lengths: Vec<usize> = window.iter().map(|(_, item)| length(item)).collect();
    let oldest = window.iter().position(|(age, _)| *age == 0).unwrap_or(0);
    let (start, end) = run(&lengths, oldest, budget.share(lengths.iter().sum()));
    let mut rest = window.split_off(end.min(window.len()));
    let batch = window.split_off(start.min(window.len()));
    rest.append(&mut window);
    rest.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    for (_, item) in rest {
        lane.push_front(item);
    }
    batch.into_iter().map(|(_, item)| item).collect()
}

impl Budget {
    /// What one batch may cost where so many tokens wait: no worker should stay idle beside one that has everything.
    fn share(self, waiting: usize) -> usize {
        match self.workers {
            0 | 1 => self.tokens,
            workers => self.tokens.min(waiting.div_ceil(workers)),
        }
    }
}

/// The widest run of ascending `lengths` around `oldest` whose padded cost is within `budget`; of two neighbours the one
/// that wastes less padding is taken first.
fn run(lengths: &[usize], oldest: usize, budget: usize) -> (usize, usize) {
    let Some(&length) = lengths.get(oldest) else {
        return (0, 0);
    };
    let (mut start, mut end, mut longest) = (oldest, oldest + 1, length);
    loop {
        let count = end - start;
        let shorter = start.checked_sub(1).and_then(|i| lengths.get(i)).copied();
        let longer = lengths.get(end).copied();
        let fits = |longest: usize| longest.saturating_mul(count + 1) <= budget;
        let shorter = shorter.filter(|_| fits(longest)).map(|l| longest - l);
        let longer = longer
            .filter(|l| fits(*l))
            .map(|l| (l - longest).saturating_mul(count));
        match (shorter, longer) {
            (None, None) => return (start, end),
            (Some(waste), more) if more.is_none_or(|more| waste <= more) => start -= 1,
            _ => {
                longest = lengths.get(end).copied().unwrap_or(longest);
                end += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lane: &mut VecDeque<usize>, tokens: usize, workers: usize) -> Vec<usize> {
        form(lane, Budget { tokens, workers }, |length| *length, Some)
    }

    #[test]
    fn a_batch_holds_the_oldest_text_and_those_nearest_to_it_in_length() {
        let mut lane = VecDeque::from([10, 100, 12, 9, 90]);
        assert_eq!(batch(&mut lane, 40, 1), [9, 10, 12]);
        assert_eq!(lane, [100, 90], "what stays keeps its order");
        assert_eq!(batch(&mut lane, 200, 1), [90, 100]);
    }

    #[test]
    fn padding_counts_towards_the_budget() {
        let mut lane = VecDeque::from([10, 30]);
        assert_eq!(batch(&mut lane, 59, 1), [10], "two of 30 are 60");
        let mut lane = VecDeque::from([10, 30]);
        assert_eq!(batch(&mut lane, 60, 1), [10, 30]);
    }

    #[test]
    fn a_text_longer_than_the_budget_is_a_batch_of_its_own() {
        let mut lane = VecDeque::from([500, 5]);
        assert_eq!(batch(&mut lane, 100, 1), [500]);
    }

    #[test]
    fn what_waits_is_shared_among_the_workers() {
        let mut lane = VecDeque::from([8; 16]);
        assert_eq!(batch(&mut lane, 1000, 2).len(), 8);
        assert_eq!(batch(&mut lane, 1000, 1).len(), 8);
    }

    #[test]
    fn who_does_not_wait_any_more_is_dropped() {
        let mut lane = VecDeque::from([1, 2, 3, 4]);
        let budget = Budget {
            tokens: 100,
            workers: 1,
        };
        let odd = |item: usize| (item % 2 == 1).then_some(item);
        assert_eq!(form(&mut lane, budget, |l| *l, odd), [1, 3]);
        let none = form(&mut VecDeque::from([2]), budget, |l| *l, odd);
        assert!(none.is_empty());
    }
}
