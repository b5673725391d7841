//! An Aho-Corasick automaton as a table of all transitions, which walks a long text at four places at once: a step has to
//! wait for the one before it, and four that do not wait for each other take little longer than one.

use std::ops::{ControlFlow, Range};

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, PatternID};

/// What each of the four walks at a time, in bytes: enough for its start not to matter, and little to keep hits of.
const STRETCH: usize = 8 << 10;

#[derive(Debug)]
pub(super) struct Table {
    machine: DFA,
    start: StateID,
    /// Of the longest word, in bytes. A state depends on no more of the text than that.
    longest: usize,
}

impl Table {
    /// None if the words do not fit a machine.
    pub(super) fn new(words: &[impl AsRef<[u8]>]) -> Option<Table> {
        // Without a prefilter the only states that are special are those that match.
        let builder = DFA::builder()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(words);
        let machine = builder.ok()?;
        Some(Table {
            start: machine.start_state(Anchored::No).ok()?,
            longest: machine.max_pattern_len(),
            machine,
        })
    }

    /// Calls `hit` with each word found, in the order of the ends.
    pub(super) fn scan(&self, text: &[u8], mut hit: impl FnMut(PatternID, Range<usize>) -> ControlFlow<()>) {
        let mut at = 0;
        while text.len() - at >= 4 * STRETCH {
            for (end, state) in self.walk_four(text, at) {
                if self.tell(end, state, &mut hit).is_break() {
                    return;
                }
            }
            at += 4 * STRETCH;
        }
        let mut state = self.state_at(text, at);
        for (index, byte) in text.get(at..).unwrap_or_default().iter().enumerate() {
            state = self.step(state, *byte);
            if self.machine.is_special(state) && self.tell(at + index + 1, state, &mut hit).is_break() {
                return;
            }
        }
    }

    /// Where words end in the next four stretches, and the states there, in order.
    fn walk_four(&self, text: &[u8], at: usize) -> Vec<(usize, StateID)> {
        let starts = [at, at + STRETCH, at + 2 * STRETCH, at + 3 * STRETCH];
        let [a, b, c, d] = starts.map(|start| text.get(start..start + STRETCH).unwrap_or_default());
        let mut states = starts.map(|start| self.state_at(text, start));
        let mut found = Vec::new();
        for (index, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
            let [one, two, three, four] = states;
            states = [
                self.step(one, *a),
                self.step(two, *b),
                self.step(three, *c),
                self.step(four, *d),
            ];
            if states.iter().any(|state| self.machine.is_special(*state)) {
                let ends = starts.map(|start| start + index + 1);
                let pairs = ends.into_iter().zip(states);
                found.extend(pairs.filter(|(_, state)| self.machine.is_special(*state)));
            }
        }
        found.sort_unstable_by_key(|(end, _)| *end);
        found
    }

    /// The state after the first `at` bytes.
    fn state_at(&self, text: &[u8], at: usize) -> StateID {
        let before = text.get(at.saturating_sub(self.longest)..at).unwrap_or_default();
        before
            .iter()
            .fold(self.start, |state, byte| self.step(state, *byte))
    }

    fn step(&self, state: StateID, byte: u8) -> StateID {
        self.machine.next_state(Anchored::No, state, byte)
    }

    /// All words that end at `end`, the longest first.
    fn tell(
        &self,
        end: usize,
        state: StateID,
        hit: &mut impl FnMut(PatternID, Range<usize>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if !self.machine.is_match(state) {
            return ControlFlow::Continue(());
        }
        (0..self.machine.match_len(state)).try_for_each(|index| {
            let word = self.machine.match_pattern(state, index);
            hit(word, end - self.machine.pattern_len(word)..end)
        })
    }
}
