//! A server in this process, and a client.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;
use promptswitch_companion::config::{Config, Settings};
use promptswitch_companion::{App, Models, server};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server, which ends with the test.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) app: Arc<App>,
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<std::io::Result<()>>,
}

/// The configuration of these flags.
pub(crate) fn config(flags: &[&str]) -> Config {
    let workers: &[&str] = if flags.contains(&"--workers") {
        &[]
    } else {
        &["--workers", "1"]
    };
    let flags = ["companion", "--device", "cpu"]
        .iter()
        .chain(workers)
        .chain(flags);
    Settings::try_parse_from(flags).unwrap().complete().unwrap()
}

impl Server {
    /// With the models of the configuration, loaded.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let server = Self::starting(flags).await;
        let models = Models::load(config(flags), server.app.metrics.clone()).await;
        let models = models.unwrap();
        server.app.prepare(&models).await.unwrap();
        server.app.serve(models);
        server
    }

    /// Without models.
    pub(crate) async fn starting(flags: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Arc::new(App::new(config(flags)).unwrap());
        let (stop, stopped) = oneshot::channel();
        let signal = async {
            stopped.await.ok();
        };
        let ended = tokio::spawn(server::serve(app.clone(), listener, signal));
        Self {
            addr,
            app,
            client: Client::new(),
            stop: Some(stop),
            ended,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).json(body)
    }

    /// The answer to a request that succeeds.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Status and error of a request that fails.
    pub(crate) async fn refused(&self, path: &str, body: &Value) -> (u16, Value) {
        error(self.post(path, body).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// What a signal does.
    pub(crate) fn signal(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server has ended.
    pub(crate) async fn end(self) {
        self.ended.await.unwrap().unwrap();
    }
}

/// Status and error of a response, whose form is OpenAI's.
pub(crate) async fn error(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    let error = body["error"].as_object().unwrap();
    for key in ["message", "type", "code"] {
        assert!(error[key].is_string(), "{body}");
    }
    (status, body["error"].clone())
}

/// The numbers of a JSON array.
pub(crate) fn numbers(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|n| n.as_f64().unwrap() as f32).collect()
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
