//! Programs that the project fetches for itself, into `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::run::{root, run, succeeds};

/// A Python with the official `openai` client, for the demo.
pub(crate) fn python_with_openai() -> Result<PathBuf> {
    python_with("openai", "openai", &["openai==3.52.0"])
}

/// A Python with all that `model/train/requirements.txt` names.
pub(crate) fn python_for_training() -> Result<PathBuf> {
    python_with("train", "torch", &["-r", "model/train/requirements.txt"])
}

/// A Python environment in `target/tools`, made where it lacks `module`.
fn python_with(name: &str, module: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = root().join("target/tools").join(name);
    let python = venv.join("bin/python");
    if !succeeds(Command::new(&python).args(["-c", &format!("import {module}")])) {
        run(
            "making a Python environment",
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
        )?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"])
            .args(packages)
            .current_dir(root());
        run(&format!("installing {}", packages.join(" ")), &mut pip)?;
    }
    Ok(python)
}
