"""All training rows of all heads in one list: each row says which heads it may teach."""
import random
from collections import namedtuple

import factual
import feedback
import guard
from data import Row
from text import FEEDBACK_LABELS, LABELS

UNKNOWN = -1
# domain, guard, fact_check, feedback: class numbers; vector: row of the sentence vectors
Sample = namedtuple("Sample", "text origin options domain guard fact_check feedback vector")
COMPUTED = {"GSM8K", "MGSM", "MATH", "AQuA-RAT", "TheoremQA", "HumanEval", "MBPP", "CLINC150", "zh_extra"}


def sample(text, origin, options=(), domain=UNKNOWN, guard=0, fact_check=UNKNOWN, feedback=0, vector=UNKNOWN):
    return Sample(text, origin, options, domain, guard, fact_check, feedback, vector)


def needs_facts(row):
    """What an origin says about `fact_check`; UNKNOWN where it may be either."""
    if row.origin in COMPUTED or LABELS[row.label] == "math":
        return 0
    return UNKNOWN


def carriers(rows, seed, limit=300):
    """Benign texts to hide attacks in and to join: (other languages, Chinese)."""
    short = [row.text for row in rows if 10 < len(row.text) <= limit and row.origin != "Synthetic"]
    random.Random(seed).shuffle(short)
    return [[t for t in short if guard.is_chinese(t) == chinese][:9000] for chinese in (False, True)]


def build(folder, domain_rows, more_benign, vector_texts, seed):
    """`more_benign` are [(text, origin)], `vector_texts` the texts whose sentence vectors are known."""
    made = [sample(row.text, row.origin, row.options, row.label, 0, needs_facts(row)) for row in domain_rows]
    carrying = carriers(domain_rows + [Row(text, 0, origin, ()) for text, origin in more_benign], seed)
    made += [sample(text, origin) for text, origin in more_benign]
    made += [sample(text, origin, guard=label) for text, label, origin in guard.rows(folder, carrying, seed)]
    other = LABELS.index("other")
    made += [sample(text, "Synthetic", (), other, 0, 0 if label in ("satisfied", "want_different") else UNKNOWN, FEEDBACK_LABELS.index(label))
             for text, label in feedback.rows(seed)]
    made += [sample(text, "Synthetic", fact_check=needed) for text, needed in factual.rows(seed)]
    made += [sample(text, "vectors", guard=UNKNOWN, feedback=UNKNOWN, vector=number) for number, text in enumerate(vector_texts)]
    return made


def thinned(samples, shares, seed):
    """Without some of the rows of the origins named in `shares`."""
    rng = random.Random(seed)
    return [s for s in samples if rng.random() < shares.get(s.origin, 1)]
