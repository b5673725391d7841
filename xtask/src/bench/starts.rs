//! Starts: how long until requests are routed, and how much memory it takes, by number of workers.

use anyhow::Result;

use super::Plan;
use super::bodies::Bodies;
use super::load::SATURATION;
use super::rig::{Parts, Rig, Started, Usage};
use super::setups::{PerSetup, median};
use super::wrk::Load;

pub(super) const WORKERS: [usize; 3] = [1, 2, 4];
/// Load that reaches every worker before memory is read a second time.
const WARM_UP_SECONDS: u64 = 2;
/// The first numbers are for the points.
const FIRST_LOAD: u64 = 1000;

/// One start of one setup.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) started: Started,
    /// MiB after the first routed request.
    pub(super) idle: Usage,
    /// MiB after some seconds of load.
    pub(super) loaded: Usage,
}

/// All starts with this many workers.
#[derive(Debug)]
pub(super) struct Starts {
    pub(super) workers: usize,
    pub(super) rounds: Vec<PerSetup<Sample>>,
}

impl Starts {
    pub(super) fn median(&self, of: impl Fn(&PerSetup<Sample>) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }
}

/// Starts every setup anew in every round; only one runs at a time.
pub(super) fn starts(parts: &Parts, warm_up: &Bodies, plan: Plan) -> Result<Vec<Starts>> {
    eprintln!("==> starts with {WORKERS:?} workers");
    let mut starts = WORKERS.map(|workers| Starts {
        workers,
        rounds: Vec::new(),
    });
    let mut number = FIRST_LOAD;
    for round in 1..=plan.rounds {
        for starts in &mut starts {
            eprintln!("    round {round}/{}, {} workers", plan.rounds, starts.workers);
            number += 1;
            let load = Load {
                bodies: warm_up,
                connections: SATURATION,
                seconds: WARM_UP_SECONDS,
                number,
            };
            starts.rounds.push(PerSetup::try_new(|setup| {
                let (rig, started) = Rig::start(setup, parts, starts.workers)?;
                let idle = rig.memory()?;
                load.send(rig.addr)?;
                rig.check()?;
                Ok(Sample {
                    started,
                    idle,
                    loaded: rig.memory()?,
                })
            })?);
        }
    }
    Ok(starts.into())
}
