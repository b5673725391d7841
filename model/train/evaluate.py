"""The figures of every head. `score` is a function: texts -> {head: array}, whatever runs the model.

    python model/train/evaluate.py --data DIR --assets model/assets

prints them as one JSON object. Sources named as held out trained nothing; the pairs and chat sets neither.
"""
import argparse
import json
import random
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import augment
import calibration
import data
import factual
import feedback
import guard
from text import FEEDBACK_LABELS

DOMAIN_SETS = ["MMLU-Pro", "MMLU", "Reddit", "Xiezhi", "EXAMS"]
SEED, TYPO_CHANCE = 5, 0.15


def domain(score, validation):
    results = {}
    for name in DOMAIN_SETS:
        labels = np.array([row.label for row in validation[name]])
        results[name] = calibration.figures(score([row.text for row in validation[name]])["domain"], labels)
    return results


def typo_accuracy(score, rows):
    rng = random.Random(SEED)
    texts = [augment.typos(rng, row.text, TYPO_CHANCE) for row in rows]
    return float((score(texts)["domain"].argmax(1) == [row.label for row in rows]).mean())


def held_out(record):
    return (record["source"] in ("XSTest", "ToxicChat") and record.get("orig_split") != "train" or record["source"].startswith("tensor-trust")
            or record["source"].startswith("deepset") and record["orig_split"] == "test")


def guard_sets(folder, validation):
    """({source: attacks}, {source: benign texts}) that trained nothing."""
    attacks, benign = {}, {}
    for record in data.read(folder / "guard/guard.jsonl.gz"):
        if held_out(record) and record["label"] in ("jailbreak", "injection"):
            attacks.setdefault(record["source"], []).append(record["text"])
        elif held_out(record) and record["label"] in ("benign", "system_prompt"):
            benign.setdefault(record["source"], []).append(record["text"])
    benign["chat_bench"] = [r["text"] for r in data.read(folder / "chat_bench/chat_bench.jsonl.gz")]
    benign["Reddit"] = [row.text for row in validation["Reddit"]]
    benign["Xiezhi (zh)"] = [row.text for row in validation["Xiezhi"]]
    return attacks, benign


def recall_at(attacks, benign, rate):
    """(recall, threshold) where at most `rate` of the benign scores lie above the threshold."""
    threshold = float(np.quantile(benign, 1 - rate, method="higher"))
    return float((attacks > threshold).mean()), threshold


def matched(attacks, benign, seed):
    """Benign rows drawn so that their lengths are spread like the attacks': index pairs of about equal logarithm."""
    rng = np.random.default_rng(seed)
    bins = lambda texts: np.array([int(2 * np.log2(max(8, len(t)))) for t in texts])
    mine, theirs, chosen = bins(attacks), bins(benign), []
    for value, count in zip(*np.unique(mine, return_counts=True)):
        found = np.nonzero(theirs == value)[0]
        chosen += list(rng.permutation(found)[:3 * count])
    return chosen


def guard_figures(score, folder, validation):
    attacks, benign = guard_sets(folder, validation)
    danger = lambda texts: 1 - score(texts)["guard"][:, 0]
    bad = {name: danger(texts) for name, texts in attacks.items()}
    good = {name: danger(texts) for name, texts in benign.items()}
    outside = [name for name in good if name not in ("chat_bench", "Reddit", "Xiezhi (zh)")]
    positives, negatives = np.concatenate(list(bad.values())), np.concatenate([good[name] for name in outside])
    recall, threshold = recall_at(positives, negatives, 0.01)
    texts = [t for name in outside for t in benign[name]]
    picked = negatives[matched([t for group in attacks.values() for t in group], texts, SEED)]
    area = lambda a, b: float(roc_auc_score(np.r_[np.ones(len(a)), np.zeros(len(b))], np.r_[a, b]))
    return {"auc": area(positives, negatives), "recall_at_1": recall, "threshold_at_1": threshold, "n": [len(positives), len(negatives)],
            "auc_matched": area(positives, picked), "recall_at_1_matched": recall_at(positives, picked, 0.01)[0], "n_matched": len(picked),
            "recall": {name: {"n": len(s), "at_half": float((s > 0.5).mean()), "at_1": float((s > threshold).mean())} for name, s in bad.items()},
            "false_positives": {name: {"n": len(s), "at_half": float((s > 0.5).mean()), "at_1": float((s > threshold).mean())} for name, s in good.items()}}


