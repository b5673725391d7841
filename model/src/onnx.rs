//! From the bytes of an ONNX file to tract's model.
//!
//! The crate tract-onnx reads any ONNX file, but brings along every operator, NNEF and FFTs, a third of the module's
//! code, and infers shapes, a quarter of the time to load. Our graph needs a score of operators and knows its shapes, so
//! this reads what `train/export.py` writes, by tract's own operators, and a test compares it with tract-onnx.

use std::collections::{HashMap, HashSet};

use prost::Message;
use prost::bytes::Bytes;
use tract_core::internal::*;

use crate::operators;

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
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<NodeProto>,
    constants: HashMap<String, Arc<Tensor>>,
}

impl Graph {
    /// Parses a file, and computes all in it that no input changes.
    pub(crate) fn parse(file: &'static [u8]) -> TractResult<Graph> {
        let model = ModelProto::decode(Bytes::from_static(file))?;
        let opset = model.opset_import.iter().find(|set| set.domain.is_empty());
        let opset = opset.map_or(0, |set| set.version);
        ensure!(opset == OPSET, "operator set {opset}, not {OPSET}");
        let graph = model.graph.context("no graph")?;
        let mut graph = Graph {
            nodes: graph.node,
            constants: graph
                .initializer
                .into_iter()
                .map(|tensor| Ok((tensor.name.clone(), tensor.load()?.into_arc_tensor())))
                .collect::<TractResult<_>>()?,
        };
        for node in &mut graph.nodes {
            node.take_attributes(&graph.constants)?;
        }
        graph.fold()?;
        Ok(graph)
    }

    /// The part of the graph between some of its values and others, for inputs of these shapes.
    pub(crate) fn build(&self, inputs: &[(&str, TypedFact)], outputs: &[&str]) -> TractResult<TypedModel> {
        let mut model = TypedModel::default();
        let mut outlets = HashMap::new();
        for (name, fact) in inputs {
            outlets.insert(*name, model.add_source(*name, fact.clone())?);
        }
        let given: HashSet<&str> = inputs.iter().map(|(name, _)| *name).collect();
        let nodes = self.needed(&given, outputs);
        self.wire(&mut model, &mut outlets, nodes.into_iter())?;
        let found = outputs.iter().map(|name| outlets.get(name).copied());
        let found: Option<Vec<_>> = found.collect();
        model.select_output_outlets(&found.context("an output is missing")?)?;
        Ok(model)
    }

    /// The nodes that some values need where others are given, in their order.
    fn needed<'a>(&'a self, given: &HashSet<&str>, outputs: &[&'a str]) -> Vec<&'a NodeProto> {
        let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
        let mut nodes = vec![];
        for node in self.nodes.iter().rev() {
            let is_wanted = |name: &String| wanted.contains(name.as_str()) && !given.contains(name.as_str());
            if node.output.iter().any(is_wanted) {
                wanted.extend(node.input.iter().map(String::as_str));
                nodes.push(node);
            }
        }
        nodes.reverse();
        nodes
    }

    /// Lets go of all that these values do not need.
    pub(crate) fn keep(&mut self, outputs: &[&str]) {
        let nodes: Vec<_> = self
            .needed(&HashSet::new(), outputs)
            .into_iter()
            .cloned()
            .collect();
        let used: HashSet<&String> = nodes.iter().flat_map(|node| &node.input).collect();
        self.constants.retain(|name, _| used.contains(name));
        self.nodes = nodes;
    }

    /// Adds nodes, and the constants that they use, to a model; `outlets` holds what has a name.
    fn wire<'a>(
        &'a self,
        model: &mut TypedModel,
        outlets: &mut HashMap<&'a str, OutletId>,
        nodes: impl Iterator<Item = &'a NodeProto>,
    ) -> TractResult<()> {
        for node in nodes {
            let mut inputs = tvec![];
            for name in &node.input {
                let outlet = match (outlets.get(name.as_str()), self.constants.get(name)) {
                    (Some(&outlet), _) => outlet,
                    (None, Some(tensor)) => model.add_const(name, Arc::clone(tensor))?,
                    (None, None) => bail!("nothing is called {name}"),
                };
                outlets.insert(name, outlet);
                inputs.push(outlet);
            }
            let name = node.output.first().context("a node without output")?;
            let outlet = operators::wire(model, name, node, &inputs)
                .with_context(|| format!("{name}, of operator {}", node.op_type))?;
            outlets.insert(name, outlet);
        }
        Ok(())
    }

