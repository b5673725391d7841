"""Sentence vectors of the whole multilingual-e5-small, which the `embedding` head learns to give.

All of e5's vectors point roughly one way. Their mean is taken off, so that unrelated texts have a cosine near 0.
"""
import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

import e5

PREFIX, MOST_TOKENS, BATCH, UNKNOWN, START, END, PAD = "query: ", 40, 64, 3, 0, 2, 1


def tokenizer(package):
    """The precompiled normaliser is replaced by Nmt and NFKC: close, not the same to the byte."""
    import json
    vocabulary = [[piece, float(score)] for piece, score in zip(package.pieces, package.scores)]
    return Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": UNKNOWN, "vocab": vocabulary, "byte_fallback": False}}))


class Encoder:
    """e5's forward pass over the tensors of the package."""

    def __init__(self, package):
        self.package, self.tokenizer = package, tokenizer(package)
        width = package.width
        self.words = torch.from_numpy(package.matrix("emb.word", package.vocabulary, width))
        self.positions = torch.from_numpy(package.floats("emb.pos").reshape(-1, width) + package.floats("emb.type").reshape(-1, width)[0])
        self.norm = self.pair("emb.ln.w", "emb.ln.b")
        self.layers = [self.layer(f"l{number}.") for number in range(package.layers)]

    def pair(self, weight, bias):
        return torch.from_numpy(self.package.floats(weight).copy()), torch.from_numpy(self.package.floats(bias).copy())

    def linear(self, name, rows, columns):
        return torch.from_numpy(self.package.matrix(name + ".w", rows, columns)), torch.from_numpy(self.package.floats(name + ".b").copy())

    def layer(self, prefix):
        width, hidden = self.package.width, self.package.hidden
        parts = {name: self.linear(prefix + name, width, width) for name in ("q", "k", "v", "ao")}
        parts |= {"fi": self.linear(prefix + "fi", hidden, width), "fo": self.linear(prefix + "fo", width, hidden)}
        return parts | {name: self.pair(f"{prefix}{name}.w", f"{prefix}{name}.b") for name in ("aln", "oln")}

    def norm_of(self, x, pair):
        return F.layer_norm(x, (self.package.width,), *pair, eps=1e-12)

    def pooled(self, ids, mask):
        count, length = ids.shape
        split = lambda x: x.view(count, length, self.package.heads, -1).transpose(1, 2)
        x = self.norm_of(self.words[ids] + self.positions[:length], self.norm)
        bias = ((mask - 1) * 1e4)[:, None, None, :]
        for part in self.layers:
            query, key, value = (split(F.linear(x, *part[name])) for name in "qkv")
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
            x = self.norm_of(x + F.linear(mixed.transpose(1, 2).reshape(x.shape), *part["ao"]), part["aln"])
            x = self.norm_of(x + F.linear(F.gelu(F.linear(x, *part["fi"])), *part["fo"]), part["oln"])
        return F.normalize((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=1)

    def batch(self, lists):
        ids = torch.full((len(lists), max(map(len, lists))), PAD)
        for row, found in enumerate(lists):
            ids[row, :len(found)] = torch.tensor(found)
        with torch.inference_mode():
            return self.pooled(ids, (ids != PAD).float()).numpy()

    def encode(self, texts):
        """[texts, 384] unit vectors; a long text is cut."""
        found = [e.ids[:MOST_TOKENS - 2] for e in self.tokenizer.encode_batch([PREFIX + t for t in texts], add_special_tokens=False)]
        lists = [[START, *ids, END] for ids in found]
        order = sorted(range(len(lists)), key=lambda i: len(lists[i]))
        result = np.zeros((len(texts), self.package.width), np.float32)
        for start in range(0, len(order), BATCH):
            chosen = order[start:start + BATCH]
            result[chosen] = self.batch([lists[i] for i in chosen])
        return result


def targets(vectors, width):
    """Centred, of unit length, and turned to their `width` main directions: ([texts, width] unit vectors, centred ones)."""
    centred = vectors - vectors.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    values, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    turned = centred @ directions[:, np.argsort(-values)[:width]]
    return turned / np.linalg.norm(turned, axis=1, keepdims=True), centred


def load_or_encode(texts, wheel, cache):
    """`cache`, if given, keeps the vectors between runs: they take far longer than the rest."""
    if cache and cache.exists():
        return np.load(cache).astype(np.float32)
    vectors = Encoder(e5.Package(wheel)).encode(texts)
    if cache:
        np.save(cache, vectors.astype(np.float16))
    return vectors
