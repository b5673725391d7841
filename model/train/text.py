"""The text contract: from raw bytes of a prompt to token ids, and to the buckets of token pairs and of spellings.

The Rust crate implements exactly the same steps; `model.json` records the numbers.
"""
import numpy as np

LABELS = ["biology", "business", "chemistry", "computer science", "economics", "engineering", "health",
          "history", "law", "math", "other", "philosophy", "physics", "psychology"]
MAX_TOKENS, HEAD_TOKENS, TAIL_TOKENS = 128, 96, 32
HEAD_BYTES, TAIL_BYTES = 768, 256
BUCKETS = [16, 32, 48, 64, 96, 128]
PAD_ID, UNK_ID = 0, 1
BIGRAM_MULTIPLIER_A, BIGRAM_MULTIPLIER_B, BIGRAM_MULTIPLIER_C, BIGRAM_BITS = 0x9E3779B1, 0x85EBCA6B, 0x2C1B3C6D, 16
# Spellings: runs of SHORTEST to LONGEST characters inside a word. Pairs of characters only count where a character is
# about a syllable, so from WIDE_FROM (CJK) on.
SHORTEST, LONGEST, WIDE_FROM, SPELLING_BITS, SPELLINGS_PER_TOKEN = 2, 5, 0x2E80, 17, 8
WORD_START = "▁"
GUARD_LABELS = ["benign", "jailbreak", "injection"]
FEEDBACK_LABELS = ["satisfied", "need_clarification", "wrong_answer", "want_different"]


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


class Spellings:
    """Buckets of the character runs of a token sequence, read off the pieces themselves.

    A piece that starts with WORD_START starts a word, and a run never leaves its word. Unknown and padding pieces
    have no characters, and end a word.
    """

    def __init__(self, pieces):
        spelled = ["" if number in (PAD_ID, UNK_ID) else piece for number, piece in enumerate(pieces)]
        self.length = np.array([len(piece) for piece in spelled])
        self.start = np.concatenate([[0], np.cumsum(self.length)[:-1]])
        joined = "".join(spelled)
        self.codes = np.array([ord(c) for c in joined], np.uint32)

    @classmethod
    def of(cls, tokenizer):
        return cls([tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())])

    def characters(self, sequences):
        """(code points, word number of each, characters of each sequence) of token lists laid end to end."""
        ids = np.concatenate([np.asarray(ids) for ids in sequences])
        length = self.length[ids]
        first = np.cumsum(length) - length
        index = np.repeat(self.start[ids] - first, length) + np.arange(length.sum())
        codes = self.codes[index]
        breaks = codes == ord(WORD_START)
        starts = np.cumsum([0] + [len(s) for s in sequences])
        silent = np.concatenate([first[length == 0], first[starts[:-1]]])
        breaks[silent[silent < len(codes)]] = True
        ends = np.concatenate([first, [len(codes)]])[starts]
        return codes, np.cumsum(breaks), np.diff(ends)

    def flat(self, sequences):
        """(buckets, how many of them belong to each sequence): by the runs' first characters, shorter runs first."""
        codes, words, sizes = self.characters(sequences)
        total = len(codes)
        mixed, inside = np.zeros((total, LONGEST + 1), np.uint32), np.zeros((total, LONGEST + 1), bool)
        hashed = np.zeros(total, np.uint32)
        for size in range(1, min(LONGEST, total) + 1):
            count = total - size + 1
            hashed = (hashed[:count] + codes[size - 1:] + np.uint32(1)) * np.uint32(BIGRAM_MULTIPLIER_A)
            mixed[:count, size] = (hashed ^ (hashed >> np.uint32(15))) * np.uint32(BIGRAM_MULTIPLIER_C)
            inside[:count, size] = words[:count] == words[size - 1:]
        inside[:, :SHORTEST] = False
        inside[:, 2] &= codes >= WIDE_FROM
        buckets = np.maximum(mixed[inside] >> np.uint32(32 - SPELLING_BITS), 1).astype(np.int64)
        ends = np.cumsum(np.concatenate([[0], inside.sum(1)]))[np.cumsum(np.concatenate([[0], sizes]))]
        return buckets, np.diff(ends)

    def buckets(self, ids):
        return self.flat([ids])[0]


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


def pad_spellings(buckets, length):
    """[1, length] int64, padded with bucket 0; a longer list is cut."""
    padded = np.zeros((1, length), np.int64)
    padded[0, :len(buckets)] = buckets[:length]
    return padded


def bucket_length(count):
    return next(b for b in BUCKETS if count <= b)
