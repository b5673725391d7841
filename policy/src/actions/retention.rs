//! `emits.retention`: hints on how long what was computed for a conversation is worth keeping.

use crate::config::reader::Object;

/// A hint; what is not given is not said.
#[derive(Debug, PartialEq)]
pub(crate) struct Retention {
    drop: Option<bool>,
    ttl_turns: Option<i64>,
    keep_current_model: Option<bool>,
    prefer_prefix: Option<bool>,
}

/// What VSR takes a turn of a conversation for, in milliseconds.
const TURN_MS: u64 = 60_000;

/// Reads `emits`: at most one hint.
pub(crate) fn read(decision: &mut Object<'_>) -> Option<Retention> {
    let mut found = None;
    for mut item in decision.objects("emits") {
        if item.get("kind").is_none() {
            item.error("kind", "is missing: retention");
        }
        item.choice("kind", &[("retention", ())]);
        let retention = item.object("retention").map(read_one);
        if found.is_some() {
            item.error("kind", "is emitted twice");
        }
        found = found.or(retention);
        item.finish();
    }
    found
}

fn read_one(mut object: Object<'_>) -> Retention {
    let retention = Retention {
        drop: object.flag("drop"),
        ttl_turns: object.integer("ttl_turns", 0..=1_000_000),
        keep_current_model: object.flag("keep_current_model"),
        prefer_prefix: object.flag("prefer_prefix_retention"),
    };
    if retention.drop == Some(true) && retention.ttl_turns > Some(0) {
        object.error("ttl_turns", "says to keep what `drop` says to drop");
    }
    if retention.keep_current_model == Some(true) {
        object.warn(
            "keep_current_model",
            "has no effect but its header: no model is switched by conversation",
        );
    }
    object.finish();
    retention
}

impl Retention {
    /// Whether an answer may be kept.
    pub(crate) fn stores(&self) -> bool {
        self.drop != Some(true)
    }

    /// How long an answer is kept, in milliseconds.
    pub(crate) fn ttl_ms(&self) -> Option<u64> {
        let turns = self.ttl_turns.and_then(|turns| u64::try_from(turns).ok());
        turns.filter(|turns| *turns > 0).map(|turns| turns * TURN_MS)
    }

    /// The hint as headers, by VSR's names.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            ("x-vsr-retention-drop", self.drop.map(|flag| flag.to_string())),
            (
                "x-vsr-retention-ttl-turns",
                self.ttl_turns.map(|turns| turns.to_string()),
            ),
            (
                "x-vsr-retention-keep-current-model",
                self.keep_current_model.map(|flag| flag.to_string()),
            ),
            (
                "x-vsr-retention-prefer-prefix",
                self.prefer_prefix.map(|flag| flag.to_string()),
            ),
        ];
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}
