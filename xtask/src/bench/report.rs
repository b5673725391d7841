//! What is printed, and what is written as JSON.

mod json;

use std::fs;
use std::thread;

use anyhow::Result;
use promptswitch_tests::envoy;

use super::Plan;
use super::bodies::{Bodies, COUNT};
use super::check::Agreement;
use super::load::{Direct, LATENCY_CONNECTIONS, Point, SATURATION, Sample};
use super::rig::Setup;
use super::setups::median;
use super::starts::Starts;
use super::table::table;
use crate::dist;

/// Where it was measured, and with what.
#[derive(Debug)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    /// How busy the machine was with other things before anything was measured.
    load_average: String,
    wrk: String,
    envoy: String,
    module_bytes: u64,
}

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) plan: Plan,
    pub(super) machine: Machine,
    pub(super) bodies: &'a [Bodies],
    pub(super) agreement: Agreement,
    pub(super) points: Vec<Point>,
    pub(super) direct: Vec<Direct>,
    pub(super) starts: Vec<Starts>,
}

impl Machine {
    pub(super) fn look(wrk: String) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let cpu = model
            .and_then(|line| line.split(": ").nth(1))
            .unwrap_or("unknown CPU")
            .to_owned();
        let load_average = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            cpu,
            cores: thread::available_parallelism()?.get(),
            load_average: load_average.split(' ').next().unwrap_or_default().to_owned(),
            wrk,
            envoy: envoy::VERSIONS.last().copied().unwrap_or_default().to_owned(),
            module_bytes: fs::metadata(dist::wasm())?.len(),
        })
    }
}

impl Report<'_> {
    /// Tables with a line on each on how to read it.
    pub(super) fn markdown(&self) -> String {
        let sections = [self.conditions(), self.latency(), self.throughput(), self.start()];
        format!("\n{}\n", sections.join("\n\n"))
    }

    fn conditions(&self) -> String {
        let (
            Machine {
                cpu,
                cores,
                load_average,
                wrk,
                envoy,
                module_bytes,
            },
            plan,
        ) = (&self.machine, self.plan);
        let bytes: Vec<_> = self
            .bodies
            .iter()
            .map(|b| format!("{} = {} bytes", b.kind.title, b.bytes))
            .collect();
        let Agreement { requests, same } = self.agreement;
        format!(
            "# Envoy {envoy}: no filter, promptswitch, ext_proc\n\n\
             {cpu}, {cores} cores (load average {load_average} before the start); {wrk}; module of {:.1} MiB.\n\
             Medians over rounds ({} of {} s); in each round the setups take turns. Everything is on one machine, so at \
             saturation\nload tool, upstream, Envoy and ext_proc service share its cores.\n\
             - no filter: the shipped configuration without it; one catch-all route, bodies stream through.\n\
             - promptswitch: the shipped configuration. Each decision is logged, as shipped.\n\
             - ext_proc: the same policy and model crates, native, as a tonic service with {} threads beside Envoy; \
             BUFFERED, failure_mode_allow.\n  It logs nothing.\n\
             - Bodies: {}. {COUNT} of each, and no two requests are alike.\n  A word is taken for 4/3 tokens. \
             The 1 MB body is a long conversation with a last message of 16 tokens.\n\
             - Outcome (decision, model, forwarded body) of promptswitch and ext_proc: the same for {same} of \
             {requests} requests.",
            *module_bytes as f64 / 1_048_576.0,
            plan.rounds,
            plan.seconds,
            plan.twin_threads,
            bytes.join(", "),
        )
    }

    fn latency(&self) -> String {
        let head = [
            "body",
            "connections",
            "quantile",
            "no filter",
            "promptswitch",
            "adds",
            "ext_proc",
            "adds",
            "times ours",
        ];
        let points = self
            .points
            .iter()
            .filter(|point| LATENCY_CONNECTIONS.contains(&point.connections));
        let rows: Vec<_> = points.flat_map(latency_rows).collect();
        format!(
            "## Latency, milliseconds\n\n{}\n\n\
             \"adds\" is the median of the differences to no filter in the same round. Where a round has a few hundred \
             requests,\nits p99 is hardly more than its slowest ones.",
            table(3, &head, &rows)
        )
    }

    fn throughput(&self) -> String {
        let head = [
            "body",
            "setup",
            "requests/s",
            "of no filter",
            "Envoy CPU",
            "service CPU",
            "both",
            "adds",
        ];
        let points = self.points.iter().filter(|point| point.connections == SATURATION);
        let rows: Vec<_> = points.flat_map(|point| self.throughput_rows(point)).collect();
        format!(
            "## Saturation: {SATURATION} connections, one Envoy worker; CPU seconds per 1,000 requests\n\n{}",
            table(2, &head, &rows)
        )
    }

    fn throughput_rows(&self, point: &Point) -> Vec<Vec<String>> {
        let direct = self
            .direct
            .iter()
            .find(|direct| direct.kind.name == point.kind.name);
        let rate = direct.map_or(f64::NAN, |d| {
            median(d.rounds.iter().map(|m| m.requests / m.seconds))
        });
        let mut alone = vec![
            point.kind.title.to_owned(),
            "(upstream alone)".to_owned(),
            format!("{rate:.0}"),
        ];
        alone.resize(8, "-".to_owned());
        [alone]
            .into_iter()
            .chain(Setup::ALL.map(|setup| throughput_row(point, setup)))
            .collect()
    }

    fn start(&self) -> String {
        let head = [
            "workers",
            "setup",
            "/ready, s",
            "first routed, s",
            "idle MiB",
            "Envoy MiB",
            "service MiB",
            "both MiB",
        ];
        let rows: Vec<_> = self
            .starts
            .iter()
            .flat_map(|s| Setup::ALL.map(|setup| start_row(s, setup)))
            .collect();
        format!(
            "## Start and resident memory, by Envoy workers\n\n{}\n\n\
             Time from the start of the processes (polled every 20 ms). Idle is all processes after one request; the \
             others are after load.",
            table(2, &head, &rows)
        )
    }
}

