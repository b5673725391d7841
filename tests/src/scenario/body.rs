//! Bodies and header values as scenario files write them.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// Bytes: a string, or `{hex: fffe}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    Text(String),
    Hex { hex: String },
}

/// A body: one part, or a list of parts that are joined.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Body {
    One(Part),
    Joined(Vec<Part>),
}

/// A part of a body: a string, `{hex: ..}`, `{json: ..}` or `{repeat: 'unit', times: n}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Part {
    Plain(Bytes),
    Json { json: Value },
    Repeat { repeat: String, times: usize },
}

impl Default for Body {
    fn default() -> Self {
        Self::Joined(Vec::new())
    }
}

impl Body {
    /// The bytes to send.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::One(part) => part.bytes(),
            Self::Joined(parts) => Ok(parts
                .iter()
                .map(Part::bytes)
                .collect::<Result<Vec<_>>>()?
                .concat()),
        }
    }
}

impl Part {
    fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => bytes.bytes(),
            Self::Json { json } => Ok(serde_json::to_vec(json)?),
            Self::Repeat { repeat, times } => Ok(repeat.repeat(*times).into_bytes()),
        }
    }
}

impl Bytes {
    /// The bytes themselves.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Hex { hex } => parse_hex(hex),
        }
    }
}

fn parse_hex(hex: &str) -> Result<Vec<u8>> {
    let digits = hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16));
    let digits: Vec<u32> = digits
        .collect::<Option<_>>()
        .with_context(|| format!("not hexadecimal: {hex}"))?;
    ensure!(digits.len().is_multiple_of(2), "half a byte in {hex}");
    digits
        .chunks(2)
        .map(|pair| {
            Ok(u8::try_from(
                pair.iter().fold(0, |byte, digit| byte * 16 + digit),
            )?)
        })
        .collect()
}
