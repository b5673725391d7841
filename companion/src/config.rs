//! Flags, environment and file, in this order of precedence, over defaults.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;

use crate::device::Choice;
use crate::engine::builtin;

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read, or is not what it should be.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A value is out of its range.
    #[error("{key}: {why}")]
    Value {
        /// The setting's name.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
}

macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident: $kind:ty, $env:literal;)*) => {
        /// Every setting, as flag, environment variable and key of the file. Those not given are `None`.
        #[derive(Debug, Clone, Default, Parser, Deserialize)]
        #[command(version, about = "Serves embeddings and prompt classification over HTTP")]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            /// File with these settings, YAML or JSON
            #[arg(long, env = "PROMPTSWITCH_CONFIG")]
            #[serde(skip)]
            pub config: Option<PathBuf>,
            $($(#[$meta])* #[arg(long, env = $env)] pub $name: Option<$kind>,)*
            /// Model to serve: `builtin`, DIR or NAME=DIR; may be given more than once; the first is the default one
            #[arg(long = "model", env = "PROMPTSWITCH_MODELS", value_delimiter = ',')]
            #[serde(default)]
            pub models: Vec<String>,
        }

        impl Settings {
            /// These settings, and where one is missing the other's.
            fn or(self, other: Self) -> Self {
                Self {
                    config: self.config.or(other.config),
                    $($name: self.$name.or(other.$name),)*
                    models: if self.models.is_empty() { other.models } else { self.models },
                }
            }
        }
    };
}

settings! {
    /// Address to listen on [default: 127.0.0.1:8090]
    listen: SocketAddr, "PROMPTSWITCH_LISTEN";
    /// auto, cpu or cuda [default: auto]
    device: Choice, "PROMPTSWITCH_DEVICE";
    /// Threads that run each model [default: one per core; 1 on an accelerator]
    workers: usize, "PROMPTSWITCH_WORKERS";
    /// Threads that tokenise for each model [default: as many as workers]
    tokenizer_threads: usize, "PROMPTSWITCH_TOKENIZER_THREADS";
    /// Most tokens of a batch, padding included [default: 512; 16384 on an accelerator]
    max_batch_tokens: usize, "PROMPTSWITCH_MAX_BATCH_TOKENS";
    /// Most texts waiting, of each class and model [default: 4096]
    max_queued_texts: usize, "PROMPTSWITCH_MAX_QUEUED_TEXTS";
    /// Most requests at a time, of each class [default: 512]
    max_concurrent_requests: usize, "PROMPTSWITCH_MAX_CONCURRENT_REQUESTS";
    /// Most connections [default: 2048]
    max_connections: usize, "PROMPTSWITCH_MAX_CONNECTIONS";
    /// Most bytes of a request's body [default: 8388608]
    max_body_bytes: usize, "PROMPTSWITCH_MAX_BODY_BYTES";
    /// Most bytes of all bodies held at a time [default: 134217728]
    max_held_bytes: usize, "PROMPTSWITCH_MAX_HELD_BYTES";
    /// Most texts of a request [default: 2048]
    max_inputs: usize, "PROMPTSWITCH_MAX_INPUTS";
    /// Milliseconds that a client may take to send a request's head, and again for its body [default: 10000]
    read_timeout_ms: u64, "PROMPTSWITCH_READ_TIMEOUT_MS";
    /// Milliseconds that requests in flight have to finish after SIGTERM [default: 25000]
    drain_timeout_ms: u64, "PROMPTSWITCH_DRAIN_TIMEOUT_MS";
    /// Most answers in the semantic cache in memory; 0 turns it off [default: 0]
    cache_entries: usize, "PROMPTSWITCH_CACHE_ENTRIES";
    /// Most bytes in the semantic cache in memory [default: 268435456]
    cache_bytes: usize, "PROMPTSWITCH_CACHE_BYTES";
    /// Seconds that an answer is kept for where the request names none [default: 3600]
    cache_ttl_s: u64, "PROMPTSWITCH_CACHE_TTL_S";
    /// Least likeness of a hit where the request names none, 0 to 1 [default: 0.99]
    cache_threshold: f32, "PROMPTSWITCH_CACHE_THRESHOLD";
    /// Redis or Valkey with vector search that has the semantic cache, instead of memory: redis://[[USER]:PASSWORD@]HOST[:PORT]
    cache_url: String, "PROMPTSWITCH_CACHE_URL";
    /// Milliseconds after which a look-up in it is a miss [default: 100]
    cache_timeout_ms: u64, "PROMPTSWITCH_CACHE_TIMEOUT_MS";
    /// vLLM servers whose load `/v1/endpoints` tells, as IP:PORT,IP:PORT [default: none]
    #[arg(value_delimiter = ',')]
    scrape: Vec<SocketAddr>, "PROMPTSWITCH_SCRAPE";
    /// Milliseconds between two looks at a server's metrics [default: 200]
    scrape_interval_ms: u64, "PROMPTSWITCH_SCRAPE_INTERVAL_MS";
}

