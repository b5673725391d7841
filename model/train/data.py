"""Training and validation rows: which files, which licences, which caps.

Every row is (text, label index, origin). Only the `train` split trains; `validation` picks and calibrates.
"""
import gzip
import json
import random
from collections import namedtuple
from pathlib import Path

from text import LABELS

Row = namedtuple("Row", "text label origin options")

LICENCES = {
    "MMLU-Pro": "Apache-2.0", "MMLU": "MIT", "Xiezhi": "MIT", "EXAMS": "CC BY-SA 4.0", "Reddit": "ODC PDDL",
    "GSM8K": "MIT", "MGSM": "CC BY 4.0", "MATH": "MIT", "AQuA-RAT": "Apache-2.0", "AGIEval Gaokao": "MIT",
    "TheoremQA": "MIT", "SciBench": "MIT", "HumanEval": "MIT", "MBPP": "CC BY 4.0 (original), MIT (copy)", "PubMedQA": "MIT",
    "LawBench": "Apache-2.0", "HuaTuo": "Apache-2.0", "GAOKAO-Bench": "Apache-2.0", "LLMRouter mix": "MIT",
    "MedQuAD": "CC BY 4.0", "zh_extra": "MIT", "CLINC150": "CC BY 3.0", "Synthetic": "this project",
}
# Rows that may be kept per origin; the text of the rest is too alike to be worth its weight.
CAPS = {"GSM8K": 1500, "HuaTuo": 1500, "MedQuAD": 1200, "LawBench": 1500, "zh_extra": 1200, "CLINC150": 1000, "MGSM": 1000}
LEFT_OUT = [
    ("ToxicChat, Alpaca, AlpacaEval, CMMLU, C-Eval", "licence is non-commercial (NC)"),
    ("CSLDCP, TNEWS, StackOverflow titles, sentence pairs, NER sets", "licence is not stated"),
    ("LegalBench", "licence differs per task, some are NC"),
    ("AGIEval: JEC-QA, LogiQA, LSAT, SAT", "the originals are NC or unstated"),
    ("LLMRouter: ARC and OpenBookQA", "labelled only `science-mixed`"),
    ("Banking77", "bank support requests are neither clearly `business` nor `other`"),
]
MISC_ORIGINS = {
    "GSM8K": "GSM8K", "MGSM": "MGSM", "MATH(AGIEval)": "MATH", "AGIEval:aqua-rat": "AQuA-RAT", "TheoremQA": "TheoremQA",
    "SciBench": "SciBench", "HumanEval": "HumanEval", "MBPP": "MBPP", "PubMedQA-L": "PubMedQA", "LawBench": "LawBench",
    "HuaTuo-llama_data": "HuaTuo", "GAOKAO-Bench": "GAOKAO-Bench",
}
# The CLINC150 intents that no subject claims: small talk and household requests.
CHAT_INTENTS = set("""timer fun_fact time flip_coin where_are_you_from shopping_list_update what_can_i_ask_you maybe
restaurant_reservation who_made_you user_name next_song restaurant_suggestion repeat yes no travel_suggestion reminder
calendar uber date thank_you roll_dice make_call alarm todo_list do_you_have_pets schedule_meeting next_holiday
change_volume who_do_you_work_for restaurant_reviews what_song goodbye book_hotel current_location weather whisper_mode
cancel directions greeting what_is_your_name what_are_your_hobbies book_flight shopping_list text share_location
play_music are_you_a_bot update_playlist tell_joke how_old_are_you car_rental meal_suggestion recipe""".split())


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def misc_origin(source):
    if source.startswith("AGIEval:gaokao"):
        return "AGIEval Gaokao"
    if source.startswith("LLMRouter:"):
        return "LLMRouter mix"
    return MISC_ORIGINS.get(source)


def extra_label(row):
    """The zh_extra topics whose domain is plain; None for the others."""
    return {"代码问题": "computer science", "整数加减法": "math", "情绪心理类问题": "psychology", "饮食问题": "other",
            "翻译问题": "other", "传统诗词及文化常识问题": "other", "申请书类": "other", "三国问题": "history"}.get(row["topic"])


def every_row(folder):
    """(origin, label name, record) of all labelled rows of both splits."""
    for record in read(folder / "mmlu_pro/questions.jsonl.gz"):
        yield "MMLU-Pro", record["label"], record
    for record in read(folder / "mmlu/mmlu.jsonl.gz"):
        yield "MMLU", record["label"], record
    for record in read(folder / "xiezhi/xiezhi.jsonl.gz"):
        yield "Xiezhi", record["label"], record
    for record in read(folder / "exams/exams.jsonl.gz"):
        yield "EXAMS", record["label"], record
    for record in read(folder / "reddit_questions/reddit_questions.jsonl.gz"):
        yield "Reddit", record["label"], record
    for record in read(folder / "domain_misc/domain_misc.jsonl.gz"):
        yield misc_origin(record["source"]), record["label"], record
    for record in read(folder / "domain_misc/medquad.jsonl.gz"):
        yield "MedQuAD", record["label"], record
    for record in read(folder / "alpaca/zh_extra.jsonl.gz"):
        yield "zh_extra", extra_label(record), record
    for record in read(folder / "intents/clinc150.jsonl.gz"):
        if record["label"] in CHAT_INTENTS:
            yield "CLINC150", "other", record | {"split": record["orig_split"]}


def option_texts(record):
    options = record.get("options") or []
    return tuple(str(o) for o in options) if isinstance(options, list) else ()


def load(folder, seed):
    """(train rows, {origin: validation rows}); equal texts are kept once, the first origin wins."""
    train, validation, seen = [], {}, set()
    for origin, label, record in every_row(Path(folder)):
        if origin not in LICENCES or label not in LABELS or not record["text"].strip():
            continue
        row = Row(record["text"], LABELS.index(label), origin, option_texts(record))
        if record["split"] == "validation":
            validation.setdefault(origin, []).append(row)
        elif record["split"] == "train" and (row.text, row.label) not in seen:
            seen.add((row.text, row.label))
            train.append(row)
    return capped(train, seed), validation


def capped(rows, seed):
    random.Random(seed).shuffle(rows)
    used, kept = {}, []
    for row in rows:
        used[row.origin] = used.get(row.origin, 0) + 1
        if used[row.origin] <= CAPS.get(row.origin, len(rows)):
            kept.append(row)
    return kept
