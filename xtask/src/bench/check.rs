//! Whether the filter and the twin do the same work, before what it costs is compared.

use anyhow::{Result, ensure};
use promptswitch_tests::message::Response;

use super::bodies::Bodies;
use super::rig::Rig;
use super::setups::PerSetup;

/// Bodies of each kind that are compared.
const SAMPLE: usize = 16;
/// Wasm and native scores may differ in the fourth digit, which turns a tie; one in so many requests may.
const TOLERATED: usize = 20;

/// How many requests were sent through both, and for how many the outcome was the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreement {
    pub(super) requests: usize,
    pub(super) same: usize,
}

/// Sends the same requests through both. The outcome is the decision, the model, and the body that arrives.
pub(super) fn agreement(rigs: &PerSetup<Rig>, bodies: &[Bodies]) -> Result<Agreement> {
    let mut agreement = Agreement { requests: 0, same: 0 };
    for bodies in bodies {
        for index in 0..SAMPLE {
            let body = bodies.read(index, "river paper cloud seven garden")?;
            let (filter, twin) = (rigs.filter.echo(&body)?, rigs.ext_proc.echo(&body)?);
            ensure!(
                filter.status == 200 && twin.status == 200,
                "statuses {} and {}",
                filter.status,
                twin.status
            );
            let (ours, theirs) = (headers(&filter), headers(&twin));
            agreement.requests += 1;
            if ours == theirs && filter.body == twin.body {
                agreement.same += 1;
            } else {
                eprintln!("    {}, body {index}: {ours:?} and {theirs:?}", bodies.kind.title);
            }
        }
    }
    let Agreement { requests, same } = agreement;
    eprintln!("    promptswitch and ext_proc agree on {same} of {requests} requests");
    ensure!(
        (requests - same) * TOLERATED <= requests,
        "they do not do the same work"
    );
    Ok(agreement)
}

/// Not the confidence: its last digits are not the same in Wasm and in native arithmetic.
fn headers(answer: &Response) -> [Option<String>; 3] {
    [
        "x-promptswitch-reason",
        "x-vsr-selected-model",
        "x-vsr-selected-decision",
    ]
    .map(|name| answer.header(name))
}
