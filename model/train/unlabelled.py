"""Texts that no subject labels: benign prompts, and the short texts whose sentence vectors the network learns."""
import random
import re
from pathlib import Path

import data
import synthetic

LICENCES = {"CLINC150": "CC BY 3.0", "Banking77": "CC BY 4.0", "MetaTool": "MIT"}
SEED, SHORTEST, LONGEST = 5, 3, 160
GUARD_SOURCES = {"CValues-responsibility", "JADE", "certified-safe-prompts", "AdvBench", "do-not-answer", "inthewild-2023-12"}


def train_rows(folder, path):
    return [r for r in data.read(Path(folder) / path) if r.get("split", r.get("orig_split")) == "train"]


def requests(folder, limit=4000):
    """[(text, origin)] of short requests to assistants."""
    rng, made = random.Random(SEED), []
    for origin, path in (("CLINC150", "intents/clinc150.jsonl.gz"), ("Banking77", "intents/banking77.jsonl.gz"), ("MetaTool", "tools/metatool.jsonl.gz")):
        texts = list(dict.fromkeys(r["text"] for r in train_rows(folder, path)))
        rng.shuffle(texts)
        made += [(text, origin) for text in texts[:limit]]
    return made


def chinese(text):
    return sum("\u4e00" <= c <= "\u9fff" for c in text) > len(text) * 0.3


def exam_pools(folder):
    xiezhi = [r["text"] for r in train_rows(folder, "xiezhi/xiezhi.jsonl.gz")]
    yield [t for t in xiezhi if chinese(t)], 6000
    yield [t for t in xiezhi if not chinese(t)], 900
    yield [r["text"] for path in ("mmlu_pro/questions.jsonl.gz", "mmlu/mmlu.jsonl.gz") for r in train_rows(folder, path)], 4500
    yield [r["text"] for r in train_rows(folder, "exams/exams.jsonl.gz")], 2500
    misc = train_rows(folder, "domain_misc/domain_misc.jsonl.gz")
    for origin, limit in (("HuaTuo", 2500), ("LawBench", 800), ("LLMRouter mix", 1500)):
        yield [r["text"] for r in misc if data.misc_origin(r["source"]) == origin], limit
    sentences = [re.split(r"[.。]", r["text"]) for r in misc if r["source"].startswith("MGSM")]
    yield [s[-2] if len(s) > 1 else s[0] for s in sentences], 300


def reddit_pools(folder):
    reddit = [r["text"] for r in train_rows(folder, "reddit_questions/reddit_questions.jsonl.gz")]
    yield [t.split("\n")[0] for t in reddit], 6500
    yield [s for t in reddit for s in re.split(r"(?<=[.?!])\s+", t.split("\n", 1)[-1])[1:4] if 25 < len(s) < 140], 5000


def chat_pools(folder):
    extra = train_rows(folder, "alpaca/zh_extra.jsonl.gz")
    yield [r["text"] for r in extra if r["topic"] == "代码问题"], 1500
    yield [r["text"] for r in extra if r["topic"] not in ("代码问题", "整数加减法")], 700
    for path, limit in (("intents/clinc150.jsonl.gz", 3500), ("intents/banking77.jsonl.gz", 2200), ("tools/metatool.jsonl.gz", 4000)):
        yield [r["text"] for r in train_rows(folder, path)], limit
    yield [r["text"] for r in train_rows(folder, "guard/guard.jsonl.gz") if r["source"] in GUARD_SOURCES], 2500
    made = [row.text for row in synthetic.rows(11)]
    yield [t for t in made if chinese(t)], 2500
    yield [t for t in made if not chinese(t)], 2000


def vector_texts(folder, limit):
    """`limit` short texts of all kinds and languages, shuffled."""
    rng, chosen = random.Random(SEED), []
    for texts, most in [*reddit_pools(folder), *exam_pools(folder), *chat_pools(folder)]:
        texts = list(dict.fromkeys(t.strip() for t in texts if SHORTEST <= len(t.strip()) <= LONGEST))
        rng.shuffle(texts)
        chosen += texts[:most]
    rng.shuffle(chosen)
    return chosen[:limit]
