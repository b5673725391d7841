//! A real Envoy with the filter, two mock models, and a table of where prompts went.

mod offload;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use promptswitch_tests::envoy::{Envoy, VERSIONS, fetch};
use promptswitch_tests::upstream::Upstream;
use serde_json::{Value, json};

use crate::run::{output, root};
use crate::{dist, tools};

const GATEWAY: &str = "http://127.0.0.1:8080";

/// How to run the demo.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave Envoy and the mock models running until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Show instead what the companion makes of prompts that the filter is unsure of.
    #[arg(long, conflicts_with = "keep")]
    offload: bool,
}

/// Builds, fetches, starts, asks, prints.
pub(crate) fn demo(options: &Options) -> Result<()> {
    if options.offload {
        return offload::demo();
    }
    check_ports()?;
    dist::dist()?;
    let python = tools::python_with_openai()?;
    let binary = envoy()?;
    let _llama = Upstream::start("llama3-8b", "127.0.0.1:9001".parse()?)?;
    let _phi = Upstream::start("phi4-mini", "127.0.0.1:9002".parse()?)?;
    eprintln!("==> starting Envoy with envoy/envoy.yaml");
    let config = std::fs::read_to_string(root().join("envoy/envoy.yaml"))?;
    let _envoy = Envoy::start(&binary, &config, 1)?;

    println!("{}", Row::title());
    for (model, prompt) in GUIDE {
        println!("{}", Row::of(&curl(model, prompt)?));
    }
    let mut client = Command::new(python)
        .arg(root().join("xtask/src/demo/client.py"))
        .arg(format!("{GATEWAY}/v1"))
        .stdout(Stdio::piped())
        .spawn()?;
    for line in BufReader::new(client.stdout.take().context("the client has no output")?).lines() {
        println!("{}", Row::of(&serde_json::from_str(&line?)?));
    }
    if !client.wait()?.success() {
        bail!("the openai client failed");
    }
    if options.keep {
        keep();
    }
    Ok(())
}

/// The newest Envoy that is supported.
fn envoy() -> Result<PathBuf> {
    let version = VERSIONS.last().context("no version of Envoy is supported")?;
    eprintln!("==> fetching Envoy {version} (36 MB, once)");
    fetch(version)
}

/// The four requests of vLLM Semantic Router's Istio guide: model and prompt.
const GUIDE: [(&str, &str); 4] = [
    ("auto", "2+2 is  "),
    ("auto", "Linux is said to be an open source kernel because "),
    ("llama3-8b", "Linux is said to be an open source kernel because "),
    ("phi4-mini", "2+2 is  "),
];

fn check_ports() -> Result<()> {
    for port in [8080, 9901, 9001, 9002] {
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("the demo needs port {port} of 127.0.0.1"))?;
    }
    Ok(())
}

/// The answer's headers come first, so that one call of curl gives both.
fn curl(model: &str, prompt: &str) -> Result<Value> {
    let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}]});
    let url = format!("{GATEWAY}/v1/chat/completions");
    let headers = ["-H", "content-type: application/json", "-H", "x-vsr-debug: true"];
    let mut curl = Command::new("curl");
    let answer = output(
        curl.args(["-sS", "--fail-with-body", "-i", &url])
            .args(headers)
            .args(["-d", &body.to_string()]),
    )?;
    let (head, body) = answer.split_once("\r\n\r\n").context("curl printed no headers")?;
    let headers: serde_json::Map<_, _> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(k, v)| (k.to_owned(), json!(v)))
        .collect();
    let body: Value = serde_json::from_str(body)?;
    Ok(
        json!({"via": format!("curl, {model}"), "prompt": prompt, "model": body.get("model"), "headers": headers}),
    )
}

/// One line of the table.
struct Row;

impl Row {
    fn title() -> String {
        let line = Self::line([
            "prompt",
            "sent by",
            "category",
            "conf.",
            "decision",
            "answered by",
            "added ms",
        ]);
        format!("\n{line}\n{}", Self::line(["---"; 7]))
    }

    fn of(exchange: &Value) -> String {
        let header = |name: &str| {
            exchange
                .get("headers")
                .and_then(|h| h.get(name)?.as_str())
                .unwrap_or("-")
        };
        let text = |name: &str| exchange.get(name).and_then(Value::as_str).unwrap_or("-");
        let took_us: f64 = header("x-promptswitch-took-us").parse().unwrap_or_default();
        let decision = match header("x-vsr-selected-decision") {
            "-" => header("x-promptswitch-reason"),
            decision => decision,
        };
        Self::line([
            &fit(text("prompt"), 50),
            text("via"),
            header("x-vsr-selected-category"),
            header("x-vsr-selected-confidence").get(..4).unwrap_or("-"),
            decision,
            text("model"),
            &format!("{:.2}", took_us / 1000.0),
        ])
    }

    fn line(cells: [&str; 7]) -> String {
        let widths = [50, 16, 17, 5, 17, 11, 8];
        let cells = cells.iter().zip(widths).map(|(cell, width)| padded(cell, width));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    }
}

/// Fills up with blanks to so many columns.
fn padded(cell: &str, width: usize) -> String {
    let blanks = width.saturating_sub(columns(cell));
    format!("{cell}{}", " ".repeat(blanks))
}

/// Terminal columns: Chinese characters and full-width punctuation take two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{1100}'..='\u{ffef}').contains(&c) && !('\u{2010}'..='\u{2027}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}

fn fit(text: &str, width: usize) -> String {
    let mut fitted = String::new();
    for c in text.chars() {
        if columns(&fitted) + 3 > width {
            return fitted + "…";
        }
        fitted.push(c);
    }
    fitted
}

fn keep() -> ! {
    println!("\nEnvoy listens on {GATEWAY}, its admin interface on http://127.0.0.1:9901. Try:\n");
    println!(
        "  curl -i {GATEWAY}/v1/chat/completions -H 'content-type: application/json' -H 'x-vsr-debug: true' \\"
    );
    println!(
        "    -d '{{\"model\": \"auto\", \"messages\": [{{\"role\": \"user\", \"content\": \"2+2 is\"}}]}}'\n"
    );
    println!("Press Ctrl-C to stop.");
    loop {
        std::thread::park();
    }
}
