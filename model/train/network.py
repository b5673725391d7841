"""The classifier: token embeddings, one convolution, one attention layer, pooling; hashed bigrams beside it."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from text import LABELS, PAD_ID

WIDTH, HEADS, HIDDEN, POOLS, BIGRAM_WIDTH, HEAD_WIDTH = 96, 4, 192, 4, 16, 160
POOLED = WIDTH * (POOLS + 2)


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


class Network(nn.Module):
    """`dropout` acts on the pooled features and on the head; tokens are dropped by the data loader."""

    def __init__(self, embedding, bigram_buckets, dropout=0.3):
        super().__init__()
        self.embedding = nn.Parameter(torch.tensor(embedding))
        self.bigram = nn.Parameter(torch.randn(bigram_buckets, BIGRAM_WIDTH) * 0.05)
        self.convolution = nn.Linear(3 * WIDTH, WIDTH)
        self.attention, self.feed_forward = Attention(), FeedForward()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.pool_query = nn.Linear(WIDTH, POOLS)
        self.head_in = nn.Linear(POOLED + BIGRAM_WIDTH, HEAD_WIDTH)
        self.head_out = nn.Linear(HEAD_WIDTH, len(LABELS))
        self.wide = nn.Linear(WIDTH + BIGRAM_WIDTH, len(LABELS))
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(0.1)

    def forward(self, tokens, bigrams):
        mask = (tokens != PAD_ID).float()
        bias = (mask - 1) * 1e4
        count = mask.sum(1, keepdim=True)
        words = F.embedding(tokens, self.embedding) * mask[..., None]
        x = self.input_dropout(words)
        neighbours = torch.cat([F.pad(x, (0, 0, 1, 0))[:, :-1], x, F.pad(x, (0, 0, 0, 1))[:, 1:]], -1)
        x = x + F.relu(self.convolution(neighbours))
        x = self.norm(self.feed_forward(self.attention(x, bias)))
        weights = (self.pool_query(x) + bias[..., None]).softmax(1)
        attended = (weights.transpose(1, 2) @ x).flatten(1)
        highest = (x + bias[..., None]).amax(1)
        mean = words.sum(1) / count
        # the bag grows with the square root of the length, like a normalised term vector
        bag = (F.embedding(bigrams, self.bigram) * mask[..., None]).sum(1) / count.sqrt()
        features = self.dropout(torch.cat([attended, highest, mean, bag], 1))
        hidden = self.dropout(F.relu(self.head_in(features)))
        return self.head_out(hidden) + self.wide(torch.cat([mean * count.sqrt(), bag], 1))


def multiply_adds_per_token(length=128):
    dense = 3 * WIDTH * WIDTH + 4 * WIDTH * WIDTH + 2 * WIDTH * HIDDEN + 2 * WIDTH * POOLS
    head = (POOLED + BIGRAM_WIDTH) * HEAD_WIDTH + (HEAD_WIDTH + WIDTH + BIGRAM_WIDTH) * len(LABELS)
    return dense + 2 * length * WIDTH + head // length
