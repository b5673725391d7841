//! Which requests are held: the cheapest questions first, each asked of the host only when the last one passed.

use promptswitch_policy::{Api, Reason, Settings};

use crate::host::Host;

/// What the request's headers alone decide.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Not a request for a model: passes untouched.
    Pass(Reason),
    /// A request for a model that cannot be read: the default model's route.
    Unread(Reason),
    /// A request for a model whose body is to be read.
    Read(Api),
}

/// Judges the headers. `end_of_stream` says that no body follows.
pub(crate) fn gate(host: &dyn Host, settings: &Settings, end_of_stream: bool) -> Gate {
    let header = |name| host.request_header(name);
    let Some(api) = header(":path").and_then(|path| settings.api_for_path(&path)) else {
        return Gate::Pass(Reason::NotChatPath);
    };
    if header(":method").as_deref() != Some(b"POST") {
        return Gate::Unread(Reason::NotPost);
    }
    // A held upgrade hangs: its body never ends.
    if header("upgrade").is_some() {
        return Gate::Unread(Reason::Upgrade);
    }
    if header("content-encoding").is_some_and(|v| !v.is_empty() && !v.eq_ignore_ascii_case(b"identity")) {
        return Gate::Unread(Reason::ContentEncoding);
    }
    if !header("content-type").is_some_and(|v| is_json(&v)) {
        return Gate::Unread(Reason::NotJson);
    }
    if end_of_stream {
        return Gate::Unread(Reason::NoBody);
    }
    // A body over the limit is not held at all: Envoy would answer 413 once its buffer is full.
    match header("content-length").and_then(|v| length(&v)) {
        Some(length) if length > settings.limits.max_body_bytes => Gate::Unread(Reason::BodyTooLarge),
        _ => Gate::Read(api),
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let media = content_type
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let tail = media.len().saturating_sub(5);
    media.eq_ignore_ascii_case(b"application/json")
        || media
            .get(tail..)
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

fn length(value: &[u8]) -> Option<usize> {
    // Larger than the address space of a Wasm module is larger than any limit.
    std::str::from_utf8(value)
        .ok()?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|n| usize::try_from(n).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_the_media_type_alone() {
        for yes in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
        ] {
            assert!(is_json(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "text/plain",
            "multipart/form-data; boundary=application/json",
            "json",
        ] {
            assert!(!is_json(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn a_length_beyond_every_integer_is_not_a_small_one() {
        assert_eq!(length(b"12"), Some(12));
        assert_eq!(length(b"-1"), None);
        assert_eq!(length(b"18446744073709551615"), usize::try_from(u64::MAX).ok());
    }
}
