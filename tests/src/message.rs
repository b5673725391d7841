//! Requests and responses as bytes: no client library stands between a test and the wire.

use serde::Deserialize;

/// Header names and values in the order of the wire. Values are bytes, for HTTP allows more than UTF-8.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A request as a test wants it sent.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// HTTP/1.1 with content-length.
    ContentLength,
    /// HTTP/1.1, chunked.
    Chunked,
    /// HTTP/2, the end of the stream on the last data frame.
    H2,
    /// HTTP/2, the end of the stream on trailers.
    H2Trailers,
}

/// How fast a body is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// In one piece.
    #[default]
    Whole,
    /// Byte by byte up to 2 KiB, in 64 pieces beyond, with a pause after each.
    Slow,
}

impl Request {
    /// A POST of JSON.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST".into(),
            path: path.into(),
            headers: Vec::new(),
            body: body.into(),
        }
        .header("content-type", "application/json")
    }

    /// A chat request for `model` with one message of the user.
    pub fn chat(model: &str, text: &str) -> Self {
        let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": text}]});
        Self::post("/v1/chat/completions", body.to_string())
    }

    /// The same request with one more header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        values(&self.headers, name).into_iter().next()
    }
}

impl Pace {
    /// The pieces in which a body of this pace is sent.
    pub fn pieces(self, body: &[u8]) -> impl Iterator<Item = &[u8]> {
        const BYTE_BY_BYTE: usize = 2048;
        const PIECES: usize = 64;
        let size = match self {
            Self::Whole => body.len(),
            Self::Slow if body.len() <= BYTE_BY_BYTE => 1,
            Self::Slow => body.len().div_ceil(PIECES),
        };
        body.chunks(size.max(1))
    }
}

/// All values of a header, in order, read as UTF-8 with replacement characters.
pub fn values(headers: &Headers, name: &str) -> Vec<String> {
    let found = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}
