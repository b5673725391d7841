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
    let input = *inputs.first().context("no input")?;
    let shape = model.outlet_fact(input)?.shape.to_tvec();
    let wires = Wiring {
        model,
        name,
        node,
        inputs,
        input,
        shape,
    }
    .operator();
    Ok(*wires?.first().context("no output")?)
}

/// A node on its way into a model.
struct Wiring<'a> {
    model: &'a mut TypedModel,
    name: &'a str,
    node: &'a NodeProto,
    inputs: &'a [OutletId],
    /// The first of them, and its shape.
    input: OutletId,
    shape: TVec<TDim>,
}

type Wires = TractResult<TVec<OutletId>>;

impl Wiring<'_> {
    fn operator(&mut self) -> Wires {
        match self.node.op_type.as_str() {
            "Add" => self.binary(math::add()),
            "Sub" => self.binary(math::sub()),
            "Mul" => self.binary(math::mul()),
            "Div" => self.binary(math::div()),
            "Equal" => self.binary(TypedBinOp(logic::comp_eq(), None)),
            "Sqrt" => self.add(math::sqrt()),
            "Exp" => self.add(math::exp()),
            "Relu" => {
                let zero = self.number("zero", 0.0)?;
                wire_with_rank_broadcast(self.name, self.model, math::max(), &[self.input, zero])
            }
            "MatMul" => {
                let inputs = wire_rank_broadcast(self.name, self.model, self.inputs)?;
                let op = einsum::EinSum::new(product(self.shape.len())?, f32::datum_type());
                self.model.wire_node(self.name, op, &inputs)
            }
            "Cast" => self.add(cast::cast(datum_type(self.node.int("to")?)?)),
            "Concat" => self.add(array::TypedConcat::new(self.axis(self.node.int("axis")?)?)),
            "Gather" => self.add(array::Gather::new(self.axis(self.node.int("axis")?)?)),
            "Softmax" => self.add(nn::Softmax {
                axes: tvec![self.axis(self.node.int("axis")?)?],
                quant_output_dt: None,
                kind: nn::SoftmaxKind::default(),
            }),
            "Reshape" => {
                let to = self.node.ints("shape")?.iter().map(|size| size.to_dim());
                self.add(AxisOp::Reshape(0, self.shape.clone(), to.collect()))
            }
            "Transpose" => self.transpose(),
            "Unsqueeze" => self.add(AxisOp::Add(usize::try_from(self.one("axes")?)?)),
            "Slice" => self.slice(),
            "ReduceMax" => self.reduce(nn::Reducer::Max),
            "ReduceSum" => self.reduce(nn::Reducer::Sum),
            "ReduceMean" => self.mean(),
            _ => bail!("operator is not read"),
        }
    }

    fn add(&mut self, op: impl Into<Box<dyn TypedOp>>) -> Wires {
        self.model.wire_node(self.name, op, self.inputs)
    }

    fn binary(&mut self, op: TypedBinOp) -> Wires {
        wire_with_rank_broadcast(self.name, self.model, op, self.inputs)
    }

    fn number(&mut self, what: &str, value: f32) -> TractResult<OutletId> {
        self.model
            .add_const(format!("{}.{what}", self.name), tensor0(value))
    }

    /// The only value of an attribute.
    fn one(&self, attribute: &str) -> TractResult<i64> {
        match self.node.ints(attribute)? {
            [value] => Ok(*value),
            values => bail!("{} values of {attribute}, not one", values.len()),
        }
    }

    /// An axis, which ONNX may count from the end.
    fn axis(&self, number: i64) -> TractResult<usize> {
        let rank = self.shape.len() as i64;
        ensure!((-rank..rank).contains(&number), "axis {number} of {rank}");
        Ok(number.rem_euclid(rank) as usize)
    }

    /// The only axis of the attribute `axes`, and its length.
    fn only_axis(&self) -> TractResult<(usize, i64)> {
        let axis = self.axis(self.one("axes")?)?;
        Ok((axis, self.shape.get(axis).context("no such axis")?.to_i64()?))
    }

    fn transpose(&mut self) -> Wires {
        let axes = self.node.ints("perm")?.iter().map(|&axis| self.axis(axis));
        let axes: Vec<usize> = axes.collect::<TractResult<_>>()?;
        let mut wires = tvec![self.input];
        for (step, op) in perm_to_ops(&axes).into_iter().enumerate() {
            wires = self
                .model
                .wire_node(format!("{}.{step}", self.name), op, &wires)?;
        }
        Ok(wires)
    }

    /// A run along one axis; its ends may lie outside, or be counted from the end.
    fn slice(&mut self) -> Wires {
        let (axis, size) = self.only_axis()?;
        let place = |attribute: &str| -> TractResult<i64> {
            let place = self.one(attribute)?;
            let place = if place < 0 {
                place.saturating_add(size)
            } else {
                place
            };
            Ok(place.clamp(0, size))
        };
        let op = array::Slice::new(axis, place("starts")?, place("ends")?);
        self.model.wire_node(self.name, op, &[self.input])
    }

    fn reduce(&mut self, reducer: nn::Reducer) -> Wires {
        let (axis, _) = self.only_axis()?;
        let op = nn::Reduce::new(tvec![axis], reducer);
        let reduced = self
            .model
            .wire_node(format!("{}.reduce", self.name), op, &[self.input])?;
        if self.node.int("keepdims")? == 1 {
            return Ok(reduced);
        }
        self.model.wire_node(self.name, AxisOp::Rm(axis), &reduced)
    }

    fn mean(&mut self) -> Wires {
        let (_, size) = self.only_axis()?;
        let sum = *self.reduce(nn::Reducer::Sum)?.first().context("no sum")?;
        let size = self.number("size", size as f32)?;
        wire_with_rank_broadcast(
            format!("{}.mean", self.name),
            self.model,
            math::div(),
            &[sum, size],
        )
    }
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
