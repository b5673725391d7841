//! Reading what requests hold many of, without ever holding more than is allowed of it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::batch::Input;

/// Most tokens of one array of tokens; no model reads nearly as many.
const MAX_TOKENS: usize = 1 << 16;

/// A request's fields; what is wrong names the field.
pub(super) fn request<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("body: {error}"))
}

/// `input`: a string, strings, tokens, or arrays of tokens; at least one and at most `limit` texts.
pub(super) fn input(field: &str, raw: &RawValue, limit: usize) -> Result<Vec<Input>, String> {
    read(field, raw, Inputs { limit })
}

/// Strings, or objects with a `text`; at least one and at most `limit`.
pub(super) fn strings(field: &str, raw: &RawValue, limit: usize) -> Result<Vec<String>, String> {
    read(field, raw, Strings { limit })
}

/// The last user message that is not blank, its parts joined by newlines, as the filter reads it.
pub(super) fn last_user_text(raw: &RawValue) -> Result<String, String> {
    Ok(last_user(raw)?.1)
}

/// Hash of all messages but that of [`last_user_text`]; empty if there is no other.
pub(super) fn context(raw: &RawValue) -> Result<String, String> {
    let skip = last_user(raw)?.0;
    read("messages", raw, Context { skip })
}

fn last_user(raw: &RawValue) -> Result<(usize, String), String> {
    read("messages", raw, Messages)?.ok_or_else(|| "messages: none of the user has a text".into())
}

fn read<'a, S: DeserializeSeed<'a>>(field: &str, raw: &'a RawValue, seed: S) -> Result<S::Value, String> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    seed.deserialize(&mut json)
        .map_err(|error| format!("{field}: {error}"))
}

fn too_many<E: de::Error>(limit: usize) -> E {
    E::custom(format!("more than {limit} items"))
}

struct Inputs {
    limit: usize,
}

/// An element of an array `input`.
enum Element {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl<'a> DeserializeSeed<'a> for Inputs {
    type Value = Vec<Input>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Vec<Input>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Inputs {
    type Value = Vec<Input>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or an array of strings, of tokens, or of arrays of tokens")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Input>, E> {
        Ok(vec![Input::Text(text.into())])
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Vec<Input>, A::Error> {
        let (mut found, mut tokens) = (Vec::new(), Vec::new());
        while let Some(element) = seq.next_element::<Element>()? {
            match element {
                Element::Text(text) => found.push(Input::Text(text)),
                Element::Tokens(tokens) => found.push(Input::Tokens(tokens)),
                Element::Token(token) => tokens.push(token),
            }
            if found.len() > self.limit {
                return Err(too_many(self.limit));
            }
            if tokens.len() > MAX_TOKENS {
                return Err(too_many(MAX_TOKENS));
            }
            if !tokens.is_empty() && !found.is_empty() {
                return Err(de::Error::custom("tokens and texts are mixed"));
            }
        }
        if !tokens.is_empty() {
            found.push(Input::Tokens(tokens));
        }
        if found.is_empty() {
            return Err(de::Error::custom("is empty"));
        }
        Ok(found)
    }
}

impl<'a> Deserialize<'a> for Element {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'a> Visitor<'a> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token or an array of tokens")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Text(text.into()))
    }

    fn visit_u64<E: de::Error>(self, token: u64) -> Result<Element, E> {
        u32::try_from(token)
            .map(Element::Token)
            .map_err(|_| E::custom(format!("token {token} is out of range")))
    }

