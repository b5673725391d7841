//! The models that are served, by name.

use std::sync::Arc;

use crate::ApiError;
use crate::batch::{Class, Input, Pipeline, Size};
use crate::config::{Config, Source};
use crate::device::Device;
use crate::engine::{self, About, EngineError, Labels, Shared, builtin::Builtin};
use crate::metrics::Metrics;

/// A model with its queue and threads.
#[derive(Debug)]
pub struct Model {
    engine: Shared,
    /// Where it is run.
    pub pipeline: Pipeline,
}

/// All models, in the order of the configuration; there is at least one.
#[derive(Debug)]
pub struct Models(Vec<Model>);

impl Model {
    /// Starts the threads of a loaded model.
    pub fn start(engine: Shared, size: Size, metrics: Arc<Metrics>) -> Result<Self, EngineError> {
        let about = engine.about();
        metrics.serves(&about.id, &about.revision);
        let pipeline = Pipeline::start(&engine, size, metrics)?;
        Ok(Self { engine, pipeline })
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        self.engine.about()
    }

    /// A short and a long text, so that no client waits for memory to be found and code to be read.
    async fn warm_up(&self) -> Result<(), EngineError> {
        let long = "why is the sky blue? ".repeat(200);
        for text in ["warm up", long.as_str()] {
            let inputs = vec![Input::Text(text.into()); 4];
            let answers = self.pipeline.run(inputs, Class::bulk, None).await;
            answers.map_err(|refusal| EngineError::Run(format!("warm-up: {refusal:?}")))?;
        }
        Ok(())
    }
}

impl Models {
    /// Serves models that are loaded and started.
    pub fn new(models: Vec<Model>) -> Self {
        Self(models)
    }

    /// Chooses the device, and loads and warms up every model of the configuration.
    pub async fn load(config: Config, metrics: Arc<Metrics>) -> Result<Self, EngineError> {
        let models = tokio::task::spawn_blocking(move || load(&config, &metrics))
            .await
            .map_err(|error| EngineError::Run(error.to_string()))??;
        for model in &models {
            model.warm_up().await?;
        }
        Ok(Self(models))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.0.iter()
    }

    /// The model of a name; without one the first.
    pub fn embedder(&self, name: Option<&str>) -> Result<&Model, ApiError> {
        self.find(name, |_| true)
    }

    /// The model of a name, which must classify; without a name the first that does.
    pub fn classifier(&self, name: Option<&str>) -> Result<(&Model, &Labels), ApiError> {
        let model = self.find(name, |about| about.labels.is_some())?;
        let labels = model.about().labels.as_ref();
        labels.map(|labels| (model, labels)).ok_or_else(|| {
            let id = &model.about().id;
            ApiError::Invalid(format!("model: {id} gives embeddings only, no classes"))
        })
    }

    fn find(&self, name: Option<&str>, fits: impl Fn(&About) -> bool) -> Result<&Model, ApiError> {
        let found = match name {
            Some(name) => self.iter().find(|model| model.about().id == name),
            None => self
                .iter()
                .find(|model| fits(model.about()))
                .or_else(|| self.0.first()),
        };
        found.ok_or_else(|| ApiError::NoModel {
            asked: name.unwrap_or_default().chars().take(64).collect(),
            served: self.names().join(", "),
        })
    }

    fn names(&self) -> Vec<&str> {
        self.iter().map(|model| model.about().id.as_str()).collect()
    }
}

fn load(config: &Config, metrics: &Arc<Metrics>) -> Result<Vec<Model>, EngineError> {
    let device = Device::choose(config.device)?;
    log::info!("device: {device}");
    let load = |source: &Source| {
        let (engine, accelerated): (Shared, bool) = match source {
            // It is compiled for the CPU, where a text takes less time than its way to a card.
            Source::Builtin => (Arc::new(Builtin::load()?), false),
            Source::Folder(name, folder) => (engine::load(folder, name, &device)?, device.is_accelerator()),
        };
        let about = engine.about();
        let size = size(config, accelerated);
        log::info!(
            "model {}: revision {}, embeddings of {}, {} tokens, {}; {} workers, {} tokens a batch",
            about.id,
            about.revision,
            about.width,
            about.max_tokens,
            if about.labels.is_some() {
                "classifies"
            } else {
                "no classes"
            },
            size.workers,
            size.batch_tokens,
        );
        Model::start(engine, size, metrics.clone())
    };
    config.models.iter().map(load).collect()
}

fn size(config: &Config, accelerated: bool) -> Size {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.workers.unwrap_or(if accelerated { 1 } else { cores });
    // On a CPU a batch gains little beyond a few texts, and a small request waits for it to end.
    let batch_tokens = if accelerated { 16_384 } else { 512 };
    Size {
        workers,
        tokenizers: config.tokenizer_threads.unwrap_or(cores),
        batch_tokens: config.max_batch_tokens.unwrap_or(batch_tokens),
        queued_texts: config.max_queued_texts,
    }
}
