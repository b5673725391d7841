//! What model servers say of themselves, as the companion hands it on.
//!
//! ```json
//! {"endpoints": {"10.0.0.1:8000": {"age_ms": 40, "queue": 0, "kv_cache": 0.31,
//!                                  "loras": {"max": 4, "running": ["a"], "waiting": ["b"]}}}}
//! ```

use std::net::SocketAddr;

use serde_json::Value;

use super::score::Load;

/// Names of adapters that are kept of one server at most, of each kind.
const MAX_LORAS: usize = 256;

/// One server's report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    /// When it was made, in milliseconds.
    pub(super) at_ms: u64,
    queue: f64,
    kv_cache: f64,
    loras: Option<Loras>,
}

#[derive(Clone, Debug, PartialEq)]
struct Loras {
    max: usize,
    running: Vec<String>,
    waiting: Vec<String>,
}

impl Report {
    /// What it means to a request for an adapter, or for none. The scores of adapters are those of the endpoint picker's
    /// `lora-affinity-scorer`.
    pub(super) fn load(&self, adapter: Option<&str>) -> Load {
        let score = |name: &str| {
            let Some(loras) = &self.loras else { return 0.0 };
            let has = |names: &[String]| names.iter().any(|known| known == name);
            if has(&loras.running) {
                1.0
            } else if loras.running.len() + loras.waiting.len() < loras.max {
                0.8
            } else if has(&loras.waiting) {
                0.6
            } else {
                0.0
            }
        };
        Load {
            queue: self.queue,
            kv_cache: self.kv_cache,
            lora: adapter.map(score),
        }
    }
}

/// The reports in an answer that came `now_ms`, by address. What is no address or no report is left out.
///
/// # Errors
/// The answer is not one of the companion's.
pub(super) fn read(answer: &[u8], now_ms: u64) -> Result<Vec<(SocketAddr, Report)>, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let endpoints = answer.get("endpoints").and_then(Value::as_object);
    let endpoints = endpoints.ok_or("endpoints: must be a mapping")?;
    let report =
        |(address, report): (&String, &Value)| Some((address.parse().ok()?, read_one(report, now_ms)?));
    Ok(endpoints.iter().filter_map(report).collect())
}

fn read_one(report: &Value, now_ms: u64) -> Option<Report> {
    let number = |key: &str| {
        report
            .get(key)
            .and_then(Value::as_f64)
            .filter(|number| *number >= 0.0)
    };
    Some(Report {
        at_ms: now_ms.saturating_sub(report.get("age_ms")?.as_u64()?),
        queue: number("queue")?,
        kv_cache: number("kv_cache")?.min(1.0),
        loras: report.get("loras").and_then(read_loras),
    })
}

fn read_loras(loras: &Value) -> Option<Loras> {
    let names = |key: &str| {
        let names = loras.get(key).and_then(Value::as_array).into_iter().flatten();
        let names = names.filter_map(Value::as_str).take(MAX_LORAS);
        names.map(str::to_owned).collect()
    };
    Some(Loras {
        max: usize::try_from(loras.get("max")?.as_u64()?).ok()?,
        running: names("running"),
        waiting: names("waiting"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = br#"{"endpoints": {
        "10.0.0.1:8000": {"age_ms": 40, "queue": 3, "kv_cache": 1.5, "loras": {"max": 2, "running": ["a"], "waiting": ["b"]}},
        "10.0.0.2:8000": {"age_ms": 0, "queue": 0, "kv_cache": 0.25, "loras": {"max": 2, "running": ["a"], "waiting": []}},
        "[fd00::1]:8000": {"age_ms": 0, "queue": 0, "kv_cache": 0},
        "no address": {"age_ms": 0, "queue": 0, "kv_cache": 0},
        "10.0.0.3:8000": {"age_ms": 0, "queue": -1, "kv_cache": 0},
        "10.0.0.4:8000": null
    }}"#;

    #[test]
    fn reports_are_read_and_what_is_none_is_left_out() {
        let reports = read(ANSWER, 1000).unwrap();
        let addresses: Vec<_> = reports.iter().map(|(address, _)| address.to_string()).collect();
        assert_eq!(addresses, ["10.0.0.1:8000", "10.0.0.2:8000", "[fd00::1]:8000"]);
        assert_eq!(reports[0].1.at_ms, 960);
        let load = reports[0].1.load(None);
        assert_eq!((load.queue, load.kv_cache, load.lora), (3.0, 1.0, None));
    }

    #[test]
    fn an_adapter_is_scored_as_the_endpoint_picker_does() {
        let reports = read(ANSWER, 0).unwrap();
        let score = |server: usize, name| reports[server].1.load(Some(name)).lora.unwrap();
        assert_eq!(["a", "b", "c"].map(|name| score(0, name)), [1.0, 0.6, 0.0]);
        assert_eq!(["a", "c"].map(|name| score(1, name)), [1.0, 0.8]);
        assert_eq!(score(2, "a"), 0.0);
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        for answer in [&b""[..], b"[]", b"{}", b"{\"endpoints\": []}", b"\xff"] {
            assert!(read(answer, 0).is_err(), "{answer:?}");
        }
    }
}