    fn visit_i64<E: de::Error>(self, token: i64) -> Result<Element, E> {
        Err(E::custom(format!("token {token} is out of range")))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Element, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = seq.next_element::<u32>()? {
            tokens.push(token);
            if tokens.len() > MAX_TOKENS {
                return Err(too_many(MAX_TOKENS));
            }
        }
        if tokens.is_empty() {
            return Err(de::Error::custom("an array of tokens is empty"));
        }
        Ok(Element::Tokens(tokens))
    }
}

struct Strings {
    limit: usize,
}

impl<'a> DeserializeSeed<'a> for Strings {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Strings {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        let mut found = Vec::new();
        while let Some(Text(text)) = seq.next_element()? {
            found.push(text);
            if found.len() > self.limit {
                return Err(too_many(self.limit));
            }
        }
        if found.is_empty() {
            return Err(de::Error::custom("is empty"));
        }
        Ok(found)
    }
}

/// A string, an object with a `text`, or an array of these whose texts are joined by newlines.
struct Text(String);

impl<'a> Deserialize<'a> for Text {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'a> Visitor<'a> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_map<A: de::MapAccess<'a>>(self, mut map: A) -> Result<String, A::Error> {
        let mut text = String::new();
        while let Some(key) = map.next_key::<Cow<'a, str>>()? {
            if key == "text" {
                text = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<String, A::Error> {
        let mut all = String::new();
        while let Some(Text(text)) = seq.next_element()? {
            if !all.is_empty() && !text.is_empty() {
                all.push('\n');
            }
            all.push_str(&text);
        }
        Ok(all)
    }
}

struct Messages;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'a> DeserializeSeed<'a> for Messages {
    type Value = Option<(usize, String)>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Messages {
    type Value = Option<(usize, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut last, mut place) = (None, 0);
        while let Some(message) = seq.next_element::<Message<'a>>()? {
            if message.role == "user" {
                let content = message.content.map_or("null", RawValue::get);
                let Text(text) = serde_json::from_str(content).map_err(de::Error::custom)?;
                if !text.trim().is_empty() {
                    last = Some((place, text));
                }
            }
            place += 1;
        }
        Ok(last)
    }
}

/// Hashes every message but the one at `skip`; empty if there is no other.
struct Context {
    skip: usize,
}

impl<'a> DeserializeSeed<'a> for Context {
    type Value = String;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Context {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<String, A::Error> {
        let (mut hash, mut place) = (Sha256::new(), 0);
        while let Some(message) = seq.next_element::<&'a RawValue>()? {
            if place != self.skip {
                hash.update(message.get());
                hash.update([0]);
            }
            place += 1;
        }
        Ok(if place > 1 {
            format!("{:x}", hash.finalize())
        } else {
            String::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.into()).unwrap()
    }

    fn shapes(json: &str) -> Result<Vec<String>, String> {
        let show = |input| match input {
            Input::Text(text) => text,
            Input::Tokens(tokens) => format!("{tokens:?}"),
        };
        Ok(input("input", &raw(json), 3)?.into_iter().map(show).collect())
    }

    #[test]
    fn an_input_has_four_shapes() {
        assert_eq!(shapes(r#""a\u0062""#).unwrap(), ["ab"]);
        assert_eq!(shapes(r#"["a", "b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(shapes("[1, 2]").unwrap(), ["[1, 2]"]);
        assert_eq!(shapes("[[1, 2], [3]]").unwrap(), ["[1, 2]", "[3]"]);
    }

    #[test]
    fn an_input_of_no_shape_says_why() {
        for (json, why) in [
            ("[]", "is empty"),
            ("[[]]", "is empty"),
            ("{}", "a string, or an array"),
            ("null", "a string, or an array"),
            ("[null]", "a string, a token"),
            ("[-1]", "token -1 is out of range"),
            ("[5000000000]", "token 5000000000 is out of range"),
            ("[1.5]", "a string, a token"),
            ("[1, \"a\"]", "mixed"),
            (r#"["a", "b", "c", "d"]"#, "more than 3"),
        ] {
            let error = shapes(json).unwrap_err();
            assert!(
                error.starts_with("input: ") && error.contains(why),
                "{json}: {error}"
            );
        }
    }

    #[test]
    fn the_last_user_text_that_is_not_blank_counts() {
        let text = |json: &str| last_user_text(&raw(json));
        let parts = r#"[{"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}},
                                         {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "no"}, {"role": "user", "content": "  "}, {"role": "user", "content": null}]"#;
        assert_eq!(text(parts).unwrap(), "a\nb");
        for none in ["[]", r#"[{"role": "system", "content": "x"}]"#] {
            assert!(text(none).unwrap_err().contains("none of the user"));
        }
        assert!(text("{}").is_err());
    }
}
