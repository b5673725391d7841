"""Accuracy against the share of texts that the filter asks the companion about, by the filter's own merge rule."""
import argparse
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import assets
import card
import data
import evaluate
import large_assets
import train

# policy/src/offload.rs
OWN = 0.25
SHARES = (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1)


def curve(own, asked, labels):
    """[(share asked, threshold of the own confidence, accuracy)]."""
    sure, merged = own.max(1), OWN * own + (1 - OWN) * asked
    found = []
    for share in SHARES:
        threshold = float(np.quantile(sure, share)) if 0 < share < 1 else float(share) * 1.01
        below = sure < threshold
        chosen = np.where(below, merged.argmax(1), own.argmax(1))
        found.append((float(below.mean()), threshold, float((chosen == labels).mean())))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, default=train.REPOSITORY / "model/assets")
    parser.add_argument("--large", type=Path, required=True, help="folder that large_assets.py wrote")
    parser.add_argument("--rows", type=int, default=1000, help="validation rows of each set but MMLU-Pro")
    options = parser.parse_args()
    small = assets.Classifier.load(options.assets)
    large = large_assets.Scorer((options.large / "model.onnx").read_bytes(), Tokenizer.from_file(str(options.large / "tokenizer.json")))
    validation = large_assets.few(data.load(options.data, train.DATA_SEED)[1], options.rows)
    for name in evaluate.DOMAIN_SETS:
        texts, labels = [row.text for row in validation[name]], np.array([row.label for row in validation[name]])
        found = curve(small.scores(texts)["domain"], large(texts)["domain"], labels)
        rows = [(card.percent(share), f"{threshold:.2f}", card.percent(right)) for share, threshold, right in found]
        print(f"## {name}, {len(texts)} rows\n\n" + card.table(("asked", "below", "accuracy"), rows) + "\n", flush=True)


if __name__ == "__main__":
    main()
