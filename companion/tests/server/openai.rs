//! The official Python client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rig::Server;

/// Where `cargo xtask demo` keeps its Python with the client.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let venv = root.join("target/tools/openai");
    let python = venv.join("bin/python");
    let run = |command: &mut Command| {
        let status = command.stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?}");
    };
    let has_client = Command::new(&python)
        .args(["-c", "import openai"])
        .stderr(Stdio::null())
        .status();
    if !has_client.is_ok_and(|status| status.success()) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "openai==3.52.0"]));
    }
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_openai_client_works() {
    let server = Server::start(&[]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/client.py");
    let url = server.url("/v1");
    let output = tokio::task::spawn_blocking(move || {
        let mut client = Command::new(python());
        client.arg(script).arg(url).output().unwrap()
    });
    let output = output.await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(output.stdout, b"ok\n");
}
