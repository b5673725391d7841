use clap::CommandFactory;
use promptswitch_companion::config::Settings;

use crate::rig::Server;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_names_every_setting() {
    let command = Settings::command();
    let settings: Vec<_> = command
        .get_arguments()
        .filter(|a| a.get_env().is_some())
        .collect();
    assert!(settings.len() >= 18);
    for setting in settings {
        let id = setting.get_id().as_str();
        assert!(
            README.contains(&format!("`{id}`")) || README.contains(&format!("`--{id}`")),
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_of_the_readme_is_there() {
    let server = Server::starting(&[]).await;
    let lines = README.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut found = 0;
    for line in lines.filter(|line| line.starts_with("POST ") || line.starts_with("GET ")) {
        let first = line.split(" |").next().unwrap();
        for path in first.split(['`', ' ', ',']).filter(|word| word.starts_with('/')) {
            let response = if line.starts_with("POST ") {
                server.client.post(server.url(path)).send().await.unwrap()
            } else {
                server.get(path).await
            };
            assert!(![404, 405].contains(&response.status().as_u16()), "{path}");
            found += 1;
        }
    }
    assert_eq!(found, 10);
}
