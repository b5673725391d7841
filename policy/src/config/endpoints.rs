//! `promptswitch.endpoints`: the endpoints that the filter chooses from.

use std::net::SocketAddr;

use serde_json::Value;

use super::offload::{read_address, read_milliseconds};
use super::providers::Providers;
use super::reader::Object;
use super::report::{Report, kind, quoted};
use crate::endpoints::{MAX_ENDPOINTS, Weights};
use crate::{EndpointSettings, MetricsSource, Settings};

const INTERVAL_MS: i64 = 500;

pub(super) fn read(mut object: Object<'_>) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    if object.peek("models").is_none() {
        object.error("models", "is missing");
    }
    for (model, path, value) in object.entries("models") {
        let endpoints = read_list(&mut settings.addresses, value, &path, object.report());
        settings.models.insert(model.to_owned(), endpoints);
    }
    if settings.addresses.len() > MAX_ENDPOINTS {
        object.error(
            "models",
            format!("must have at most {MAX_ENDPOINTS} endpoints in all"),
        );
    }
    if let Some(weights) = object.object("weights") {
        settings.weights = read_weights(weights);
    }
    settings.metrics = object.object("metrics").and_then(read_metrics);
    object.finish();
    settings
}

/// Models that do not exist, and lists or placeholders that nothing comes of.
pub(super) fn check(settings: &Settings, providers: &Providers, report: &Report) {
    let mut outputs = settings.outputs.iter();
    let named = outputs.position(|output| output.value.has_endpoints());
    let Some(endpoints) = &settings.endpoints else {
        if let Some(output) = named {
            let path = format!("promptswitch.outputs[{output}].value");
            report.error(path, "has `{endpoints}`, but there is no promptswitch.endpoints");
        }
        return;
    };
    if named.is_none() {
        let why = "has no effect: no value in promptswitch.outputs has `{endpoints}`";
        report.error("promptswitch.endpoints".to_owned(), why);
    }
    for model in endpoints.models.keys() {
        if providers.declared(model).is_none() {
            let path = "promptswitch.endpoints.models".to_owned();
            report.error(path, format!("{} is not in providers.models", quoted(model)));
        }
    }
}

/// Where in `addresses` those of a list are; new ones are added.
fn read_list(addresses: &mut Vec<SocketAddr>, value: &Value, path: &str, report: &Report) -> Vec<usize> {
    let items = match value {
        Value::Array(items) if !items.is_empty() => items,
        Value::Array(_) => {
            report.error(path.to_owned(), "must not be empty");
            return Vec::new();
        }
        other => {
            report.error(
                path.to_owned(),
                format!("must be a list of strings, found {}", kind(other)),
            );
            return Vec::new();
        }
    };
    let mut list = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if addresses.len() > MAX_ENDPOINTS {
            break; // That is reported once, and not looked up among ever more.
        }
        let path = format!("{path}[{index}]");
        let text = item.as_str().unwrap_or_default();
        // Envoy compares addresses, not names, and port 0 is nobody's.
        let address = text
            .parse::<SocketAddr>()
            .ok()
            .filter(|address| address.port() != 0);
        let Some(address) = address else {
            let what = "must be an IP address with a port, as in `10.0.0.1:8000` or `[fd00::1]:8000`";
            report.error(path, what);
            continue;
        };
        let known = addresses.iter().position(|known| *known == address);
        let at = known.unwrap_or_else(|| {
            addresses.push(address);
            addresses.len() - 1
        });
        if list.contains(&at) {
            report.error(path, format!("{} is named twice", quoted(text)));
        }
        list.push(at);
    }
    list
}

fn read_metrics(mut object: Object<'_>) -> Option<MetricsSource> {
    let cluster = object.need_text("cluster").map(str::to_owned);
    let (authority, path) = read_address(&mut object, "/v1/endpoints");
    let interval_ms = read_milliseconds(&mut object, "interval").unwrap_or(INTERVAL_MS);
    object.finish();
    Some(MetricsSource {
        cluster: cluster?,
        authority,
        path,
        interval_ms: u32::try_from(interval_ms).ok()?,
    })
}

fn read_weights(mut object: Object<'_>) -> Weights {
    let defaults = Weights::default();
    let mut weight = |key, default| object.number(key, 0.0..=1e9).unwrap_or(default);
    let weights = Weights {
        prefix: weight("prefix", defaults.prefix),
        in_flight: weight("in_flight", defaults.in_flight),
        queue: weight("queue", defaults.queue),
        kv_cache: weight("kv_cache", defaults.kv_cache),
        lora: weight("lora", defaults.lora),
    };
    object.finish();
    weights
}
