//! The soak of `bench/soak.sh`, for as long as a test may take.

use std::time::Duration;

use crate::load::{Load, Tally};
use crate::rig::Server;

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_request_is_answered_and_counted_once() {
    let flags = [
        "--cache-entries",
        "10",
        "--max-queued-texts",
        "512",
        "--max-inputs",
        "256",
    ];
    let server = Server::start(&flags).await;
    let load = Load {
        addr: server.addr,
        models: vec!["promptswitch-small".into()],
        clients: 16,
        questions: 20,
        time: Duration::from_secs(2),
    };
    let mut tally = load.fill().await;
    // Until there was everything at least once, however slow the machine is.
    while !has_all(&tally) {
        tally.add(load.run().await);
    }
    let mut differences = Vec::new();
    // Those whose clients left are counted when the server sees it.
    for _ in 0..200 {
        let metrics = server.get("/metrics").await.text().await.unwrap();
        differences = tally.differences(&metrics);
        if differences.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(differences, Vec::<String>::new());
}

fn has_all(tally: &Tally) -> bool {
    let seen = |status: u16| tally.replies.keys().any(|(_, seen)| *seen == status);
    [200, 400, 404].into_iter().all(seen) && tally.left > 0 && tally.cache.len() == 3
}
