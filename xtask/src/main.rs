//! `cargo xtask COMMAND`: everything that is done to this repository.

mod bench;
mod companion;
mod demo;
mod dist;
mod endpoints;
mod example;
mod fuzz;
mod interop;
mod oci;
mod process;
mod run;
mod test;
mod toolchain;
mod tools;
mod train;

use clap::Parser;

/// Build, demo, test and benchmark promptswitch.
#[derive(Parser)]
enum Command {
    /// Build dist/promptswitch.wasm; print its size, imports and sha256.
    Dist,
    /// Pack dist/promptswitch.wasm as OCI images under dist/oci, without a container engine.
    Oci,
    /// Build everything, run it in a real Envoy with two mock models, send prompts and print where they went; with --offload, what
    /// the companion makes of prompts that the filter is unsure of.
    Demo(demo::Options),
    /// Serve an example on this host, in front of mock model servers.
    Example(example::Options),
    /// Everything that CI checks: lints, unit, property and scenario tests, and the same scenarios in real Envoys.
    Test(test::Options),
    /// Fuzz everything that reads a client's bytes.
    Fuzz(fuzz::Options),
    /// Train the model anew.
    Train(train::TrainOptions),
    /// Measure the model on rows that did not train it, beside a linear TF-IDF model.
    Report(train::ReportOptions),
    /// Build programs of other projects with Go, and run our resources and examples with them; apart from the tests.
    Interop(interop::Options),
    /// Prefix hits and time to first token on a trace: round robin, our filter's endpoints, and the real endpoint picker's.
    Endpoints(endpoints::Options),
    /// Added latency, throughput, CPU and memory: no filter, our filter and an ext_proc twin, side by side.
    Bench(bench::Options),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Dist => dist::dist(),
        Command::Oci => oci::oci(),
        Command::Demo(options) => demo::demo(&options),
        Command::Example(options) => example::example(&options),
        Command::Test(options) => test::test(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Train(options) => train::train(&options),
        Command::Report(options) => train::report(&options),
        Command::Interop(options) => interop::interop(&options),
        Command::Endpoints(options) => endpoints::endpoints(&options),
        Command::Bench(options) => bench::bench(&options),
    }
}
