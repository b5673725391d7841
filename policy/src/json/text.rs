//! The inside of a JSON string.

use std::borrow::Cow;

/// A string of a body, between its quotes, as it was sent.
///
/// Has no `Debug`: it may hold a prompt, and prompts are never logged.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(raw: &'a [u8], escaped: bool) -> Self {
        Text { raw, escaped }
    }

    /// Whether the string, decoded, is `key`.
    pub(crate) fn is(&self, key: &str) -> bool {
        if self.escaped {
            self.decode() == key
        } else {
            self.raw == key.as_bytes()
        }
    }

    /// How long the string is, in bytes, when it is decoded and all of it is UTF-8.
    pub(crate) fn decoded_len(&self) -> usize {
        let (mut length, mut rest) = (0, self.raw);
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let escape = rest.get(at..).unwrap_or_default();
            let (decoded, skip) = unescape(escape);
            length += at + decoded.len_utf8();
            rest = escape.get(skip..).unwrap_or_default();
        }
        length + rest.len()
    }

    /// Whether the string is nothing but whitespace.
    pub(crate) fn is_blank(&self) -> bool {
        // The first byte settles it for most prompts, which spares the decoding of long ones.
        match self.raw.first() {
            None => true,
            Some(byte) if byte.is_ascii_graphic() && *byte != b'\\' => false,
            Some(_) => self.decode().trim().is_empty(),
        }
    }

    /// The string itself, borrowed unless it has escapes or is not UTF-8. What cannot be decoded (bytes that are
    /// not UTF-8, half of a surrogate pair, an escape that JSON does not have) becomes U+FFFD.
    pub(crate) fn decode(&self) -> Cow<'a, str> {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw);
        }
        // Checked for UTF-8 as a whole, as many short pieces would take longer.
        let text = String::from_utf8_lossy(self.raw);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_ref();
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
            out.push_str(plain);
            let (decoded, length) = unescape(escape.as_bytes());
            out.push(decoded);
            rest = after(escape, length);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

/// What follows the first `length` bytes of `text`, and the rest of the character that they may end in.
fn after(text: &str, length: usize) -> &str {
    text.get(text.ceil_char_boundary(length)..).unwrap_or_default()
}

/// The character that the escape at the start of `bytes` stands for, and the escape's length in bytes.
fn unescape(bytes: &[u8]) -> (char, usize) {
    let decoded = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b @ (b'"' | b'\\' | b'/')) => char::from(*b),
        Some(b'u') => return unescape_unicode(bytes),
        _ => char::REPLACEMENT_CHARACTER,
    };
    (decoded, 2)
}

fn unescape_unicode(bytes: &[u8]) -> (char, usize) {
    let Some(unit) = code_unit(bytes) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    let low = if unit & 0xfc00 == 0xd800 {
        bytes.get(6..).and_then(code_unit)
    } else {
        None
    };
    match low {
        Some(low) if low & 0xfc00 == 0xdc00 => {
            let scalar = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    }
}

/// The code unit of the `\uXXXX` at the start of `bytes`.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let hex = bytes.strip_prefix(br"\u")?.get(..4)?;
    hex.iter()
        .try_fold(0, |unit, byte| Some(unit * 16 + char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(raw: &[u8]) -> String {
        Text::new(raw, raw.contains(&b'\\')).decode().into_owned()
    }

    #[test]
    fn what_cannot_be_decoded_becomes_a_replacement_character() {
        let table: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (br#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (br"\u0041\u00e9\u4e2d", "A\u{e9}\u{4e2d}"),
            (br"\ud83d\ude00!", "\u{1f600}!"),
            (br"\ud83d", "\u{fffd}"),
            (br"\ud83dx", "\u{fffd}x"),
            (br"\ud83d\u0041", "\u{fffd}A"),
            (br"\ude00\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (br"\u12", "\u{fffd}12"),
            (br"\u+123", "\u{fffd}+123"),
            (br"\q", "\u{fffd}"),
            (b"a\xffb", "a\u{fffd}b"),
            (b"\xff\\n\xff", "\u{fffd}\n\u{fffd}"),
            (br"a\u0000b", "a\0b"),
        ];
        for (raw, expected) in table {
            assert_eq!(decode(raw), *expected, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn unescaped_text_is_borrowed() {
        assert!(matches!(
            Text::new("中文".as_bytes(), false).decode(),
            Cow::Borrowed("中文")
        ));
    }

    #[test]
    fn only_whitespace_is_blank() {
        for (raw, blank) in [
            ("", true),
            (" ", true),
            (r"\n \t", true),
            ("\u{3000}", true),
            (r"\n.", false),
        ] {
            assert_eq!(
                Text::new(raw.as_bytes(), raw.contains('\\')).is_blank(),
                blank,
                "{raw:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_read_back(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let raw = &json.as_bytes()[1..json.len() - 1];
            prop_assert_eq!(Text::new(raw, true).decoded_len(), text.len());
            prop_assert_eq!(decode(raw), text);
        }

        #[test]
        fn no_bytes_make_decoding_panic(raw in any::<Vec<u8>>()) {
            decode(&raw);
        }
    }
}
