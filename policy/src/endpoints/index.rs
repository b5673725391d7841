//! Which blocks of prompts an endpoint has lately been sent.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::prefix::MAX_BLOCKS;

/// How many blocks of 64 tokens each of the two halves holds: together 524,288 tokens, as many as the endpoint picker thinks a
/// server keeps. A half takes 72 KiB when full.
const HALF: usize = 4096;

/// A set that forgets what was not used for longest: blocks move to the young half when they are used, and when that is full
/// it becomes the old one, whose own are dropped.
#[derive(Debug, Default)]
pub(super) struct Index {
    young: Blocks,
    old: Blocks,
}

type Blocks = HashSet<u64, BuildHasherDefault<AsIs>>;

impl Index {
    /// How many blocks from the start of a prompt are here. A block is used whenever a later one of its prompt is, and so is
    /// never forgotten before that: those that are here come first, and bisection finds the last.
    pub(super) fn matched(&self, blocks: &[u64]) -> usize {
        blocks.partition_point(|block| self.young.contains(block) || self.old.contains(block))
    }

    /// A prompt has been sent. Its last block goes first, so that the first is the last to be forgotten.
    pub(super) fn add(&mut self, blocks: &[u64]) {
        for block in blocks.iter().rev() {
            if self.young.len() >= HALF && !self.young.contains(block) {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(*block);
        }
    }
}

const _: () = assert!(MAX_BLOCKS <= HALF, "a prompt fits into a half");

/// What is a hash already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        // Nothing but `u64` is hashed here; a set of anything else would still be right.
        bytes
            .iter()
            .for_each(|byte| self.0 = (self.0 << 8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(range: std::ops::Range<u64>) -> Vec<u64> {
        range
            .map(|block| block.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect()
    }

    #[test]
    fn a_prompt_matches_as_far_as_it_begins_like_one_that_was_sent() {
        let mut index = Index::default();
        index.add(&blocks(0..10));
        let mut other = blocks(0..6);
        other.extend(blocks(50..60));
        assert_eq!(index.matched(&blocks(0..10)), 10);
        assert_eq!(index.matched(&blocks(0..30)), 10);
        assert_eq!(index.matched(&other), 6);
        assert_eq!(index.matched(&blocks(50..60)), 0);
        assert_eq!(index.matched(&[]), 0);
    }

    #[test]
    fn what_is_used_stays_and_the_ends_of_prompts_are_forgotten_first() {
        let mut index = Index::default();
        index.add(&blocks(0..100));
        for other in 1..1000 {
            index.add(&blocks(other * 1000..other * 1000 + 500));
            index.add(&blocks(0..50));
            assert!(index.young.len() <= HALF && index.old.len() <= HALF);
        }
        assert_eq!(index.matched(&blocks(0..100)), 50);
        assert_eq!(index.matched(&blocks(1000..1500)), 0);
    }

    #[test]
    fn the_longest_prompt_is_kept_whole() {
        let mut index = Index::default();
        index.add(&blocks(10_000..10_000 + HALF as u64 - 1));
        index.add(&blocks(0..MAX_BLOCKS as u64));
        assert_eq!(index.matched(&blocks(0..MAX_BLOCKS as u64)), MAX_BLOCKS);
    }
}
