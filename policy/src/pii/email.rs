//! Addresses for mail.

use super::{Found, Kind, is_name};

/// The longest part before the `@`, and behind it, in bytes (RFC 5321).
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// Endings of file names, as in `icon@2x.png`.
const FILES: [&str; 10] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "json",
];

/// Every `name@host.domain`.
pub(super) fn find(text: &[u8], found: &mut Vec<Found>) {
    found.extend(memchr::memchr_iter(b'@', text).filter_map(|at| around(text, at)));
}

fn around(text: &[u8], at: usize) -> Option<Found> {
    let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-'".contains(byte);
    let local = before
        .iter()
        .rev()
        .take(LONGEST_LOCAL + 1)
        .take_while(|byte| is_local(byte))
        .count();
    let quotes = |bytes: &[u8]| bytes.iter().take_while(|byte| b".-'".contains(byte)).count();
    let local = local - quotes(before.get(at - local..)?);
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let mut domain = after
        .iter()
        .take(LONGEST_DOMAIN + 1)
        .take_while(|byte| is_domain(byte))
        .count();
    while domain > 0 && !after.get(domain - 1)?.is_ascii_alphanumeric() {
        domain -= 1;
    }
    let end = at + 1 + domain;
    let fits = (1..=LONGEST_LOCAL).contains(&local) && domain <= LONGEST_DOMAIN;
    let host = after.get(..domain)?;
    let is_remote = text.get(end) == Some(&b':') && is_name(text, Some(end + 1));
    (fits && is_host(host) && !is_remote && !is_name(text, Some(end))).then_some(Found {
        kind: Kind::Email,
        start: at - local,
        end,
    })
}

fn is_host(host: &[u8]) -> bool {
    let mut labels = host.split(|byte| *byte == b'.');
    let Some(last) = labels.next_back() else {
        return false;
    };
    let named = last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic);
    let file = FILES
        .iter()
        .any(|file| last.eq_ignore_ascii_case(file.as_bytes()));
    let mut others = labels.peekable();
    let is_label = |label: &[u8]| !label.is_empty() && !label.starts_with(b"-") && !label.ends_with(b"-");
    named && !file && others.peek().is_some() && others.all(is_label)
}
