//! The commands in a README: run, or marked.

use std::{net::SocketAddr, process::Command};

use anyhow::{Context, Result, ensure};

/// A fenced block: what stands after the backquotes, and its lines.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) info: String,
    pub(crate) text: String,
}

/// The fenced blocks of a document, in order.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                open = Some(Block {
                    info: info.into(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Runs every `sh` block against an Envoy that listens elsewhere than the README says, and compares what it prints with the `text` block
/// after it. `sh serve` starts that Envoy, which the test has done; `sh cluster` needs what no test has, and the README has to say so.
pub(crate) fn run(example: &str, markdown: &str, addr: SocketAddr) -> Result<()> {
    let blocks = blocks(markdown);
    let mut commands = 0;
    for (at, block) in blocks.iter().enumerate() {
        match block.info.as_str() {
            "sh" => {
                let output = blocks.get(at + 1).filter(|next| next.info == "text");
                let wanted = output.with_context(|| format!("no output after {}", block.text))?;
                let got = shell(&block.text.replace("127.0.0.1:8080", &addr.to_string()))?;
                ensure!(
                    got.trim() == wanted.text.trim(),
                    "{}prints {got}not {}",
                    block.text,
                    wanted.text
                );
                commands += 1;
            }
            "sh serve" => ensure!(
                block.text.trim() == format!("cargo xtask example {example}"),
                "{}",
                block.text
            ),
            "sh cluster" => ensure!(
                markdown.contains("These commands need"),
                "no word on why no test runs {}",
                block.text
            ),
            "text" => {}
            other => anyhow::bail!("a block of {other}: sh, sh serve, sh cluster or text"),
        }
    }
    ensure!(commands > 0, "no command is run");
    Ok(())
}

fn shell(script: &str) -> Result<String> {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(promptswitch_tests::root())
        .output()?;
    ensure!(
        output.status.success(),
        "{script}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
