//! Everything that CI checks.

use anyhow::Result;

use crate::dist;
use crate::run::{cargo, run};

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Envoy versions to run the scenarios in, instead of every supported one.
    #[arg(long, value_delimiter = ',')]
    envoy: Vec<String>,
}

/// Lints, then the module, then every test: the ones in real Envoys need the module.
pub(crate) fn test(options: &Options) -> Result<()> {
    run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    run(
        "lints",
        &mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-Dwarnings",
        ]),
    )?;
    dist::dist()?;
    let mut tests = cargo(&["test", "--workspace", "--locked"]);
    if !options.envoy.is_empty() {
        tests.env("PROMPTSWITCH_ENVOY", options.envoy.join(","));
    }
    run("tests", &mut tests)
}
