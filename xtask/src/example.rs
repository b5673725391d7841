//! An example's `envoy.yaml`, served on this host in front of mock model servers.

use anyhow::{Context, Result};
use promptswitch_tests::envoy::{VERSIONS, fetch};
use promptswitch_tests::twin::{Place, Plan};

use crate::companion;
use crate::run::root;

/// Which example to serve.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The name of a folder of examples/ that has an envoy.yaml.
    name: String,
}

/// Serves the example on the ports of its file until Ctrl-C, with the module that `cargo xtask dist` left.
pub(crate) fn example(options: &Options) -> Result<()> {
    let plan = Plan::new(&options.name, Place::AsWritten)?;
    let _companion = plan.companion().map(companion::start).transpose()?;
    let version = VERSIONS.last().context("no version of Envoy is supported")?;
    let twin = plan.start(&fetch(version)?)?;
    let folder = root().join("examples").join(&options.name);
    println!("Envoy {version} listens on http://{}", twin.addr());
    println!(
        "{} says what to send. Press Ctrl-C to stop.",
        folder.join("README.md").display()
    );
    loop {
        std::thread::park();
    }
}
