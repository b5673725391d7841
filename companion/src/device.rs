//! What graphs run on, chosen once at start.

use std::fmt;

use serde::Deserialize;
use tract_onnx::prelude::{TractResult, TypedModel};
use tract_onnx::tract_core::runtime::{DefaultRuntime, Runnable, Runtime};

use crate::engine::EngineError;

/// What the configuration asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// CUDA where it can be used, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA, or an error.
    Cuda,
}

/// The device that was chosen, and why.
#[derive(Debug)]
pub struct Device {
    runtime: &'static dyn Runtime,
    why: String,
}

static CPU: DefaultRuntime = DefaultRuntime;

impl Device {
    /// The device for a choice. Asking for CUDA where it cannot be used is an error that says why.
    pub fn choose(choice: Choice) -> Result<Self, EngineError> {
        match (choice, cuda()) {
            (Choice::Cpu, _) => Ok(Self::cpu("asked for")),
            (_, Ok(runtime)) => Ok(Self {
                runtime,
                why: "found a card and its libraries".into(),
            }),
            (Choice::Auto, Err(why)) => Ok(Self::cpu(&format!("no cuda: {why}"))),
            (Choice::Cuda, Err(why)) => Err(EngineError::Device {
                device: "cuda".into(),
                why,
            }),
        }
    }

    fn cpu(why: &str) -> Self {
        Self {
            runtime: &CPU,
            why: why.into(),
        }
    }

    /// Whether batches run one at a time on a device of their own, and not one on each core.
    pub fn is_accelerator(&self) -> bool {
        self.runtime.name() != CPU.name()
    }

    pub(crate) fn prepare(&self, model: TypedModel) -> TractResult<Box<dyn Runnable>> {
        self.runtime.prepare(model)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.runtime.name(), self.why)
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<&'static dyn Runtime, String> {
    // Named, so that the linker keeps the crate that registers the runtime.
    use tract_cuda as _;
    match tract_onnx::tract_core::runtime::runtime_for_name("cuda") {
        Ok(Some(runtime)) => Ok(runtime),
        Ok(None) => Err("the runtime is not linked in".into()),
        Err(error) => Err(format!("{error:#}")),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<&'static dyn Runtime, String> {
    Err("this build has none (cargo build --features cuda)".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_says_why_it_was_chosen() {
        let device = Device::choose(Choice::Cpu).unwrap();
        assert_eq!(device.to_string(), "cpu (asked for)");
        assert!(!device.is_accelerator());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn without_cuda_auto_takes_the_cpu_and_cuda_is_an_error() {
        assert!(
            Device::choose(Choice::Auto)
                .unwrap()
                .to_string()
                .starts_with("cpu (no cuda: ")
        );
        let error = Device::choose(Choice::Cuda).unwrap_err().to_string();
        assert!(error.starts_with("device cuda: "), "{error}");
    }
}