def pairs(folder, source, split, limit=5000):
    found = [r for r in data.read(folder / "pairs/pairs.jsonl.gz") if r["source"].startswith(source) and r["split"] in split]
    random.Random(SEED).shuffle(found)
    return found[:limit]


def embedding_figures(score, folder):
    """Pairs trained nothing, so all rows at hand count for the small STS set."""
    both, results = ("train", "validation"), {}
    for name, source, split in (("STS16 en", "STS2016", both), ("STS-B zh", "STS-B-zh", ("validation",))):
        records = pairs(folder, source, split)
        a, b = (score([r[side] for r in records])["embedding"] for side in "ab")
        results[name] = {"n": len(records), "spearman": float(spearmanr((a * b).sum(1), [float(r.get("score", r.get("label"))) for r in records])[0])}
    for name, source in (("QQP", "QQP"), ("LCQMC", "LCQMC"), ("AFQMC", "AFQMC"), ("PAWS-X zh", "PAWS-X-zh")):
        records = pairs(folder, source, ("validation",), 1500)
        a, b = (score([r[side] for r in records])["embedding"] for side in "ab")
        cosine, same = (a * b).sum(1), np.array([int(r["label"]) for r in records])
        shifted = np.roll(np.arange(len(records)), 1)
        results[name] = {"n": len(records), "auc": float(roc_auc_score(same, cosine)), "same": quartiles(cosine[same == 1]),
                         "different": quartiles(cosine[same == 0]), "unrelated": quartiles((a * b[shifted]).sum(1))}
    return results


def quartiles(values):
    return [round(float(v), 3) for v in np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])]


def made_up_figures(score):
    """`fact_check` and `feedback` on phrases that trained nothing: synthetic as well, so optimistic."""
    facts, turns = factual.rows(SEED, 600, True), feedback.rows(SEED, 300, True)
    needed, labels = np.array([label for _, label in facts]), np.array([FEEDBACK_LABELS.index(label) for _, label in turns])
    chance = score([text for text, _ in facts])["fact_check"].reshape(-1)
    return {"fact_check": calibration.figures(np.stack([1 - chance, chance], 1), needed),
            "feedback": calibration.figures(score([text for text, _ in turns])["feedback"], labels)}


def guard_validation(folder, validation):
    """(texts, classes): the validation rows of the sets that train the head, and as many of Reddit's and Xiezhi's."""
    records = [r for r in data.read(folder / "guard/guard.jsonl.gz") if r["split"] == "validation" and guard.usable(r)]
    benign = [row.text for name in ("Reddit", "Xiezhi") for row in validation[name][:len(records) // 2]]
    return [r["text"] for r in records] + benign, np.array([guard.CLASSES[r["label"]] for r in records] + [0] * len(benign))


def calibrated_guard(score, folder, validation):
    texts, classes = guard_validation(folder, validation)
    return calibration.figures(score(texts)["guard"], classes)


def everything(score, folder, validation):
    results = {"domain": domain(score, validation), "typos": typo_accuracy(score, validation["MMLU-Pro"]),
               "guard": guard_figures(score, folder, validation), "guard_calibration": calibrated_guard(score, folder, validation),
               "embedding": embedding_figures(score, folder)}
    return results | made_up_figures(score)


def main():
    import assets
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, required=True)
    options = parser.parse_args()
    classifier = assets.Classifier.load(options.assets)
    _, validation = data.load(options.data, 7)
    print(json.dumps(everything(classifier.scores, options.data, validation)))


if __name__ == "__main__":
    main()
