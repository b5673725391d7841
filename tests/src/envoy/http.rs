//! The little HTTP that the admin interface needs.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::{
    client,
    message::{Framing, Pace, Request},
};

/// The body of a 200 answer; any other status is an error.
pub(super) fn request(addr: SocketAddr, method: &str, path: &str) -> Result<String> {
    let request = Request {
        method: method.into(),
        path: path.into(),
        ..Request::default()
    };
    let response = client::send(addr, &request, Framing::ContentLength, Pace::Whole)?;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    ensure!(
        response.status == 200,
        "{method} {path}: {} {body}",
        response.status
    );
    Ok(body)
}
