"""Whether a text tells that the strong model answers where the weak one fails.

    python model/train/gain.py --data DIR --assets model/assets

prints, for several ways to rank MMLU-Pro's validation rows, the share of the strong model's advantage that is kept when the half ranked first goes to it.
By chance that is one half. Each way is fitted on the training rows; nothing here ships.
"""
import argparse
import csv
import functools
import gzip
import json
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import assets
import data
from text import LABELS

# (weak, strong) columns of correctness.csv
PAIRS = [("Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct"), ("Meta-Llama-3-8B", "Meta-Llama-3-70B"), ("Phi-3-mini-4k-instruct", "Qwen1.5-72B-Chat")]


def rows(folder, weak, strong):
    """{split: ([text], [label], [weak is right], [strong is right])}."""
    with gzip.open(folder / "mmlu_pro/correctness.csv.gz", "rt", encoding="utf-8") as file:
        right = {row["question_id"]: (row[weak], row[strong]) for row in csv.DictReader(file)}
    found = {"train": [], "validation": []}
    for record in data.read(folder / "mmlu_pro/questions.jsonl.gz"):
        marks = right.get(str(record["question_id"]), ("", ""))
        if record["split"] in found and "" not in marks:
            found[record["split"]].append((record["text"], LABELS.index(record["label"]), *map(int, marks)))
    return {split: tuple(zip(*of)) for split, of in found.items()}


def kept(ranking, weak, strong):
    """The share of the advantage that is kept when the upper half of the ranking goes to the strong model. Ties share alike."""
    gain = np.array(strong) - np.array(weak)
    values, inverse = np.unique(-np.asarray(ranking), return_inverse=True)
    mean = np.bincount(inverse, gain) / np.bincount(inverse)
    order = np.argsort(inverse, kind="stable")
    return float(mean[inverse][order][:len(gain) // 2].sum() / gain.sum())


def rankings(train, validation, classifier):
    """{how: a number for each validation row}; the numbers of those that learn are of a ridge regression on strong - weak."""
    gain = np.array(train[3]) - np.array(train[2])
    found = {parts: classifier(texts) for parts, texts in (("train", train[0]), ("validation", validation[0]))}
    by_label = np.bincount(train[1], gain, len(LABELS)) / np.bincount(train[1], minlength=len(LABELS))
    words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), Ridge(10, solver="sparse_cg")).fit(train[0], gain)
    yield "the true subject", by_label[np.array(validation[1])]
    yield "the subject that the model tells", found["validation"]["domain"] @ by_label
    yield "TF-IDF", words.predict(validation[0])
    for name, heads in (("the model's embedding", ["embedding"]), ("embedding and subject", ["embedding", "domain"])):
        of = {part: np.concatenate([scores[head] for head in heads], 1) for part, scores in found.items()}
        fitted = make_pipeline(StandardScaler(), Ridge(1000)).fit(of["train"], gain)
        yield name, fitted.predict(of["validation"])


def measure(classifier, folder):
    """{pair: {how: share kept}}."""
    scores = functools.cache(classifier)
    found = {}
    for weak, strong in PAIRS:
        split = rows(folder, weak, strong)
        found[f"{weak} < {strong}"] = {how: round(kept(ranking, *split["validation"][2:]), 3) for how, ranking in rankings(split["train"], split["validation"], scores)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, required=True)
    options = parser.parse_args()
    classifier = assets.Classifier.load(options.assets)
    print(json.dumps(measure(classifier.scores, options.data), indent=1))


if __name__ == "__main__":
    main()
