//! The same routing as an Envoy external processor: what promptswitch would be as a service beside Envoy.
//!
//! The policy and the model are the filter's own crates and the wiring is vLLM Semantic Router's (request headers and
//! the buffered body sent, response headers sent), so that a comparison with the filter is one of the hop alone. The
//! model is loaded once and shared by all threads.

mod engine;
mod exchange;
mod mutation;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::{
    ExternalProcessor, ExternalProcessorServer,
};
use envoy_types::pb::envoy::service::ext_proc::v3::{ProcessingRequest, ProcessingResponse};
use tokio::{net, runtime};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Server, server::TcpIncoming};
use tonic::{Request, Response, Status, Streaming};

use engine::Engine;
use exchange::Exchange;

/// Larger than every body that Envoy is configured to buffer, and what else a message holds.
const MAX_MESSAGE: usize = 16 << 20; // 16 MiB
/// Flow-control windows in which whole bodies fit: waiting for window updates would be counted against the hop.
const STREAM_WINDOW: u32 = 16 << 20; // 16 MiB
const CONNECTION_WINDOW: u32 = 256 << 20; // 256 MiB
/// HTTP/2 frames that Envoy may send; the default of 16 KiB makes 64 of a large body.
const FRAME: u32 = 1 << 20; // 1 MiB

/// The routing of promptswitch as an Envoy external processor (ext_proc), to compare the filter with.
#[derive(Parser)]
struct Args {
    /// Address to listen on, for gRPC in clear text; the one taken is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The policy, as JSON.
    #[arg(long)]
    config: PathBuf,
    /// Threads that serve.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// End when stdin does.
    #[arg(long)]
    end_with_stdin: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.end_with_stdin {
        promptswitch_bench::end_with_stdin();
    }
    // Bound before the model is loaded: what connects early waits and is not refused.
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    promptswitch_bench::announce(listener.local_addr()?)?;
    let policy = fs::read(&args.config).with_context(|| args.config.display().to_string())?;
    let engine = Arc::new(Engine::load(&policy)?);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(args.threads)
        .enable_all()
        .build()?;
    runtime.block_on(serve(listener, engine))
}

async fn serve(listener: TcpListener, engine: Arc<Engine>) -> Result<()> {
    let incoming = TcpIncoming::from(net::TcpListener::from_std(listener)?).with_nodelay(Some(true));
    let service = ExternalProcessorServer::new(Twin { engine })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    Server::builder()
        .max_frame_size(Some(FRAME))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(service)
        .serve_with_incoming(incoming)
        .await
        .context("serving")
}

struct Twin {
    engine: Arc<Engine>,
}

#[tonic::async_trait]
impl ExternalProcessor for Twin {
    type ProcessStream = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;

    /// One stream is one HTTP exchange, and each message in it has one answer. Classifying happens right here, on the
    /// thread that serves the stream: handing a millisecond of work to another one would only add to it.
    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        let mut exchange = Exchange::new(self.engine.clone());
        let answers = request
            .into_inner()
            .map(move |message| message.map(|m| exchange.answer(m)));
        Ok(Response::new(Box::pin(answers)))
    }
}
