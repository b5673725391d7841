//! `weight`: models share requests by weight, and a conversation stays where it is.

use super::Candidates;
use crate::decision::Decision;
use crate::settings::Sticky;

/// Picks by a hash of what names the conversation: a configured header, else a session's, else the first user
/// turn. By a random number only if that is configured.
pub(super) fn choose(decision: &Decision, from: &Candidates<'_>) -> usize {
    let key = match from.settings.sticky {
        Sticky::Request => from.context.random.to_le_bytes().to_vec(),
        Sticky::Conversation => conversation(from),
    };
    let weights = decision
        .models
        .iter()
        .map(|choice| choice.weight.unwrap_or_default());
    pick(weights, &decision.name, &key).unwrap_or(0)
}

fn conversation(from: &Candidates<'_>) -> Vec<u8> {
    let header = from.settings.sticky_header.as_deref();
    let named = header
        .and_then(|name| from.context.header(name))
        .or_else(|| from.context.session());
    named.unwrap_or_else(|| {
        from.request
            .first_user_text()
            .unwrap_or_default()
            .into_owned()
            .into_bytes()
    })
}

/// Picks an index of `weights`, so that one `key` always gets the same one and many keys share by weight.
///
/// With `h` the 64-bit FNV-1a hash of `decision`, a byte 0xff and `key`, mixed by MurmurHash3's finaliser, and
/// `u` = (h >> 11) / 2^53, the pick is the first index whose weights up to and with it exceed `u` times the sum.
/// None when the weights have no positive sum.
fn pick(weights: impl Iterator<Item = f64> + Clone, decision: &str, key: &[u8]) -> Option<usize> {
    let total: f64 = weights.clone().sum();
    if total <= 0.0 {
        return None;
    }
    let unit = (hash(decision.as_bytes(), key) >> 11) as f64 / (1u64 << 53) as f64;
    let mut left = unit * total;
    let mut last = None;
    for (index, weight) in weights.enumerate() {
        if weight > 0.0 {
            last = Some(index);
            if left < weight {
                break;
            }
        }
        left -= weight;
    }
    last
}

fn hash(decision: &[u8], key: &[u8]) -> u64 {
    let bytes = decision.iter().chain(&[0xff]).chain(key);
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // FNV's high bits, which the pick depends on, hardly change between keys of the same beginning.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_share_by_weight() {
        let mut counts = [0; 3];
        for key in 0..10_000u32 {
            counts[pick([1.0, 0.0, 3.0].into_iter(), "d", key.to_string().as_bytes()).unwrap()] += 1;
        }
        assert!((2300..2700).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
    }

    #[test]
    fn one_key_gets_one_pick_and_another_decision_another() {
        let picks = |decision| {
            (0..64u8)
                .map(|key| pick([1.0, 1.0].into_iter(), decision, &[key]))
                .collect::<Vec<_>>()
        };
        assert_eq!(picks("a"), picks("a"));
        assert_ne!(picks("a"), picks("b"));
    }

    #[test]
    fn nothing_is_picked_without_weight() {
        assert_eq!(pick([].into_iter(), "d", b""), None);
        assert_eq!(pick([0.0].into_iter(), "d", b""), None);
    }
}
