//! What all requests share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::scrape::Scraped;
use crate::{ApiError, Models};

/// The server's state.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The semantic cache, if there is one.
    pub cache: Option<Cache>,
    /// How busy model servers are.
    pub scraped: Arc<Scraped>,
    /// Requests of paths on which somebody waits for few texts.
    pub(crate) interactive: Arc<Semaphore>,
    /// All other requests.
    pub(crate) bulk: Arc<Semaphore>,
    /// Bytes of bodies.
    pub(crate) bytes: Arc<Semaphore>,
    models: OnceLock<Models>,
    ending: AtomicBool,
}

impl App {
    /// A server without models, which answers 503 until it has them; within a tokio runtime.
    pub fn new(config: Config) -> Result<Self, String> {
        let places = || Arc::new(Semaphore::new(config.max_concurrent_requests));
        Ok(Self {
            metrics: Arc::default(),
            cache: config.cache.clone().map(Cache::new).transpose()?,
            scraped: Arc::default(),
            interactive: places(),
            bulk: places(),
            bytes: Arc::new(Semaphore::new(config.max_held_bytes)),
            models: OnceLock::new(),
            ending: AtomicBool::new(false),
            config,
        })
    }

    /// Makes the semantic cache ready for the embeddings of models. An error if a shared one can never be.
    pub async fn prepare(&self, models: &Models) -> Result<(), String> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        for model in models.iter() {
            cache.prepare(model.about().width).await?;
        }
        Ok(())
    }

    /// Begins to serve models; a second time does nothing.
    pub fn serve(&self, models: Models) {
        self.models.set(models).ok();
    }

    /// Refuses requests from now on; those in flight go on.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Whether requests are refused because the server ends.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// The models, once they are loaded.
    pub fn models(&self) -> Result<&Models, ApiError> {
        self.models.get().ok_or(ApiError::Starting)
    }
}
