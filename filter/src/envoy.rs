//! The only place that knows Proxy-Wasm: host calls, and the callbacks that drive a [`Stream`].
//!
//! Only the `*_bytes` getters are used: the others unwrap UTF-8, and Envoy lets obs-text through, so that one header of
//! a client would kill the VM. Host calls of the SDK panic on a status that they do not expect; each is made only in
//! the phase in which Envoy answers it with `Ok`.

mod exchange;
mod host;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hashbrown::HashMap;
use promptswitch_model::Classifier;
use promptswitch_policy::MetricsSource;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use crate::examples::Examples;
use crate::hold::Support;
use crate::host::Host;
use crate::metrics::{BUILD, HEADER_HOLD};
use crate::offload::Outcome;
use crate::plugin::Plugin;
use crate::stream::{Step, Stream};
use exchange::{Exchange, received_answer};
use host::Envoy;

/// How often held requests are looked at, until one of them has shown that holding works, and a length of texts prepared, until
/// all are.
const TICK: Duration = Duration::from_millis(100);

/// A longer report on endpoints is not read: 128 of them with a few adapters each have 50 KB.
const MAX_REPORT_BYTES: usize = 1 << 20; // 1 MiB

thread_local! {
    /// One model per VM, whatever number of configurations it serves.
    static CLASSIFIER: OnceCell<Rc<Classifier>> = const { OnceCell::new() };
}

/// Registers the filter with the host. The only call allowed here is this and logging.
pub(crate) fn register() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| {
        Box::new(Root {
            plugin: None,
            streams: Rc::default(),
            watches: true,
            prepares: true,
            polled_at: 0,
        })
    });
}

type Streams = Rc<RefCell<HashMap<u32, Rc<RefCell<Stream>>>>>;

/// The plugin in one VM.
struct Root {
    plugin: Option<Rc<Plugin>>,
    /// Held requests that may have to be released from the tick.
    streams: Streams,
    /// Whether it is not known yet if holding works.
    watches: bool,
    /// Whether the model is not compiled for all lengths of texts yet.
    prepares: bool,
    /// When the companion was last asked how busy the endpoints are, in nanoseconds.
    polled_at: u64,
}

impl Context for Root {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, size: usize, _trailers: usize) {
        if let Some(plugin) = &self.plugin {
            plugin.on_report(Ok(&received_answer(headers, size, MAX_REPORT_BYTES)), Envoy.now());
        }
    }
}

impl Root {
    fn metrics(&self) -> Option<&MetricsSource> {
        self.plugin.as_ref()?.endpoint_metrics()
    }

    /// Asks the companion how busy the endpoints are, if it is time.
    fn poll(&mut self) {
        let now = Envoy.now();
        let Some(source) = self.metrics() else { return };
        let interval = Duration::from_millis(source.interval_ms.into());
        if u128::from(now.saturating_sub(self.polled_at)) < interval.as_nanos() {
            return;
        }
        let headers = vec![
            (":method", "GET"),
            (":path", source.path.as_str()),
            (":authority", source.authority.as_str()),
        ];
        let sent = self.dispatch_http_call(&source.cluster, headers, None, vec![], interval);
        if let (Err(_), Some(plugin)) = (sent, &self.plugin) {
            plugin.on_report(Err(Outcome::NotSent), now);
        }
        self.polled_at = now;
    }

    /// Gets the model ready for one more length of texts; one that comes before its turn waits for it.
    fn prepare(&mut self) {
        let more = classifier().and_then(|classifier| classifier.prepare());
        self.prepares = more.unwrap_or_else(|error| {
            log::error!("{error}");
            false
        });
    }