/// A model to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one that ships.
    Builtin,
    /// The one of a directory, under this name.
    Folder(String, PathBuf),
}

/// The configuration, complete and checked. The meaning of each value is that of the setting of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Config {
    pub listen: SocketAddr,
    pub models: Vec<Source>,
    pub device: Choice,
    pub workers: Option<usize>,
    pub tokenizer_threads: Option<usize>,
    pub max_batch_tokens: Option<usize>,
    pub max_queued_texts: usize,
    pub max_concurrent_requests: usize,
    pub max_connections: usize,
    pub max_body_bytes: usize,
    pub max_held_bytes: usize,
    pub max_inputs: usize,
    pub read_timeout: Duration,
    pub drain_timeout: Duration,
    pub cache: Option<CacheConfig>,
    pub scrape: Vec<SocketAddr>,
    pub scrape_interval: Duration,
}

/// Where the semantic cache is, and what a request that does not say gets.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct CacheConfig {
    pub place: Place,
    pub ttl: Duration,
    pub threshold: f32,
}

/// Where the semantic cache is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In this process.
    Memory {
        /// Most answers.
        entries: usize,
        /// Most bytes.
        bytes: usize,
    },
    /// In a server that many share.
    Redis {
        /// What connects to it.
        client: redis::Client,
        /// How long a look-up or store waits.
        timeout: Duration,
    },
}

impl Settings {
    /// Reads the file, if one is named, and completes and checks the configuration.
    pub fn complete(self) -> Result<Config, ConfigError> {
        let file = self.config.as_deref().map(read).transpose()?;
        self.or(file.unwrap_or_default()).try_into()
    }
}

fn read(path: &Path) -> Result<Settings, ConfigError> {
    let failure = |why: String| ConfigError::File {
        path: path.display().to_string(),
        why,
    };
    let bytes = fs::read(path).map_err(|e| failure(e.to_string()))?;
    // JSON is YAML, and so is an empty file.
    if bytes.trim_ascii().is_empty() {
        return Ok(Settings::default());
    }
    serde_saphyr::from_slice(&bytes).map_err(|e| failure(e.to_string()))
}

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(settings: Settings) -> Result<Self, ConfigError> {
        let s = settings;
        let config = Self {
            listen: s.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8090))),
            models: sources(&s.models)?,
            device: s.device.unwrap_or_default(),
            workers: at_least_one("workers", s.workers)?,
            tokenizer_threads: at_least_one("tokenizer_threads", s.tokenizer_threads)?,
            max_batch_tokens: at_least_one("max_batch_tokens", s.max_batch_tokens)?,
            max_queued_texts: count("max_queued_texts", s.max_queued_texts, 4096)?,
            max_concurrent_requests: count("max_concurrent_requests", s.max_concurrent_requests, 512)?,
            max_connections: count("max_connections", s.max_connections, 2048)?,
            max_body_bytes: count("max_body_bytes", s.max_body_bytes, 8 << 20)?, // 8 MiB
            max_held_bytes: count("max_held_bytes", s.max_held_bytes, 128 << 20)?, // 128 MiB
            max_inputs: count("max_inputs", s.max_inputs, 2048)?,
            read_timeout: Duration::from_millis(s.read_timeout_ms.unwrap_or(10_000)),
            drain_timeout: Duration::from_millis(s.drain_timeout_ms.unwrap_or(25_000)),
            cache: cache(&s)?,
            scrape_interval: Duration::from_millis(s.scrape_interval_ms.unwrap_or(200)),
            scrape: s.scrape.unwrap_or_default(),
        };
        config.check()
    }
}

impl Config {
    fn check(self) -> Result<Self, ConfigError> {
        let value = |key, why: &str| Err(ConfigError::Value { key, why: why.into() });
        if self.max_inputs > self.max_queued_texts {
            value(
                "max_inputs",
                "more than max_queued_texts, so that it could never be queued",
            )
        } else if self.max_body_bytes > self.max_held_bytes {
            value(
                "max_body_bytes",
                "more than max_held_bytes, so that it could never be held",
            )
        } else if self.scrape_interval.is_zero() {
            value("scrape_interval_ms", "must not be 0")
        } else if self.max_held_bytes > u32::MAX as usize {
            value("max_held_bytes", "more than 4 GiB")
        } else {
            Ok(self)
        }
    }
}

fn count(key: &'static str, value: Option<usize>, default: usize) -> Result<usize, ConfigError> {
    Ok(at_least_one(key, value)?.unwrap_or(default))
}

