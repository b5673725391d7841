//! Reading the files of a model's directory.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tokenizers::Tokenizer;

use super::EngineError;

/// A directory with a model.
#[derive(Debug, Clone)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A JSON file that may be missing.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, EngineError> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(|e| failure(&path, e))?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| failure(&path, e))
    }

    pub(super) fn tokenizer(&self) -> Result<Tokenizer, EngineError> {
        let path = self.path("tokenizer.json");
        Tokenizer::from_file(&path).map_err(|e| failure(&path, e))
    }
}

pub(super) fn failure(path: &Path, why: impl std::fmt::Display) -> EngineError {
    EngineError::File {
        file: path.display().to_string(),
        why: why.to_string(),
    }
}
