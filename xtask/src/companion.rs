//! The companion with the larger classifier, as a child process.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::message::{Framing, Pace, Request};

use crate::process::Running;
use crate::run::{build_release, root};

const READY_DEADLINE: Duration = Duration::from_secs(120);

/// Builds the companion, starts it on a port of this host, and waits until its model is warm.
pub(crate) fn start(port: u16) -> Result<Running> {
    let programs = build_release("building the companion", "promptswitch-companion")?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(programs.join("promptswitch-companion"));
    command
        .args(["--model", "large=companion/assets/large"])
        .args(["--listen", &listen.to_string()])
        .current_dir(root());
    let running = Running::start("companion", &mut command, port)?;
    wait(listen)?;
    Ok(running)
}

fn wait(companion: SocketAddr) -> Result<()> {
    let ready = Request {
        method: "GET".into(),
        path: "/readyz".into(),
        ..Request::default()
    };
    let deadline = Instant::now() + READY_DEADLINE;
    while client::send(companion, &ready, Framing::ContentLength, Pace::Whole)?.status != 200 {
        ensure!(Instant::now() < deadline, "the companion is not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
