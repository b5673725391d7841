//! vLLM's metrics, as far as they say how busy it is (the model server protocol of the Gateway API Inference Extension).

use serde::Serialize;

/// How busy a server is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Load {
    /// Requests that wait.
    pub queue: f64,
    /// The share of the KV cache that is in use, 0 to 1.
    pub kv_cache: f64,
    /// Adapters, where the server says anything of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loras: Option<Loras>,
}

/// The adapters of a server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loras {
    /// How many it can run at a time.
    pub max: u64,
    /// Those that it runs.
    pub running: Vec<String>,
    /// Those that requests wait for.
    pub waiting: Vec<String>,
}

/// Since vLLM 0.10 and before.
const KV_CACHE: [&str; 2] = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"];
const QUEUE: &str = "vllm:num_requests_waiting";
const LORAS: &str = "vllm:lora_requests_info";

/// Reads Prometheus' text format.
///
/// # Errors
/// Which metric is missing.
pub(super) fn read(metrics: &str) -> Result<Load, String> {
    let queue = series(metrics, QUEUE)
        .map(|(_, value)| value)
        .reduce(|a, b| a + b);
    // Engines of one server have a cache each; the fullest decides.
    let fullest = |name| series(metrics, name).map(|(_, value)| value).reduce(f64::max);
    let kv_cache = KV_CACHE.into_iter().find_map(fullest);
    // The value is when a combination of adapters was last seen.
    let loras = series(metrics, LORAS).max_by(|(_, a), (_, b)| a.total_cmp(b));
    Ok(Load {
        queue: queue.ok_or_else(|| format!("no {QUEUE}"))?,
        kv_cache: kv_cache.ok_or_else(|| format!("no {}", KV_CACHE.join(" or ")))?,
        loras: loras.and_then(|(labels, _)| read_loras(labels)),
    })
}

/// Labels and values of a metric's series.
fn series<'m>(metrics: &'m str, name: &'m str) -> impl Iterator<Item = (&'m str, f64)> {
    let lines = metrics.lines().filter_map(move |line| line.strip_prefix(name));
    lines.filter_map(|rest| {
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let value = value.split_ascii_whitespace().next()?.parse().ok();
        Some((labels, value.filter(|value: &f64| value.is_finite())?))
    })
}

fn read_loras(labels: &str) -> Option<Loras> {
    let names = |key| {
        let names = label(labels, key).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    Some(Loras {
        max: label(labels, "max_lora")?.parse().ok()?,
        running: names("running_lora_adapters"),
        waiting: names("waiting_lora_adapters"),
    })
}

/// The value of a label; names of adapters have neither quotes nor backslashes.
fn label<'l>(labels: &'l str, key: &str) -> Option<&'l str> {
    let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
    let mut values = pairs.filter(|(name, _)| name.trim_start_matches(',').trim() == key);
    values.next().map(|(_, value)| value.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
vllm:num_requests_waiting{engine="1",model_name="m"} 1.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 7.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
vllm:lora_requests_info{max_lora="4",running_lora_adapters="",waiting_lora_adapters="c"} 1.7e+09
vllm:lora_requests_info{max_lora="4",running_lora_adapters="a, b",waiting_lora_adapters=""} 1.8e+09
"#;

    #[test]
    fn queues_add_up_the_fullest_cache_and_the_latest_adapters_count() {
        let loras = Loras {
            max: 4,
            running: vec!["a".into(), "b".into()],
            waiting: vec![],
        };
        let expected = Load {
            queue: 3.0,
            kv_cache: 0.5,
            loras: Some(loras),
        };
        assert_eq!(read(METRICS), Ok(expected));
    }

    #[test]
    fn older_versions_are_read_and_what_is_missing_is_named() {
        let old = "vllm:num_requests_waiting 0\nvllm:gpu_cache_usage_perc 0.125\n";
        let load = read(old).unwrap();
        assert_eq!((load.queue, load.kv_cache, load.loras), (0.0, 0.125, None));
        for (metrics, missing) in [
            ("", "no vllm:num_requests_waiting"),
            (
                "vllm:num_requests_waiting 0",
                "no vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc",
            ),
            ("vllm:num_requests_waiting NaN", "no vllm:num_requests_waiting"),
        ] {
            assert_eq!(read(metrics).unwrap_err(), missing);
        }
    }
}
