//! The ONNX operators that the embedded graph uses, as tract's.

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::{array, cast, einsum, logic, math, nn};

use crate::onnx::{NodeProto, datum_type};

/// Adds the operator of a node to a model; one that `train/export.py` does not write is an error.
pub(crate) fn wire(
    model: &mut TypedModel,
    name: &str,
    node: &NodeProto,
    inputs: &[OutletId],
) -> TractResult<OutletId> {
    let binary = |op: TypedBinOp, model: &mut TypedModel| wire_with_rank_broadcast(name, model, op, inputs);
    let first = *inputs.first().context("no input")?;
    let shape = model.outlet_fact(first)?.shape.to_tvec();
    let wires = match node.op_type.as_str() {
        "Add" => binary(math::add(), model),
        "Sub" => binary(math::sub(), model),
        "Mul" => binary(math::mul(), model),
        "Div" => binary(math::div(), model),
        "Equal" => binary(TypedBinOp(logic::comp_eq(), None), model),
        "Sqrt" => model.wire_node(name, math::sqrt(), inputs),
        "Exp" => model.wire_node(name, math::exp(), inputs),
        "Relu" => {
            let zero = model.add_const(format!("{name}.zero"), tensor0(0f32))?;
            wire_with_rank_broadcast(name, model, math::max(), &[first, zero])
        }
        "MatMul" => {
            let inputs = wire_rank_broadcast(name, model, inputs)?;
            let op = einsum::EinSum::new(product(shape.len())?, f32::datum_type());
            model.wire_node(name, op, &inputs)
        }
        "Cast" => model.wire_node(name, cast::cast(datum_type(node.int("to")?)?), inputs),
        "Concat" => model.wire_node(
            name,
            array::TypedConcat::new(axis(node.int("axis")?, &shape)?),
            inputs,
        ),
        "Gather" => model.wire_node(name, array::Gather::new(axis(node.int("axis")?, &shape)?), inputs),
        "Softmax" => {
            let op = nn::Softmax {
                axes: tvec![axis(node.int("axis")?, &shape)?],
                quant_output_dt: None,
                kind: nn::SoftmaxKind::default(),
            };
            model.wire_node(name, op, inputs)
        }
        "Reshape" => {
            let to = node.ints("shape")?.iter().map(|size| size.to_dim()).collect();
            model.wire_node(name, AxisOp::Reshape(0, shape, to), inputs)
        }
        "Transpose" => transpose(model, name, node, first),
        "Unsqueeze" => model.wire_node(name, AxisOp::Add(one(node.ints("axes")?)? as usize), inputs),
        "Slice" => slice(model, name, node, first, &shape),
        "ReduceMax" => reduce(model, name, node, first, nn::Reducer::Max),
        "ReduceSum" => reduce(model, name, node, first, nn::Reducer::Sum),
        "ReduceMean" => mean(model, name, node, first, &shape),
        _ => bail!("operator is not read"),
    };
    Ok(*wires?.first().context("no output")?)
}

/// The axes of a product of matrices, or of batches of them.
fn product(rank: usize) -> TractResult<AxesMapping> {
    match rank {
        2 => "mk,kn->mn",
        3 => "bmk,bkn->bmn",
        _ => bail!("rank {rank}"),
    }
    .parse()
}

fn one(values: &[i64]) -> TractResult<i64> {
    match values {
        [value] => Ok(*value),
        _ => bail!("{} values, not one", values.len()),
    }
}

/// An axis, which ONNX may count from the end.
fn axis(number: i64, shape: &[TDim]) -> TractResult<usize> {
    let rank = shape.len() as i64;
    ensure!((-rank..rank).contains(&number), "axis {number} of {rank}");
    Ok(number.rem_euclid(rank) as usize)
}

fn transpose(
    model: &mut TypedModel,
    name: &str,
    node: &NodeProto,
    input: OutletId,
) -> TractResult<TVec<OutletId>> {
    let axes: Vec<usize> = node.ints("perm")?.iter().map(|&axis| axis as usize).collect();
    let mut wires = tvec![input];
    for (step, op) in perm_to_ops(&axes).into_iter().enumerate() {
        wires = model.wire_node(format!("{name}.{step}"), op, &wires)?;
    }
    Ok(wires)
}

/// A run along one axis; its end may lie behind the last element, or be counted from it.
fn slice(
    model: &mut TypedModel,
    name: &str,
    node: &NodeProto,
    input: OutletId,
    shape: &[TDim],
) -> TractResult<TVec<OutletId>> {
    let axis = axis(one(node.ints("axes")?)?, shape)?;
    let size = shape.get(axis).context("no such axis")?.to_i64()?;
    let place = |name: &str| -> TractResult<i64> {
        let place = one(node.ints(name)?)?;
        Ok((if place < 0 {
            place.saturating_add(size)
        } else {
            place
        })
        .clamp(0, size))
    };
    model.wire_node(
        name,
        array::Slice::new(axis, place("starts")?, place("ends")?),
        &[input],
    )
}

fn reduce(
    model: &mut TypedModel,
    name: &str,
    node: &NodeProto,
    input: OutletId,
    reducer: nn::Reducer,
) -> TractResult<TVec<OutletId>> {
    let axis = axis(one(node.ints("axes")?)?, &model.outlet_fact(input)?.shape)?;
    let reduced = model.wire_node(
        format!("{name}.reduce"),
        nn::Reduce::new(tvec![axis], reducer),
        &[input],
    )?;
    if node.int("keepdims")? == 1 {
        return Ok(reduced);
    }
    model.wire_node(name, AxisOp::Rm(axis), &reduced)
}

fn mean(
    model: &mut TypedModel,
    name: &str,
    node: &NodeProto,
    input: OutletId,
    shape: &[TDim],
) -> TractResult<TVec<OutletId>> {
    let axis = axis(one(node.ints("axes")?)?, shape)?;
    let size = shape.get(axis).context("no such axis")?.to_i64()?;
    let sum = reduce(model, name, node, input, nn::Reducer::Sum)?;
    let size = model.add_const(format!("{name}.size"), tensor0(size as f32))?;
    let sum = *sum.first().context("no sum")?;
    wire_with_rank_broadcast(format!("{name}.mean"), model, math::div(), &[sum, size])
}
