//! `global`: what is VSR's own to run, and the little of it that matters to routing.

use std::collections::BTreeSet;

use super::modules::Modules;
use super::reader::Object;
use super::report::quoted;
use super::routing::STRATEGIES;
use crate::actions::response_cache::Store;
use crate::decision::Strategy;
use crate::signals::authz::AuthzDefaults;
use crate::signals::domain::{self, DomainDefaults};
use crate::signals::kb::bases::Kbs;
use crate::signals::modality::ModalityDetector;

pub(super) struct Global {
    /// The models that ask for a decision.
    pub(super) auto_names: BTreeSet<String>,
    pub(super) strategy: Option<Strategy>,
    /// Whether a client may have its request passed on as it is.
    pub(super) skip_processing: bool,
    pub(super) domain: DomainDefaults,
    pub(super) authz: AuthzDefaults,
    pub(super) modality: ModalityDetector,
    pub(super) modules: Modules,
    pub(super) kbs: Kbs,
    pub(super) cache: Store,
    /// The request headers that only the filter may set.
    pub(super) owned_headers: Vec<String>,
}

const DEFAULT_AUTO_NAMES: [&str; 3] = ["vllm-sr/auto", "auto", "MoM"];

pub(super) fn read(object: Option<Object<'_>>, owned_headers: Vec<String>) -> Global {
    let mut global = Global {
        auto_names: DEFAULT_AUTO_NAMES.map(str::to_owned).into(),
        strategy: None,
        skip_processing: false,
        domain: DomainDefaults::default(),
        authz: AuthzDefaults::default(),
        modality: ModalityDetector::default(),
        modules: Modules::default(),
        kbs: Kbs::built_in(),
        cache: Store::default(),
        owned_headers,
    };
    let Some(mut object) = object else { return global };
    if let Some(router) = object.object("router") {
        read_router(router, &mut global);
    }
    if let Some(services) = object.object("services") {
        read_services(services, &mut global);
    }
    if let Some(stores) = object.object("stores") {
        read_stores(stores, &mut global.cache);
    }
    if let Some(integrations) = object.object("integrations") {
        read_integrations(integrations);
    }
    if let Some(catalog) = object.object("model_catalog") {
        read_catalog(catalog, &mut global);
    }
    object.finish();
    global
}

fn read_router(mut router: Object<'_>, global: &mut Global) {
    read_auto_names(&mut router, &mut global.auto_names);
    global.strategy = router.choice("strategy", &STRATEGIES);
    if router.flag("clear_route_cache") == Some(false) {
        router.warn(
            "clear_route_cache",
            "has no effect: the route is always chosen by the new headers",
        );
    }
    let selection = router.object("model_selection");
    if selection
        .is_some_and(|mut selection| selection.text("method").is_some_and(|method| method != "static"))
    {
        router.error("model_selection", "only the method `static` is supported");
    }
    if let Some(mut skip) = router.object("skip_processing") {
        global.skip_processing = skip.flag("enabled").unwrap_or(false);
        skip.finish();
    }
    if let Some(learning) = router.object("learning") {
        read_learning(learning);
    }
    router.unsupported(
        "fallback",
        "a fallback policy is not supported; use the gateway's retries",
    );
    router.tuning(
        "streamed_body",
        "bodies are always read whole; see promptswitch.limits",
    );
    router.tuning("config_source", "the configuration is the filter's own");
    router.tuning("include_config_models_in_list", "there is no list of models here");
    router.finish();
}

/// Learning is off unless it is turned on; then each of its parts is on unless it is turned off.
fn read_learning(mut learning: Object<'_>) {
    let on = learning.flag("enabled") == Some(true);
    let mut is_on = |key| {
        let part = learning.object(key);
        on && part.is_none_or(|mut part| part.flag("enabled") != Some(false))
    };
    let (adapts, protects) = (is_on("adaptation"), is_on("protection"));
    if adapts {
        learning.error(
            "adaptation",
            "learning which model to use is not supported; set `enabled: false`",
        );
    }
    if protects {
        learning.warn(
            "protection",
            "has no effect: each request is decided by itself; a session keeps its model \
             where modelRefs have weights",
        );
    }
    learning.finish();
}

fn read_auto_names(router: &mut Object<'_>, auto_names: &mut BTreeSet<String>) {
    let one = router.text("auto_model_name").map(|name| vec![name]);
    let many = router.texts("auto_model_names");
    let Some(names) = many.or(one) else { return };
    if names.is_empty() {
        router.warn("auto_model_names", "is empty, so no request is classified");
    }
    if names.contains(&"") {
        router.error("auto_model_names", "has an empty name");
    }
    *auto_names = names.into_iter().map(str::to_owned).collect();
}

