//! A Rust toolchain that builds for wasm32-unknown-unknown, wherever one can be had.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{apt_install, output, root, succeeds};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian 12 offers in the place of a rustup target: a compiler, the source of std to build it from, a linker.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// A `cargo build` for [`TARGET`] in a target folder of its own: the two ways use different compilers, and neither is
/// the one that built this program.
pub(crate) fn cargo_build() -> Result<Command> {
    let mut command = if has_rustup_target() || (!has_debian_toolchain() && add_rustup_target()) {
        let mut command = Command::new("cargo");
        command.args(["build", "--target-dir", "target/wasm"]);
        command
    } else {
        if !has_debian_toolchain() {
            install_debian_toolchain()?;
        }
        debian_cargo()
    };
    command.args(["--target", TARGET, "--locked"]).current_dir(root());
    Ok(command)
}

fn has_rustup_target() -> bool {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"])).unwrap_or_default();
    Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir()
}

fn add_rustup_target() -> bool {
    eprintln!("==> rustup target add {TARGET}");
    // A machine without a way out may hang in the download.
    let added = succeeds(Command::new("timeout").args(["120", "rustup", "target", "add", TARGET]));
    added && has_rustup_target()
}

fn has_debian_toolchain() -> bool {
    let rustc = |args: &[&str]| output(Command::new("/usr/bin/rustc").args(args)).unwrap_or_default();
    let source = Path::new(&rustc(&["--print", "sysroot"])).join("lib/rustlib/src/rust/library/std");
    Path::new("/usr/bin/rustc").exists() && source.is_dir() && Path::new("/usr/bin/wasm-ld-19").exists()
}

fn install_debian_toolchain() -> Result<()> {
    if !Path::new("/etc/debian_version").exists() {
        bail!("the target {TARGET} is missing: run `rustup target add {TARGET}`");
    }
    apt_install("installing a wasm toolchain (needs root)", &DEBIAN_PACKAGES)
}

fn debian_cargo() -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    command
        .args([
            "build",
            "-Zbuild-std=std,panic_abort",
            "--target-dir",
            "target/wasm-debian",
        ])
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
        // Set by the rustup proxy that runs this program; they would lead back to its toolchain.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env_remove("RUSTDOC");
    command
}
