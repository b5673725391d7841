//! Load at every point: latency at few connections, throughput and CPU time at many.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::Plan;
use super::bodies::{Bodies, Kind};
use super::rig::{Rig, Setup, Usage};
use super::setups::{PerSetup, median};
use super::wrk::{Load, Measured};

/// Connections at which latency is measured.
pub(super) const LATENCY_CONNECTIONS: [usize; 2] = [1, 8];
/// Connections that keep every setup busy.
pub(super) const SATURATION: usize = 32;

/// What one setup did in one round at one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) measured: Measured,
    /// CPU seconds.
    pub(super) cpu: Usage,
}

/// All rounds at one point.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) kind: Kind,
    pub(super) connections: usize,
    pub(super) rounds: Vec<PerSetup<Sample>>,
}

/// All rounds of the upstream without Envoy.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) kind: Kind,
    pub(super) rounds: Vec<Measured>,
}

impl Sample {
    pub(super) fn requests_per_second(&self) -> f64 {
        self.measured.requests / self.measured.seconds
    }

    /// CPU seconds per 1,000 requests.
    pub(super) fn cpu_per_1000(&self) -> Usage {
        let per_1000 = |seconds: f64| seconds * 1000.0 / self.measured.requests;
        Usage {
            envoy: per_1000(self.cpu.envoy),
            twin: per_1000(self.cpu.twin),
        }
    }
}

impl Point {
    /// The median over rounds of something of one setup.
    pub(super) fn median(&self, setup: Setup, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| of(round.of(setup))))
    }

    /// The median over rounds of what a setup adds to having no filter in the same round.
    pub(super) fn added(&self, setup: Setup, of: impl Fn(&Sample) -> f64) -> f64 {
        median(
            self.rounds
                .iter()
                .map(|round| of(round.of(setup)) - of(&round.no_filter)),
        )
    }
}

/// Measures all points in every round; at each the setups take turns.
pub(super) fn points(rigs: &PerSetup<Rig>, bodies: &[Bodies], plan: Plan) -> Result<Vec<Point>> {
    let connections = || LATENCY_CONNECTIONS.into_iter().chain([SATURATION]);
    let new = |(bodies, connections)| {
        let bodies: &Bodies = bodies;
        (
            bodies,
            Point {
                kind: bodies.kind,
                connections,
                rounds: Vec::new(),
            },
        )
    };
    let mut points: Vec<_> = bodies
        .iter()
        .flat_map(|bodies| connections().map(move |c| (bodies, c)))
        .map(new)
        .collect();
    let mut number = 0;
    for round in 1..=plan.rounds {
        for (bodies, point) in &mut points {
            number += 1;
            let load = Load {
                bodies,
                connections: point.connections,
                seconds: plan.seconds,
                number,
            };
            let place = format!("{}, connections: {}", point.kind.title, point.connections);
            let samples = PerSetup::try_new(|setup| {
                sample(rigs.of(setup), &load).with_context(|| format!("{}, {place}", setup.name()))
            })?;
            let rates =
                Setup::ALL.map(|s| format!("{} {:.0}/s", s.name(), samples.of(s).requests_per_second()));
            eprintln!("    round {round}/{}, {place}: {}", plan.rounds, rates.join(", "));
            point.rounds.push(samples);
        }
    }
    Ok(points.into_iter().map(|(_, point)| point).collect())
}

/// The upstream alone at saturation: it must not be what limits a setup.
pub(super) fn direct(upstream: SocketAddr, bodies: &[Bodies], plan: Plan) -> Result<Vec<Direct>> {
    let measure = |bodies: &Bodies| {
        let load = Load {
            bodies,
            connections: SATURATION,
            seconds: plan.seconds,
            number: 0,
        };
        let rounds = (0..plan.rounds)
            .map(|_| load.send(upstream))
            .collect::<Result<_>>()?;
        Ok(Direct {
            kind: bodies.kind,
            rounds,
        })
    };
    eprintln!("==> the upstream without Envoy");
    bodies.iter().map(measure).collect()
}

fn sample(rig: &Rig, load: &Load<'_>) -> Result<Sample> {
    let before = rig.cpu()?;
    let measured = load.send(rig.addr)?;
    let after = rig.cpu()?;
    let cpu = Usage {
        envoy: after.envoy - before.envoy,
        twin: after.twin - before.twin,
    };
    Ok(Sample { measured, cpu })
}