    /// Looks whether the held requests show that holding works, or that it does not.
    fn watch(&mut self, plugin: &Plugin) {
        let stuck = plugin.watch.borrow_mut().tick(Envoy.now(), received_by);
        for id in stuck {
            let stream = self.streams.borrow_mut().remove(&id);
            if let Some(stream) = stream {
                release_stuck(id, &stream, plugin);
            }
        }
        let support = plugin.watch.borrow().support();
        self.watches = matches!(support, Support::Unproven { .. });
        if support == Support::Missing {
            plugin.stop_holding();
            Envoy.gauge(HEADER_HOLD, 0);
            log::error!(
                "requests cannot be held, so none is classified and all take the default route: set \
                 allow_on_headers_stop_iteration: true in the filter's PluginConfig (Envoy 1.35 or newer)"
            );
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        // Level of the host, so that a suppressed line costs no formatting.
        if let Ok(level) = hostcalls::get_log_level() {
            proxy_wasm::set_log_level(level);
        }
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        match configure(&configuration) {
            Some(plugin) => {
                self.plugin = Some(Rc::new(plugin));
                self.watches = true;
                self.set_tick_period(TICK);
                true
            }
            None => false,
        }
    }

    fn on_tick(&mut self) {
        self.poll();
        if self.prepares {
            self.prepare();
        }
        if let Some(plugin) = self.plugin.clone().filter(|_| self.watches) {
            self.watch(&plugin);
        }
        if !self.prepares && !self.watches && self.metrics().is_none() {
            self.set_tick_period(Duration::ZERO);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let stream = Rc::new(RefCell::new(Stream::new()));
        Some(Box::new(Exchange {
            id,
            plugin: self.plugin.clone(),
            stream,
            streams: self.streams.clone(),
            body: 0,
            asked_at: 0,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Every problem of a configuration is logged, not the first alone.
fn configure(configuration: &[u8]) -> Option<Plugin> {
    let started = Envoy.now();
    let classifier = match classifier() {
        Ok(classifier) => classifier,
        Err(error) => {
            log::error!("{error}");
            return None;
        }
    };
    let loaded = Envoy.now();
    let revision = classifier.card().revision.clone();
    let kept_as = format!("promptswitch.examples.{revision}");
    let kept = hostcalls::get_shared_data(&kept_as)
        .ok()
        .and_then(|(bytes, _)| bytes);
    let mut examples = Examples::from_bytes(&kept.unwrap_or_default());
    match Plugin::with_examples(configuration, classifier, &mut examples) {
        Ok((plugin, warnings)) => {
            if let Some(bytes) = examples.to_bytes() {
                // Whichever VM comes last is as good as any: a sentence that it did not have is read again.
                let _ = hostcalls::set_shared_data(&kept_as, Some(&bytes), None);
            }
            warnings.iter().for_each(|warning| log::warn!("{warning}"));
            let version = env!("CARGO_PKG_VERSION");
            let [took_ms, model_ms] = [Envoy.now(), loaded].map(|at| at.saturating_sub(started) / 1_000_000);
            let read = examples.computed();
            log::info!(
                "promptswitch {version} is configured in {took_ms} ms, of which the model took {model_ms}; \
                 {read} example sentences were read; model {revision}"
            );
            Envoy.gauge(&format!("{BUILD}|version={version}|model={revision}"), 1);
            Some(plugin)
        }
        Err(diagnostics) => {
            diagnostics
                .iter()
                .for_each(|diagnostic| log::error!("{diagnostic}"));
            None
        }
    }
}

fn classifier() -> Result<Rc<Classifier>, promptswitch_model::Error> {
    CLASSIFIER.with(|cell| match cell.get() {
        Some(classifier) => Ok(classifier.clone()),
        None => {
            let classifier = Rc::new(Classifier::load()?);
            Ok(cell.get_or_init(|| classifier).clone())
        }
    })
}

fn received_by(id: u32) -> Option<u64> {
    hostcalls::set_effective_context(id).ok()?;
    Envoy.received_bytes()
}

fn release_stuck(id: u32, stream: &RefCell<Stream>, plugin: &Plugin) {
    if hostcalls::set_effective_context(id).is_err() {
        return;
    }
    // The borrow ends before the host goes on with the request.
    let step = stream
        .try_borrow_mut()
        .map(|mut stream| stream.on_hold_failed(&Envoy, plugin));
    if let Ok(Step::Release(release)) = step {
        release.apply(&Envoy);
        let _ = hostcalls::resume_http_request();
    }
}
