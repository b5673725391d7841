"""The tokenizer: multilingual-e5's Unigram vocabulary, cut to the pieces the training texts use."""
import json
import math
from collections import Counter

from tokenizers import Tokenizer

from text import PAD_ID, UNK_ID

# Both names hold a control character that the Nmt normaliser strips, so no prompt can spell them.
PAD_PIECE, UNK_PIECE = "\u0001pad", "\u0001unk"


def build_tokenizer(pieces):
    """A `tokenizers` Unigram tokenizer over [(piece, score)]; no regular expression in it."""
    floor = min(score for _, score in pieces)
    vocabulary = [[PAD_PIECE, round(floor - 20, 2)], [UNK_PIECE, round(floor - 10, 2)]]
    vocabulary += [[piece, round(score, 2)] for piece, score in pieces]
    definition = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Lowercase"}]},
        # splitting at white space first makes a run of blanks or newlines cost nothing
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}]},
        "post_processor": None, "decoder": None,
        "model": {"type": "Unigram", "unk_id": UNK_ID, "vocab": vocabulary, "byte_fallback": False},
    }
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))


def lower_pieces(pieces, scores):
    """Pieces that survive lower-casing, as {piece: (id, score)}: "The" and "the" share a row.

    The commoner of the spellings gives the embedding, and the score adds up both probabilities.
    """
    merged = {}
    for index, (piece, score) in enumerate(zip(pieces, scores)):
        if index < 4 or not piece or piece.startswith("<"):
            continue  # <s>, <pad>, </s>, <unk> and the mask
        lowered = piece.lower()
        if lowered not in merged:
            merged[lowered] = [index, float(score), float(score)]
            continue
        entry = merged[lowered]
        total = max(entry[1], score) + math.log1p(math.exp(-abs(entry[1] - score)))
        if piece == lowered or (score > entry[2] and pieces[entry[0]] != lowered):
            entry[0], entry[2] = index, float(score)
        entry[1] = float(total)
    return {piece: (entry[0], entry[1]) for piece, entry in merged.items()}


def cut_vocabulary(pieces, scores, weighted_texts, size):
    """Pick at most `size` pieces by weighted use; returns (tokenizer JSON, e5 row of each kept piece).

    Single characters that occur are always kept, so that only unseen scripts become unknown.
    """
    candidates = lower_pieces(pieces, scores)
    full = Tokenizer.from_str(build_tokenizer([(p, s) for p, (_, s) in candidates.items()]))
    use, characters = Counter(), Counter()
    for weight, texts in weighted_texts:
        for encoding in full.encode_batch(texts, add_special_tokens=False):
            for token in encoding.tokens:
                use[token] += weight
                characters.update(token)
    kept = {"▁"} | {c for c, n in characters.items() if c in candidates and n >= 2}
    for piece, _ in use.most_common():
        if len(kept) >= size - 2:
            break
        if piece in candidates:
            kept.add(piece)
    ordered = sorted(kept, key=lambda p: (-candidates[p][1], p))
    assert PAD_ID == 0 and UNK_ID == 1
    return build_tokenizer([(p, candidates[p][1]) for p in ordered]), [candidates[p][0] for p in ordered]
