//! What people install and try: every manifest, and every example in real Envoy.
//!
//! `PROMPTSWITCH_ENVOY=1.40.0` runs one version of Envoy alone. What cannot be had on this machine (schemas, kustomize, Helm) is
//! listed as ignored, with the reason in its name.

#![allow(clippy::indexing_slicing)] // a missing key of a manifest is null, and a test may fail

mod canary;
mod crds;
mod examples;
mod failures;
mod manifests;
mod readme;
mod renders;

use std::{process::ExitCode, sync::Mutex};

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use promptswitch_tests::envoy::VERSIONS;

// Each of them starts an Envoy, which compiles the filter on every core that it gets.
const THREADS: usize = 2;

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let only = std::env::var("PROMPTSWITCH_ENVOY").ok();
    let wanted = |version: &str| only.as_deref().is_none_or(|only| only == version);
    let mut trials = Vec::new();
    manifests::add(&mut trials)?;
    renders::add(&mut trials)?;
    canary::add(&mut trials);
    // The oldest one and the newest one; what a version in between makes of requests is for the end-to-end tests.
    let (oldest, newest) = (VERSIONS[0], VERSIONS[VERSIONS.len() - 1]);
    for version in [oldest, newest].into_iter().filter(|version| wanted(version)) {
        examples::add_validation(&mut trials, version)?;
    }
    if wanted(newest) {
        examples::add(&mut trials, newest)?;
        failures::add(&mut trials, newest)?;
        canary::add_reload(&mut trials, newest);
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// A test; its error is printed whole.
fn trial(name: impl Into<String>, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || run().map_err(|error| format!("{error:#}").into()))
}

/// What is not tested here, and why.
fn skipped(name: impl Into<String>) -> Trial {
    Trial::test(name, || Ok(())).with_ignored_flag(true)
}

/// Envoy's binary; one download at a time, whichever test comes first.
fn envoy(version: &str) -> Result<std::path::PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    promptswitch_tests::envoy::fetch(version)
}
