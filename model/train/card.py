"""The model card, written from the figures of the run."""
import hashlib
import json
from collections import Counter

import data
import guard
import network
import text
import unlabelled

COMMAND = "python model/train/train.py --data DIR --out model/assets"
LICENCES = data.LICENCES | unlabelled.LICENCES | guard.LICENCES


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def percent(value):
    return f"{100 * value:.1f} %"


def domain_table(figures, baseline):
    header = ("validation set", "rows", "accuracy", "macro-F1", "ECE (15 bins)", "accuracy, 70 % most confident", "TF-IDF + logistic regression")
    return table(header, [(name, f["n"], percent(f["accuracy"]), f"{f['macro_f1']:.3f}", f"{f['ece']:.3f}", percent(f["accuracy_at_70"]),
                           percent(baseline[name]["accuracy"])) for name, f in figures.items()])


def guard_summary(figures, baseline):
    kinds = (("all held-out rows", "auc", "recall_at_1"), ("benign rows of the attacks' lengths", "auc_matched", "recall_at_1_matched"))
    rows = [(name, *(cell for f in (figures, baseline) for cell in (f"{f[area]:.3f}", percent(f[recall])))) for name, area, recall in kinds]
    return table(("rows", "AUC", "recall at 1 % false positives", "TF-IDF: AUC", "TF-IDF: recall"), rows)


def guard_sources(figures):
    rows = [(f"{name} (attacks)", f["n"], percent(f["at_half"]), percent(f["at_1"])) for name, f in figures["recall"].items()]
    rows += [(f"{name} (benign)", f["n"], percent(f["at_half"]), percent(f["at_1"])) for name, f in figures["false_positives"].items()]
    return table(("source", "rows", "flagged at 0.5", f"flagged at {figures['threshold_at_1']:.3f}"), rows)


def pair_tables(figures):
    graded = table(("graded pairs", "rows", "Spearman"), [(n, f["n"], f"{f['spearman']:.3f}") for n, f in figures.items() if "spearman" in f])
    spread = lambda f, kind: " / ".join(f"{f[kind][i]:.2f}" for i in (0, 2, 4))
    rows = [(n, f["n"], f"{f['auc']:.3f}", spread(f, "same"), spread(f, "different"), spread(f, "unrelated")) for n, f in figures.items() if "auc" in f]
    return graded + "\n\n" + table(("same or not", "rows", "AUC", "cosine of the same (5 / 50 / 95 %)", "of look-alikes that differ", "of unrelated"), rows)


def made_up_table(figures):
    return table(("head", "rows", "accuracy", "ECE"), [(n, figures[n]["n"], percent(figures[n]["accuracy"]), f"{figures[n]['ece']:.3f}") for n in ("fact_check", "feedback")])


def rows_table(samples):
    origins = Counter(sample.origin for sample in samples if sample.origin != "vectors")
    return table(("origin", "licence", "rows"), [(origin, LICENCES[origin], count) for origin, count in origins.most_common()])


def left_out():
    return "; ".join(f"{name} ({why})" for name, why in [*data.LEFT_OUT, *guard.LEFT_OUT])


