//! A model server that costs next to nothing: it reads the request to its end and gives a fixed answer.
//!
//! The mock of the end-to-end tests parses every body, which would be most of what is measured at 1 MB.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::{net, runtime};

const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"#,
    r#""message":{"role":"assistant","content":"Four."},"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}"#,
);

/// A request with this header gets its own body back, so that a check can see what arrived.
const ECHO: &str = "x-echo";

/// A fixed answer to every request, over HTTP/1.1.
#[derive(Parser)]
struct Args {
    /// Address to listen on; the one taken is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// End when stdin does.
    #[arg(long)]
    end_with_stdin: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.end_with_stdin {
        promptswitch_bench::end_with_stdin();
    }
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    promptswitch_bench::announce(listener.local_addr()?)?;
    runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(listener))
}

async fn serve(listener: TcpListener) -> Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A connection that breaks off is its client's affair.
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await
                .ok();
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = if request.headers().contains_key(ECHO) {
        request.into_body().collect().await?.to_bytes()
    } else {
        drain(request.into_body()).await?;
        Bytes::from_static(ANSWER.as_bytes())
    };
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok::<_, Infallible>(response).map_err(|never| match never {})
}

async fn drain(mut body: Incoming) -> Result<(), hyper::Error> {
    while !body.is_end_stream() {
        match body.frame().await {
            Some(frame) => drop(frame?),
            None => break,
        }
    }
    Ok(())
}