    /// Replaces the nodes that depend on constants alone by what they give, once for all models: widened matrices, mostly.
    fn fold(&mut self) -> TractResult<()> {
        let mut fixed: HashSet<String> = self.constants.keys().cloned().collect();
        let (folded, kept) = std::mem::take(&mut self.nodes).into_iter().partition(|node| {
            let folds = node.input.iter().all(|name| fixed.contains(name));
            fixed.extend(node.output.iter().filter(|_| folds).cloned());
            folds
        });
        let folding = Graph {
            nodes: folded,
            constants: std::mem::take(&mut self.constants),
        };
        self.nodes = kept;
        let used: HashSet<&str> = self
            .nodes
            .iter()
            .flat_map(|node| &node.input)
            .map(String::as_str)
            .collect();
        // What is only on the way to these is let go as the graph runs.
        let names: Vec<&str> = folding
            .nodes
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .filter(|name| used.contains(name))
            .collect();
        let values = folding.build(&[], &names)?.into_runnable()?.run(tvec![])?;
        let values = names
            .iter()
            .map(|name| (*name).to_owned())
            .zip(values.into_iter().map(TValue::into_arc_tensor));
        let kept = folding
            .constants
            .iter()
            .filter(|(name, _)| used.contains(name.as_str()));
        self.constants = kept
            .map(|(name, tensor)| (name.clone(), Arc::clone(tensor)))
            .chain(values)
            .collect();
        Ok(())
    }
}

/// Inputs that are attributes in all but form, since an operator set made them so, with the names they had.
fn attributes_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "ReduceSum" | "Unsqueeze" => &["axes"],
        "Reshape" => &["shape"],
        "Slice" => &["starts", "ends", "axes"],
        _ => &[],
    }
}

impl NodeProto {
    fn take_attributes(&mut self, constants: &HashMap<String, Arc<Tensor>>) -> TractResult<()> {
        let names = attributes_of(&self.op_type);
        if names.is_empty() {
            return Ok(());
        }
        // One more for Slice would be its steps, which are not read.
        ensure!(self.input.len() == names.len() + 1, "{} inputs", self.input.len());
        for (name, input) in names.iter().zip(self.input.split_off(1)) {
            let constant = constants.get(&input);
            let constant = constant.with_context(|| format!("{} without constant {name}", self.op_type))?;
            self.attribute.push(AttributeProto {
                name: (*name).to_owned(),
                i: 0,
                ints: constant.to_plain_array_view::<i64>()?.iter().copied().collect(),
            });
        }
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
            DatumType::F32 => filled(&shape, bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            DatumType::I64 => filled(&shape, bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b))),
            _ => filled(&shape, bytes.iter().map(|b| *b as i8)),
        }
    }
}

/// A tensor of these values, without a list of them in between: the largest has millions, and Wasm's memory never shrinks.
fn filled<T: Datum + Copy>(shape: &[usize], values: impl ExactSizeIterator<Item = T>) -> TractResult<Tensor> {
    let mut tensor = Tensor::zero_dt(T::datum_type(), shape)?;
    ensure!(
        tensor.len() == values.len(),
        "{} values for {shape:?}",
        values.len()
    );
    let mut plain = tensor.try_as_plain_ram_mut()?;
    for (place, value) in plain.as_slice_mut()?.iter_mut().zip(values) {
        *place = value;
    }
    Ok(tensor)
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

    use crate::graph::Graph;
    use crate::{CARD, Card, GRAPH};

    /// Every operator that the graph uses is read as the crate that knows them all reads it.
    #[test]
    fn the_graph_gives_what_it_gives_when_tract_onnx_reads_it() {
        let card = Card::parse(CARD).unwrap();
        let ours = Graph::new(&card, GRAPH).unwrap();
        for &length in &card.buckets {
            let lengths = [length, length, length * card.spelling.per_token];
            let mut whole = tract_onnx::onnx().model_for_read(&mut &*GRAPH).unwrap();
            for (input, length) in lengths.into_iter().enumerate() {
                whole.set_input_fact(input, i64::fact([length]).into()).unwrap();
            }
            let whole = whole.into_optimized().unwrap().into_runnable().unwrap();
            let inputs = || -> TVec<TValue> {
                let ids = lengths.map(|length| (0..length as i64).map(|id| id * 7 % 900).collect::<Vec<_>>());
                ids.iter()
                    .map(|ids| Tensor::from_shape(&[ids.len()], ids).unwrap().into())
                    .collect()
            };
            let (wanted, found) = (whole.run(inputs()).unwrap(), ours.run(length, inputs()).unwrap());
            assert_eq!((wanted.len(), found.len()), (2, 2));
            for (wanted, found) in wanted.iter().zip(&found) {
                found.close_enough(wanted, true).unwrap();
            }
        }
    }
}
