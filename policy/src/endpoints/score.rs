//! In which order endpoints are tried, from what is known of each.

use super::Weights;

/// So many requests more than another has, on top of nothing, halve what an endpoint is worth by its requests in flight. Without
/// it one request would count as much between idle endpoints as a hundred do between busy ones.
const IDLE: f64 = 4.0;

/// What is known of one endpoint when a request is to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// How many blocks of the prompt it has been sent before.
    pub(super) matched: usize,
    /// Requests that it is answering.
    pub(super) in_flight: u32,
    /// What its server has said of itself lately.
    pub(super) report: Option<Load>,
    /// Whether it has failed lately.
    pub(super) resting: bool,
    /// Which of all choices was the last that fell on it; 0 for none.
    pub(super) chosen_at: u64,
}

/// How busy a server says it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests that wait.
    pub(super) queue: f64,
    /// The share of its KV cache that is in use, 0 to 1.
    pub(super) kv_cache: f64,
    /// How ready it is for the request's adapter, 0 to 1; None where it asks for none.
    pub(super) lora: Option<f64>,
}

/// Indices into `known`, the best first, for a prompt of so many blocks. Those that failed come last, whatever their score; among equals the one that was not
/// chosen for longest comes first.
pub(super) fn order(known: &[Known], blocks: usize, weights: &Weights) -> Vec<usize> {
    let scores = scores(known, blocks, weights);
    let mut order: Vec<(usize, &Known, f64)> = known
        .iter()
        .zip(scores)
        .enumerate()
        .map(|(index, (known, score))| (index, known, score))
        .collect();
    order.sort_by(|(_, a, a_score), (_, b, b_score)| {
        let by_rest = a.resting.cmp(&b.resting);
        let by_score = b_score.total_cmp(a_score);
        by_rest.then(by_score).then(a.chosen_at.cmp(&b.chosen_at))
    });
    order.into_iter().map(|(index, ..)| index).collect()
}

/// The weighted sums. The terms but for requests in flight are the endpoint picker's; a term that is known of none counts for
/// none, and one that is known only of others counts 0: a server that does not say how it is may not be well.
fn scores(known: &[Known], blocks: usize, weights: &Weights) -> Vec<f64> {
    let least = known.iter().map(|known| known.in_flight).min().unwrap_or(0);
    let queues = || {
        known
            .iter()
            .filter_map(|known| known.report.as_ref())
            .map(|load| load.queue)
    };
    let (shortest, longest) = (
        queues().fold(f64::INFINITY, f64::min),
        queues().fold(f64::NEG_INFINITY, f64::max),
    );
    let score = |known: &Known| {
        let in_flight = (f64::from(least) + IDLE) / (f64::from(known.in_flight) + IDLE);
        let prefix = known.matched as f64 / blocks.max(1) as f64;
        let own = weights.prefix * prefix + weights.in_flight * in_flight;
        let Some(load) = &known.report else { return own };
        let queue = if longest > shortest {
            (longest - load.queue) / (longest - shortest)
        } else {
            1.0
        };
        own + weights.queue * queue
            + weights.kv_cache * (1.0 - load.kv_cache)
            + weights.lora * load.lora.unwrap_or(0.0)
    };
    known.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(matched: usize, in_flight: u32) -> Known {
        Known {
            matched,
            in_flight,
            ..Known::default()
        }
    }

    fn reported(queue: f64, kv_cache: f64, lora: Option<f64>) -> Known {
        Known {
            report: Some(Load {
                queue,
                kv_cache,
                lora,
            }),
            ..Known::default()
        }
    }

    #[test]
    fn the_best_by_prefix_and_load_comes_first() {
        let table: [(&[Known], &[usize]); 7] = [
            (&[sent(0, 0), sent(5, 0), sent(2, 0)], &[1, 2, 0]),
            (&[sent(0, 3), sent(0, 1), sent(0, 2)], &[1, 2, 0]),
            // A warm prefix is worth some requests, and not any number of them.
            (&[sent(0, 0), sent(5, 2)], &[1, 0]),
            (&[sent(0, 0), sent(5, 40)], &[0, 1]),
            (&[reported(3.0, 0.1, None), reported(0.0, 0.1, None)], &[1, 0]),
            (&[reported(0.0, 0.9, None), reported(0.0, 0.1, None)], &[1, 0]),
            (
                &[reported(0.0, 0.0, Some(0.0)), reported(0.0, 0.0, Some(1.0))],
                &[1, 0],
            ),
        ];
        for (known, expected) in table {
            assert_eq!(order(known, 10, &Weights::default()), expected, "{known:?}");
        }
    }

    #[test]
    fn a_weight_of_nothing_turns_a_term_off() {
        let weights = Weights {
            prefix: 0.0,
            ..Weights::default()
        };
        assert_eq!(order(&[sent(9, 1), sent(0, 0)], 10, &weights), [1, 0]);
    }

    #[test]
    fn among_equals_the_one_not_chosen_for_longest_comes_first() {
        let at = |chosen_at| Known {
            chosen_at,
            ..Known::default()
        };
        assert_eq!(order(&[at(3), at(1), at(2)], 10, &Weights::default()), [1, 2, 0]);
    }

    #[test]
    fn one_that_failed_is_the_last_resort() {
        let failed = Known {
            resting: true,
            ..sent(10, 0)
        };
        assert_eq!(order(&[failed, sent(0, 50)], 10, &Weights::default()), [1, 0]);
    }

    #[test]
    fn a_server_that_says_nothing_comes_after_those_that_do() {
        let known = [sent(0, 0), reported(9.0, 0.9, None), reported(0.0, 0.1, None)];
        assert_eq!(order(&known, 10, &Weights::default()), [2, 1, 0]);
    }
}
