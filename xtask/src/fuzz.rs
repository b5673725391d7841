//! The fuzzer: any bytes of a client, through the whole filter on the fake host.

use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{root, run, succeeds};

/// How long to fuzz.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Minutes to run for.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
}

/// Runs libFuzzer over the kept corpus. Needs a nightly toolchain; installs cargo-fuzz where it is missing.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    if !succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        run(
            "installing cargo-fuzz",
            Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]),
        )?;
    }
    let seconds = options.minutes.checked_mul(60).context("too many minutes")?;
    // What it finds interesting goes to a folder of its own: the kept corpus stays small and readable.
    std::fs::create_dir_all(root().join("target/fuzz-corpus"))?;
    let mut fuzz = Command::new("cargo");
    fuzz.args(["+nightly", "fuzz", "run", "--fuzz-dir", "filter/fuzz", "request"])
        .args(["target/fuzz-corpus", "filter/fuzz/corpus/request", "--"])
        .args([
            format!("-max_total_time={seconds}"),
            "-max_len=16384".into(),
            "-timeout=10".into(),
        ])
        .current_dir(root());
    run("fuzzing", &mut fuzz)
}
