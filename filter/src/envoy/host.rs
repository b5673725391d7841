//! What the filter asks of Envoy and has it do, as host calls.

use std::cell::RefCell;
use std::time::UNIX_EPOCH;

use hashbrown::HashMap;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

use crate::host::Host;

thread_local! {
    /// Host ids of metrics by name: each is defined once.
    static METRICS: RefCell<HashMap<String, u32>> = RefCell::new(HashMap::new());
}

/// The host of the effective context.
pub(super) struct Envoy;

impl Host for Envoy {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name)
            .ok()
            .flatten()
    }

    fn set_request_header(&self, name: &str, value: &str) {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value.as_bytes()));
    }

    fn append_request_header(&self, name: &str, value: &str) {
        let _ = hostcalls::add_map_value_bytes(MapType::HttpRequestHeaders, name, value.as_bytes());
    }

    fn remove_request_header(&self, name: &str) {
        let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, name);
    }

    fn request_body(&self, size: usize) -> Vec<u8> {
        hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn replace_request_body(&self, size: usize, body: &[u8]) {
        // From 0 to the end: replacing a part is refused by older hosts.
        let _ = hostcalls::set_buffer(BufferType::HttpRequestBody, 0, size, body);
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let _ = hostcalls::send_http_response(u32::from(status), headers.to_vec(), Some(body));
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, name)
            .ok()
            .flatten()
    }

    fn response_body(&self, size: usize) -> Vec<u8> {
        hostcalls::get_buffer(BufferType::HttpResponseBody, 0, size)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn upstream_address(&self) -> Option<Vec<u8>> {
        hostcalls::get_property(vec!["upstream", "address"])
            .ok()
            .flatten()
    }

    fn set_response_header(&self, name: &str, value: &str) {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, name, Some(value.as_bytes()));
    }

    fn clear_route_cache(&self) {
        let _ = hostcalls::call_foreign_function("clear_route_cache", None);
    }

    fn received_bytes(&self) -> Option<u64> {
        let bytes = hostcalls::get_property(vec!["request", "total_size"])
            .ok()
            .flatten()?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn now(&self) -> u64 {
        let now = hostcalls::get_current_time()
            .ok()
            .and_then(|now| now.duration_since(UNIX_EPOCH).ok());
        now.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn count(&self, metric: &str) {
        let _ = metric_id(MetricType::Counter, metric).map(|id| hostcalls::increment_metric(id, 1));
    }

    fn observe(&self, metric: &str, value: u64) {
        let _ = metric_id(MetricType::Histogram, metric).map(|id| hostcalls::record_metric(id, value));
    }

    fn gauge(&self, metric: &str, value: u64) {
        let _ = metric_id(MetricType::Gauge, metric).map(|id| hostcalls::record_metric(id, value));
    }
}

fn metric_id(kind: MetricType, name: &str) -> Option<u32> {
    METRICS.with_borrow_mut(|metrics| match metrics.get(name) {
        Some(id) => Some(*id),
        None => {
            let id = hostcalls::define_metric(kind, name).ok()?;
            metrics.insert(name.to_owned(), id);
            Some(id)
        }
    })
}
