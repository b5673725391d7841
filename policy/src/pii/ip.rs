//! Addresses of machines on the internet.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::numbers::{Group, starts};
use super::{Found, Kind, is_name};

/// The longest IPv6 address, in bytes.
const LONGEST_V6: usize = 45;

/// Words before four numbers that make them a version.
const VERSIONS: [&[u8]; 4] = [b"version ", b"ver. ", b"release ", "版本".as_bytes()];

/// Four numbers up to 255 with dots between them, but no version, and no address that means another machine in
/// every network.
pub(super) fn v4_at(text: &[u8], groups: &[Group<'_>]) -> Option<Found> {
    let octets = groups.get(..4)?;
    let dots = octets.iter().skip(1).all(|group| group.gap == b".");
    let [first, .., last] = octets else { return None };
    if !dots || !starts(text, groups) || is_version(text, first.start) {
        return None;
    }
    let more = text.get(last.end) == Some(&b'.') && text.get(last.end + 1).is_some_and(u8::is_ascii_digit);
    if more || is_name(text, Some(last.end)) {
        return None;
    }
    let address: Ipv4Addr = std::str::from_utf8(text.get(first.start..last.end)?)
        .ok()?
        .parse()
        .ok()?;
    // These are the same in every house, and tell of none.
    let own =
        address.is_loopback() || address.is_unspecified() || address.is_private() || address.is_link_local();
    let mask = address.octets().starts_with(&[255]);
    (!own && !mask).then_some(Found {
        kind: Kind::Ip,
        start: first.start,
        end: last.end,
    })
}

fn is_version(text: &[u8], start: usize) -> bool {
    let before = text
        .get(start.saturating_sub(10)..start)
        .unwrap_or_default()
        .to_ascii_lowercase();
    VERSIONS.iter().any(|word| before.ends_with(word))
}

/// An IPv6 address that is a part of a word: of at least three groups, one of which is long enough to be no scope of
/// a programming language.
pub(super) fn find_v6(text: &[u8], start: usize, end: usize, found: &mut Vec<Found>) {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let Some(word) = text.get(start..end) else { return };
    let mut at = 0;
    while let Some(offset) = word.get(at..).and_then(|rest| rest.iter().position(is_part)) {
        let from = at + offset;
        let length = word
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| is_part(byte))
            .count();
        at = from + length;
        let joined = is_name(text, (start + from).checked_sub(1)) || is_name(text, Some(start + at));
        let part = word.get(from..at).unwrap_or_default();
        if !joined && is_v6(part) {
            found.push(Found {
                kind: Kind::Ip,
                start: start + from,
                end: start + at,
            });
        }
    }
}

fn is_v6(part: &[u8]) -> bool {
    let groups = || part.split(|byte| *byte == b':').filter(|group| !group.is_empty());
    let telling = groups().any(|group| group.len() >= 3) && part.iter().any(u8::is_ascii_digit);
    if part.len() > LONGEST_V6 || groups().count() < 3 || !telling {
        return false;
    }
    std::str::from_utf8(part).is_ok_and(|part| part.parse::<Ipv6Addr>().is_ok())
}
