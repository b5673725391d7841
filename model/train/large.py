"""The large model: multilingual-e5-small, its lower layers as they are, its upper ones once more, tuned for the heads.

The embedding is e5's own, from e5's own upper layers; the classes come from tuned copies of them. So the expensive lower
part is run once for both, and, as it never changes, once per text in training.
"""
import json
import math
import time
from collections import Counter

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

import sentences
from augment import augment_text, generator
from fit import HEAD_WEIGHTS, Targets
from network import LOGITS

SHARED, WIDTH, HEADS, HIDDEN, LAYERS = 8, 384, 12, 1536, 12
PREFIX = "query: "
BOS, PAD, EOS, UNKNOWN = 0, 1, 2, 3
# Control characters, which the normaliser strips: no prompt can spell them.
SPECIAL_PIECES = ["\u0001bos", "\u0001pad", "\u0001eos", "\u0001unk"]
MAX_TOKENS, HEAD_TOKENS = 256, 192
TRAINED_TOKENS, TRAINED_HEAD = 80, 60


def definition(pieces):
    """A Unigram tokenizer over [(piece, score)], whose first four are the special ones."""
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}]},
        "model": {"type": "Unigram", "unk_id": UNKNOWN, "vocab": [[p, s] for p, s in pieces], "byte_fallback": False}}, ensure_ascii=False)


def all_pieces(package):
    return [(piece if number > UNKNOWN else SPECIAL_PIECES[number], float(score))
            for number, (piece, score) in enumerate(zip(package.pieces, package.scores))]


def cut_vocabulary(package, texts, size):
    """(tokenizer JSON, e5's row of each piece): the pieces that `texts` use most, and all characters that they hold."""
    every = all_pieces(package)
    full, use, characters = Tokenizer.from_str(definition(every)), Counter(), Counter()
    for encoding in full.encode_batch(texts, add_special_tokens=False):
        use.update(encoding.ids)
        for token in set(encoding.tokens):
            characters.update(token)
    number = {piece: i for i, (piece, _) in enumerate(every)}
    kept = {*range(UNKNOWN + 1), *full.encode(PREFIX, add_special_tokens=False).ids} | {number[c] for c in characters if c in number}
    for piece, _ in use.most_common():
        if len(kept) >= size:
            break
        kept.add(piece)
    rows = sorted(kept)
    return definition([every[i] for i in rows]), rows


def encode(tokenizer, texts, most=MAX_TOKENS, head=HEAD_TOKENS):
    """Token lists: the prefix, the head and the tail of each text, between the two end marks."""
    prefix = tokenizer.encode(PREFIX, add_special_tokens=False).ids
    found = []
    for encoding in tokenizer.encode_batch([t[:4096] if len(t) < 8192 else t[:4096] + "\n" + t[-2048:] for t in texts], add_special_tokens=False):
        ids = encoding.ids if len(encoding.ids) <= most else encoding.ids[:head] + encoding.ids[head - most:]
        found.append([BOS, *prefix, *ids, EOS])
    return found


def pad(sequences):
    tokens = torch.full((len(sequences), max(map(len, sequences))), PAD)
    for row, ids in enumerate(sequences):
        tokens[row, :len(ids)] = torch.tensor(ids)
    return tokens, (tokens != PAD).float()


