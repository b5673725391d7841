"""Write the large model as an ONNX graph: opset 17, plain operators, any batch and length.

What comes from the package stays in its 4-bit blocks, exact to the bit; tuned matrices are int8. A run time widens both
when it loads the graph, and rows of the token table when it looks them up.
"""
import math

import numpy as np
import onnx
from onnx import TensorProto, helper

import large
from export import END, Builder, groups
from network import LOGITS

BLOCK, PACKED = 32, 16


def parts(package, name, rows, columns):
    """(half-precision scales [rows, blocks, 1], packed pairs [rows, blocks, 16]) of a matrix of the package."""
    start = package.directory[name][0]
    blocks = np.frombuffer(package.blob, np.uint8, rows * columns // BLOCK * (PACKED + 2), start).reshape(rows, columns // BLOCK, PACKED + 2)
    return blocks[:, :, :2].copy().view(np.float16), blocks[:, :, 2:].copy()


class LargeBuilder(Builder):
    def widen(self, scale, packed, shape):
        """The numbers of 4-bit blocks: the low halves of a block's bytes come first, and 8 is zero."""
        both = self.op("Cast", packed, to=TensorProto.FLOAT)
        high = self.op("Floor", self.mul(both, self.constant(1 / 16)))
        low = self.op("Sub", both, self.mul(high, self.constant(16.0)))
        values = self.op("Sub", self.op("Concat", low, high, axis=-1), self.constant(8.0))
        scaled = self.mul(values, self.op("Cast", scale, to=TensorProto.FLOAT))
        return self.op("Reshape", scaled, self.constant(shape, np.int64))

    def words(self, package, rows, tokens):
        scale, packed = parts(package, "emb.word", package.vocabulary, package.width)
        look = lambda table, dtype: self.op("Gather", self.constant(table[rows], dtype), tokens, axis=0)
        return self.widen(look(scale, np.float16), look(packed, np.uint8), [0, 0, package.width])

    def packed(self, package, name, rows, columns, heads_first=None):
        """A matrix of the package, [rows, columns] or [1, heads, ...] as asked."""
        scale, packed = parts(package, name, rows, columns)
        return self.widen(self.constant(scale, np.float16), self.constant(packed, np.uint8), heads_first or [rows, columns])

    def norm(self, x, weight, bias):
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1], keepdims=1))
        variance = self.op("ReduceMean", self.mul(centred, centred), axes=[-1], keepdims=1)
        scaled = self.op("Div", centred, self.op("Sqrt", self.add(variance, self.constant(1e-12))))
        return self.add(self.mul(scaled, self.constant(weight)), self.constant(bias))


class PackedLayer:
    """A layer's matrices and vectors as the package has them."""

    def __init__(self, b, package, number):
        self.b, self.package, self.prefix = b, package, f"l{number}."

    def vector(self, name):
        return np.array(self.package.floats(self.prefix + name))

    def heads(self, name):
        """[1, heads, width, size]"""
        size = large.WIDTH // large.HEADS
        whole = self.b.packed(self.package, f"{self.prefix}{name}.w", large.WIDTH, large.WIDTH, [1, large.HEADS, size, large.WIDTH])
        return self.b.op("Transpose", whole, perm=[0, 1, 3, 2])

    def output(self):
        """[1, heads, size, width]"""
        whole = self.b.packed(self.package, f"{self.prefix}ao.w", large.WIDTH, large.WIDTH)
        size = large.WIDTH // large.HEADS
        turned = self.b.op("Transpose", whole, perm=[1, 0])
        return self.b.op("Reshape", turned, self.b.constant([1, large.HEADS, size, large.WIDTH], np.int64))

    def dense(self, name):
        rows, columns = (large.HIDDEN, large.WIDTH) if name == "fi" else (large.WIDTH, large.HIDDEN)
        return self.b.op("Transpose", self.b.packed(self.package, f"{self.prefix}{name}.w", rows, columns), perm=[1, 0])


class TunedLayer:
    """The same of a tuned copy."""
    NAMES = {"fi": "expand", "fo": "contract", "ao": "output", "aln": "attention_norm", "oln": "output_norm"}

    def __init__(self, b, state, number):
        self.b, self.state, self.prefix = b, state, f"layers.{number}."

    def tensor(self, name, kind):
        if name in ("q", "k", "v"):
            return self.state[f"{self.prefix}query_key_value.{kind}"].reshape(3, large.WIDTH, *([large.WIDTH] if kind == "weight" else []))["qkv".index(name)]
        return self.state[f"{self.prefix}{self.NAMES[name]}.{kind}"]

    def vector(self, name):
        name, kind = name.split(".")
        return self.tensor(name, {"w": "weight", "b": "bias"}[kind])

    def heads(self, name):
        size = large.WIDTH // large.HEADS
        return self.b.matrix(self.tensor(name, "weight").reshape(large.HEADS, size, large.WIDTH).transpose(0, 2, 1)[None])

    def output(self):
        size = large.WIDTH // large.HEADS
        return self.b.matrix(self.tensor("ao", "weight").T.reshape(1, large.HEADS, size, large.WIDTH))

    def dense(self, name):
        return self.b.matrix(self.tensor(name, "weight").T)


