//! `conversation`: turns, tools and images of the request, counted.

use std::collections::BTreeSet;

use crate::Request;
use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::json::Scanner;
use crate::request::{Role, Turn};
use crate::signals::predicate::Predicate;
use crate::signals::{Reading, Signal, read_name};

/// The declared conversation signals.
#[derive(Debug)]
struct Conversations {
    rules: Vec<ConversationRule>,
}

#[derive(Debug)]
struct ConversationRule {
    name: String,
    feature: Feature,
    source: Source,
    predicate: Option<Predicate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    Count,
    Exists,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Turns of a role, or all.
    Message(Option<Speaker>),
    /// Tools that the request offers.
    ToolDefinition,
    /// Calls of tools by the assistant.
    AssistantToolCall,
    /// Results of tools.
    AssistantToolCycle,
    /// Whether tools are at work: the last turn is a tool's result or follows one, or a call has no result yet.
    ActiveToolLoop,
    /// Images in user turns.
    ImageContent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
    System,
    Developer,
    Tool,
    NonUser,
}

const FEATURES: [(&str, Feature); 2] = [("count", Feature::Count), ("exists", Feature::Exists)];

const SOURCES: [(&str, Source); 6] = [
    ("message", Source::Message(None)),
    ("tool_definition", Source::ToolDefinition),
    ("assistant_tool_call", Source::AssistantToolCall),
    ("assistant_tool_cycle", Source::AssistantToolCycle),
    ("active_tool_loop", Source::ActiveToolLoop),
    ("image_content", Source::ImageContent),
];

const SPEAKERS: [(&str, Speaker); 6] = [
    ("user", Speaker::User),
    ("assistant", Speaker::Assistant),
    ("system", Speaker::System),
    ("developer", Speaker::Developer),
    ("tool", Speaker::Tool),
    ("non_user", Speaker::NonUser),
];

/// What a conversation is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Facts {
    user: usize,
    assistant: usize,
    system: usize,
    /// 1 if there is any such turn, as in VSR.
    developer: usize,
    tool: usize,
    tool_definitions: usize,
    tool_calls: usize,
    tool_results: usize,
    images: usize,
    /// The last turn is a tool's result.
    ends_with_result: bool,
    /// The last turn is a user's, and the one before a tool's result.
    ends_after_result: bool,
}

/// Reads `routing.signals.conversation`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| ConversationRule::read(object, &mut taken);
    let rules = objects.into_iter().map(read).collect();
    Box::new(Conversations { rules })
}

impl ConversationRule {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> ConversationRule {
        let name = read_name(&mut object, taken);
        let mut feature = object.object_or_empty("feature");
        feature.need_text("type");
        let kind = feature.choice("type", &FEATURES);
        let mut source = feature.object_or_empty("source");
        feature.finish();
        source.need_text("type");
        let mut what = source.choice("type", &SOURCES);
        let role = match source.text("role") {
            None | Some("") => None,
            Some(_) => source.choice("role", &SPEAKERS),
        };
        match what {
            Some(Source::Message(_)) => what = Some(Source::Message(role)),
            Some(_) if role.is_some() => source.error("role", "goes with source.type `message` only"),
            _ => {}
        }
        source.finish();
        let predicate = object.object("predicate").map(Predicate::read);
        if kind == Some(Feature::Exists) && predicate.is_some() {
            object.error("predicate", "does not go with feature.type `exists`");
        }
        object.ignore(&["description"]);
        object.finish();
        ConversationRule {
            name,
            feature: kind.unwrap_or(Feature::Exists),
            source: what.unwrap_or(Source::Message(None)),
            predicate,
        }
    }

    /// A count without a predicate always matches, as in VSR.
    fn matches(&self, facts: &Facts) -> bool {
        let count = facts.count(self.source);
        match (self.feature, &self.predicate) {
            (Feature::Exists, _) => count > 0,
            (Feature::Count, None) => true,
            (Feature::Count, Some(predicate)) => predicate.holds(count as f64),
        }
    }
}

impl Signal for Conversations {
    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let facts = Facts::of(reading.request());
        let confidence = |rule: &ConversationRule| rule.matches(&facts).then_some(1.0);
        Ok(self.rules.iter().map(confidence).collect())
    }
}

impl Facts {
    fn of(request: &Request<'_>) -> Facts {
        let mut facts = Facts::default();
        for turn in request.turns() {
            facts.add(&turn);
        }
        let is_said = |key| {
            request
                .field(key)
                .is_some_and(|value| !matches!(value, b"null" | b"\"\"" | b"[]"))
        };
        facts.system += ["system", "instructions"]
            .into_iter()
            .filter(|key| is_said(key))
            .count();
        facts.tool_definitions = ["tools", "functions"]
            .into_iter()
            .filter_map(|key| request.field(key))
            .map(count_items)
            .sum();
        facts
    }

    fn add(&mut self, turn: &Turn<'_>) {
        let is_result = turn.role == Some(Role::Tool) || turn.tool_result_count > 0;
        self.ends_after_result = turn.role == Some(Role::User) && self.ends_with_result;
        self.ends_with_result = is_result;
        self.tool_calls += turn.tool_calls;
        self.tool_results += turn.tool_result_count;
        match turn.role {
            Some(Role::User) => {
                self.user += 1;
                self.images += turn.images;
            }
            Some(Role::Assistant) => self.assistant += 1,
            Some(Role::System) => self.system += 1,
            Some(Role::Developer) => self.developer = 1,
            Some(Role::Tool) => {
                self.tool += 1;
                self.tool_results += 1;
            }
            None => {}
        }
    }

    fn count(&self, source: Source) -> usize {
        let others = self.assistant + self.system + self.developer + self.tool;
        match source {
            Source::Message(None) => others + self.user,
            Source::Message(Some(Speaker::NonUser)) => others,
            Source::Message(Some(Speaker::User)) => self.user,
            Source::Message(Some(Speaker::Assistant)) => self.assistant,
            Source::Message(Some(Speaker::System)) => self.system,
            Source::Message(Some(Speaker::Developer)) => self.developer,
            Source::Message(Some(Speaker::Tool)) => self.tool,
            Source::ToolDefinition => self.tool_definitions,
            Source::AssistantToolCall => self.tool_calls,
            Source::AssistantToolCycle => self.tool_results,
            Source::ActiveToolLoop => {
                let unanswered = self.tool_calls > self.tool_results;
                usize::from(self.ends_with_result || self.ends_after_result || unanswered)
            }
            Source::ImageContent => self.images,
        }
    }
}

fn count_items(array: &[u8]) -> usize {
    let (mut scanner, mut items) = (Scanner::new(array), 0);
    // It has been scanned once already; what is no list has no items.
    let _ = scanner.array(|scanner| {
        items += 1;
        scanner.skip()
    });
    items
}

#[cfg(test)]
mod tests;
