//! `cargo xtask bench`: what routing inside Envoy costs, beside Envoy alone and beside the same routing as a service.
//!
//! Everything runs on this machine's loopback interface at the same time, and the setups take turns in every round, so
//! that they share whatever else the machine does. Nothing is asserted about time.

mod bodies;
mod check;
mod load;
mod process;
mod random;
mod report;
mod rig;
mod setups;
mod starts;
mod table;
mod wrk;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use promptswitch_tests::{envoy, policy};

use crate::dist;
use crate::run::{build_release, root};
use bodies::{Bodies, KINDS, WARM_UP};
use process::Server;
use report::{Machine, Report};
use rig::{Parts, Rig};
use setups::PerSetup;

/// How long to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds of load at each point, for each setup, in each round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds; what is printed are medians over them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// One round of one second each: shows that the benchmark works, and no more.
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    quick: bool,
    /// Threads of the ext_proc service that promptswitch is compared with.
    #[arg(long, default_value_t = 2)]
    twin_threads: usize,
    /// Where to write every single measurement, as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.json")]
    json: PathBuf,
}

/// How much to measure.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seconds: u64,
    rounds: u64,
    twin_threads: usize,
}

/// Measures, prints tables, and writes all measurements as JSON.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let (seconds, rounds) = if options.quick {
        (1, 1)
    } else {
        (options.seconds, options.rounds)
    };
    let plan = Plan {
        seconds,
        rounds,
        twin_threads: options.twin_threads,
    };
    let wrk = wrk::installed()?;
    dist::dist()?;
    let release = build()?;
    let upstream = Server::start(&release.join("bench-upstream"), &[])?;
    let parts = parts(&release, &upstream, plan)?;
    let bodies = KINDS
        .iter()
        .map(|kind| Bodies::write(*kind))
        .collect::<Result<Vec<_>>>()?;
    let machine = Machine::look(wrk)?;

    let agreement;
    let (points, direct) = {
        eprintln!(
            "==> one worker each: {} bodies, {rounds} rounds of {seconds} s",
            bodies.len()
        );
        let rigs = PerSetup::try_new(|setup| Ok(Rig::start(setup, &parts, 1)?.0))?;
        agreement = check::agreement(&rigs, &bodies)?;
        let points = load::points(&rigs, &bodies, plan)?;
        rigs.each(Rig::check)?;
        (points, load::direct(upstream.addr, &bodies, plan)?)
    };
    let warm_up = bodies
        .iter()
        .find(|bodies| bodies.kind.name == WARM_UP.name)
        .context("no bodies to warm up with")?;
    let starts = starts::starts(&parts, warm_up, plan)?;

    let report = Report {
        plan,
        machine,
        bodies: &bodies,
        agreement,
        points,
        direct,
        starts,
    };
    println!("{}", report.markdown());
    write_json(&options.json, &report)
}

/// Builds the twin and the upstream; gives the folder that they are in.
fn build() -> Result<PathBuf> {
    build_release(
        "building the ext_proc twin and the upstream",
        "promptswitch-bench",
    )
}

fn parts(release: &Path, upstream: &Server, plan: Plan) -> Result<Parts> {
    let version = envoy::VERSIONS.last().context("no version of Envoy")?;
    eprintln!("==> fetching Envoy {version}");
    let binary = envoy::fetch(version)?;
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let file = folder.canonicalize()?.join("policy.json");
    fs::write(&file, policy::guide()?.to_string())?;
    Ok(Parts {
        envoy: binary,
        twin: release.join("ext-proc-twin"),
        policy: file,
        twin_threads: plan.twin_threads,
        upstream: upstream.addr,
    })
}

fn write_json(file: &Path, report: &Report<'_>) -> Result<()> {
    // Relative to where the user is, but for the default, which is where everything made here goes.
    let file = if file.starts_with("target") {
        root().join(file)
    } else {
        file.to_owned()
    };
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(&file, json + "\n").with_context(|| file.display().to_string())?;
    eprintln!("==> every measurement: {}", file.display());
    Ok(())
}
