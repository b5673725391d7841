//! HTTP/1.1 written by hand over a socket.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context, Result, bail, ensure};

use super::PATIENCE;
use crate::message::{Headers, Request, Response};

/// What the head of a request says about its body.
#[derive(Debug, Clone, Copy)]
pub enum Framing {
    /// Nothing: there is no body.
    None,
    /// `content-length`, with this value.
    Length(usize),
    /// `transfer-encoding: chunked`.
    Chunked,
}

/// The head of a request as bytes.
pub fn head(request: &Request, framing: Framing) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: gateway.test\r\n",
        request.method, request.path
    )
    .into_bytes();
    for (name, value) in &request.headers {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    match framing {
        Framing::None => {}
        Framing::Length(length) => head.extend(format!("content-length: {length}\r\n").into_bytes()),
        Framing::Chunked => head.extend(b"transfer-encoding: chunked\r\n"),
    }
    head.extend(b"\r\n");
    head
}

/// A connection to Envoy. Dropping it closes the socket.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    // What was read and not yet asked for.
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; nothing is sent yet.
    pub fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("writing to Envoy")
    }

    /// Writes one chunk of a chunked body; an empty one ends it.
    pub fn write_chunk(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
    }

    /// Reads the status and headers of the next response, an interim one (1xx) included.
    pub fn read_head(&mut self) -> Result<Response> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 100];
            let mut parsed = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = parsed.parse(&self.buffer)? {
                let status = parsed.code.context("a response without a status")?;
                let headers = parsed
                    .headers
                    .iter()
                    .map(|h| (h.name.to_string(), h.value.to_vec()))
                    .collect();
                self.buffer.drain(..length);
                return Ok(Response {
                    status,
                    headers,
                    body: Vec::new(),
                });
            }
            ensure!(self.fill()? > 0, "the connection ended before a response");
        }
    }

    /// Reads the next response whole, past interim ones.
    pub fn read_response(&mut self, method: &str) -> Result<Response> {
        let mut response = self.read_head()?;
        while (100..200).contains(&response.status) && response.status != 101 {
            response = self.read_head()?;
        }
        if method != "HEAD" && response.status != 101 {
            response.body = self.read_body(&response.headers)?;
        }
        Ok(response)
    }

    /// Reads the next chunk of a chunked body; it is empty at the end.
    pub fn read_chunk(&mut self) -> Result<Vec<u8>> {
        let end = loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                break end;
            }
            ensure!(self.fill()? > 0, "the connection ended in a chunk");
        };
        let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        let size = usize::from_str_radix(str::from_utf8(&line)?.trim(), 16)?;
        let mut chunk = self.read_exact(size + 2)?;
        chunk.truncate(size);
        Ok(chunk)
    }

    /// Reads this many bytes.
    pub fn read_exact(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            ensure!(self.fill()? > 0, "the connection ended in a body");
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn read_body(&mut self, headers: &Headers) -> Result<Vec<u8>> {
        let find = |name| crate::message::values(headers, name).into_iter().next();
        if find("transfer-encoding").is_some() {
            let mut body = Vec::new();
            loop {
                match self.read_chunk()? {
                    chunk if chunk.is_empty() => return Ok(body),
                    chunk => body.extend(chunk),
                }
            }
        }
        match find("content-length") {
            Some(length) => self.read_exact(length.parse()?),
            None => bail!("a response without a length"),
        }
    }

    fn fill(&mut self) -> Result<usize> {
        let mut piece = [0; 16384];
        let read = self.stream.read(&mut piece).context("waiting for Envoy")?;
        self.buffer.extend(piece.iter().take(read));
        Ok(read)
    }
}
