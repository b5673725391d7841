//! `promptswitch.offload`: the companion that is asked when the filter is unsure.

use serde_json::Value;

use super::reader::Object;
use crate::headers::is_header_value;
use crate::{Offload, OffloadMode};

const MODES: [(&str, OffloadMode); 3] = [
    ("unsure", OffloadMode::Unsure),
    ("always", OffloadMode::Always),
    ("shadow", OffloadMode::Shadow),
];
const TIMEOUT_MS: i64 = 50;
const LONGEST_MS: i64 = 10_000;

pub(super) fn read(mut object: Object<'_>) -> Option<Offload> {
    let cluster = object.need_text("cluster").map(str::to_owned);
    let (authority, path) = read_address(&mut object, "/v1/classify");
    let timeout_ms = read_milliseconds(&mut object, "timeout").unwrap_or(TIMEOUT_MS);
    let below = object.number("below_confidence", 0.0..=1.0).unwrap_or(0.6);
    let in_flight = object.integer("max_in_flight", 1..=10_000).unwrap_or(64);
    let mode = object.choice("mode", &MODES).unwrap_or_default();
    object.finish();
    Some(Offload {
        cluster: cluster?,
        authority,
        path,
        timeout_ms: u32::try_from(timeout_ms).ok()?,
        below_confidence: below as f32,
        max_in_flight: usize::try_from(in_flight).ok()?,
        mode,
    })
}

/// The `authority` and the `path` of questions to the companion.
pub(super) fn read_address(object: &mut Object<'_>, path: &str) -> (String, String) {
    let authority = object
        .text("authority")
        .unwrap_or("promptswitch-companion")
        .to_owned();
    let path = object.text("path").unwrap_or(path).to_owned();
    if authority.is_empty() || !is_header_value(&authority) {
        object.error("authority", "must be a host name");
    }
    if !path.starts_with('/') || !is_header_value(&path) {
        object.error("path", "must start with `/`");
    }
    (authority, path)
}

/// A number of milliseconds, or a text such as `20ms` or `1s`. Zero would mean no end to Envoy.
pub(super) fn read_milliseconds(object: &mut Object<'_>, key: &'static str) -> Option<i64> {
    let found = match object.get(key)? {
        Value::String(text) => parse_milliseconds(text),
        _ => return object.integer(key, 1..=LONGEST_MS),
    };
    let found = found.filter(|ms| (1..=LONGEST_MS).contains(ms));
    if found.is_none() {
        object.error(
            key,
            "must be 1ms to 10s, as in `20ms` or `1s`, or a number of milliseconds",
        );
    }
    found
}

fn parse_milliseconds(text: &str) -> Option<i64> {
    match text.strip_suffix("ms") {
        Some(number) => number.trim().parse().ok(),
        None => text
            .strip_suffix('s')?
            .trim()
            .parse::<i64>()
            .ok()?
            .checked_mul(1000),
    }
}
