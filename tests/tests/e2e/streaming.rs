//! Streaming answers flow: an event reaches the client before the next one exists.

use anyhow::{Result, ensure};
use promptswitch_tests::{client::h1, message::Request, stack::Stack, upstream::TEST_STEP};

use crate::suite::{Listener, Suite};

const EVENTS: usize = 7;

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    suite.test(
        "each event of a stream arrives before the next is sent",
        guide,
        each_event_arrives,
    );
}

fn each_event_arrives(stack: &Stack) -> Result<()> {
    let body = serde_json::json!({
        "model": "auto", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "2+2 is  "}],
    });
    let request = Request::post("/v1/chat/completions", body.to_string()).header(TEST_STEP, "true");
    let mut connection = h1::Connection::open(stack.addr())?;
    connection.write(&h1::head(&request, h1::Framing::Length(request.body.len())))?;
    connection.write(&request.body)?;
    let head = connection.read_head()?;
    ensure!(head.status == 200, "status is {}", head.status);
    let served_by = head.header("x-served-by");
    ensure!(
        served_by.as_deref() == Some("phi4-mini"),
        "served by {served_by:?}"
    );
    let mut events = Vec::new();
    for _ in 0..EVENTS {
        // The model server sends nothing more until the next step, so this event can only be the one asked for.
        stack.phi.step();
        events.push(String::from_utf8(connection.read_chunk()?)?);
    }
    ensure!(
        events
            .iter()
            .all(|event| event.starts_with("data: ") && event.ends_with("\n\n")),
        "{events:?}"
    );
    ensure!(
        events.last().is_some_and(|event| event.contains("[DONE]")),
        "{events:?}"
    );
    ensure!(
        connection.read_chunk()?.is_empty(),
        "the stream goes on after its end"
    );
    Ok(())
}
