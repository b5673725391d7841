//! The companion inside Envoy: heard where it answers, and harmless whatever else it does.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use promptswitch_companion::{App, Models, config::Settings, server};
use promptswitch_tests::{
    companion::{self, Temper},
    envoy::LocalConfig,
    message::{Framing, Pace, Request},
    policy,
    stack::Stack,
};
use serde_json::json;

use crate::suite::{Listener, Suite};

/// The guide sends math to phi4-mini, and the filter's own model knows that this is none.
const PHYSICS: &str = "Why does a pendulum swing more slowly on the moon?";

/// What becomes of the question to each companion that gives no answer.
const SILENT: [(Temper, &str); 8] = [
    (Temper::Late, "timeout"),
    (Temper::Resets, "refused"),
    (Temper::Breaks, "failed"),
    (Temper::Full, "refused"),
    (Temper::Fails, "failed"),
    (Temper::Nonsense, "invalid"),
    (Temper::Lies, "invalid"),
    (Temper::Verbose, "invalid"),
];

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    let heard = listener(guide, "companion-certain", "always", || {
        companion::start(Temper::Certain)
    });
    for framing in [
        Framing::ContentLength,
        Framing::Chunked,
        Framing::H2,
        Framing::H2Trailers,
    ] {
        suite.test(
            format!("a companion's answer decides, and the body arrives whole ({framing:?})"),
            &heard,
            move |stack| answer_decides(stack, framing),
        );
    }
    let real = listener(guide, "companion-real", "always", real_companion);
    suite.test("the companion of this repository is heard", &real, |stack| {
        let exchange = stack.send(
            &Request::chat("auto", PHYSICS),
            Framing::ContentLength,
            Pace::Whole,
        )?;
        let said = exchange.response.header("x-promptswitch-offload");
        ensure!(said.as_deref() == Some("used"), "{said:?}");
        let (model, _) = exchange.arrived.context("nothing arrived")?;
        ensure!(model == "llama3-8b", "served by {model}");
        Ok(())
    });
    for (temper, outcome) in SILENT {
        let name = format!("companion-{temper:?}").to_lowercase();
        let listener = listener(guide, &name, "always", move || companion::start(temper));
        suite.test(
            format!("a companion that is {temper:?} leaves the filter's own verdict, and is soon left alone"),
            &listener,
            move |stack| verdict_stands(stack, outcome),
        );
    }
    let absent = listener(guide, "companion-nobody", "always", nobody);
    suite.test("a companion that is not there does no harm", &absent, |stack| {
        verdict_stands(stack, "refused")
    });
    let unknown = guide.beside("companion-unknown", || configured("no-such-cluster", "always"));
    suite.test("a cluster that is not there does no harm", &unknown, |stack| {
        verdict_stands(stack, "not_sent")
    });
    let shadow = listener(guide, "companion-shadow", "shadow", || {
        companion::start(Temper::Certain)
    });
    suite.test(
        "a shadowed companion decides nothing",
        &shadow,
        shadow_decides_nothing,
    );
}

fn listener(
    guide: &Listener,
    name: &str,
    mode: &'static str,
    start: impl Fn() -> Result<SocketAddr> + Send + 'static,
) -> Listener {
    let cluster = name.to_owned();
    guide.beside(name, move || {
        configured(&cluster, mode)?.with_cluster(&cluster, start()?)
    })
}

fn configured(cluster: &str, mode: &str) -> Result<LocalConfig> {
    let mut policy = policy::guide()?;
    let offload = json!({"cluster": cluster, "mode": mode, "timeout": "300ms"});
    policy::merge(&mut policy, &json!({"promptswitch": {"offload": offload}}));
    LocalConfig::shipped()?.policy(&policy)
}

/// The companion as it is built here, with the filter's own model. It serves until the process ends.
fn real_companion() -> Result<SocketAddr> {
    let config = Settings::default().complete()?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let entered = runtime.enter();
    let app = Arc::new(App::new(config.clone()).map_err(anyhow::Error::msg)?);
    drop(entered);
    app.serve(runtime.block_on(Models::load(config, app.metrics.clone()))?);
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            server::serve(app, listener, std::future::pending()).await
        })
    });
    Ok(addr)
}

/// A port at which nothing listens.
/// A port that only an old service of the host itself could have; a free one might be another test's a moment later.
fn nobody() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
}

fn answer_decides(stack: &Stack, framing: Framing) -> Result<()> {
    let text = format!("{PHYSICS} {}", "I saw it swing. ".repeat(8_000));
    for pace in [Pace::Whole, Pace::Slow] {
        let text = if pace == Pace::Slow { PHYSICS } else { &text };
        let request = Request::chat("auto", text);
        let exchange = stack.send(&request, framing, pace)?;
        let said = exchange.response.header("x-promptswitch-offload");
        ensure!(said.as_deref() == Some("used"), "{said:?}");
        let (model, seen) = exchange.arrived.context("nothing arrived")?;
        ensure!(model == "phi4-mini", "served by {model}");
        let expected = String::from_utf8(request.body)?.replacen("\"auto\"", "\"phi4-mini\"", 1);
        ensure!(
            seen.body == expected.as_bytes(),
            "{} bytes arrived",
            seen.body.len()
        );
    }
    Ok(())
}

/// Each of two workers gives a companion up after five questions.
fn verdict_stands(stack: &Stack, outcome: &str) -> Result<()> {
    for asked in 0..=10 {
        let exchange = stack.send(
            &Request::chat("auto", PHYSICS),
            Framing::ContentLength,
            Pace::Whole,
        )?;
        let (model, _) = exchange.arrived.context("nothing arrived")?;
        ensure!(model == "llama3-8b", "served by {model}");
        let said = exchange
            .response
            .header("x-promptswitch-offload")
            .unwrap_or_default();
        if asked >= 5 && said == "resting" {
            return Ok(());
        }
        ensure!(said == outcome, "question {asked}: {said}");
    }
    anyhow::bail!("it is asked again and again")
}

fn shadow_decides_nothing(stack: &Stack) -> Result<()> {
    let exchange = stack.send(
        &Request::chat("auto", PHYSICS),
        Framing::ContentLength,
        Pace::Whole,
    )?;
    let (model, _) = exchange.arrived.context("nothing arrived")?;
    ensure!(model == "llama3-8b", "served by {model}");
    Ok(())
}
