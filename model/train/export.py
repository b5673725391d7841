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

    def op(self, kind, *inputs, name=None, **attributes):
        self.count += 1
        name = name or f"{kind.lower()}{self.count}"
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
        return self.mul(self.op("Cast", rows, to=TensorProto.FLOAT), self.constant(scale[None]))

    def matrix(self, weight):
        values, scale = quantise(weight)
        return self.mul(self.op("Cast", self.constant(values, np.int8), to=TensorProto.FLOAT), self.constant(scale))

    def linear(self, x, weight, bias):
        """`weight` is [out, in], as torch keeps it."""
        return self.add(self.op("MatMul", x, self.matrix(weight.T)), self.constant(bias[None]))

    def unsqueeze(self, x, axis):
        return self.op("Unsqueeze", x, self.constant([axis], np.int64))

    def slice(self, x, start, end, axis):
        return self.op("Slice", x, *(self.constant([v], np.int64) for v in (start, end, axis)))

    def sum(self, x, axis, keep=1):
        return self.op("ReduceSum", x, self.constant([axis], np.int64), keepdims=keep)

    def layer_norm(self, x):
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1], keepdims=1))
        variance = self.op("ReduceMean", self.mul(centred, centred), axes=[-1], keepdims=1)
        return self.op("Div", centred, self.op("Sqrt", self.add(variance, self.constant([[1e-5]]))))


def masks(b):
    """0/1 mask [T,1], the same as an additive bias [1,T], and the token count [1]."""
    padding = b.op("Cast", b.op("Equal", "tokens", b.constant([PAD_ID], np.int64)), to=TensorProto.FLOAT)
    mask, bias = b.op("Sub", b.constant([1.0]), padding), b.mul(padding, b.constant([-1e4]))
    return b.unsqueeze(mask, 1), b.unsqueeze(bias, 0), b.sum(mask, 0)


def convolution(b, x, weight, bias):
    """Kernel 3 as one matrix product over [left, self, right]; each end of the text sees zeros."""
    zero = b.constant(np.zeros((1, WIDTH)))
    left = b.op("Concat", zero, b.slice(x, 0, -1, 0), axis=0)
    right = b.op("Concat", b.slice(x, 1, END, 0), zero, axis=0)
    return b.add(x, b.op("Relu", b.linear(b.op("Concat", left, x, right, axis=1), weight, bias)))


def attention(b, x, mask, bias, state):
    """Each head's matrices are a batch of their own, [heads, rows, columns], so that nothing is transposed but the input:
    tract moves transpositions through the graph, and a softmax that they leave off the last axis is 20 times slower there.

    Of the three biases only the query's acts on its own: the key's adds the same to all scores of a row, which softmax
    takes out again, and the value's, as the weights of a row sum to 1, is one more bias of the output. The query's is one
    more row of its matrix, since a bias of each head would have to be added by itself."""
    size = WIDTH // HEADS
    query, key, value = state["attention.query_key_value.weight"].reshape(3, HEADS, size, WIDTH)
    query_bias, _, value_bias = state["attention.query_key_value.bias"].reshape(3, HEADS, 1, size)
    output = state["attention.output.weight"].T.reshape(HEADS, size, WIDTH)
    flat = b.layer_norm(x)
    norm, extended = b.unsqueeze(flat, 0), b.unsqueeze(b.op("Concat", flat, mask, axis=1), 0)
    queries = b.op("MatMul", extended, b.matrix(np.concatenate([query.transpose(0, 2, 1), query_bias], 1) / math.sqrt(size)))
    keys = b.op("MatMul", b.matrix(key), b.op("Transpose", norm, perm=[0, 2, 1]))
    values = b.op("MatMul", norm, b.matrix(value.transpose(0, 2, 1)))
    weights = b.op("Softmax", b.add(b.op("MatMul", queries, keys), b.unsqueeze(bias, 0)), axis=-1)
    mixed = b.sum(b.op("MatMul", b.op("MatMul", weights, values), b.matrix(output)), 0, keep=0)
    offset = state["attention.output.bias"] + (value_bias @ output).sum((0, 1))
    return b.add(x, b.add(mixed, b.constant(offset[None])))


def feed_forward(b, x, state):
    hidden = b.op("Relu", b.linear(b.layer_norm(x), state["feed_forward.expand.weight"], state["feed_forward.expand.bias"]))
    return b.add(x, b.linear(hidden, state["feed_forward.contract.weight"], state["feed_forward.contract.bias"]))


def pool(b, x, words, bias, state):
    """Learned weighted means of the mixed and of the raw words, then the maximum, as [1, features]."""
    columns = b.op("Transpose", x, perm=[1, 0])
    scores = b.op("MatMul", b.matrix(state["pool_query.weight"]), columns)
    weights = b.op("Softmax", b.add(scores, bias), axis=-1)  # the query's bias would be taken out again
    attended = b.op("MatMul", weights, b.op("Concat", x, words, axis=1))
    attended = b.op("Reshape", attended, b.constant([1, POOLED - 2 * WIDTH], np.int64))
    return attended, b.unsqueeze(b.op("ReduceMax", b.add(columns, bias), axes=[1], keepdims=0), 0)