fn at_least_one(key: &'static str, value: Option<usize>) -> Result<Option<usize>, ConfigError> {
    match value {
        // What tokio's semaphores can count on every platform.
        Some(n) if n == 0 || n > u32::MAX as usize >> 3 && key != "max_held_bytes" => {
            Err(ConfigError::Value {
                key,
                why: format!("{n} is not in 1..=536870911"),
            })
        }
        other => Ok(other),
    }
}

fn cache(settings: &Settings) -> Result<Option<CacheConfig>, ConfigError> {
    let threshold = settings.cache_threshold.unwrap_or(0.99);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(ConfigError::Value {
            key: "cache_threshold",
            why: format!("{threshold} is not in 0..=1"),
        });
    }
    Ok(place(settings)?.map(|place| CacheConfig {
        place,
        ttl: Duration::from_secs(settings.cache_ttl_s.unwrap_or(3600)),
        threshold,
    }))
}

fn place(settings: &Settings) -> Result<Option<Place>, ConfigError> {
    let value = |key, why: String| Err(ConfigError::Value { key, why });
    let entries = settings.cache_entries.unwrap_or(0);
    let Some(url) = &settings.cache_url else {
        let bytes = settings.cache_bytes.unwrap_or(256 << 20); // 256 MiB
        return Ok((entries > 0).then_some(Place::Memory { entries, bytes }));
    };
    if entries > 0 {
        let why = "is of the cache in memory, which cache_url replaces";
        return value("cache_entries", why.into());
    }
    match redis::Client::open(url.as_str()) {
        Ok(client) => Ok(Some(Place::Redis {
            client,
            timeout: Duration::from_millis(settings.cache_timeout_ms.unwrap_or(100)),
        })),
        // The error does not have the address, which may have a password.
        Err(error) => value("cache_url", error.to_string()),
    }
}

fn sources(models: &[String]) -> Result<Vec<Source>, ConfigError> {
    let failure = |why: String| ConfigError::Value { key: "models", why };
    if models.is_empty() {
        return Ok(vec![Source::Builtin]);
    }
    let sources: Vec<Source> = models.iter().map(|model| source(model)).collect();
    let mut names: Vec<&str> = sources.iter().map(Source::name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.get(1)) {
        Some(pair) => Err(failure(format!("{} is there twice", pair.first().unwrap_or(&"")))),
        None if names.contains(&"") => Err(failure("a name is empty".into())),
        None => Ok(sources),
    }
}

fn source(model: &str) -> Source {
    if model == "builtin" {
        return Source::Builtin;
    }
    match model.split_once('=') {
        Some((name, folder)) => Source::Folder(name.into(), folder.into()),
        None => {
            let folder = PathBuf::from(model);
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            Source::Folder(name.into_owned(), folder)
        }
    }
}

impl Source {
    /// The name that requests give in `model`.
    pub fn name(&self) -> &str {
        match self {
            Source::Builtin => builtin::ID,
            Source::Folder(name, _) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(arguments: &[&str]) -> Result<Config, ConfigError> {
        let arguments = ["companion"].iter().chain(arguments);
        Settings::try_parse_from(arguments).unwrap().complete()
    }

    #[test]
    fn without_arguments_the_model_that_ships_is_served_on_loopback() {
        let config = complete(&[]).unwrap();
        assert_eq!(config.models, [Source::Builtin]);
        assert!(config.listen.ip().is_loopback());
        assert!(config.cache.is_none());
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            &file,
            "max_inputs: 7\nworkers: 3\nmodels: [builtin, e5=/models/e5-small]\n",
        )
        .unwrap();
        let path = file.path().to_str().unwrap();
        let config = complete(&["--config", path, "--workers", "2"]).unwrap();
        assert_eq!((config.max_inputs, config.workers), (7, Some(2)));
        let folder = Source::Folder("e5".into(), "/models/e5-small".into());
        assert_eq!(config.models, [Source::Builtin, folder]);
    }

    #[test]
    fn a_json_file_is_read_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, r#"{"listen": "0.0.0.0:1234", "device": "cpu"}"#).unwrap();
        let config = complete(&["--config", file.path().to_str().unwrap()]).unwrap();
        assert_eq!((config.listen.port(), config.device), (1234, Choice::Cpu));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "workerz: 3\n").unwrap();
        let path = file.path().to_str().unwrap();
        for (arguments, what) in [
            (&["--config", path][..], "workerz"),
            (&["--config", "/nowhere"], "/nowhere"),
            (&["--workers", "0"], "workers"),
            (&["--max-inputs", "5000"], "max_inputs"),
            (&["--cache-threshold", "2"], "cache_threshold"),
            (&["--cache-url", "http://localhost"], "cache_url"),
            (
                &["--cache-url", "redis://localhost", "--cache-entries", "9"],
                "cache_entries",
            ),
            (&["--model", "a=/x", "--model", "a=/y"], "models"),
        ] {
            let error = complete(arguments).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
