//! An ONNX graph with a free batch size and length, run by tract on the chosen device.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::runtime::{Runnable, State};
use tract_onnx::tract_hir::infer::Factoid;

use super::EngineError;
use super::cores::Cores;
use super::files::failure;
use crate::device::Device;

/// What an input is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// Token ids, padded.
    Tokens,
    /// 1 where there is a token, 0 where there is padding.
    Mask,
    /// Segment ids, which are 0 for a single text.
    Zeros,
}

/// A graph, compiled once for all shapes: each compiled shape would hold a packed copy of the weights.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    runnable: Arc<dyn Runnable>,
    inputs: Vec<(Role, DatumType)>,
    pad: u32,
    cores: Arc<Cores>,
}

/// Outputs of the graph, in the order in which they were asked for.
pub(super) struct Outputs(TVec<Arc<Tensor>>);

impl Graph {
    /// Loads `path`. `role` says what to fill the input of a name with; `outputs` picks from the outputs' names those
    /// that are wanted.
    pub(super) fn load(
        path: &Path,
        device: &Device,
        pad: u32,
        role: impl Fn(&str) -> Option<Role>,
        outputs: impl Fn(&[String]) -> Result<Vec<String>, String>,
    ) -> Result<Self, EngineError> {
        let mut model = read(path).map_err(|e| failure(path, format!("{e:#}")))?;
        let (names, inputs) = inputs(&model, role).map_err(|why| failure(path, why))?;
        let wanted = outputs(&output_names(&model)).map_err(|why| failure(path, why))?;
        let compile = |model: &mut InferenceModel| -> TractResult<Box<dyn Runnable>> {
            let (batch, length) = (model.symbols.sym("batch"), model.symbols.sym("length"));
            for (index, (_, kind)) in inputs.iter().enumerate() {
                let shape = [batch.to_dim(), length.to_dim()];
                model.set_input_fact(index, InferenceFact::dt_shape(*kind, shape))?;
            }
            let wanted: Vec<OutletId> = wanted.iter().filter_map(|name| outlet(model, name)).collect();
            model.select_output_outlets(&wanted)?;
            model.analyse(false)?;
            device.prepare(model.clone().into_typed()?)
        };
        let runnable = compile(&mut model).map_err(|e| failure(path, format!("{e:#}")))?;
        log::debug!("{}: inputs {names:?}, outputs {wanted:?}", path.display());
        Ok(Self {
            runnable: runnable.into(),
            inputs,
            pad,
            cores: Arc::new(Cores::new(device)),
        })
    }

    pub(super) fn spawn(&self) -> Result<Box<dyn State>, EngineError> {
        self.runnable.spawn().map_err(run)
    }

    /// Runs a padded batch.
    pub(super) fn run(&self, state: &mut dyn State, batch: &[&[u32]]) -> Result<Outputs, EngineError> {
        let outputs = self.cores.run(|| {
            let outputs = state.run(self.fill(batch)?)?;
            Ok(outputs.into_iter().map(TValue::into_arc_tensor).collect())
        });
        Ok(Outputs(outputs.map_err(run)?))
    }

    /// The inputs for a batch.
    fn fill(&self, batch: &[&[u32]]) -> TractResult<TVec<TValue>> {
        let length = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let tensor = |(role, kind): &(Role, DatumType)| -> TractResult<TValue> {
            let mut values = Vec::with_capacity(batch.len() * length);
            for tokens in batch {
                values.extend(tokens.iter().map(|&id| role.of(id)));
                values.resize(values.len() + length - tokens.len(), role.padding(self.pad));
            }
            let tensor = Tensor::from_shape(&[batch.len(), length], &values)?;
            Ok(tensor.cast_to_dt(*kind)?.into_owned().into())
        };
        self.inputs.iter().map(tensor).collect()
    }
}

impl Role {
    fn of(self, id: u32) -> i64 {
        match self {
            Role::Tokens => id.into(),
            Role::Mask => 1,
            Role::Zeros => 0,
        }
    }

    fn padding(self, pad: u32) -> i64 {
        match self {
            Role::Tokens => pad.into(),
            Role::Mask | Role::Zeros => 0,
        }
    }
}

impl Outputs {
    /// The shape and the numbers of an output; one that is not finite is an error.
    pub(super) fn get(&self, index: usize) -> Result<(&[usize], &[f32]), EngineError> {
        let output = self
            .0
            .get(index)
            .ok_or_else(|| EngineError::Run(format!("no output {index}")))?;
        let view = output.to_plain_array_view::<f32>().map_err(run)?;
        let values = view
            .to_slice()
            .filter(|values| values.iter().all(|v| v.is_finite()))
            .ok_or_else(|| EngineError::Run(format!("output {index}: not finite numbers")))?;
        Ok((output.shape(), values))
    }

    /// The rows of an output of shape (batch, width).
    pub(super) fn rows(
        &self,
        index: usize,
        width: usize,
    ) -> Result<std::slice::Chunks<'_, f32>, EngineError> {
        match self.get(index)? {
            ([_, found], values) if *found == width && width > 0 => Ok(values.chunks(width)),
            (shape, _) => Err(EngineError::Run(format!(
                "output {index} has the shape {shape:?}, not (batch, {width})"
            ))),
        }
    }
}

fn read(path: &Path) -> TractResult<InferenceModel> {
    // What exporters write down of shapes often names the batch size or the length that they traced with.
    tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_path(path)
}

type Inputs = (Vec<String>, Vec<(Role, DatumType)>);

fn inputs(model: &InferenceModel, role: impl Fn(&str) -> Option<Role>) -> Result<Inputs, String> {
    let (mut names, mut found) = (Vec::new(), Vec::new());
    for outlet in &model.inputs {
        let name = model.node(outlet.node).name.clone();
        let role = role(&name).ok_or_else(|| format!("input {name} is none that a sentence encoder has"))?;
        let fact = model.outlet_fact(*outlet).map_err(|e| format!("{e:#}"))?;
        let kind = fact.datum_type.concretize().unwrap_or(DatumType::I64);
        names.push(name);
        found.push((role, kind));
    }
    if found.iter().filter(|(role, _)| *role == Role::Tokens).count() != 1 {
        return Err(format!("inputs {names:?} have no tokens"));
    }
    Ok((names, found))
}

fn output_names(model: &InferenceModel) -> Vec<String> {
    model
        .outputs
        .iter()
        .map(|outlet| output_name(model, *outlet))
        .collect()
}

fn output_name(model: &InferenceModel, outlet: OutletId) -> String {
    model
        .outlet_label(outlet)
        .map_or_else(|| model.node(outlet.node).name.clone(), str::to_owned)
}

fn outlet(model: &InferenceModel, name: &str) -> Option<OutletId> {
    let mut outlets = model.outputs.iter().copied();
    outlets.find(|outlet| output_name(model, *outlet) == name)
}

fn run(error: TractError) -> EngineError {
    EngineError::Run(format!("{error:#}"))
}
