//! Child processes, run loudly: the command line is printed, and a failure names it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    promptswitch_tests::root()
}

/// `cargo` as the user runs it, in the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root());
    command
}

/// Runs the command to its end and says how long it took.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    eprintln!("==> {step}");
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{step}: {command:?} ended with {status}");
    }
    eprintln!("    {step}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Builds a package for release; gives the folder of its programs.
pub(crate) fn build_release(step: &str, package: &str) -> Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        package,
        "--target-dir",
    ];
    run(step, cargo(&build).arg(&target))?;
    let programs = root().join(&target).join("release");
    programs.canonicalize().context("the release build left nothing")
}

/// Whether the command runs and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// What the command prints, without the last line break.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Installs packages of Debian's.
pub(crate) fn apt_install(step: &str, packages: &[&str]) -> Result<()> {
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run("apt-get update", &mut apt(&["update", "-q"]))?;
    run(step, apt(&["install", "-y", "-q"]).args(packages))
}
