//! The server's process: configuration, signals, exit status.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use promptswitch_companion::config::{Config, Settings};
use promptswitch_companion::{App, Models, server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    env_logger::Builder::from_env(
        env_logger::Env::default().default_filter_or("warn,promptswitch_companion=info"),
    )
    .init();
    match start(Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(settings: Settings) -> Result<(), String> {
    let config = settings.complete().map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    let ended = runtime.block_on(run(config));
    // A model that is still being loaded is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run(config: Config) -> Result<(), String> {
    let mut term = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut int = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|e| format!("listen {}: {e}", config.listen))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    log::info!("listening on {address}");
    let app = Arc::new(App::new(config.clone())?);
    let loading = tokio::spawn(Models::load(config, app.metrics.clone()));
    let mut failure = None;
    let ends = async {
        tokio::select! {
            _ = term.recv() => log::info!("ending: SIGTERM"),
            _ = int.recv() => log::info!("ending: SIGINT"),
            why = ready(&app, loading) => failure = Some(why),
        }
    };
    server::serve(app.clone(), listener, ends)
        .await
        .map_err(|e| e.to_string())?;
    failure.map_or(Ok(()), Err)
}

/// Serves the models when they are loaded; comes back only if they cannot be.
async fn ready(
    app: &App,
    loading: tokio::task::JoinHandle<Result<Models, promptswitch_companion::engine::EngineError>>,
) -> String {
    match loading.await {
        Ok(Ok(models)) => {
            if let Err(why) = app.prepare(&models).await {
                return why;
            }
            app.serve(models);
        }
        Ok(Err(error)) => return error.to_string(),
        Err(error) => return error.to_string(),
    }
    log::info!("ready");
    std::future::pending().await
}
