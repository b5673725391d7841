//! promptswitch inside real Envoy: one test per fact and version of Envoy.
//!
//! `PROMPTSWITCH_ENVOY=1.40.0` runs one version alone.

mod actions;
mod bodies;
mod clients;
mod configuration;
mod endpoints;
mod harness;
mod hold;
mod observability;
mod offload;
mod parity;
mod scenarios;
mod streaming;
mod suite;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use promptswitch_tests::envoy::{LocalConfig, VERSIONS};
use suite::Suite;

// Most tests wait for a paced client most of the time.
const THREADS: usize = 8;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let only = std::env::var("PROMPTSWITCH_ENVOY").ok();
    let versions = only.map_or_else(|| VERSIONS.map(String::from).to_vec(), |version| vec![version]);
    let mut trials = Vec::new();
    for version in &versions {
        let mut suite = Suite::new(version);
        let guide = suite.shared(2, LocalConfig::shipped);
        harness::add(&mut suite, &guide);
        scenarios::add(&mut suite, &guide)?;
        actions::add(&mut suite, &guide);
        bodies::add(&mut suite, &guide);
        clients::add(&mut suite, &guide);
        streaming::add(&mut suite, &guide);
        observability::add(&mut suite, &guide);
        offload::add(&mut suite, &guide);
        parity::add(&mut suite, &guide);
        endpoints::add(&mut suite);
        hold::add(&mut suite);
        configuration::add(&mut suite, &guide);
        trials.extend(suite.into_trials());
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}
