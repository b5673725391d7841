//! The model made again, and the figures of the one that ships.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::run::{root, run};
use crate::tools::python_for_training;

/// What to train with.
#[derive(clap::Args)]
pub(crate) struct TrainOptions {
    /// Folder of the labelled sets.
    #[arg(long, default_value = "../shared/data")]
    data: PathBuf,
    /// Folder for the files that belong together.
    #[arg(long, default_value = "model/assets")]
    out: PathBuf,
    /// Training cycles, of 7; 1 for a quick look.
    #[arg(long)]
    cycles: Option<u32>,
}

/// Where the labelled sets are.
#[derive(clap::Args)]
pub(crate) struct ReportOptions {
    /// Folder of the labelled sets.
    #[arg(long, default_value = "../shared/data")]
    data: PathBuf,
}

/// Runs `model/train/train.py`, which takes an hour and a half on two free cores.
pub(crate) fn train(options: &TrainOptions) -> Result<()> {
    let mut python = Command::new(python_for_training()?);
    python
        .arg("model/train/train.py")
        .args(["--data".into(), options.data.clone()])
        .args(["--out".into(), options.out.clone()])
        .args(["--cache", "target/train", "--wheels", "target/tools/wheels"])
        .current_dir(root());
    if let Some(cycles) = options.cycles {
        python.args(["--cycles".into(), cycles.to_string()]);
    }
    run("training (an hour and a half on two free cores)", &mut python)
}

/// Prints the tables of the model card for the files in `model/assets`, TF-IDF beside each.
pub(crate) fn report(options: &ReportOptions) -> Result<()> {
    let mut python = Command::new(python_for_training()?);
    python
        .arg("model/train/report.py")
        .args(["--data".into(), options.data.clone()])
        .args(["--assets", "model/assets"])
        .current_dir(root());
    run("measuring (about ten minutes on two free cores)", &mut python)
}
