"""Write the network as an ONNX graph by hand: opset 17, plain operators, int8 tables.

The matrices are int8 with one scale per output column too; a run time folds `Cast` and `Mul` of a
constant when it loads the graph, so they cost size only once, in the file.
"""
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import EMBEDDING, HEADS, HEAD_WIDTH, LOGITS, POOLED, WIDTH
from text import PAD_ID

END = np.iinfo(np.int64).max


def quantise(matrix):
    """int8 values and one float scale per column, of each matrix of a batch."""
    scale = np.maximum(np.abs(matrix).max(-2, keepdims=matrix.ndim > 2), 1e-8) / 127
    return np.clip(np.round(matrix / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


class Builder:
    """Collects nodes and constants; every method returns the name of its output."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, value, dtype=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name

    def op(self, kind, *inputs, **attributes):
        self.count += 1
        name = f"{kind.lower()}{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def add(self, a, b):
        return self.op("Add", a, b)

    def mul(self, a, b):
        return self.op("Mul", a, b)

    def gather(self, table, ids):
        """Only the rows looked up are widened from int8."""
        values, scale = quantise(table)
        rows = self.op("Gather", self.constant(values, np.int8), ids, axis=0)
        return self.mul(self.op("Cast", rows, to=TensorProto.FLOAT), self.constant(scale))

    def matrix(self, weight):
        values, scale = quantise(weight)
        return self.mul(self.op("Cast", self.constant(values, np.int8), to=TensorProto.FLOAT), self.constant(scale))

    def linear(self, x, weight, bias):
        """`weight` is [out, in], as torch keeps it."""
        return self.add(self.op("MatMul", x, self.matrix(weight.T)), self.constant(bias))

    def heads(self, x, weight, bias):
        """`weight` is [heads, in, out], `bias` [1, heads, 1, out]."""
        return self.add(self.op("MatMul", x, self.matrix(weight[None])), self.constant(bias))

    def slice(self, x, start, end, axis):
        return self.op("Slice", x, *(self.constant([v], np.int64) for v in (start, end, axis)))

    def sum(self, x, axis, keep=1):
        return self.op("ReduceSum", x, self.constant([axis], np.int64), keepdims=keep)

    def layer_norm(self, x):
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1], keepdims=1))
        variance = self.op("ReduceMean", self.mul(centred, centred), axes=[-1], keepdims=1)
        return self.op("Div", centred, self.op("Sqrt", self.add(variance, self.constant(1e-5))))


def masks(b):
    """(0/1 mask [1,T,1], the same as an additive bias [1,T,1] and [1,1,T], token count [1,1,1])."""
    padding = b.op("Equal", "tokens", b.constant(PAD_ID, np.int64))
    flat = b.op("Cast", b.op("Not", padding), to=TensorProto.FLOAT)
    bias = b.mul(b.op("Sub", flat, b.constant(1.0)), b.constant(1e4))
    as_column, as_row = b.constant([2], np.int64), b.constant([1], np.int64)
    mask = b.op("Unsqueeze", flat, as_column)
    return mask, b.op("Unsqueeze", bias, as_column), b.op("Unsqueeze", bias, as_row), b.sum(mask, 1)


def convolution(b, x, weight, bias):
    """Kernel 3 as one matrix product over [left, self, right]; each end of the text sees zeros."""
    zero = b.constant(np.zeros((1, 1, WIDTH)))
    left = b.op("Concat", zero, b.slice(x, 0, -1, 1), axis=1)
    right = b.op("Concat", b.slice(x, 1, END, 1), zero, axis=1)
    return b.add(x, b.op("Relu", b.linear(b.op("Concat", left, x, right, axis=2), weight, bias)))


def attention(b, x, row_bias, state):
    """Each head's matrices are a batch of their own, [1, heads, rows, columns], so that nothing is transposed but the
    input: tract moves transpositions through the graph, and a softmax that they leave off the last axis is 20 times
    slower there."""
    size = WIDTH // HEADS
    weight, offset = state["attention.query_key_value.weight"], state["attention.query_key_value.bias"]
    query, key, value = weight.reshape(3, HEADS, size, WIDTH)
    query_bias, key_bias, value_bias = offset.reshape(3, 1, HEADS, 1, size)
    norm = b.op("Unsqueeze", b.layer_norm(x), b.constant([1], np.int64))  # [1, 1, T, width]
    columns = b.op("Transpose", norm, perm=[0, 1, 3, 2])
    queries = b.heads(norm, query.transpose(0, 2, 1) / math.sqrt(size), query_bias / math.sqrt(size))
    keys = b.add(b.op("MatMul", b.matrix(key[None]), columns), b.constant(key_bias.transpose(0, 1, 3, 2)))
    values = b.heads(norm, value.transpose(0, 2, 1), value_bias)
    row_bias = b.op("Unsqueeze", row_bias, b.constant([1], np.int64))
    weights = b.op("Softmax", b.add(b.op("MatMul", queries, keys), row_bias), axis=-1)
    output = state["attention.output.weight"].T.reshape(1, HEADS, size, WIDTH)
    mixed = b.sum(b.op("MatMul", b.op("MatMul", weights, values), b.matrix(output)), 1, keep=0)
    return b.add(x, b.add(mixed, b.constant(state["attention.output.bias"])))


def feed_forward(b, x, state):
    hidden = b.op("Relu", b.linear(b.layer_norm(x), state["feed_forward.expand.weight"], state["feed_forward.expand.bias"]))
    return b.add(x, b.linear(hidden, state["feed_forward.contract.weight"], state["feed_forward.contract.bias"]))


def pool(b, x, words, bias, row_bias, state):
    """Learned weighted means of the mixed and of the raw words, then the maximum, as [1, features]."""
    scores = b.op("MatMul", b.matrix(state["pool_query.weight"][None]), b.op("Transpose", x, perm=[0, 2, 1]))
    scores = b.add(scores, b.add(row_bias, b.constant(state["pool_query.bias"][None, :, None])))
    weights = b.op("Softmax", scores, axis=-1)
    attended = b.op("MatMul", weights, b.op("Concat", x, words, axis=2))
    attended = b.op("Reshape", attended, b.constant([1, POOLED - 2 * WIDTH], np.int64))
    return attended, b.op("ReduceMax", b.add(x, bias), axes=[1], keepdims=0)


def bag(b, table, ids, scale):
    """The sum of the rows looked up; only the sum is widened from int8's scale. Row 0 is padding, and zero."""
    table = table.copy()
    table[0] = 0
    values, steps = quantise(table)
    rows = b.op("Cast", b.op("Gather", b.constant(values, np.int8), ids, axis=0), to=TensorProto.FLOAT)
    return b.op("Div", b.mul(b.sum(rows, 1, keep=0), b.constant(steps)), scale)


def trunk(b, state):
    """(all features, those of the linear path)."""
    mask, bias, row_bias, count = masks(b)
    root = b.op("Sqrt", b.op("Reshape", count, b.constant([1, 1], np.int64)))
    words = b.mul(b.gather(state["embedding"], "tokens"), mask)
    x = convolution(b, words, state["convolution.weight"], state["convolution.bias"])
    x = b.layer_norm(feed_forward(b, attention(b, x, row_bias, state), state))
    attended, highest = pool(b, x, words, bias, row_bias, state)
    scaled = b.op("Div", b.sum(words, 1, keep=0), root)  # mean times the square root of the count
    pairs = bag(b, state["bigram"], "bigrams", root)
    runs = bag(b, state["spelling"], "spellings", b.mul(root, b.constant(2.0)))
    features = b.op("Concat", attended, highest, b.op("Div", scaled, root), pairs, runs, axis=1)
    return features, b.op("Concat", scaled, pairs, runs, axis=1)


def outputs(temperatures):
    """(name, first logit, end, temperature) in the order of the graph's outputs."""
    start = 0
    for name, size in LOGITS.items():
        yield name, start, start + size, temperatures.get(name, 1.0)
        start += size


def heads(b, state, temperatures, guard_shift):
    """Every head at once: one product expands, one contracts with a block for each head, and slices part the answers."""
    features, wide = trunk(b, state)
    expanded = b.linear(features, np.concatenate([state["domain.expand.weight"], state["others.expand.weight"], state["sentence.weight"]]),
                        np.concatenate([state["domain.expand.bias"], state["others.expand.bias"], state["sentence.bias"]]))
    count = sum(LOGITS.values())
    contract = np.zeros((count, 2 * HEAD_WIDTH), np.float32)
    contract[:LOGITS["domain"], :HEAD_WIDTH] = state["domain.contract.weight"]
    contract[LOGITS["domain"]:, HEAD_WIDTH:] = state["others.contract.weight"]
    joined = lambda part: np.concatenate([state[f"domain.{part}"], state[f"others.{part}"]])
    scale = np.concatenate([np.full(end - start, t, np.float32) for _, start, end, t in outputs(temperatures)])
    hidden = b.op("Relu", b.slice(expanded, 0, 2 * HEAD_WIDTH, 1))
    weight = np.concatenate([contract, joined("wide.weight")], 1) / scale[:, None]
    bias = (joined("contract.bias") + joined("wide.bias")) / scale
    bias[LOGITS["domain"]] += guard_shift
    logits = b.linear(b.op("Concat", hidden, wide, axis=1), weight, bias)
    return logits, b.slice(expanded, 2 * HEAD_WIDTH, END, 1)


def graph(b, state, temperatures, guard_shift):
    logits, sentence = heads(b, state, temperatures, guard_shift)
    for name, start, end, _ in outputs(temperatures):
        kind, style = ("Sigmoid", {}) if LOGITS[name] == 1 else ("Softmax", {"axis": -1})
        b.nodes.append(helper.make_node(kind, [b.slice(logits, start, end, 1)], [name], name=name, **style))
    length = b.op("Sqrt", b.add(b.sum(b.mul(sentence, sentence), 1), b.constant(1e-12)))
    b.nodes.append(helper.make_node("Div", [sentence, length], ["embedding"], name="embedding"))


def export(network, temperatures, guard_shift=0.0):
    """The checked ONNX model; `temperatures` of the heads calibrate their probabilities, and `guard_shift` adds to benign's logit."""
    state = {name: value.detach().numpy().astype(np.float32) for name, value in network.state_dict().items()}
    b = Builder()
    graph(b, state, temperatures, guard_shift)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, size]) for name, size in (("tokens", "T"), ("bigrams", "T"), ("spellings", "S"))]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (LOGITS | {"embedding": EMBEDDING}).items()]
    model = helper.make_model(helper.make_graph(b.nodes, "promptswitch", inputs, results, b.constants),
                              opset_imports=[helper.make_opsetid("", 17)], producer_name="promptswitch")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