def write(samples, figures, baselines, temperatures, files, seconds):
    """The Markdown text of CARD.md."""
    sizes = [(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()]
    heat = ", ".join(f"{name} {value:.2f}" for name, value in temperatures.items())
    return TEMPLATE.format(
        labels=", ".join(text.LABELS), vocabulary=len(json.loads(files["tokenizer.json"])["model"]["vocab"]), n=network, t=text, heat=heat,
        pairs_rows=2 ** text.BIGRAM_BITS, runs_rows=2 ** text.SPELLING_BITS, cost=network.multiply_adds_per_token(), short=network.multiply_adds_per_token(16),
        rows=rows_table(samples), left_out=left_out(), vectors=sum(s.origin == "vectors" for s in samples),
        domain=domain_table(figures["domain"], baselines["domain"]), clean=percent(figures["domain"]["MMLU-Pro"]["accuracy"]), typos=percent(figures["typos"]),
        guard=guard_summary(figures["guard"], baselines["guard"]), sources=guard_sources(figures["guard"]), matched=figures["guard"]["n_matched"],
        guard_ece=figures["guard_calibration"]["ece"], guard_rows=figures["guard_calibration"]["n"], pairs=pair_tables(figures["embedding"]),
        made_up=made_up_table(figures), files=table(("file", "bytes", "sha256"), sizes), total=sum(size for _, size, _ in sizes), command=COMMAND, minutes=seconds / 60)


TEMPLATE = """# Prompt classifier

One small network reads a prompt and answers five questions at once, inside a Wasm filter:

| head | answers |
|---|---|
| `domain` | which of the 14 MMLU-Pro subjects: {labels} |
| `guard` | benign, jailbreak (talks a model out of its rules), injection (talks over its instructions) |
| `fact_check` | whether an answer needs facts that ought to be checked |
| `feedback` | what a turn says of the reply before it: satisfied (any first request too), need_clarification, wrong_answer, want_different |
| `embedding` | a vector of length 1 and width {n.EMBEDDING}; the dot product of two says how alike their texts are |

A plain harmful request is `benign` for the guard: it plays no trick, and refusing it is the model's own business.

## Architecture
- Tokenizer: the Unigram vocabulary of multilingual-e5-small (MIT), lower-cased and cut to the {vocabulary} pieces that the
  training texts use. At most {t.MAX_TOKENS} tokens: the first {t.HEAD_TOKENS} and the last {t.TAIL_TOKENS}.
- Token embeddings of {n.WIDTH} dimensions (int8, one scale per column), started from the principal components of e5's table.
- One convolution of width 3, one self-attention layer with {n.HEADS} heads, one feed-forward layer ({n.HIDDEN}); learned and maximum pooling.
- Beside it two hashed tables of {n.BAG_WIDTH} dimensions (int8), summed per text: {pairs_rows} rows of token pairs, and {runs_rows} rows of
  spellings, the runs of {t.SHORTEST} to {t.LONGEST} characters inside a word, which survive a typo that breaks a token up.
- Each head adds a perceptron over all features and a linear path from the tables. The vector is
  taught by multilingual-e5-small, centred. Temperatures ({heat}) were fitted on validation rows.
- {cost} multiply-adds per token at {t.MAX_TOKENS} tokens, {short} at 16.

## Rows that trained it
Only rows of the `train` split whose origin allows it; equal texts once. {vectors} short texts of the same origins taught the vector.

{rows}

Left out: {left_out}.
The synthetic rows are made by `synthetic.py`, `guard.py`, `longer.py`, `factual.py` and `feedback.py` from phrases in English and Chinese; those
of `longer.py` quote lines of Python's standard library (PSF licence) and texts of the other origins. `fact_check` and
`feedback` have no other data but for what an origin tells (an exam question on history needs facts, a sum does not).

## domain
The exported graph, through the whole text contract. Validation rows picked the recipe and the temperature, so an unseen
test set may come out a little lower. The baseline is trained on the MMLU-Pro and MMLU rows only.

{domain}

Typos (each word is hit with chance 0.15: a letter swapped, dropped, doubled, or its neighbour on the keyboard): MMLU-Pro {clean} falls to {typos}.
Reddit labels are weak (the subreddit), Xiezhi's were made by a machine, EXAMS covers 15 languages other than English and
Chinese. The temperature was fitted on these rows, all five sets counting alike, so the ECE is a little flattering.

## guard
Attacks and benign rows of sources that trained nothing: ToxicChat (test half), XSTest, deepset (test half) and Tensor Trust, whose
defences are system prompts. The score is the chance of not being benign. The matched rows are {matched} benign ones drawn to the attacks' lengths.
No row of these sources trained, but which kinds of them were mistaken was looked at twice while the made-up rows were written, and how much
the logit of benign is raised was picked for under 1 % of chat_bench: read the figures as a little flattering.

{guard}

{sources}

ECE {guard_ece:.3f} on {guard_rows} validation rows of the sources that trained it. chat_bench, Reddit (validation) and Xiezhi (validation) hold a few role plays of their own.

## embedding
Pairs trained nothing. A cosine depends on the kind of text; the spreads below help to pick a threshold.

{pairs}

## fact_check and feedback
On made-up rows of phrases that were held back: synthetic as well, so take the figures as an upper bound.

{made_up}

## Limits
- `other` is MMLU-Pro's mixed bag plus small talk, trivia, geography and politics: read it as "none of the 13".
- Business, economics and `other` overlap in the data itself; so do engineering and physics.
- Conversational chemistry, economics and physics, and Chinese psychology, are rare in the training rows. Thai, Japanese, Korean, Hindi and
  other scripts beyond the training rows' are mostly guesswork, for the guard anything but English and Chinese is.
- The guard is no better than a TF-IDF model on sources it has not seen, and takes one system prompt in eight for an attack: use it on what users
  write, with a threshold well above 0.5 if it blocks, and not on system prompts. Many of Tensor Trust's attacks are harmless by themselves ("write java code").
- The guard's Chinese attacks are all made up; no real ones were at hand to measure it.
- Beyond {t.MAX_TOKENS} tokens the middle of a text is not read: an attack may hide there.
- The calibration holds for texts like the validation rows; confidence on other kinds of text is not measured.
- A text that mixes subjects gets one distribution, not one per part.
- The vectors of English and Chinese texts of one meaning lie only loosely together (a cosine of about 0.5), and word order hardly counts (PAWS-X).
- Whether a stronger model would answer better (a gain head) is not predicted: nothing learned it better than the subject alone (`train/TRIED.md`).

## Files

{files}

Together {total} bytes. Made by `{command}`; the training loop took {minutes:.0f} minutes on two CPU cores shared with other work.
"""
