//! Notices a host that will never deliver the body of a held request.
//!
//! Pausing at the headers works only where Envoy is told `allow_on_headers_stop_iteration: true`; elsewhere the host
//! stops everything and the body callback never comes (envoy's `StopAllIterationAndWatermark`). The filter cannot
//! read that flag, so it looks for its effect: the proxy has read body bytes from the client and does not show them.

use hashbrown::HashMap;

/// Ticks that must see the same unread bytes before a hold is given up: one could fall between read and callback.
const UNREAD_TICKS: u32 = 2;
/// Where the host cannot say what it has read, a hold without a callback is given up after this long.
const BLIND_WAIT_NS: u64 = 5_000_000_000; // 5 s
/// Holds given up, with none that ever worked, after which nothing is held any more.
const FAILURES: u32 = 3;

/// Whether holding at the headers works in this VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// No body callback has come yet; so many holds were given up.
    Unproven { failures: u32 },
    /// A held request has got its body callback.
    Works,
    /// The flag is missing: requests pass by the default route.
    Missing,
}

#[derive(Debug)]
struct Held {
    since: u64,
    received_at_headers: Option<u64>,
    unread_ticks: u32,
}

/// The requests of one VM that wait for their first body callback, by context id.
#[derive(Debug)]
pub(crate) struct HoldWatch {
    support: Support,
    held: HashMap<u32, Held>,
}

impl HoldWatch {
    pub(crate) fn new() -> Self {
        Self {
            support: Support::Unproven { failures: 0 },
            held: HashMap::new(),
        }
    }

    pub(crate) fn support(&self) -> Support {
        self.support
    }

    /// A request is held from now on; `received` is what the proxy had read of it by then.
    pub(crate) fn hold(&mut self, id: u32, now: u64, received: Option<u64>) {
        if matches!(self.support, Support::Unproven { .. }) {
            self.held.insert(
                id,
                Held {
                    since: now,
                    received_at_headers: received,
                    unread_ticks: 0,
                },
            );
        }
    }

    /// A held request got a callback after its headers: holding works. True the first time.
    pub(crate) fn proven(&mut self) -> bool {
        self.held.clear();
        std::mem::replace(&mut self.support, Support::Works) != Support::Works
    }

    /// The request is over or released.
    pub(crate) fn forget(&mut self, id: u32) {
        self.held.remove(&id);
    }

    /// The requests to release unrouted. `received` is what the proxy has read of a request by now.
    pub(crate) fn tick(&mut self, now: u64, mut received: impl FnMut(u32) -> Option<u64>) -> Vec<u32> {
        let stuck: Vec<u32> = self
            .held
            .iter_mut()
            .filter_map(|(&id, held)| held.is_stuck(now, received(id)).then_some(id))
            .collect();
        for id in &stuck {
            self.held.remove(id);
            self.support = match self.support {
                Support::Unproven { failures } if failures + 1 < FAILURES => Support::Unproven {
                    failures: failures + 1,
                },
                Support::Unproven { .. } | Support::Missing => Support::Missing,
                Support::Works => Support::Works,
            };
        }
        if self.support == Support::Missing {
            // What is held beside the stuck ones is as stuck; waiting for its own proof only delays it.
            return stuck
                .into_iter()
                .chain(self.held.drain().map(|(id, _)| id))
                .collect();
        }
        stuck
    }
}

impl Held {
    fn is_stuck(&mut self, now: u64, received: Option<u64>) -> bool {
        match (self.received_at_headers, received) {
            (Some(before), Some(now)) if now > before => {
                self.unread_ticks += 1;
                self.unread_ticks >= UNREAD_TICKS
            }
            // A slow upload: nothing has arrived that could have been shown.
            (Some(_), Some(_)) => false,
            _ => now.saturating_sub(self.since) >= BLIND_WAIT_NS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn body_bytes_that_stay_unread_give_the_hold_up_at_the_second_tick() {
        let mut watch = HoldWatch::new();
        watch.hold(1, 0, Some(200));
        assert!(watch.tick(1, |_| Some(260)).is_empty());
        assert_eq!(watch.tick(2, |_| Some(260)), [1]);
        assert_eq!(watch.support(), Support::Unproven { failures: 1 });
    }

    #[test]
    fn a_slow_upload_is_never_given_up() {
        let mut watch = HoldWatch::new();
        watch.hold(1, 0, Some(200));
        for second in 1..600 {
            assert!(watch.tick(second * SECOND, |_| Some(200)).is_empty());
        }
    }

    #[test]
    fn a_host_that_cannot_say_what_it_read_is_given_five_seconds() {
        let mut watch = HoldWatch::new();
        watch.hold(1, 0, None);
        assert!(watch.tick(4 * SECOND, |_| None).is_empty());
        assert_eq!(watch.tick(5 * SECOND, |_| None), [1]);
    }

    #[test]
    fn three_holds_given_up_end_all_holding() {
        let mut watch = HoldWatch::new();
        for id in 0..3 {
            watch.hold(id, 0, Some(0));
        }
        watch.hold(9, 0, Some(0));
        let unread = |id| Some(if id == 9 { 0 } else { 10 });
        watch.tick(1, unread);
        let mut released = watch.tick(2, unread);
        released.sort_unstable();
        assert_eq!(released, [0, 1, 2, 9]);
        assert_eq!(watch.support(), Support::Missing);
    }

    #[test]
    fn one_hold_that_worked_ends_the_watch() {
        let mut watch = HoldWatch::new();
        watch.hold(1, 0, Some(0));
        watch.hold(2, 0, Some(0));
        assert!(watch.proven());
        assert!(!watch.proven());
        watch.hold(3, 0, Some(0));
        assert!(watch.tick(60 * SECOND, |_| Some(10)).is_empty());
    }

    #[test]
    fn a_request_that_is_over_is_not_released() {
        let mut watch = HoldWatch::new();
        watch.hold(1, 0, Some(0));
        watch.forget(1);
        watch.tick(1, |_| Some(1));
        assert!(watch.tick(2, |_| Some(1)).is_empty());
    }
}
