//! The tests of one version of Envoy, and the Envoys that they share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use anyhow::{Result, anyhow, bail};
use libtest_mimic::Trial;
use promptswitch_tests::{
    envoy::{LocalConfig, fetch},
    stack::{LISTENER, Stack},
};

/// Collects the tests of one version of Envoy.
pub(crate) struct Suite {
    version: String,
    trials: Vec<Trial>,
}

/// An Envoy that starts with the first test that needs it and ends with the last.
pub(crate) struct Shared {
    version: String,
    workers: usize,
    /// The configuration of each listener.
    listeners: Mutex<Vec<(String, Config)>>,
    stack: OnceLock<Result<Stack, String>>,
}

/// One listener of a shared Envoy.
#[derive(Clone)]
pub(crate) struct Listener {
    name: String,
    envoy: Arc<Shared>,
}

type Config = Box<dyn Fn() -> Result<LocalConfig> + Send>;

impl Suite {
    pub(crate) fn new(version: &str) -> Self {
        Self {
            version: version.into(),
            trials: Vec::new(),
        }
    }

    /// An Envoy for several tests, with a first listener.
    pub(crate) fn shared(
        &self,
        workers: usize,
        config: impl Fn() -> Result<LocalConfig> + Send + 'static,
    ) -> Listener {
        let envoy = Shared {
            version: self.version.clone(),
            workers,
            listeners: Mutex::default(),
            stack: OnceLock::new(),
        };
        Listener {
            name: LISTENER.into(),
            envoy: Arc::new(envoy),
        }
        .beside(LISTENER, config)
    }

    /// Adds a test on a shared Envoy, which must be in good health afterwards.
    pub(crate) fn test(
        &mut self,
        name: impl Into<String>,
        listener: &Listener,
        run: impl FnOnce(&Stack) -> Result<()> + Send + 'static,
    ) {
        let listener = listener.clone();
        self.add(name, move |_| {
            let stack = listener.envoy.stack()?.through(&listener.name)?;
            run(&stack)?;
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

impl Listener {
    /// Another listener of the same Envoy.
    pub(crate) fn beside(
        &self,
        name: &str,
        config: impl Fn() -> Result<LocalConfig> + Send + 'static,
    ) -> Listener {
        lock(&self.envoy.listeners).push((name.into(), Box::new(config)));
        Self {
            name: name.into(),
            envoy: self.envoy.clone(),
        }
    }
}

impl Shared {
    fn stack(&self) -> Result<&Stack> {
        let stack = self
            .stack
            .get_or_init(|| self.start().map_err(|error| format!("{error:#}")));
        stack
            .as_ref()
            .map_err(|error| anyhow!("Envoy does not start: {error}"))
    }

    fn start(&self) -> Result<Stack> {
        let listeners = lock(&self.listeners);
        let Some(((_, first), others)) = listeners.split_first() else {
            bail!("an Envoy without listeners")
        };
        let mut config = first()?;
        for (name, other) in others {
            config = config.with_listener(name, other()?)?;
        }
        Stack::start(&binary(&self.version)?, config, self.workers)
    }
}

// One download at a time, whichever test comes first.
fn binary(version: &str) -> Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = lock(&ONE_AT_A_TIME);
    fetch(version)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
