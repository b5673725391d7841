//! The tests of one version of Envoy, and the Envoys that they share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anyhow::{Result, anyhow};
use libtest_mimic::Trial;
use promptswitch_tests::{
    envoy::{LocalConfig, fetch},
    stack::Stack,
};

/// Collects the tests of one version of Envoy.
pub(crate) struct Suite {
    version: String,
    trials: Vec<Trial>,
}

/// An Envoy that starts with the first test that needs it and ends with the last.
pub(crate) struct Shared {
    version: String,
    config: Box<dyn Fn() -> Result<LocalConfig> + Send + Sync>,
    workers: usize,
    stack: OnceLock<Result<Stack, String>>,
}

impl Suite {
    pub(crate) fn new(version: &str) -> Self {
        Self { version: version.into(), trials: Vec::new() }
    }

    /// An Envoy with the shipped configuration as it is.
    pub(crate) fn guide(&self) -> Arc<Shared> {
        self.shared(2, LocalConfig::shipped)
    }

    /// An Envoy for several tests.
    pub(crate) fn shared(
        &self,
        workers: usize,
        config: impl Fn() -> Result<LocalConfig> + Send + Sync + 'static,
    ) -> Arc<Shared> {
        let (version, config) = (self.version.clone(), Box::new(config));
        Arc::new(Shared { version, config, workers, stack: OnceLock::new() })
    }

    /// Adds a test on a shared Envoy, which must be in good health afterwards.
    pub(crate) fn test(
        &mut self,
        name: impl Into<String>,
        shared: &Arc<Shared>,
        run: impl FnOnce(&Stack) -> Result<()> + Send + 'static,
    ) {
        let shared = shared.clone();
        self.add(name, move |_| {
            let stack = shared.stack()?;
            run(stack)?;
            stack.check_health()
        });
    }

    /// Adds a test that starts its own Envoy from this binary.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        run: impl FnOnce(&Path) -> Result<()> + Send + 'static,
    ) {
        let version = self.version.clone();
        let run = move || {
            let outcome = binary(&version).and_then(|binary| run(&binary));
            outcome.map_err(|error| format!("{error:#}").into())
        };
        self.trials.push(Trial::test(name, run).with_kind(&self.version));
    }

    pub(crate) fn into_trials(self) -> Vec<Trial> {
        self.trials
    }
}

impl Shared {
    fn stack(&self) -> Result<&Stack> {
        let start = || Stack::start(&binary(&self.version)?, (self.config)()?, self.workers);
        let stack = self.stack.get_or_init(|| start().map_err(|error| format!("{error:#}")));
        stack.as_ref().map_err(|error| anyhow!("Envoy does not start: {error}"))
    }
}

// One download at a time, whichever test comes first.
fn binary(version: &str) -> Result<PathBuf> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    fetch(version)
}