type Quantile = (&'static str, fn(&Sample) -> f64);

const QUANTILES: [Quantile; 3] = [
    ("p50", |s| s.measured.p50),
    ("p90", |s| s.measured.p90),
    ("p99", |s| s.measured.p99),
];

fn latency_rows(point: &Point) -> [Vec<String>; 3] {
    QUANTILES.map(|(name, of)| {
        let ms = |microseconds: f64| format!("{:.2}", microseconds / 1000.0);
        let (ours, theirs) = (point.added(Setup::Filter, of), point.added(Setup::ExtProc, of));
        vec![
            point.kind.title.to_owned(),
            point.connections.to_string(),
            name.to_owned(),
            ms(point.median(Setup::NoFilter, of)),
            ms(point.median(Setup::Filter, of)),
            ms(ours),
            ms(point.median(Setup::ExtProc, of)),
            ms(theirs),
            ratio(theirs, ours),
        ]
    })
}

fn throughput_row(point: &Point, setup: Setup) -> Vec<String> {
    let rate = |setup| point.median(setup, Sample::requests_per_second);
    let both = |sample: &Sample| sample.cpu_per_1000().envoy + sample.cpu_per_1000().twin;
    let seconds = |value: f64| format!("{value:.3}");
    vec![
        point.kind.title.to_owned(),
        setup.name().to_owned(),
        format!("{:.0}", rate(setup)),
        ratio(rate(setup), rate(Setup::NoFilter)),
        seconds(point.median(setup, |sample| sample.cpu_per_1000().envoy)),
        seconds(point.median(setup, |sample| sample.cpu_per_1000().twin)),
        seconds(point.median(setup, both)),
        seconds(point.added(setup, both)),
    ]
}

fn start_row(starts: &Starts, setup: Setup) -> Vec<String> {
    let seconds = |value: f64| format!("{value:.2}");
    let mib = |value: f64| format!("{value:.0}");
    let loaded = |of: fn(&super::rig::Usage) -> f64| mib(starts.median(|round| of(&round.of(setup).loaded)));
    vec![
        starts.workers.to_string(),
        setup.name().to_owned(),
        seconds(starts.median(|round| round.of(setup).started.ready.as_secs_f64())),
        seconds(starts.median(|round| round.of(setup).started.routed.as_secs_f64())),
        mib(starts.median(|round| round.of(setup).idle.envoy + round.of(setup).idle.twin)),
        loaded(|usage| usage.envoy),
        loaded(|usage| usage.twin),
        loaded(|usage| usage.envoy + usage.twin),
    ]
}

/// Nothing where a difference is too small to divide by.
fn ratio(value: f64, by: f64) -> String {
    if by > 0.0 && value.is_finite() {
        format!("{:.2}", value / by)
    } else {
        "-".to_owned()
    }
}