class Layer(nn.Module):
    """One layer of e5 (BERT: normalised after each sum)."""

    def __init__(self, encoder, number):
        super().__init__()
        part = encoder.layers[number]
        linear = lambda pairs: self.linear(torch.cat([w for w, _ in pairs]), torch.cat([b for _, b in pairs]))
        self.query_key_value, self.output = linear([part[n] for n in "qkv"]), linear([part["ao"]])
        self.expand, self.contract = linear([part["fi"]]), linear([part["fo"]])
        self.attention_norm, self.output_norm = self.norm(*part["aln"]), self.norm(*part["oln"])

    @staticmethod
    def linear(weight, bias):
        made = nn.Linear(weight.shape[1], weight.shape[0])
        made.weight.data, made.bias.data = weight.clone(), bias.clone()
        return made

    @staticmethod
    def norm(weight, bias):
        made = nn.LayerNorm(WIDTH, eps=1e-12)
        made.weight.data, made.bias.data = weight.clone(), bias.clone()
        return made

    def forward(self, x, bias):
        count, length, _ = x.shape
        query, key, value = self.query_key_value(x).view(count, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = self.attention_norm(x + self.output(mixed.transpose(1, 2).reshape(x.shape)))
        return self.output_norm(x + self.contract(F.gelu(self.expand(x))))


def mean(x, mask):
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def attention_bias(mask):
    return ((mask - 1) * 1e4)[:, None, None, :]


class Lower(nn.Module):
    """Tokens to the states after the shared layers."""

    def __init__(self, encoder, rows):
        super().__init__()
        self.words = nn.Embedding.from_pretrained(encoder.words[rows])
        self.positions = nn.Parameter(encoder.positions[:MAX_TOKENS + 16].clone())
        self.norm = Layer.norm(*encoder.norm)
        self.layers = nn.ModuleList(Layer(encoder, n) for n in range(SHARED))

    def forward(self, tokens, mask):
        x, bias = self.norm(self.words(tokens) + self.positions[:tokens.shape[1]]), attention_bias(mask)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class Embedder(nn.Module):
    """e5's own upper layers and its mean."""

    def __init__(self, encoder):
        super().__init__()
        self.layers = nn.ModuleList(Layer(encoder, n) for n in range(SHARED, LAYERS))

    def forward(self, x, mask):
        bias = attention_bias(mask)
        for layer in self.layers:
            x = layer(x, bias)
        return F.normalize(mean(x, mask), dim=1)


class Heads(nn.Module):
    """The tuned upper layers; {head: logits}."""

    def __init__(self, encoder, dropout=0.1):
        super().__init__()
        self.layers = nn.ModuleList(Layer(encoder, n) for n in range(SHARED, LAYERS))
        self.pool = nn.Linear(WIDTH, 2)
        self.classes = nn.Linear(3 * WIDTH, sum(LOGITS.values()))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        bias = attention_bias(mask)
        for layer in self.layers:
            x = layer(self.dropout(x), bias)
        weights = (self.pool(x) + bias[:, 0, 0, :, None]).softmax(1)
        pooled = torch.cat([mean(x, mask), (weights.transpose(1, 2) @ x).flatten(1)], 1)
        return dict(zip(LOGITS, self.classes(self.dropout(pooled)).split(list(LOGITS.values()), 1)))


class States:
    """The lower part's answer for each text, in half precision, end to end."""

    def __init__(self, lower, sequences, batch=64):
        self.starts = np.concatenate([[0], np.cumsum([len(s) for s in sequences])])
        self.flat = np.empty((self.starts[-1], WIDTH), np.float16)
        order, started = np.argsort([len(s) for s in sequences], kind="stable"), time.time()
        with torch.inference_mode():
            for number in range(0, len(order), batch):
                chosen = order[number:number + batch]
                tokens, mask = pad([sequences[i] for i in chosen])
                for row, state in zip(chosen, lower(tokens, mask).half().numpy()):
                    self.flat[self.starts[row]:self.starts[row + 1]] = state[:len(sequences[row])]
                if number // batch % 100 == 0:
                    print(f"states {number} of {len(order)} ({time.time() - started:.0f} s)", flush=True)

    def batch(self, chosen):
        lengths = [self.starts[i + 1] - self.starts[i] for i in chosen]
        x, mask = torch.zeros(len(chosen), max(lengths), WIDTH), torch.zeros(len(chosen), max(lengths))
        for row, (i, length) in enumerate(zip(chosen, lengths)):
            x[row, :length] = torch.from_numpy(self.flat[self.starts[i]:self.starts[i + 1]].astype(np.float32))
            mask[row, :length] = 1
        return x, mask

    def lengths(self):
        return np.diff(self.starts)


def loss_of(outputs, targets, index):
    total = HEAD_WEIGHTS["domain"] * targets.domain_loss(outputs["domain"], index)
    return total + sum(HEAD_WEIGHTS[name] * targets.class_loss(name, outputs[name], index) for name in ("guard", "fact_check", "feedback"))


def batches(lengths, size, rng):
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + rng.random() * 12)
    made = [order[i:i + size] for i in range(0, len(order), size)]
    rng.shuffle(made)
    return made


def train(heads, states, samples, *, seed, epochs, seconds=None, size=48, rate=1.5e-4, report=None):
    """Tune the heads in place. `seconds` of work on every thread end the cosine where its epochs would last longer; a pause does not count."""
    torch.manual_seed(seed)
    targets, rng, clock = Targets(samples, None, None), generator(seed, 0), lambda: time.process_time() / torch.get_num_threads()
    started = clock()
    groups = [{"params": heads.layers.parameters(), "lr": rate}, {"params": [*heads.pool.parameters(), *heads.classes.parameters()], "lr": 8 * rate}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    base, step, total = [g["lr"] for g in groups], 0, epochs * math.ceil(len(samples) / size)
    for epoch in range(epochs):
        for chosen in batches(states.lengths(), size, rng):
            done = max(step / total, (clock() - started) / seconds if seconds else 0)
            if done >= 1:
                return
            factor = min(1, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * done)) + 0.005)
            for group, first in zip(optimiser.param_groups, base):
                group["lr"] = first * factor
            heads.train()
            loss = loss_of(heads(*states.batch(chosen)), targets, torch.tensor(chosen))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(heads.parameters(), 1.0)
            optimiser.step()
            step += 1
            if report and step % 100 == 0:
                report(step, total, float(loss.detach()), clock() - started)


def predict(heads, states, size=128):
    """{head: logits of all texts, in their order}."""
    heads.eval()
    order, parts = np.argsort(states.lengths(), kind="stable"), []
    with torch.inference_mode():
        for start in range(0, len(order), size):
            parts.append(heads(*states.batch(order[start:start + size])))
    back = np.argsort(order, kind="stable")
    return {name: np.concatenate([part[name].numpy() for part in parts])[back] for name in LOGITS}


def augmented(samples, seed):
    """Each row's text once, as `augment_text` gives it for half of them."""
    rng = generator(seed, 1)
    return [augment_text(rng, s) if rng.random() < 0.5 else s.text for s in samples]
