//! API keys, access tokens and private keys.

use super::{Found, Kind, is_name};

/// How keys begin, and how many characters follow at least.
const PREFIXES: [(&[u8], usize); 28] = [
    (b"sk-", 16),
    (b"sk_live_", 16),
    (b"sk_test_", 16),
    (b"rk_live_", 16),
    (b"pk_live_", 16),
    (b"whsec_", 16),
    (b"ghp_", 16),
    (b"gho_", 16),
    (b"ghu_", 16),
    (b"ghs_", 16),
    (b"ghr_", 16),
    (b"github_pat_", 22),
    (b"glpat-", 16),
    (b"glrt-", 16),
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"AIza", 30),
    (b"ya29.", 20),
    (b"xoxb-", 16),
    (b"xoxp-", 16),
    (b"xapp-", 16),
    (b"hf_", 20),
    (b"npm_", 30),
    (b"pypi-", 30),
    (b"dop_v1_", 30),
    (b"SG.", 30),
    (b"gsk_", 20),
    (b"LTAI", 12),
];

/// Words that a key stands behind, as in `api_key=...`; without `_` and `-`, in small letters.
const NAMES: [&str; 11] = [
    "apikey",
    "accesskey",
    "secretkey",
    "accesstoken",
    "authtoken",
    "clientsecret",
    "privatekey",
    "bearer",
    "token",
    "secret",
    "密钥",
];

/// How long a key has to be that is known by its name alone, and how many bits each of its characters has to tell.
const UNKNOWN_LENGTH: usize = 20;
const UNKNOWN_BITS: f32 = 3.5;

/// How many bits a character has to tell in a key of a known shape, so that names are none.
const KNOWN_BITS: f32 = 2.8;

/// What looks like a private key begins and ends like this (RFC 7468).
const BEGIN: &[u8] = b"-----BEGIN ";
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

/// The length of a word that may hold a key.
pub(super) const SHORTEST: usize = 16;

/// Keys in a word.
pub(super) fn find(text: &[u8], start: usize, end: usize, found: &mut Vec<Found>) {
    let mut at = start;
    while at < end {
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(byte);
        let part = text.get(at..end).unwrap_or_default();
        let length = part.iter().take_while(|byte| is_key(byte)).count();
        let key = part.get(..length).unwrap_or_default();
        let trimmed = key.iter().rev().take_while(|byte| b"-.~".contains(byte)).count();
        let key = key.get(..key.len() - trimmed).unwrap_or_default();
        let fresh = !is_name(text, at.checked_sub(1));
        if fresh && (is_known(key) || is_jwt(key) || (is_random(key) && is_named(text, at))) {
            found.push(Found {
                kind: Kind::Secret,
                start: at,
                end: at + key.len(),
            });
        }
        at += length.max(1);
    }
}

fn is_known(key: &[u8]) -> bool {
    let (prefix, least) = match PREFIXES.iter().find(|(prefix, _)| key.starts_with(prefix)) {
        Some(known) => *known,
        None => return false,
    };
    let rest = key.get(prefix.len()..).unwrap_or_default();
    rest.len() >= least && is_mixed(rest) && bits(rest) >= KNOWN_BITS
}

/// Three parts of base64, of which the first begins as a JSON object does.
fn is_jwt(key: &[u8]) -> bool {
    let parts = key.split(|byte| *byte == b'.');
    key.starts_with(b"eyJ") && parts.clone().count() == 3 && parts.skip(1).all(|part| part.len() >= 16)
}

fn is_random(key: &[u8]) -> bool {
    let digits = key.iter().any(u8::is_ascii_digit);
    key.len() >= UNKNOWN_LENGTH && digits && is_mixed(key) && bits(key) >= UNKNOWN_BITS
}

/// Whether a text has digits among its letters, or both small and capital ones.
fn is_mixed(key: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| key.iter().any(is);
    let letters = any(u8::is_ascii_alphabetic);
    letters && (any(u8::is_ascii_digit) || (any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase)))
}

/// Whether the name of a key is before a place, with nothing but `=`, `:`, quotes and spaces between.
fn is_named(text: &[u8], at: usize) -> bool {
    const FARTHEST: usize = 32;
    let before = text.get(at.saturating_sub(FARTHEST)..at).unwrap_or_default();
    let between = before
        .iter()
        .rev()
        .take_while(|byte| b"=:\"'` ".contains(byte))
        .count();
    let name = before.get(..before.len() - between).unwrap_or_default();
    let name: Vec<u8> = name
        .iter()
        .filter(|byte| !b"_- ".contains(byte))
        .map(u8::to_ascii_lowercase)
        .collect();
    between > 0 && NAMES.iter().any(|known| name.ends_with(known.as_bytes()))
}

/// The entropy of a text, in bits for each character.
fn bits(key: &[u8]) -> f32 {
    let mut counts = [0u16; 256];
    for byte in key.iter().take(256) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = key.len().min(256) as f32;
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f32::from(*count) / length);
    shares.map(|share| -share * share.log2()).sum()
}

/// Private keys, from their first line to their last.
pub(super) fn find_private_keys(text: &[u8], found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(offset) = text.get(at..).and_then(|rest| memchr::memmem::find(rest, BEGIN)) {
        let start = at + offset;
        at = start + BEGIN.len();
        let line = text.get(at..(at + 40).min(text.len())).unwrap_or_default();
        let Some(name) = memchr::memmem::find(line, PRIVATE) else {
            continue;
        };
        let body = at + name + PRIVATE.len();
        let end = text
            .get(body..)
            .and_then(|rest| memchr::memmem::find(rest, PRIVATE));
        at = end.map_or(body, |end| body + end + PRIVATE.len());
        found.push(Found {
            kind: Kind::Secret,
            start,
            end: at,
        });
    }
}
