"""Light text and token noise, so that the network leans on no single word."""
import random

QUERY_WRAPS = ["{}", "hi, {}", "Please answer: {}", "Question: {}", "can you help me with this? {}", "{} Thanks!", "{}\nExplain your answer.",
               "I have a question. {}", "请回答：{}", "问题：{}"]
KEY_ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
NEIGHBOURS = {key: [row[i] for i in (n - 1, n + 1) if 0 <= i < len(row)] for row in KEY_ROWS for n, key in enumerate(row)}


def misspell(rng, word):
    """One letter swapped with the next, dropped, doubled, or replaced by the key beside it."""
    if len(word) < 3:
        return word
    i, kind = rng.randrange(len(word) - 1), rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind == 1:
        return word[:i] + word[i + 1:]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice(NEIGHBOURS.get(word[i].lower(), [word[i]])) + word[i + 1:]


def typos(rng, text, chance):
    """Each word is hit with `chance`."""
    return " ".join(misspell(rng, word) if rng.random() < chance else word for word in text.split(" "))


def augment_text(rng, row):
    """The row's text, sometimes with its answer options, a polite wrapping, or typos."""
    text = row.text
    if row.options:
        kind = rng.random()
        if kind < 0.25:
            text += "\n" + "\n".join(row.options)
        elif kind < 0.3 and sum(map(len, row.options)) > 80:  # long options tell the subject by themselves
            text = "\n".join(row.options)
    if row.origin not in ("Reddit", "Synthetic", "vectors") and row.guard == 0 and rng.random() < 0.15:
        text = rng.choice(QUERY_WRAPS).format(text)
    if len(text) > 200 and row.guard == 0 and rng.random() < 0.15:  # a fragment of a long text
        text = text[rng.randrange(len(text) // 2):]
    return typos(rng, text, rng.choice([0.05, 0.15, 0.25])) if rng.random() < 0.25 else text


def drop_tokens(rng, ids, probability):
    """Leave out tokens before bigrams are made; at least one stays."""
    if len(ids) < 6:
        return ids
    kept = [i for i in ids if rng.random() >= probability]
    return kept or ids


def generator(seed, epoch):
    return random.Random(seed * 1000 + epoch)
