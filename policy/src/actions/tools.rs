//! `tools`: which of the tools that a request offers the model gets to see.

mod history;

use std::collections::BTreeSet;

use super::edits::{Edits, cut, items, members};
use crate::Request;
use crate::config::reader::Object;
use crate::request::Field;

/// What is done with the tools of a request.
#[derive(Debug)]
pub(crate) enum Tools {
    /// The model gets none, and with `strip_history` does not see that there have been any.
    None { strip_history: bool },
    /// The model gets those that are allowed, if any are named, and not blocked.
    Filtered(Lists),
    /// All stay.
    Passthrough,
}

/// Names of functions, or the types of tools that have no name.
#[derive(Debug)]
pub(crate) struct Lists {
    allow: BTreeSet<String>,
    block: BTreeSet<String>,
}

/// Where tools are, and what makes no sense without them. `functions` is how it was called before.
const LISTS: [(&str, &str); 2] = [("tools", "tool_choice"), ("functions", "function_call")];

/// Reads the plugin's configuration. The mode is `passthrough` unless given, as in VSR.
pub(crate) fn read(object: &mut Object<'_>) -> Tools {
    let modes = [("none", 0), ("filtered", 1), ("passthrough", 2)];
    let mode = object.choice("mode", &modes).unwrap_or(2);
    let mut names = |key| {
        let names = object.texts(key).unwrap_or_default();
        names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let lists = Lists {
        allow: names("allow_tools"),
        block: names("block_tools"),
    };
    let empty = lists.allow.is_empty() && lists.block.is_empty();
    if mode == 1 && empty {
        object.error("mode", "`filtered` needs allow_tools or block_tools");
    } else if mode != 1 && !empty {
        object.error("mode", "allow_tools and block_tools need the mode `filtered`");
    }
    let no_database = "there is no database of tools to choose from";
    object.tuning("semantic_selection", no_database);
    object.tuning("strategy", no_database);
    object.tuning("dynamic_retrieval", no_database);
    let strip_history = object.flag("strip_tool_history").unwrap_or(false);
    if strip_history && mode != 0 {
        object.error("strip_tool_history", "needs the mode `none`");
    }
    match mode {
        0 => Tools::None { strip_history },
        1 => Tools::Filtered(lists),
        _ => Tools::Passthrough,
    }
}

impl Tools {
    /// Edits the body.
    pub(crate) fn apply(&self, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        match self {
            Tools::None { strip_history } => {
                LISTS
                    .iter()
                    .for_each(|(list, choice)| remove(list, choice, edits));
                if *strip_history {
                    history::strip(request, edits);
                }
            }
            Tools::Filtered(lists) => lists.apply(request, edits),
            Tools::Passthrough => {}
        }
    }
}

impl Lists {
    fn apply(&self, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        for (list, choice) in LISTS {
            let Some(field) = request.fields().iter().rfind(|field| field.key.is(list)) else {
                continue;
            };
            // What is no list of tools may be one to a lenient parser.
            let Some(tools) = items(request.body(), field.value.start) else {
                remove(list, choice, edits);
                continue;
            };
            let tool = |place| request.body().get(place).unwrap_or_default();
            let removed: Vec<_> = tools
                .iter()
                .map(|place| !self.passes(tool(place.clone())))
                .collect();
            if removed.iter().all(|removed| *removed) {
                remove(list, choice, edits);
                continue;
            }
            // Also without cuts: a client's earlier list of the same name goes.
            edits.inside(list, cut(&tools, &removed));
            if request.field(choice).is_some_and(|choice| self.forbids(choice)) {
                edits.remove(choice);
            }
        }
    }

    /// Whether a tool has a name and by all its names is allowed: parsers differ on which of several counts.
    fn passes(&self, tool: &[u8]) -> bool {
        let names = names(tool);
        (self.allow.is_empty() || !names.is_empty()) && names.iter().all(|name| self.allows(name))
    }

    /// Whether a choice insists on a tool that is not allowed.
    fn forbids(&self, choice: &[u8]) -> bool {
        const MODES: [&str; 4] = ["auto", "any", "none", "required"];
        let mut names = names(choice).into_iter();
        names.any(|name| !MODES.contains(&name.as_str()) && !self.allows(&name))
    }

    fn allows(&self, name: &str) -> bool {
        (self.allow.is_empty() || self.allow.contains(name)) && !self.block.contains(name)
    }
}

fn remove(list: &str, choice: &str, edits: &mut Edits<'_, '_>) {
    edits.remove(list);
    edits.remove(choice);
    if list == "tools" {
        edits.remove("parallel_tool_calls");
    }
}

/// The names in `{"function": {"name"}}` or `{"name"}`, else the `type`.
fn names(tool: &[u8]) -> Vec<String> {
    let fields = members(tool).unwrap_or_default();
    let mut names = texts(&fields, tool, "name");
    for function in fields.iter().filter(|field| field.key.is("function")) {
        let function = tool.get(function.value.clone()).unwrap_or_default();
        names.extend(texts(&members(function).unwrap_or_default(), function, "name"));
    }
    if names.is_empty() {
        names = texts(&fields, tool, "type");
    }
    names
}

fn texts<'a>(fields: &[Field<'a>], object: &'a [u8], key: &str) -> Vec<String> {
    let found = fields.iter().filter(|field| field.key.is(key));
    found
        .filter_map(|field| Some(field.text(object)?.decode().into_owned()))
        .collect()
}
