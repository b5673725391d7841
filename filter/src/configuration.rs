//! The plugin's configuration, in whichever form the host hands it over.

use prost::Message;
use prost_types::value::Kind;
use serde_json::{Map, Number, Value};

/// Reads a configuration: JSON, as a `StringValue` or `BytesValue` carries it, or a serialised `Struct`, which is what
/// Envoy 1.39 and 1.40 hand over for a `Struct` (its documentation says JSON).
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    let json = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match prost_types::Struct::decode(bytes) {
        Ok(fields) if !fields.fields.is_empty() => Ok(object(fields)),
        _ => Err(format!(
            "the configuration is neither JSON nor a protobuf Struct: {json}"
        )),
    }
}

/// Recurses as deep as prost let the message nest: 100 levels.
fn object(fields: prost_types::Struct) -> Value {
    Value::Object(
        fields
            .fields
            .into_iter()
            .map(|(key, field)| (key, value(field)))
            .collect::<Map<_, _>>(),
    )
}

fn value(field: prost_types::Value) -> Value {
    match field.kind {
        Some(Kind::BoolValue(flag)) => Value::Bool(flag),
        Some(Kind::NumberValue(number)) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(value).collect()),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::NullValue(_)) | None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(kind: Kind) -> prost_types::Value {
        prost_types::Value { kind: Some(kind) }
    }

    #[test]
    fn a_serialised_struct_reads_as_the_json_that_it_stands_for() {
        let inner = prost_types::Struct {
            fields: [("n".to_owned(), field(Kind::NumberValue(500.0)))].into(),
        };
        let list = prost_types::ListValue {
            values: vec![field(Kind::BoolValue(true)), field(Kind::NullValue(0))],
        };
        let outer = prost_types::Struct {
            fields: [
                ("version".to_owned(), field(Kind::StringValue("v0.3".into()))),
                ("list".to_owned(), field(Kind::ListValue(list))),
                ("object".to_owned(), field(Kind::StructValue(inner))),
            ]
            .into(),
        };
        let expected = json!({"version": "v0.3", "list": [true, null], "object": {"n": 500.0}});
        assert_eq!(read(&outer.encode_to_vec()), Ok(expected));
    }

    #[test]
    fn json_reads_as_itself_also_after_a_line_break() {
        assert_eq!(read(b"\n{\"a\": 1}"), Ok(json!({"a": 1})));
    }

    #[test]
    fn anything_else_is_an_error_that_says_so() {
        for bytes in [&b""[..], b"version: v0.3", b"{\"a\":", b"\x0a\xff"] {
            assert!(
                read(bytes)
                    .unwrap_err()
                    .starts_with("the configuration is neither"),
                "{bytes:?}"
            );
        }
    }
}
