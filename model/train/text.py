"""The text contract: from raw bytes of a prompt to token ids and bigram buckets.

The Rust crate implements exactly the same steps; `model.json` records the numbers.
"""
import numpy as np

LABELS = ["biology", "business", "chemistry", "computer science", "economics", "engineering", "health",
          "history", "law", "math", "other", "philosophy", "physics", "psychology"]
MAX_TOKENS, HEAD_TOKENS, TAIL_TOKENS = 128, 96, 32
HEAD_BYTES, TAIL_BYTES = 1024, 512
BUCKETS = [16, 32, 64, 128]
PAD_ID, UNK_ID = 0, 1
BIGRAM_MULTIPLIER_A, BIGRAM_MULTIPLIER_B, BIGRAM_MULTIPLIER_C, BIGRAM_BITS = 0x9E3779B1, 0x85EBCA6B, 0x2C1B3C6D, 16


def window_bytes(text):
    """Keep the head and the tail of a long text, cut inward at character boundaries."""
    raw = text.encode("utf-8", "ignore")
    if len(raw) <= HEAD_BYTES + TAIL_BYTES:
        return raw.decode("utf-8")
    # "ignore" drops the half character at either cut, which is the cut "inward"
    head = raw[:HEAD_BYTES].decode("utf-8", "ignore")
    tail = raw[-TAIL_BYTES:].decode("utf-8", "ignore")
    return head + "\n" + tail


def window_tokens(ids):
    """Keep the first HEAD_TOKENS and the last TAIL_TOKENS; an empty text is one unknown token."""
    if len(ids) > MAX_TOKENS:
        ids = ids[:HEAD_TOKENS] + ids[-TAIL_TOKENS:]
    return ids or [UNK_ID]


def bigram_buckets(tokens):
    """Bucket of each (previous, current) pair along the last axis; before the first token stands PAD_ID.

    All arithmetic is that of wrapping 32-bit unsigned integers. A padding token has bucket 0.
    """
    current = np.asarray(tokens).astype(np.uint32)
    previous = np.zeros_like(current) + np.uint32(PAD_ID)
    previous[..., 1:] = current[..., :-1]
    mixed = previous * np.uint32(BIGRAM_MULTIPLIER_A) + current * np.uint32(BIGRAM_MULTIPLIER_B)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(BIGRAM_MULTIPLIER_C)
    bucket = np.maximum(mixed >> np.uint32(32 - BIGRAM_BITS), 1)
    return np.where(current == PAD_ID, 0, bucket).astype(np.int64)


def encode_batch(tokenizer, texts):
    """Token ids of each text, after both windows."""
    encodings = tokenizer.encode_batch([window_bytes(t) for t in texts], add_special_tokens=False)
    return [window_tokens(e.ids) for e in encodings]


def pad_batch(sequences, length=None):
    """Two [N, T] int64 arrays, tokens and bigrams, padded to the longest or to `length`."""
    length = length or max(map(len, sequences))
    tokens = np.full((len(sequences), length), PAD_ID, dtype=np.int64)
    for row, ids in enumerate(sequences):
        tokens[row, :len(ids)] = ids
    return tokens, bigram_buckets(tokens)


def bucket_length(count):
    return next(b for b in BUCKETS if count <= b)
