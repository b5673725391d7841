"""The classifier: token embeddings, one convolution, one attention layer, pooling; hashed pairs and spellings beside it."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from text import FEEDBACK_LABELS, GUARD_LABELS, LABELS, PAD_ID

WIDTH, HEADS, HIDDEN, POOLS, BAG_WIDTH, HEAD_WIDTH, EMBEDDING = 96, 4, 192, 4, 16, 160, 128
POOLED = 2 * WIDTH * POOLS + 2 * WIDTH
FEATURES = POOLED + 2 * BAG_WIDTH
WIDE = WIDTH + 2 * BAG_WIDTH
# name -> outputs of each head that adds up a deep and a wide part
LOGITS = {"domain": len(LABELS), "guard": len(GUARD_LABELS), "fact_check": 1, "feedback": len(FEEDBACK_LABELS)}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, bias):
        count, length, _ = x.shape
        parts = self.query_key_value(self.norm(x)).view(count, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        scores = parts[0] @ parts[1].transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + bias[:, None, None, :]
        mixed = scores.softmax(-1) @ parts[2]
        return x + self.output(mixed.transpose(1, 2).reshape(count, length, WIDTH))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.expand, self.contract = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        return x + self.contract(F.relu(self.expand(self.norm(x))))


class Head(nn.Module):
    """A perceptron over all features plus a linear path from the sparse ones."""

    def __init__(self, outputs):
        super().__init__()
        self.expand, self.contract = nn.Linear(FEATURES, HEAD_WIDTH), nn.Linear(HEAD_WIDTH, outputs)
        self.wide = nn.Linear(WIDE, outputs)

    def forward(self, features, wide, dropout):
        return self.contract(dropout(F.relu(self.expand(dropout(features))))) + self.wide(wide)


class Network(nn.Module):
    """`dropout` acts on the pooled features and on the heads; tokens are dropped by the data loader."""

    def __init__(self, embedding, bigram_buckets, spelling_buckets, dropout=0.3):
        super().__init__()
        self.embedding = nn.Parameter(torch.tensor(embedding))
        self.bigram = nn.Parameter(torch.randn(bigram_buckets, BAG_WIDTH) * 0.05)
        self.spelling = nn.Parameter(torch.randn(spelling_buckets, BAG_WIDTH) * 0.03)
        self.convolution = nn.Linear(3 * WIDTH, WIDTH)
        self.attention, self.feed_forward = Attention(), FeedForward()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.pool_query = nn.Linear(WIDTH, POOLS)
        # the subject gets a perceptron of its own, as its data are by far the most; the small heads share one
        self.domain, self.others = Head(LOGITS["domain"]), Head(sum(LOGITS.values()) - LOGITS["domain"])
        self.sentence = nn.Linear(FEATURES, EMBEDDING)
        self.dropout = nn.Dropout(dropout)

    def trunk(self, tokens, bigrams, spellings, starts):
        mask = (tokens != PAD_ID).float()
        bias = (mask - 1) * 1e4
        count = mask.sum(1, keepdim=True)
        words = F.embedding(tokens, self.embedding) * mask[..., None]
        neighbours = torch.cat([F.pad(words, (0, 0, 1, 0))[:, :-1], words, F.pad(words, (0, 0, 0, 1))[:, 1:]], -1)
        x = words + F.relu(self.convolution(neighbours))
        x = self.norm(self.feed_forward(self.attention(x, bias)))
        weights = (self.pool_query(x) + bias[..., None]).softmax(1)
        # the words are pooled raw too: the vector of a sentence is mostly the mean of its telling words
        attended = (weights.transpose(1, 2) @ torch.cat([x, words], 2)).flatten(1)
        highest = (x + bias[..., None]).amax(1)
        mean = words.sum(1) / count
        # a bag grows with the square root of the length, like a normalised term vector
        pairs = F.embedding_bag(bigrams, self.bigram, mode="sum", padding_idx=0) / count.sqrt()
        runs = F.embedding_bag(spellings, self.spelling, starts, mode="sum") / (2 * count.sqrt())
        return torch.cat([attended, highest, mean, pairs, runs], 1), torch.cat([mean * count.sqrt(), pairs, runs], 1)

    def forward(self, tokens, bigrams, spellings, starts):
        """{head: logits}, and the unit `embedding`."""
        features, wide = self.trunk(tokens, bigrams, spellings, starts)
        names = [name for name in LOGITS if name != "domain"]
        others = self.others(features, wide, self.dropout).split([LOGITS[name] for name in names], 1)
        # a light share of the features' dropout: a vector has no label to overfit
        sentence = F.normalize(self.sentence(F.dropout(features, 0.05, self.training)), dim=1)
        return {"domain": self.domain(features, wide, self.dropout), **dict(zip(names, others)), "embedding": sentence}


def multiply_adds_per_token(length=128):
    dense = 3 * WIDTH * WIDTH + 4 * WIDTH * WIDTH + 2 * WIDTH * HIDDEN + 3 * WIDTH * POOLS
    head = FEATURES * (2 * HEAD_WIDTH + EMBEDDING) + (HEAD_WIDTH + WIDE) * sum(LOGITS.values())
    return dense + 2 * length * WIDTH + head // length
