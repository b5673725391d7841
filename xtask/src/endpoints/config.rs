//! The gateway: one Envoy with the same filter on three listeners, which differ in who chooses the endpoint.

use serde_json::{Value, json};

use super::{MODEL, Route};

const HEADER: &str = "x-gateway-destination-endpoint";
const TYPES: &str = "type.googleapis.com/envoy";

/// The configuration for servers on these ports, and an endpoint picker on that one.
pub(super) fn envoy(servers: &[u16], picker: u16) -> Value {
    let header = json!({"header": HEADER});
    let metadata = json!({"metadata": {"key": "envoy.lb", "path": [{"key": HEADER}]}});
    json!({
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": Route::ALL.map(|route| listener(route, servers)),
            "clusters": [
                cluster(Route::RoundRobin.name(), servers, &round_robin()),
                cluster(Route::Filter.name(), servers, &override_host(&header)),
                cluster(Route::Picker.name(), servers, &override_host(&metadata)),
                grpc(cluster("ext_proc", &[picker], &round_robin())),
            ],
        },
    })
}

fn listener(route: Route, servers: &[u16]) -> Value {
    let mut filters = vec![filter(route, servers)];
    if route == Route::Picker {
        filters.push(ext_proc());
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{TYPES}.extensions.filters.http.router.v3.Router")},
    }));
    let routes = json!([{"match": {"prefix": "/"}, "route": {"cluster": route.name(), "timeout": "300s"}}]);
    let manager = json!({
        "@type": format!("{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": route.name(),
        "route_config": {"name": "models", "virtual_hosts": [{"name": "models", "domains": ["*"], "routes": routes}]},
        "http_filters": filters,
    });
    json!({
        "name": route.name(),
        "address": address(0),
        "per_connection_buffer_limit_bytes": 8_388_608,
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
        ]}],
    })
}

fn filter(route: Route, servers: &[u16]) -> Value {
    let mut policy = json!({
        "version": "v0.3",
        "providers": {"defaults": {"default_model": MODEL}, "models": [{"name": MODEL}]},
    });
    if let (Route::Filter, Some(policy)) = (route, policy.as_object_mut()) {
        let endpoints: Vec<_> = servers.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let own = json!({
            "endpoints": {"models": {MODEL: endpoints}},
            "outputs": [{"header": HEADER, "value": "{endpoints}"}],
        });
        policy.insert("promptswitch".to_owned(), own);
    }
    let vm = json!({
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": "dist/promptswitch.wasm"}},
    });
    json!({
        "name": "promptswitch",
        "typed_config": {
            "@type": format!("{TYPES}.extensions.filters.http.wasm.v3.Wasm"),
            "config": {
                "name": route.name(),
                "root_id": "promptswitch",
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": true,
                "vm_config": vm,
                "configuration": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": policy},
            },
        },
    })
}

/// As in examples/inference-pool/envoy-picker.yaml.
fn ext_proc() -> Value {
    json!({
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": format!("{TYPES}.extensions.filters.http.ext_proc.v3.ExternalProcessor"),
            "grpc_service": {"envoy_grpc": {"cluster_name": "ext_proc"}, "timeout": "10s"},
            "failure_mode_allow": false,
            "message_timeout": "10s",
            "processing_mode": {
                "request_header_mode": "SEND",
                "response_header_mode": "SEND",
                "request_body_mode": "FULL_DUPLEX_STREAMED",
                "response_body_mode": "FULL_DUPLEX_STREAMED",
                "request_trailer_mode": "SEND",
                "response_trailer_mode": "SEND",
            },
            "metadata_options": {"receiving_namespaces": {"untyped": ["envoy.lb"]}},
        },
    })
}

fn cluster(name: &str, ports: &[u16], policy: &Value) -> Value {
    let endpoint = |port: &u16| json!({"endpoint": {"address": address(*port)}});
    let endpoints: Vec<_> = ports.iter().map(endpoint).collect();
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_balancing_policy": {"policies": [policy]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

fn grpc(mut cluster: Value) -> Value {
    let kind = format!("{TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions");
    let options = json!({"@type": kind, "explicit_http_config": {"http2_protocol_options": {}}});
    if let Some(cluster) = cluster.as_object_mut() {
        cluster.insert(
            "typed_extension_protocol_options".to_owned(),
            json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}),
        );
    }
    cluster
}

fn round_robin() -> Value {
    load_balancing("round_robin", "RoundRobin", json!({}))
}

fn override_host(source: &Value) -> Value {
    let fallback = json!({"policies": [round_robin()]});
    let config = json!({"override_host_sources": [source], "fallback_policy": fallback});
    load_balancing("override_host", "OverrideHost", config)
}

fn load_balancing(name: &str, message: &str, mut config: Value) -> Value {
    if let Some(config) = config.as_object_mut() {
        let kind = format!("{TYPES}.extensions.load_balancing_policies.{name}.v3.{message}");
        config.insert("@type".to_owned(), json!(kind));
    }
    let name = format!("envoy.load_balancing_policies.{name}");
    json!({"typed_extension_config": {"name": name, "typed_config": config}})
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
