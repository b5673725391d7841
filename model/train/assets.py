"""Write model.onnx, tokenizer.json, model.json and golden.json, which belong together."""
import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

import text

BIGRAM_NOTE = ("all u32, wrapping: h = previous*a + current*b; h = (h ^ (h >> 15)) * c; bucket = max(h >> (32-bits), 1); "
               "`previous` of the first token is pad_id; a padding position has bucket 0")
GOLDEN_TEXTS = [
    "", "What is the derivative of x^3 * sin(x)?", "写一个Python函数，计算斐波那契数列。", "😀😀 🎉", "\u0001\u0007bell\u200b and zero\u0000width\ufeff",
    "Welche Bindung hält ein Natriumchlorid-Kristall zusammen?", "Может ли арендодатель выселить жильца без решения суда?",
    "ＦＵＬＬ　ＷＩＤＴＨ：  ｑｕａｎｔｕｍ   ｍｅｃｈａｎｉｃｓ\n\n\tＡＢＣ", "ما هي أعراض مرض السكري؟", "नमस्ते, आप कैसे हैं?", "hello!",
    "Who was the first emperor of Rome, and how did he come to power? " * 30,
    "价格上升时，需求量为什么会下降？请用供求曲线解释。" * 40, "a", "<pad> <unk> </s> ▁▁",
    "é" * 900 + " tail of a text without blanks " + "語" * 300,
]


class Classifier:
    """The exported graph behind the whole text contract, as the Rust crate runs it."""

    def __init__(self, model_bytes, tokenizer):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.runtime = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer

    def probabilities(self, prompt, length=None):
        ids = text.encode_batch(self.tokenizer, [prompt])[0]
        tokens, bigrams = text.pad_batch([ids], length or text.bucket_length(len(ids)))
        return self.runtime.run(["domain"], {"tokens": tokens, "bigrams": bigrams})[0][0]


def golden(classifier):
    """Expected answers; each one is also checked to be the same in every bucket it fits."""
    cases = []
    for prompt in GOLDEN_TEXTS:
        expected = classifier.probabilities(prompt)
        assert np.abs(expected - classifier.probabilities(prompt, text.MAX_TOKENS)).max() < 1e-5, prompt
        cases.append({"text": prompt, "domain": [round(float(p), 7) for p in expected]})
    return cases


def description(revision, files):
    return {
        "revision": revision, "labels": text.LABELS, "max_tokens": text.MAX_TOKENS, "head_tokens": text.HEAD_TOKENS,
        "tail_tokens": text.TAIL_TOKENS, "head_bytes": text.HEAD_BYTES, "tail_bytes": text.TAIL_BYTES, "buckets": text.BUCKETS,
        "pad_id": text.PAD_ID, "unk_id": text.UNK_ID,
        "bigram": {"a": text.BIGRAM_MULTIPLIER_A, "b": text.BIGRAM_MULTIPLIER_B, "c": text.BIGRAM_MULTIPLIER_C,
                   "bits": text.BIGRAM_BITS, "formula": BIGRAM_NOTE},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def assemble(model, tokenizer_json, tokenizer):
    """{file name: bytes} of all that is embedded."""
    files = {"model.onnx": model.SerializeToString(), "tokenizer.json": tokenizer_json.encode("utf-8")}
    classifier = Classifier(files["model.onnx"], tokenizer)
    revision = "domain-" + hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    as_json = lambda value, **style: json.dumps(value, ensure_ascii=False, **style).encode("utf-8")
    described = as_json(description(revision, files), indent=1)
    return files | {"model.json": described, "golden.json": as_json(golden(classifier))}, classifier


def write(folder, files):
    """Write beside the old files first and move last, so that a reader never sees half a set."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
        for name in files:
            os.replace(Path(scratch) / name, Path(folder) / name)