def bag(b, table, ids, scale):
    """The sum of the rows looked up; only the sum is widened from int8's scale. Row 0 is padding, and zero."""
    table = table.copy()
    table[0] = 0
    values, steps = quantise(table)
    rows = b.op("Cast", b.op("Gather", b.constant(values, np.int8), ids, axis=0), to=TensorProto.FLOAT)
    return b.op("Div", b.mul(b.sum(rows, 0), b.constant(steps[None])), scale)


def trunk(b, state):
    """(all features, those of the linear path). Their names are a seam: what follows has no length, so that a run time can
    prepare it once for texts of all lengths."""
    mask, bias, count = masks(b)
    root = b.op("Sqrt", b.unsqueeze(count, 0))
    words = b.mul(b.gather(state["embedding"], "tokens"), mask)
    x = convolution(b, words, state["convolution.weight"], state["convolution.bias"])
    x = b.layer_norm(feed_forward(b, attention(b, x, mask, bias, state), state))
    attended, highest = pool(b, x, words, bias, state)
    scaled = b.op("Div", b.sum(words, 0), root)  # mean times the square root of the count
    pairs = bag(b, state["bigram"], "bigrams", root)
    runs = bag(b, state["spelling"], "spellings", b.mul(root, b.constant([[2.0]])))
    features = b.op("Concat", attended, highest, b.op("Div", scaled, root), pairs, runs, axis=1, name="features")
    return features, b.op("Concat", scaled, pairs, runs, axis=1, name="wide")


def groups(temperatures):
    """(first logit, end, temperature) of each head, in the order of the chances."""
    start = 0
    for name, size in LOGITS.items():
        yield start, start + size, temperatures.get(name, 1.0)
        start += size


def logits(b, features, wide, state, temperatures, guard_shift):
    """All heads at once: one product expands, one contracts with a block for each head."""
    joined = lambda part: np.concatenate([state[f"domain.{part}"], state[f"others.{part}"]])
    hidden = b.op("Relu", b.linear(features, joined("expand.weight"), joined("expand.bias")))
    contract = np.zeros((sum(LOGITS.values()), 2 * HEAD_WIDTH), np.float32)
    contract[:LOGITS["domain"], :HEAD_WIDTH] = state["domain.contract.weight"]
    contract[LOGITS["domain"]:, HEAD_WIDTH:] = state["others.contract.weight"]
    scale = np.concatenate([np.full(end - start, t, np.float32) for start, end, t in groups(temperatures)])
    weight = np.concatenate([contract, joined("wide.weight")], 1) / scale[:, None]
    bias = (joined("contract.bias") + joined("wide.bias")) / scale
    bias[LOGITS["domain"]] += guard_shift
    return b.linear(b.op("Concat", hidden, wide, axis=1), weight, bias)


def chances(b, logits):
    """Softmax within each head, and a sigmoid where it has one logit, without cutting the row up: a run time that cuts it
    runs the product above once for each piece."""
    count = sum(LOGITS.values())
    same, alone = np.zeros((count, count), np.float32), np.zeros((1, count), np.float32)
    for start, end, _ in groups({}):
        same[start:end, start:end] = 1
        alone[0, start] = end - start == 1
    powers = b.op("Exp", logits)
    total = b.add(b.op("MatMul", powers, b.constant(same)), b.constant(alone))
    b.op("Div", powers, total, name="chances")


def graph(b, state, temperatures, guard_shift):
    features, wide = trunk(b, state)
    chances(b, logits(b, features, wide, state, temperatures, guard_shift))
    sentence = b.linear(features, state["sentence.weight"], state["sentence.bias"])
    length = b.op("Sqrt", b.add(b.sum(b.mul(sentence, sentence), 1), b.constant([[1e-12]])))
    b.op("Div", sentence, length, name="embedding")


def export(network, temperatures, guard_shift=0.0):
    """The checked ONNX model; `temperatures` of the heads calibrate their probabilities, and `guard_shift` adds to benign's logit."""
    state = {name: value.detach().numpy().astype(np.float32) for name, value in network.state_dict().items()}
    b = Builder()
    graph(b, state, temperatures, guard_shift)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [size]) for name, size in (("tokens", "T"), ("bigrams", "T"), ("spellings", "S"))]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("chances", sum(LOGITS.values())), ("embedding", EMBEDDING))]
    model = helper.make_model(helper.make_graph(b.nodes, "promptswitch", inputs, results, b.constants),
                              opset_imports=[helper.make_opsetid("", 17)], producer_name="promptswitch")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
