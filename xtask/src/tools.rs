//! Programs that the project fetches for itself, into `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::run::{root, run, succeeds};

/// A Python with the official `openai` client, for the demo.
pub(crate) fn python_with_openai() -> Result<PathBuf> {
    let venv = root().join("target/tools/openai");
    let python = venv.join("bin/python");
    if !succeeds(Command::new(&python).args(["-c", "import openai"])) {
        run(
            "making a Python environment",
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
        )?;
        let mut pip = Command::new(&python);
        run(
            "installing the openai client",
            pip.args(["-m", "pip", "install", "--quiet", "openai==3.52.0"]),
        )?;
    }
    Ok(python)
}
