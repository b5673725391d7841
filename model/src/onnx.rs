//! From the bytes of an ONNX file to tract's model.
//!
//! The crate tract-onnx reads any ONNX file, but brings along every operator, NNEF and FFTs: a third of the module's
//! code, which each VM compiles and keeps. Our graph needs two dozen operators, so this reads what `train/export.py`
//! writes, by tract's own operators, and a test compares it with tract-onnx.

use std::collections::HashMap;

use prost::Message;
use prost::bytes::Bytes;
use tract_hir::internal::*;

use crate::operators::operator;

/// A parsed file. Large tensors point into the file's bytes.
#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
}

/// One application of an operator.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
}

/// The only set of operators that is read.
const OPSET: i64 = 17;

/// A graph, ready to be built for any length of its inputs.
pub(crate) struct Graph {
    graph: GraphProto,
    constants: Vec<(String, Arc<Tensor>)>,
}

impl Graph {
    /// Parses a file.
    pub(crate) fn parse(file: &'static [u8]) -> TractResult<Graph> {
        let model = ModelProto::decode(Bytes::from_static(file))?;
        let opset = model.opset_import.iter().find(|set| set.domain.is_empty());
        let opset = opset.map_or(0, |set| set.version);
        ensure!(opset == OPSET, "operator set {opset}, not {OPSET}");
        let mut graph = model.graph.context("no graph")?;
        let constants = std::mem::take(&mut graph.initializer);
        let constants = constants
            .into_iter()
            .map(|tensor| Ok((tensor.name.clone(), tensor.load()?.into_arc_tensor())))
            .collect::<TractResult<Vec<_>>>()?;
        for node in &mut graph.node {
            node.take_axes(&constants)?;
        }
        Ok(Graph { graph, constants })
    }

    /// The model for inputs of shape `[1, length]`, a length for each; constants are shared between all models.
    pub(crate) fn build(&self, lengths: &[usize]) -> TractResult<InferenceModel> {
        ensure!(
            lengths.len() == self.graph.input.len(),
            "{} inputs",
            self.graph.input.len()
        );
        let mut model = InferenceModel::default();
        let mut outlets = HashMap::new();
        for (input, length) in self.graph.input.iter().zip(lengths) {
            let outlet = model.add_source(&input.name, i64::fact([1, *length]).into())?;
            outlets.insert(input.name.as_str(), outlet);
        }
        for (name, tensor) in &self.constants {
            outlets.insert(name, model.add_const(name, Arc::clone(tensor))?);
        }
        for node in &self.graph.node {
            let find = |name: &String| {
                let outlet = outlets.get(name.as_str()).copied();
                outlet.with_context(|| format!("nothing is called {name}"))
            };
            let inputs = node.input.iter().map(find).collect::<TractResult<TVec<_>>>()?;
            let name = node.output.first().context("a node without output")?;
            let wires = model.wire_node(name, operator(node)?, &inputs)?;
            outlets.extend(node.output.iter().map(String::as_str).zip(wires));
        }
        let outputs = self.graph.output.iter();
        let outputs = outputs
            .map(|output| {
                outlets
                    .get(output.name.as_str())
                    .copied()
                    .context("an output is missing")
            })
            .collect::<TractResult<Vec<_>>>()?;
        model.select_output_outlets(&outputs)?;
        Ok(model)
    }
}

impl NodeProto {
    /// Makes an attribute of constant axes that are an input, as they are since operator set 13.
    fn take_axes(&mut self, constants: &[(String, Arc<Tensor>)]) -> TractResult<()> {
        if !["ReduceSum", "Unsqueeze"].contains(&self.op_type.as_str()) || self.input.len() < 2 {
            return Ok(());
        }
        let axes = self.input.pop().unwrap_or_default();
        let constant = constants.iter().find(|(name, _)| *name == axes);
        let (_, axes) = constant.with_context(|| format!("{} without constant axes", self.op_type))?;
        self.attribute.push(AttributeProto {
            name: "axes".to_owned(),
            i: 0,
            ints: axes.to_plain_array_view::<i64>()?.iter().copied().collect(),
        });
        Ok(())
    }

    fn attribute(&self, name: &str) -> TractResult<&AttributeProto> {
        let found = self.attribute.iter().find(|attribute| attribute.name == name);
        found.with_context(|| format!("{} without {name}", self.op_type))
    }

    /// An attribute that is a whole number.
    pub(crate) fn int(&self, name: &str) -> TractResult<i64> {
        Ok(self.attribute(name)?.i)
    }

    /// An attribute that is a list of whole numbers.
    pub(crate) fn ints(&self, name: &str) -> TractResult<&[i64]> {
        Ok(&self.attribute(name)?.ints)
    }
}

impl TensorProto {
    fn load(&self) -> TractResult<Tensor> {
        let shape: Vec<usize> = self.dims.iter().map(|&size| size as usize).collect();
        let bytes = self.raw_data.as_ref();
        match datum_type(self.data_type.into())? {
            DatumType::F32 => {
                let values: Vec<_> = bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect();
                Tensor::from_shape(&shape, &values)
            }
            DatumType::I64 => {
                let values: Vec<_> = bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| i64::from_le_bytes(*b))
                    .collect();
                Tensor::from_shape(&shape, &values)
            }
            _ => {
                let values: Vec<_> = bytes.iter().map(|b| *b as i8).collect();
                Tensor::from_shape(&shape, &values)
            }
        }
    }
}

/// ONNX's numbers of the element types that are read.
pub(crate) fn datum_type(number: i64) -> TractResult<DatumType> {
    match number {
        1 => Ok(DatumType::F32),
        3 => Ok(DatumType::I8),
        7 => Ok(DatumType::I64),
        _ => bail!("element type {number} is not read"),
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::prelude::*;

    use super::Graph;
    use crate::{CARD, Card, GRAPH};

    /// Every operator that the graph uses is read as the crate that knows them all reads it.
    #[test]
    fn the_graph_is_what_tract_onnx_reads() {
        let card = Card::parse(CARD).unwrap();
        let length = card.buckets[0];
        let lengths = [length, length, length * card.spelling.per_token];
        let mut whole = tract_onnx::onnx().model_for_read(&mut &*GRAPH).unwrap();
        for (input, length) in lengths.into_iter().enumerate() {
            whole
                .set_input_fact(input, i64::fact([1, length]).into())
                .unwrap();
        }
        let ours = Graph::parse(GRAPH).unwrap().build(&lengths).unwrap();
        let ids = |length: usize| -> TValue {
            let ids: Vec<i64> = (0..length as i64).map(|id| id * 7 % 900).collect();
            Tensor::from_shape(&[1, length], &ids).unwrap().into()
        };
        let run = |model: InferenceModel| {
            let plan = model.into_optimized().unwrap().into_runnable().unwrap();
            plan.run(lengths.into_iter().map(ids).collect()).unwrap()
        };
        let (wanted, found) = (run(whole), run(ours));
        assert_eq!((wanted.len(), found.len()), (5, 5));
        for (wanted, found) in wanted.iter().zip(&found) {
            found.close_enough(wanted, true).unwrap();
        }
    }
}