fn read_services(mut services: Object<'_>, global: &mut Global) {
    services.unsupported("ratelimit", "rate limits are not supported; use the gateway's");
    if let Some(object) = services.object("authz") {
        global.authz.read(object);
        global.cache.user_header = global.authz.user_header().to_owned();
    }
    services.tuning(
        "response_api",
        "requests to /v1/responses are passed on as they are",
    );
    for key in [
        "api",
        "observability",
        "management_api",
        "router_replay",
        "startup_status",
    ] {
        services.tuning(key, "it is a service of VSR's own");
    }
    services.finish();
}

/// `authz.identity`: which headers say who asks.
fn read_stores(mut stores: Object<'_>, cache: &mut Store) {
    let new = stores.object("response_cache");
    let old = stores.object("semantic_cache");
    if old.is_some() {
        stores.warn("semantic_cache", "is an old spelling of `response_cache`");
    }
    if let Some(store) = new.or(old) {
        read_cache(store, cache);
    }
    for key in ["memory", "vector_store", "tool_sessions"] {
        stores.tuning(key, "no supported plugin needs a store");
    }
    stores.finish();
}

/// A cache that is named but not turned on is off, as in VSR; one that is not named is on, for the plugins that
/// ask for it.
fn read_cache(mut store: Object<'_>, cache: &mut Store) {
    cache.enabled = store.flag("enabled").unwrap_or(false);
    if store
        .text("backend_type")
        .is_some_and(|backend| !matches!(backend, "" | "memory"))
        && cache.enabled
    {
        store.warn(
            "backend_type",
            "has no effect: answers are kept in the memory of each VM",
        );
    }
    if let Some(ttl) = store
        .integer("ttl_seconds", 0..=31_536_000)
        .and_then(|ttl| u64::try_from(ttl).ok())
    {
        cache.ttl_s = ttl;
    }
    store.ignore(&[
        "eviction_policy",
        "max_entries",
        "similarity_threshold",
        "embedding_model",
        "use_hnsw",
    ]);
    store.ignore(&[
        "hnsw_m",
        "hnsw_ef_construction",
        "hnsw_ef_search",
        "backend_config_path",
        "polarity_guard",
    ]);
    store.ignore(&[
        "redis",
        "valkey",
        "milvus",
        "qdrant",
        "hybrid",
        "max_memory_entries",
    ]);
    store.finish();
}

fn read_integrations(mut integrations: Object<'_>) {
    integrations.unsupported("tools", "choosing tools is not supported yet");
    integrations.unsupported("kv_transfer", "is not supported");
    integrations.tuning("looper", "no supported algorithm makes several calls");
    integrations.finish();
}

fn read_catalog(mut catalog: Object<'_>, global: &mut Global) {
    let own = [
        "system",
        "external",
        "bindings",
        "deployments",
        "admission",
        "signal_timeout_ms",
    ];
    for key in own {
        catalog.tuning(key, "the classifier is built in");
    }
    global.modules.read_embeddings(catalog.object("embeddings"));
    global.kbs.read(catalog.objects("kbs"));
    if let Some(modules) = catalog.object("modules") {
        read_modules(modules, global);
    }
    catalog.finish();
}

fn read_modules(mut modules: Object<'_>, global: &mut Global) {
    const UNUSED: &str = "no supported signal or plugin needs it";
    global.modules.read_modules(&mut modules);
    modules.tuning("safety", UNUSED);
    modules.tuning(
        "prompt_compression",
        "the prompt is cut by promptswitch.limits.max_tokens",
    );
    if let Some(object) = modules.object("modality_detector") {
        global.modality = ModalityDetector::read(object);
    }
    if let Some(mut classifier) = modules.object("classifier") {
        if let Some(domain) = classifier.object("domain") {
            read_domain(domain, &mut global.domain);
        }
        classifier.unsupported("mcp", "a classifier of one's own is not supported yet");
        classifier.tuning("pii", "personal data is found by rules");
        global.modules.read_preference(classifier.object("preference"));
        classifier.finish();
    }
    modules.finish();
}

fn read_domain(mut object: Object<'_>, defaults: &mut DomainDefaults) {
    if let Some(threshold) = object.number("threshold", 0.0..=1.0) {
        defaults.threshold = threshold as f32;
    }
    if let Some(category) = object.text("fallback_category") {
        defaults.fallback = domain::index_of(category);
        if defaults.fallback.is_none() && !category.is_empty() {
            let category = quoted(category);
            object.error(
                "fallback_category",
                format!("{category} is not one of the categories: {}", domain::list()),
            );
        }
    }
    for key in ["model_id", "model_ref", "category_mapping_path"] {
        object.tuning(key, "the classifier is built in");
    }
    object.ignore(&["use_cpu", "use_modernbert", "use_mmbert_32k"]);
    object.finish();
}
