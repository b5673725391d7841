//! `routing.decisions[].plugins`.

use super::global::Global;
use super::reader::Object;
use super::refused;
use super::report::quoted;
use crate::actions::{
    Actions, fast_response, header_mutation, request_params, response_cache, system_prompt, tools,
};

/// The plugins that a filter has.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    SystemPrompt,
    HeaderMutation,
    RequestParams,
    FastResponse,
    Tools,
    ResponseCache,
    RouterReplay,
}

/// The spellings of each plugin. The first is the name; the others are warned about.
const KINDS: [(&[&str], Kind); 7] = [
    (&["system_prompt"], Kind::SystemPrompt),
    (&["header_mutation"], Kind::HeaderMutation),
    (&["request_params"], Kind::RequestParams),
    (&["fast_response"], Kind::FastResponse),
    (&["tools"], Kind::Tools),
    (
        &[
            "response_cache",
            "semantic-cache",
            "semantic_cache",
            "response-cache",
        ],
        Kind::ResponseCache,
    ),
    (&["router_replay"], Kind::RouterReplay),
];

/// Reads the plugins of a decision into its actions.
pub(super) fn read(decision: &mut Object<'_>, global: &Global) -> Actions {
    let mut actions = Actions::default();
    let plugins = decision.objects("plugins");
    for plugin in plugins {
        read_one(plugin, &mut actions, global, decision);
    }
    actions
}

fn read_one(mut plugin: Object<'_>, actions: &mut Actions, global: &Global, decision: &Object<'_>) {
    let mut configuration = plugin.object_or_empty("configuration");
    let enabled = configuration.flag("enabled");
    let Some(name) = plugin.need_text("type") else {
        return plugin.finish();
    };
    let found = KINDS.iter().find(|(names, _)| names.contains(&name));
    match found {
        None if refused::is_plugin(name) && enabled == Some(false) => {}
        None if refused::plugin(&plugin, name) => {}
        None => plugin.error("type", format!("unknown plugin {}", quoted(name))),
        Some(_) if enabled == Some(false) => {}
        Some((names, kind)) => {
            let canonical = names.first().copied().unwrap_or_default();
            if canonical != name {
                plugin.warn("type", format!("is an old spelling of `{canonical}`"));
            }
            if actions.plugins.contains(&canonical) {
                plugin.warn(
                    "type",
                    format!("`{canonical}` has no effect: the decision has one already"),
                );
            } else if is_off(*kind, enabled) {
                plugin.warn(
                    "configuration",
                    format!("has no `enabled: true`, so `{canonical}` has no effect"),
                );
            } else {
                if *kind == Kind::RouterReplay {
                    plugin.warn(
                        "type",
                        format!("the plugin `{canonical}` has no effect: nothing is recorded"),
                    );
                }
                actions.plugins.push(canonical);
                read_kind(*kind, configuration, actions, global, decision);
            }
        }
    }
    plugin.finish();
}

/// These are off in VSR unless turned on; the others are on unless turned off.
fn is_off(kind: Kind, enabled: Option<bool>) -> bool {
    enabled.is_none() && matches!(kind, Kind::Tools | Kind::ResponseCache)
}

fn read_kind(
    kind: Kind,
    mut object: Object<'_>,
    actions: &mut Actions,
    global: &Global,
    decision: &Object<'_>,
) {
    match kind {
        Kind::SystemPrompt => actions.system_prompt = system_prompt::read(&mut object),
        Kind::HeaderMutation => actions.headers = header_mutation::read(&mut object, &global.owned_headers),
        Kind::RequestParams => actions.params = Some(request_params::read(&mut object)),
        Kind::FastResponse => actions.fast_response = fast_response::read(&mut object),
        Kind::Tools => actions.tools = Some(tools::read(&mut object)),
        Kind::ResponseCache => {
            actions.cache = response_cache::read(&mut object, &global.cache, &decision.source());
        }
        Kind::RouterReplay => return,
    }
    object.finish();
}