def attention(b, x, bias, layer):
    """[B, T, width]; heads are a dimension of the matrices, so that only the input is transposed (see export.py)."""
    size = large.WIDTH // large.HEADS
    rows = b.op("Unsqueeze", x, b.constant([1], np.int64))
    offset = lambda name: b.constant(layer.vector(f"{name}.b").reshape(1, large.HEADS, 1, size))
    query, key, value = (b.add(b.op("MatMul", rows, layer.heads(name)), offset(name)) for name in "qkv")
    scores = b.op("MatMul", b.mul(query, b.constant(1 / math.sqrt(size))), b.op("Transpose", key, perm=[0, 1, 3, 2]))
    weights = b.op("Softmax", b.add(scores, bias), axis=-1)
    mixed = b.sum(b.op("MatMul", b.op("MatMul", weights, value), layer.output()), 1, keep=0)
    return b.add(mixed, b.constant(layer.vector("ao.b")))


def gelu(b, x):
    inner = b.add(b.op("Erf", b.mul(x, b.constant(1 / math.sqrt(2)))), b.constant(1.0))
    return b.mul(b.mul(x, inner), b.constant(0.5))


def run_layer(b, x, bias, layer):
    x = b.norm(b.add(x, attention(b, x, bias, layer)), layer.vector("aln.w"), layer.vector("aln.b"))
    hidden = gelu(b, b.add(b.op("MatMul", x, layer.dense("fi")), b.constant(layer.vector("fi.b"))))
    contracted = b.add(b.op("MatMul", hidden, layer.dense("fo")), b.constant(layer.vector("fo.b")))
    return b.norm(b.add(x, contracted), layer.vector("oln.w"), layer.vector("oln.b"))


def mean(b, x, column, count):
    return b.op("Div", b.sum(b.mul(x, column), 1, keep=0), count)


def classes(b, x, column, row_bias, count, state, temperatures, guard_shift):
    scores = b.op("MatMul", b.constant(state["pool.weight"][None]), b.op("Transpose", x, perm=[0, 2, 1]))
    weights = b.op("Softmax", b.add(b.add(scores, b.constant(state["pool.bias"][None, :, None])), row_bias), axis=-1)
    attended = b.op("Reshape", b.op("MatMul", weights, x), b.constant([0, 2 * large.WIDTH], np.int64))
    pooled = b.op("Concat", mean(b, x, column, count), attended, axis=1)
    scale = np.concatenate([np.full(end - start, t, np.float32) for start, end, t in groups(temperatures)])
    bias = state["classes.bias"] / scale
    bias[LOGITS["domain"]] += guard_shift
    logits = b.add(b.op("MatMul", pooled, b.constant((state["classes.weight"] / scale[:, None]).T)), b.constant(bias))
    for name, (start, end, _) in zip(LOGITS, groups(temperatures)):
        kind, style = ("Sigmoid", {}) if LOGITS[name] == 1 else ("Softmax", {"axis": -1})
        b.nodes.append(helper.make_node(kind, [b.slice(logits, start, end, 1)], [name], name=name, **style))


def graph(b, package, rows, state, temperatures, guard_shift):
    column = b.op("Unsqueeze", "mask", b.constant([2], np.int64))
    flat_bias = b.mul(b.op("Sub", "mask", b.constant(1.0)), b.constant(1e4))
    row_bias = b.op("Unsqueeze", flat_bias, b.constant([1], np.int64))  # [B, 1, T]
    bias = b.op("Unsqueeze", row_bias, b.constant([1], np.int64))  # [B, 1, 1, T]
    count = b.op("ReduceSum", "mask", b.constant([1], np.int64), keepdims=1)
    places = np.array(package.floats("emb.pos")).reshape(-1, large.WIDTH)[:large.MAX_TOKENS + 16] + np.array(package.floats("emb.type")).reshape(-1, large.WIDTH)[0]
    length = b.op("Slice", b.op("Shape", "tokens"), b.constant([1], np.int64), b.constant([2], np.int64), b.constant([0], np.int64))
    positions = b.op("Slice", b.constant(places), b.constant([0], np.int64), length, b.constant([0], np.int64))
    x = b.norm(b.add(b.words(package, rows, "tokens"), positions), np.array(package.floats("emb.ln.w")), np.array(package.floats("emb.ln.b")))
    for number in range(large.SHARED):
        x = run_layer(b, x, bias, PackedLayer(b, package, number))
    own = tuned = x
    for number in range(large.LAYERS - large.SHARED):
        own = run_layer(b, own, bias, PackedLayer(b, package, large.SHARED + number))
        tuned = run_layer(b, tuned, bias, TunedLayer(b, state, number))
    classes(b, tuned, column, row_bias, count, state, temperatures, guard_shift)
    sentence = mean(b, own, column, count)
    norm = b.op("Sqrt", b.add(b.sum(b.mul(sentence, sentence), 1), b.constant(1e-12)))
    b.nodes.append(helper.make_node("Div", [sentence, norm], ["embedding"], name="embedding"))


def export(package, rows, heads, temperatures, guard_shift=0.0):
    """The checked ONNX model: `tokens` int64 [B, T] and `mask` float [B, T] to the chances of all heads and the embedding."""
    state = {name: value.detach().numpy().astype(np.float32) for name, value in heads.state_dict().items()}
    b = LargeBuilder()
    graph(b, package, rows, state, temperatures, guard_shift)
    value = lambda name, kind, size: helper.make_tensor_value_info(name, kind, ["B", size])
    inputs = [value("tokens", TensorProto.INT64, "T"), value("mask", TensorProto.FLOAT, "T")]
    results = [value(name, TensorProto.FLOAT, size) for name, size in (LOGITS | {"embedding": large.WIDTH}).items()]
    model = helper.make_model(helper.make_graph(b.nodes, "promptswitch-large", inputs, results, b.constants),
                              opset_imports=[helper.make_opsetid("", 17)], producer_name="promptswitch")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
