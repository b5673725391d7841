//! Questions to the companion: which may be asked, and what became of them.
//!
//! A companion that is late, broken or gone must cost a request nothing but the wait, and soon not even that: after
//! [`FAILURES`] failures in a row nothing is asked for [`REST_NS`], and then one question shows whether it is back.

use hashbrown::HashMap;
use promptswitch_policy::{Offload, Opinion};

/// Failures in a row after which the companion is left alone.
const FAILURES: u32 = 5;
/// For how long it is left alone.
const REST_NS: u64 = 5_000_000_000; // 5 s
/// An answer that has not come this long after its deadline never will: the client left, and the host forgot it.
const GRACE_NS: u64 = 1_000_000_000; // 1 s
/// A larger answer is not read; the companion's own have 2 KB.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A question, as the host is to send it.
#[derive(Debug, PartialEq)]
pub struct Ask {
    /// The cluster that leads to the companion.
    pub cluster: String,
    /// The `:authority`.
    pub authority: String,
    /// The `:path`.
    pub path: String,
    /// How long to wait, in milliseconds.
    pub timeout_ms: u32,
    /// JSON.
    pub body: Vec<u8>,
    /// Whether the request waits for the answer.
    pub waits: bool,
}

impl Ask {
    pub(crate) fn about(text: &str, offload: &Offload, waits: bool) -> Ask {
        Ask {
            cluster: offload.cluster.clone(),
            authority: offload.authority.clone(),
            path: offload.path.clone(),
            timeout_ms: offload.timeout_ms,
            body: Offload::question(text),
            waits,
        }
    }
}

/// What the host has of an answer.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// No answer came: the connection was reset.
    Broken,
    /// An answer.
    Received {
        /// The status; 504 is the host's own when the time is up, and 503 when nothing listens.
        status: u16,
        /// How large the body is, in bytes.
        size: usize,
        /// The body, or the start of it.
        body: Vec<u8>,
    },
}

impl Answer {
    /// How much of an answer to a question is worth reading, in bytes.
    pub const MAX_BYTES: usize = MAX_ANSWER_BYTES;

    /// The opinion in it.
    ///
    /// # Errors
    /// Why there is none.
    pub fn opinion(&self) -> Result<Opinion, Outcome> {
        Opinion::read(self.body()?).map_err(|problem| {
            log::warn!("the companion's answer is of no use: {problem}");
            Outcome::Invalid
        })
    }

    /// The body of a good answer that was read whole.
    ///
    /// # Errors
    /// Why there is none.
    pub fn body(&self) -> Result<&[u8], Outcome> {
        match self {
            Answer::Broken => Err(Outcome::Failed),
            Answer::Received { status: 504, .. } => Err(Outcome::Timeout),
            Answer::Received {
                status: 429 | 503, ..
            } => Err(Outcome::Refused),
            Answer::Received {
                status: 200,
                size,
                body,
            } if *size == body.len() => Ok(body),
            Answer::Received { status: 200, .. } => Err(Outcome::Invalid),
            Answer::Received { .. } => Err(Outcome::Failed),
        }
    }
}

macro_rules! outcomes {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// What became of a question: the value of `x-promptswitch-offload`, of the log field and of the metric label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome {
            $(#[doc = $meaning] $variant,)*
        }

        impl Outcome {
            /// Every outcome, in the order of the table in the README.
            pub const fn all() -> &'static [Outcome] {
                &[$(Outcome::$variant,)*]
            }

            /// The `snake_case` name, stable across versions.
            pub const fn as_str(self) -> &'static str {
                match self { $(Outcome::$variant => $name,)* }
            }

            /// One line that says when it is given.
            pub const fn meaning(self) -> &'static str {
                match self { $(Outcome::$variant => $meaning,)* }
            }
        }
    };
}

outcomes! {
    Used "used" "the companion's answer was joined with the filter's own scores"
    Agreed "agreed" "shadow: the companion holds the same domain for the likeliest"
    Differed "differed" "shadow: the companion holds another domain for the likeliest"
    Timeout "timeout" "no answer came in time"
    Refused "refused" "the companion was full, or nothing listens there"
    Failed "failed" "the connection broke, or the answer was an error"
    Invalid "invalid" "the answer was too large, or not one that a companion gives"
    NotSent "not_sent" "Envoy has no such cluster"
    Busy "busy" "not asked: `max_in_flight` questions are open"
    Resting "resting" "not asked: the companion failed five times in a row, and is left alone for 5 s"
}

/// The questions of one VM.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    breaker: Breaker,
    /// Open questions, and when they are given up for lost, in nanoseconds.
    open: HashMap<u32, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaker {
    /// So many failed in a row.
    Closed { failures: u32 },
    /// Nothing is asked before this time.
    Open { until: u64 },
    /// One question is out to see whether the companion is back; lost if not answered by then.
    HalfOpen { until: u64 },
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::Closed { failures: 0 }
    }
}

