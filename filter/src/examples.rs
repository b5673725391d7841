//! What the model says of a configuration's example sentences, kept by the host for all VMs: each sentence is read once in the
//! life of an Envoy, not once per worker and update.

use hashbrown::HashMap;
use promptswitch_model::Scores;

/// Sentences beyond which those that the newest configuration does not use are forgotten.
const MOST: usize = 8192;

/// Scores by the hash of their text.
#[derive(Debug, Default)]
pub struct Examples {
    known: HashMap<u64, Scores>,
    used: Vec<u64>,
    computed: usize,
}

impl Examples {
    /// What [`Examples::to_bytes`] gave. Bytes that are nothing of the kind are as good as none: the model is asked again.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut known = HashMap::new();
        let mut rest = bytes;
        while let Some((hash, scores)) = read(&mut rest) {
            known.insert(hash, scores);
        }
        Self {
            known,
            used: Vec::new(),
            computed: 0,
        }
    }

    /// All that is to be kept; None when nothing was added.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let fits = self.known.len() <= MOST;
        let kept = self
            .known
            .iter()
            .filter(|(hash, _)| fits || self.used.contains(hash));
        (self.computed > 0).then(|| {
            let mut bytes = Vec::new();
            kept.for_each(|(hash, scores)| write(&mut bytes, *hash, scores));
            bytes
        })
    }

    /// How many sentences the model was asked of.
    pub fn computed(&self) -> usize {
        self.computed
    }

    /// The scores of the text with this hash, computed where they are not known.
    pub(crate) fn get(
        &mut self,
        hash: u64,
        compute: impl FnOnce() -> Result<Scores, String>,
    ) -> Result<Scores, String> {
        self.used.push(hash);
        if let Some(scores) = self.known.get(&hash) {
            return Ok(scores.clone());
        }
        let scores = compute()?;
        self.known.insert(hash, scores.clone());
        self.computed += 1;
        Ok(scores)
    }
}

/// The hash, the number of numbers, the numbers; all little-endian.
fn write(bytes: &mut Vec<u8>, hash: u64, scores: &Scores) {
    bytes.extend(hash.to_le_bytes());
    bytes.extend((scores.embedding.len() as u32).to_le_bytes());
    let heads = scores
        .domain
        .iter()
        .chain(&scores.guard)
        .chain([&scores.fact_check]);
    let numbers = heads.chain(&scores.feedback).chain(&scores.embedding);
    numbers.for_each(|number| bytes.extend(number.to_le_bytes()));
}

fn read(rest: &mut &[u8]) -> Option<(u64, Scores)> {
    let hash = u64::from_le_bytes(take(rest)?);
    let width = u32::from_le_bytes(take(rest)?) as usize;
    let domain = numbers(rest)?;
    let guard = numbers(rest)?;
    let [fact_check] = numbers(rest)?;
    let feedback = numbers(rest)?;
    let (embedding, after) = rest.split_at_checked(width.checked_mul(4)?)?;
    *rest = after;
    let scores = Scores {
        domain,
        guard,
        fact_check,
        feedback,
        embedding: embedding
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
    };
    Some((hash, scores))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

fn numbers<const N: usize>(rest: &mut &[u8]) -> Option<[f32; N]> {
    let mut found = [0.0; N];
    for number in &mut found {
        *number = f32::from_le_bytes(take(rest)?);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(first: f32) -> Scores {
        Scores {
            domain: [first; 14],
            guard: [0.5, 0.25, 0.25],
            fact_check: 0.125,
            feedback: [0.25; 4],
            embedding: vec![first, -1.0],
        }
    }

    fn kept() -> Vec<u8> {
        let mut examples = Examples::default();
        for hash in [1, 2] {
            examples.get(hash, || Ok(scores(hash as f32))).unwrap();
        }
        examples.to_bytes().unwrap()
    }

    #[test]
    fn a_sentence_that_was_kept_is_not_computed_again() {
        let mut examples = Examples::from_bytes(&kept());
        for hash in [2, 1] {
            let found = examples.get(hash, || Err("computed".into())).unwrap();
            assert_eq!(found, scores(hash as f32));
        }
        assert_eq!(examples.to_bytes(), None);
    }

    #[test]
    fn a_new_sentence_joins_those_that_were_kept() {
        let mut examples = Examples::from_bytes(&kept());
        examples.get(3, || Ok(scores(3.0))).unwrap();
        assert_eq!(examples.computed(), 1);
        let mut later = Examples::from_bytes(&examples.to_bytes().unwrap());
        for hash in [1, 2, 3] {
            later.get(hash, || Err("computed".into())).unwrap();
        }
    }

    #[test]
    fn a_failure_is_not_kept() {
        let mut examples = Examples::default();
        assert_eq!(examples.get(1, || Err("no".into())).unwrap_err(), "no");
        assert_eq!(examples.to_bytes(), None);
        examples.get(1, || Ok(scores(1.0))).unwrap();
    }

    #[test]
    fn too_many_sentences_leave_those_in_use() {
        let mut examples = Examples::default();
        for hash in 0..MOST as u64 {
            examples.get(hash, || Ok(scores(0.0))).unwrap();
        }
        let mut next = Examples::from_bytes(&examples.to_bytes().unwrap());
        next.get(0, || Err("computed".into())).unwrap();
        next.get(u64::MAX, || Ok(scores(0.0))).unwrap();
        let left = Examples::from_bytes(&next.to_bytes().unwrap());
        assert_eq!(left.known.len(), 2);
    }

    #[test]
    fn bytes_of_another_make_are_as_good_as_none() {
        let kept = kept();
        for cut in 0..kept.len() {
            assert!(Examples::from_bytes(&kept[..cut]).known.len() < 2);
        }
        assert!(Examples::from_bytes(&[0xff; 4096]).known.is_empty());
    }
}
