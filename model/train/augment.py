"""Light text and token noise, so that the network leans on no single word."""
import random

QUERY_WRAPS = ["{}", "hi, {}", "Please answer: {}", "Question: {}", "can you help me with this? {}", "{} Thanks!", "{}\nExplain your answer.",
               "I have a question. {}", "请回答：{}", "问题：{}"]


def typo(rng, text):
    """One to three letters swapped, dropped or doubled."""
    letters = list(text)
    for _ in range(rng.randint(1, 3)):
        if len(letters) < 8:
            break
        i = rng.randrange(len(letters) - 1)
        if not (letters[i].isalpha() and letters[i + 1].isalpha()):
            continue
        kind = rng.randrange(3)
        if kind == 0:
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        elif kind == 1:
            del letters[i]
        else:
            letters.insert(i, letters[i])
    return "".join(letters)


def augment_text(rng, row):
    """The row's text, sometimes with its answer options, a polite wrapping, or typos."""
    text = row.text
    if row.options and rng.random() < 0.25:
        text += "\n" + "\n".join(row.options)
    if row.origin != "Reddit" and rng.random() < 0.15:
        text = rng.choice(QUERY_WRAPS).format(text)
    if len(text) > 200 and rng.random() < 0.15:  # a fragment of a long text
        start = rng.randrange(len(text) // 2)
        text = text[start:]
    return typo(rng, text) if rng.random() < 0.15 else text


def drop_tokens(rng, ids, probability):
    """Leave out tokens before bigrams are made; at least one stays."""
    if len(ids) < 6:
        return ids
    kept = [i for i in ids if rng.random() >= probability]
    return kept or ids


def generator(seed, epoch):
    return random.Random(seed * 1000 + epoch)
