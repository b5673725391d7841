"""The model card, written from the figures of the run."""
import hashlib
import json
from collections import Counter

import network
import text
from data import LEFT_OUT, LICENCES

COMMAND = "python model/train/train.py --data DIR --out model/assets"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def percent(value):
    return f"{100 * value:.1f} %"


def figure_rows(figures, baseline):
    for name, f in figures.items():
        other = percent(baseline[name]["accuracy"]) if name in baseline else ""
        yield (name, f["n"], percent(f["accuracy"]), f"{f['macro_f1']:.3f}", f"{f['ece']:.3f}", percent(f["accuracy_at_70"]), other)


def write(train_rows, figures, baseline, temperature, files, seconds):
    """The Markdown text of CARD.md."""
    origins = Counter(row.origin for row in train_rows)
    rows_used = [(origin, LICENCES[origin], count) for origin, count in origins.most_common()]
    sizes = [(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()]
    total = sum(size for _, size, _ in sizes)
    header = ("validation set", "rows", "accuracy", "macro-F1", "ECE (15 bins)", "accuracy, 70 % most confident", "TF-IDF + logistic regression")
    return f"""# Prompt-domain classifier

Tells which of the 14 MMLU-Pro subjects a prompt is about: {", ".join(text.LABELS)}. It is small enough to run inside a
Wasm filter, and answers with calibrated probabilities.

## Architecture
- Tokenizer: the Unigram vocabulary of multilingual-e5-small (MIT), lower-cased and cut to the {vocabulary_size(files)} pieces that the
  training texts use. At most {text.MAX_TOKENS} tokens: the first {text.HEAD_TOKENS} and the last {text.TAIL_TOKENS}.
- Token embeddings of {network.WIDTH} dimensions (int8, one scale per column), started from the principal components of e5's table.
- One convolution of width 3, one self-attention layer with {network.HEADS} heads, one feed-forward layer ({network.HIDDEN}); learned and maximum pooling.
- Beside it a table of {2 ** text.BIGRAM_BITS} hashed token bigrams ({network.BIGRAM_WIDTH} dimensions, int8), summed per text; a linear path and a small
  perceptron add up to the answer. Temperature {temperature:.3f}, fitted on validation rows, and the softmax are in the graph.
- {network.multiply_adds_per_token()} multiply-adds per token at {text.MAX_TOKENS} tokens.

## Rows that trained it
Only rows of the `train` split whose origin allows it; equal texts once.

{table(("origin", "licence", "rows"), rows_used)}

Left out: {"; ".join(f"{name} ({why})" for name, why in LEFT_OUT)}.
The synthetic rows are short sums, small talk and "explain X" requests in English and Chinese, made by `synthetic.py`.

## Validation
The exported graph, through the whole text contract. Validation rows picked the recipe and the temperature, so an unseen
test set may come out a little lower. The baseline is trained on the MMLU-Pro and MMLU rows only.

{table(header, figure_rows(figures, baseline))}

Reddit labels are weak (the subreddit), Xiezhi's were made by a machine, EXAMS covers 15 languages other than English and
Chinese. The temperature was fitted on these rows, all five sets counting alike, so the ECE is a little flattering.

## Limits
- `other` is MMLU-Pro's mixed bag plus small talk, trivia, geography and politics: read it as "none of the 13".
- Business, economics and `other` overlap in the data itself; so do engineering and physics.
- Conversational chemistry, economics and physics, and Chinese psychology, are rare in the training rows. Thai, Japanese, Korean, Hindi and
  other scripts beyond the training rows' are mostly guesswork.
- The calibration holds for texts like the validation rows; confidence on other kinds of text is not measured.
- A text that mixes subjects gets one distribution, not one per part.

## Files

{table(("file", "bytes", "sha256"), sizes)}

Together {total} bytes. Made by `{COMMAND}`; the training loop took {seconds / 60:.0f} minutes on two CPU cores shared with
other work (about nine when they are free).
"""


def vocabulary_size(files):
    return len(json.loads(files["tokenizer.json"])["model"]["vocab"])
