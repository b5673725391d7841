//! Small models in directories, made here: ONNX is a format of messages, and these are a few dozen lines of it.

use std::fs;
use std::path::Path;

use prost::Message;
use serde_json::{Value, json};
use tempfile::TempDir;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::{self, Tensor};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto,
};

/// `<pad>`, `<unk>`, `<s>`, `</s>`, then words; `#` stands for the prefix.
const WORDS: [&str; 10] = [
    "<pad>", "<unk>", "<s>", "</s>", "#", "cat", "dog", "sun", "moon", "star",
];

/// Numbers of a token's vector.
const WIDTH: usize = 4;

/// A sentence encoder: each token has a vector, and the mean over them is left to the server. The vector of token `i`
/// is (i, 1, i mod 2, 0), so that what is pooled can be told from the answer.
pub(crate) fn encoder() -> TempDir {
    let folder = folder();
    let graph = graph(
        &[
            ("input_ids", DataType::Int64),
            ("attention_mask", DataType::Int64),
        ],
        vec![
            node(
                "Gather",
                &["table", "input_ids"],
                "last_hidden_state",
                &[("axis", 0)],
            ),
            // The mask is read by the server only, but must be an input that leads somewhere.
            node("Cast", &["attention_mask"], "unused", &[("to", 1)]),
        ],
        vec![table()],
        &["last_hidden_state", "unused"],
    );
    fs::write(folder.path().join("model.onnx"), graph).unwrap();
    let sentence = json!({"max_seq_length": 8});
    write(folder.path(), "sentence_bert_config.json", &sentence);
    folder
}

/// A classifier: the mean of the tokens' vectors, and of it every head.
pub(crate) fn classifier() -> TempDir {
    let folder = folder();
    let mut nodes = vec![
        node("Gather", &["table", "tokens"], "vectors", &[("axis", 0)]),
        node("Unsqueeze", &["mask", "last"], "column", &[]),
        node("Mul", &["vectors", "column"], "masked", &[]),
        node("ReduceSum", &["masked", "second"], "sum", &[("keepdims", 0)]),
        node("ReduceSum", &["mask", "second"], "count", &[("keepdims", 1)]),
        node("Div", &["sum", "count"], "mean", &[]),
        node("Mul", &["mean", "mean"], "squares", &[]),
        node("ReduceSum", &["squares", "second"], "square", &[("keepdims", 1)]),
        node("Sqrt", &["square"], "length", &[]),
        node("Div", &["mean", "length"], "embedding", &[]),
    ];
    let mut tensors = vec![table(), ints("last", &[-1]), ints("second", &[1])];
    for (name, classes) in [("domain", 14), ("guard", 3), ("fact_check", 1), ("feedback", 4)] {
        let weights: Vec<f32> = (0..WIDTH * classes).map(|i| (i % 7) as f32 * 0.1).collect();
        tensors.push(floats(&format!("{name}_weights"), &[WIDTH, classes], weights));
        let logits = format!("{name}_logits");
        nodes.push(node(
            "MatMul",
            &["mean", &format!("{name}_weights")],
            &logits,
            &[],
        ));
        nodes.push(match classes {
            1 => node("Sigmoid", &[&logits], name, &[]),
            _ => node("Softmax", &[&logits], name, &[("axis", 1)]),
        });
    }
    let outputs = ["domain", "guard", "fact_check", "feedback", "embedding"];
    let inputs = [("tokens", DataType::Int64), ("mask", DataType::Float)];
    let graph = graph(&inputs, nodes, tensors, &outputs);
    fs::write(folder.path().join("model.onnx"), graph).unwrap();
    let labels: Vec<String> = (0..14).map(|i| format!("subject {i}")).collect();
    let card = json!({
        "revision": "tiny-1", "labels": labels, "guard_labels": ["benign", "jailbreak", "injection"],
        "feedback_labels": ["satisfied", "need_clarification", "wrong_answer", "want_different"],
        "max_tokens": 6, "head_tokens": 4, "prefix": "# ", "bos_id": 2, "eos_id": 3, "pad_id": 0, "unk_id": 1,
        "embedding_width": WIDTH,
    });
    write(folder.path(), "model.json", &card);
    folder
}

/// Changes a JSON file of a model.
pub(crate) fn write(folder: &Path, name: &str, json: &Value) {
    fs::write(folder.join(name), json.to_string()).unwrap();
}

/// A directory with a tokenizer of whole words, without marks.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let vocabulary: serde_json::Map<_, _> = WORDS
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), json!(id)))
        .collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    });
    write(folder.path(), "tokenizer.json", &tokenizer);
    folder
}

fn table() -> TensorProto {
    let rows = (0..WORDS.len()).flat_map(|i| [i as f32, 1.0, (i % 2) as f32, 0.0]);
    floats("table", &[WORDS.len(), WIDTH], rows.collect())
}

fn graph(
    inputs: &[(&str, DataType)],
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
    outputs: &[&str],
) -> Vec<u8> {
    let value = |name: &str, kind: DataType, shape: &[&str]| ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(Tensor {
                elem_type: kind as i32,
                shape: Some(TensorShapeProto {
                    dim: shape.iter().map(|name| dimension(name)).collect(),
                }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        name: "tiny".into(),
        node,
        initializer,
        input: inputs
            .iter()
            .map(|(name, kind)| value(name, *kind, &["batch", "length"]))
            .collect(),
        output: outputs
            .iter()
            .map(|name| value(name, DataType::Float, &[]))
            .collect(),
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            version: 13,
            ..OperatorSetIdProto::default()
        }],
        graph: Some(graph),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn dimension(name: &str) -> Dimension {
    Dimension {
        value: Some(dimension::Value::DimParam(name.into())),
        ..Dimension::default()
    }
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> NodeProto {
    let attribute = |(name, value): &(&str, i64)| AttributeProto {
        name: (*name).into(),
        r#type: attribute_proto::AttributeType::Int as i32,
        i: *value,
        ..AttributeProto::default()
    };
    NodeProto {
        name: output.into(),
        op_type: operator.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute: attributes.iter().map(attribute).collect(),
        ..NodeProto::default()
    }
}

fn floats(name: &str, shape: &[usize], float_data: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.iter().map(|&n| n as i64).collect(),
        data_type: DataType::Float as i32,
        float_data,
        ..TensorProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}
