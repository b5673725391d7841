//! VSR's probe files: decisions, and for each of them prompts that should get it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One prompt, and what should come of it.
pub(super) struct Probe {
    /// `decision:variant`.
    pub(super) id: String,
    /// The group that it belongs to.
    pub(super) decision: String,
    /// The model to ask for, if it says so.
    pub(super) model: Option<String>,
    pub(super) variant: Variant,
    pub(super) expected: Expected,
    /// In lower case.
    pub(super) headers: BTreeMap<String, String>,
    /// The images that messages may name.
    pub(super) images: BTreeMap<String, Image>,
}

/// What should come of a prompt. What is not said is not checked.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Expected {
    #[serde(rename = "expected_decision")]
    pub(super) decision: Option<String>,
    #[serde(rename = "expected_recipe")]
    pub(super) recipe: Option<String>,
    #[serde(rename = "expected_algorithm")]
    pub(super) algorithm: Option<String>,
    #[serde(rename = "expected_alias")]
    pub(super) alias: Option<String>,
    #[serde(rename = "expected_plugins")]
    pub(super) plugins: Option<Vec<String>>,
    pub(super) forbidden_plugins: Option<Vec<String>>,
    pub(super) plugin_match: Option<Match>,
    #[serde(rename = "expected_signals")]
    pub(super) signals: Option<BTreeMap<String, Vec<String>>>,
    pub(super) forbidden_signals: Option<BTreeMap<String, Vec<String>>>,
    pub(super) signal_match: Option<Match>,
}

/// Whether there may be more than is expected.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Match {
    Contains,
    Exact,
}

/// A prompt: a query, or whole messages.
#[derive(Deserialize)]
pub(super) struct Variant {
    id: Option<String>,
    model: Option<String>,
    pub(super) query: Option<String>,
    pub(super) messages: Option<Vec<Value>>,
    pub(super) tools: Option<Value>,
    pub(super) tool_choice: Option<Value>,
    pub(super) metadata: Option<Value>,
    /// How many times the query stands there, on lines of its own.
    pub(super) repeat: Option<usize>,
    pub(super) padding: Option<Padding>,
    pub(super) generated_text: Option<GeneratedText>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(flatten)]
    expected: Expected,
}

/// Lines around a query.
#[derive(Deserialize)]
pub(super) struct Padding {
    pub(super) text: String,
    pub(super) repeat: Option<usize>,
    pub(super) placement: Option<Placement>,
}

/// Where the padding goes.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Placement {
    Before,
    After,
    Around,
}

/// A part of one character, added to a message to make its text `target_text_bytes` long.
#[derive(Deserialize)]
pub(super) struct GeneratedText {
    pub(super) message_index: usize,
    pub(super) content_index: usize,
    pub(super) target_text_bytes: usize,
    pub(super) character: Option<String>,
}

/// An image that messages name.
#[derive(Clone, Deserialize)]
pub(super) struct Image {
    pub(super) media_type: String,
    pub(super) data_base64: String,
}

#[derive(Deserialize)]
struct File {
    decisions: Vec<Group>,
    #[serde(default)]
    fixtures: Fixtures,
}

#[derive(Default, Deserialize)]
struct Fixtures {
    #[serde(default)]
    images: BTreeMap<String, Image>,
}

#[derive(Deserialize)]
struct Group {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(flatten)]
    expected: Expected,
    /// Read on their own, so that an error can name the group.
    variants: Value,
}

/// The probes of a document, in its order.
///
/// # Errors
/// What a probe lacks, with its id.
pub(super) fn read(document: &Value) -> Result<Vec<Probe>, String> {
    let File { decisions, fixtures } = File::deserialize(document).map_err(|error| error.to_string())?;
    let mut probes = Vec::new();
    for (index, group) in decisions.into_iter().enumerate() {
        let id = group.id.as_ref().or(group.expected.decision.as_ref());
        let id = id.ok_or_else(|| format!("decisions[{index}]: needs an id or an expected_decision"))?;
        let variants = Vec::<Variant>::deserialize(&group.variants);
        let variants = variants.map_err(|error| format!("{id}: variants: {error}"))?;
        for (number, variant) in (1..).zip(variants) {
            let probe = group.probe(id, number, variant, &fixtures.images)?;
            probes.push(probe);
        }
    }
    Ok(probes)
}

impl Group {
    fn probe(
        &self,
        group: &str,
        number: usize,
        variant: Variant,
        images: &BTreeMap<String, Image>,
    ) -> Result<Probe, String> {
        let own = variant.id.clone().unwrap_or_else(|| format!("v{number}"));
        let id = format!("{group}:{own}");
        if variant.query.is_some() == variant.messages.is_some() {
            return Err(format!("{id}: needs either a query or messages"));
        }
        let headers = self.headers.iter().chain(&variant.headers);
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        Ok(Probe {
            id,
            decision: group.to_owned(),
            model: variant.model.clone().or_else(|| self.model.clone()),
            expected: variant.expected.clone().or(&self.expected, group),
            headers: headers.collect(),
            images: images.clone(),
            variant,
        })
    }
}

impl Expected {
    /// With the group's for what is not said.
    fn or(self, group: &Expected, id: &str) -> Expected {
        let group = group.clone();
        let decision = self.decision.or(group.decision);
        Expected {
            decision: decision.or_else(|| Some(id.to_owned())),
            recipe: self.recipe.or(group.recipe),
            algorithm: self.algorithm.or(group.algorithm),
            alias: self.alias.or(group.alias),
            plugins: self.plugins.or(group.plugins),
            forbidden_plugins: self.forbidden_plugins.or(group.forbidden_plugins),
            plugin_match: self.plugin_match.or(group.plugin_match),
            signals: self.signals.or(group.signals),
            forbidden_signals: self.forbidden_signals.or(group.forbidden_signals),
            signal_match: self.signal_match.or(group.signal_match),
        }
    }
}
