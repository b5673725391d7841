//! The ONNX operators that the embedded graph uses, as tract's.

use tract_hir::internal::*;
use tract_hir::ops::{activations, array, logic, math, matmul, nn};

use crate::onnx::{NodeProto, datum_type};

/// The operator that a node applies; one that `train/export.py` does not write is an error that names it.
pub(crate) fn operator(node: &NodeProto) -> TractResult<Box<dyn InferenceOp>> {
    Ok(match node.op_type.as_str() {
        "Add" => math::Add.into_hir(),
        "Sub" => math::Sub.into_hir(),
        "Mul" => math::Mul.into_hir(),
        "Div" => math::Div.into_hir(),
        "Sigmoid" => nn::sigmoid().into_hir(),
        "Sqrt" => math::sqrt().into_hir(),
        "Equal" => logic::CompEq.into_hir(),
        "Not" => logic::not().into_hir(),
        "Relu" => expand(activations::Clip::new(Some(0.0), None)),
        "MatMul" => expand(matmul::MatMulInference::default()),
        "Reshape" => expand(array::Reshape::new(false)),
        "Cast" => expand(Cast(datum_type(node.int("to")?)?)),
        "Concat" => expand(array::Concat::new(node.int("axis")?)),
        "Gather" => expand(array::Gather::new(node.int("axis")?)),
        "Softmax" => expand(nn::Softmax::new(node.int("axis")? as isize)),
        "Transpose" => {
            let axes = node.ints("perm")?.iter().map(|&axis| axis as usize).collect();
            expand(array::PermuteAxes::new(Some(axes)))
        }
        "Unsqueeze" => {
            let axes = node.ints("axes")?.iter().map(|&axis| axis as isize).collect();
            expand(array::AddDims::new(axes))
        }
        "Slice" => slice(),
        "ReduceMax" => reduce(node, nn::Reducer::Max)?,
        "ReduceMean" => reduce(node, nn::Reducer::Mean)?,
        "ReduceSum" => reduce(node, nn::Reducer::Sum)?,
        other => bail!("operator {other} is not read"),
    })
}

fn reduce(node: &NodeProto, reducer: nn::Reducer) -> TractResult<Box<dyn InferenceOp>> {
    let axes = Some(node.ints("axes")?.to_vec());
    Ok(expand(nn::Reduce::new(axes, node.int("keepdims")? == 1, reducer)))
}

/// Data, starts, ends, axes.
fn slice() -> Box<dyn InferenceOp> {
    Box::new(array::StridedSlice {
        begin_mask: 0,
        end_mask: 0,
        shrink_axis_mask: 0,
        optional_axes_input: Some(3),
        optional_steps_input: None,
    })
}

/// ONNX's `Cast`, which tract-hir lacks.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
struct Cast(DatumType);

impl Expansion for Cast {
    fn name(&self) -> StaticName {
        "Cast".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        let (Some(from), Some(to)) = (inputs.first(), outputs.first()) else {
            return Ok(());
        };
        solver.equals(&to.datum_type, self.0.bex())?;
        solver.equals(&to.shape, &from.shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, tract_core::ops::cast::cast(self.0), inputs)
    }
}