impl Questions {
    /// Whether one more may be asked now. If so it must be, as it may be the one that tries the companion.
    pub(crate) fn admit(&mut self, offload: &Offload, now: u64) -> Result<(), Outcome> {
        self.open.retain(|_, lost| *lost > now);
        if self.open.len() >= offload.max_in_flight {
            return Err(Outcome::Busy);
        }
        match self.breaker {
            Breaker::Closed { .. } => Ok(()),
            Breaker::Open { until } | Breaker::HalfOpen { until } if now < until => Err(Outcome::Resting),
            Breaker::Open { .. } | Breaker::HalfOpen { .. } => {
                self.breaker = Breaker::HalfOpen {
                    until: lost_at(now, offload.timeout_ms),
                };
                Ok(())
            }
        }
    }

    /// The host has sent a question.
    pub(crate) fn sent(&mut self, token: u32, timeout_ms: u32, now: u64) {
        self.open.insert(token, lost_at(now, timeout_ms));
    }

    /// A question has been answered, or will not be.
    pub(crate) fn ended(&mut self, token: Option<u32>, is_good: bool, now: u64) {
        if let Some(token) = token {
            self.open.remove(&token);
        }
        self.breaker = match self.breaker {
            _ if is_good => Breaker::default(),
            Breaker::Closed { failures } if failures + 1 < FAILURES => Breaker::Closed {
                failures: failures + 1,
            },
            // A straggler from before does not put the rest off.
            Breaker::Open { until } => Breaker::Open { until },
            Breaker::Closed { .. } | Breaker::HalfOpen { .. } => Breaker::Open { until: now + REST_NS },
        };
    }
}

fn lost_at(now: u64, timeout_ms: u32) -> u64 {
    now + u64::from(timeout_ms) * 1_000_000 + GRACE_NS
}

#[cfg(test)]
mod tests {
    use promptswitch_policy::OffloadMode;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn offload() -> Offload {
        Offload {
            cluster: "c".into(),
            authority: "a".into(),
            path: "/".into(),
            timeout_ms: 100,
            below_confidence: 0.5,
            max_in_flight: 2,
            mode: OffloadMode::Unsure,
        }
    }

    #[test]
    fn no_more_are_open_than_may_be_and_a_lost_one_counts_no_longer() {
        let (mut questions, offload) = (Questions::default(), offload());
        for token in 0..2 {
            assert_eq!(questions.admit(&offload, 0), Ok(()));
            questions.sent(token, 100, 0);
        }
        assert_eq!(questions.admit(&offload, SECOND), Err(Outcome::Busy));
        questions.ended(Some(0), true, SECOND);
        assert_eq!(questions.admit(&offload, SECOND), Ok(()));
        questions.sent(2, 100, SECOND);
        assert_eq!(questions.admit(&offload, SECOND), Err(Outcome::Busy));
        assert_eq!(questions.admit(&offload, 2 * SECOND), Ok(()));
    }

    #[test]
    fn five_failures_in_a_row_end_the_asking_until_one_question_succeeds() {
        let (mut questions, offload) = (Questions::default(), offload());
        for failure in 0..5 {
            assert_eq!(questions.admit(&offload, 0), Ok(()), "{failure}");
            questions.ended(None, false, 0);
        }
        assert_eq!(questions.admit(&offload, 4 * SECOND), Err(Outcome::Resting));
        assert_eq!(questions.admit(&offload, 5 * SECOND), Ok(()), "one tries");
        assert_eq!(
            questions.admit(&offload, 5 * SECOND),
            Err(Outcome::Resting),
            "and only one"
        );
        questions.ended(None, false, 5 * SECOND);
        assert_eq!(questions.admit(&offload, 9 * SECOND), Err(Outcome::Resting));
        assert_eq!(questions.admit(&offload, 10 * SECOND), Ok(()));
        questions.ended(None, true, 10 * SECOND);
        assert_eq!(questions.admit(&offload, 10 * SECOND), Ok(()));
        assert_eq!(questions.admit(&offload, 10 * SECOND), Ok(()));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_anew() {
        let (mut questions, offload) = (Questions::default(), offload());
        for _ in 0..4 {
            for _ in 0..4 {
                questions.ended(None, false, 0);
            }
            questions.ended(None, true, 0);
        }
        assert_eq!(questions.admit(&offload, 0), Ok(()));
    }

    #[test]
    fn a_try_that_is_never_answered_is_followed_by_another() {
        let (mut questions, offload) = (Questions::default(), offload());
        (0..5).for_each(|_| questions.ended(None, false, 0));
        assert_eq!(questions.admit(&offload, 6 * SECOND), Ok(()));
        assert_eq!(questions.admit(&offload, 7 * SECOND), Err(Outcome::Resting));
        assert_eq!(questions.admit(&offload, 8 * SECOND), Ok(()));
    }
}
