//! Every single measurement.

use serde_json::{Value, json};

use super::Report;
use crate::bench::load::{Direct, Point, Sample};
use crate::bench::rig::{Setup, Usage};
use crate::bench::starts::{self, Starts};
use crate::bench::wrk::Measured;

impl Report<'_> {
    /// All rounds, unrounded.
    pub(in crate::bench) fn json(&self) -> Value {
        let (machine, plan) = (&self.machine, self.plan);
        let bodies = self
            .bodies
            .iter()
            .map(|b| json!({"body": b.kind.name, "title": b.kind.title, "bytes": b.bytes}));
        json!({
            "machine": {"cpu": machine.cpu, "cores": machine.cores, "load_average": machine.load_average},
            "versions": {"envoy": machine.envoy, "wrk": machine.wrk, "module_bytes": machine.module_bytes},
            "plan": {"seconds": plan.seconds, "rounds": plan.rounds, "ext_proc_threads": plan.twin_threads},
            "bodies": bodies.collect::<Vec<_>>(),
            "agreement": {"requests": self.agreement.requests, "same": self.agreement.same},
            "load": self.points.iter().flat_map(point).collect::<Vec<_>>(),
            "upstream_alone": self.direct.iter().map(direct).collect::<Vec<_>>(),
            "starts": self.starts.iter().flat_map(start).collect::<Vec<_>>(),
        })
    }
}

fn point(point: &Point) -> impl Iterator<Item = Value> + '_ {
    Setup::ALL.into_iter().map(|setup| {
        let rounds = point.rounds.iter().map(|round| load(round.of(setup))).collect::<Vec<_>>();
        json!({
            "body": point.kind.name, "connections": point.connections, "setup": setup.name(), "rounds": rounds,
        })
    })
}

fn load(sample: &Sample) -> Value {
    let mut value = measured(&sample.measured);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("cpu_s".into(), usage(sample.cpu));
        fields.insert("cpu_s_per_1000_requests".into(), usage(sample.cpu_per_1000()));
    }
    value
}

fn measured(measured: &Measured) -> Value {
    json!({
        "requests": measured.requests, "seconds": measured.seconds,
        "requests_per_second": measured.requests / measured.seconds,
        "p50_us": measured.p50, "p90_us": measured.p90, "p99_us": measured.p99,
    })
}

fn usage(usage: Usage) -> Value {
    json!({"envoy": usage.envoy, "service": usage.twin})
}

fn direct(direct: &Direct) -> Value {
    json!({"body": direct.kind.name, "rounds": direct.rounds.iter().map(measured).collect::<Vec<_>>()})
}

fn start(starts: &Starts) -> impl Iterator<Item = Value> + '_ {
    Setup::ALL.into_iter().map(|setup| {
        let rounds = starts
            .rounds
            .iter()
            .map(|round| one_start(round.of(setup)))
            .collect::<Vec<_>>();
        json!({"workers": starts.workers, "setup": setup.name(), "rounds": rounds})
    })
}

fn one_start(sample: &starts::Sample) -> Value {
    json!({
        "ready_s": sample.started.ready.as_secs_f64(), "first_routed_s": sample.started.routed.as_secs_f64(),
        "idle_mib": usage(sample.idle), "loaded_mib": usage(sample.loaded),
    })
}
