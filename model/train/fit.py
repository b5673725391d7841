"""The training loop: AdamW, one cosine cycle, all heads at once, weight averaging."""
import copy
import math
import time

import numpy as np
import torch
from torch.nn import functional as F

from augment import augment_text, drop_tokens, generator
from network import LOGITS
from text import encode_batch, pad_batch

# noisy or far-off origins count less
LOSS_WEIGHTS = {"MMLU-Pro": 1.8, "MMLU": 1.4, "Reddit": 0.9, "Xiezhi": 0.7, "EXAMS": 0.6}
HEAD_WEIGHTS = {"domain": 1.0, "guard": 1.0, "fact_check": 0.5, "feedback": 0.5, "embedding": 6.0}
TOKEN_DROP, SHORTENED = 0.12, 64
# the share of the subject's loss that a teacher's chances make, and the temperature at which they are compared
TAUGHT, SOFTNESS = 0.6, 2.0


def shorten(rng, ids):
    """A long text mostly shows only its ends, which saves a third of the time."""
    if len(ids) <= SHORTENED or rng.random() < 0.35:
        return ids
    return ids[:SHORTENED * 3 // 4] + ids[-SHORTENED // 4:]


def epoch_batches(samples, tokenizer, seed, epoch, batch_size):
    """Augmented, tokenised rows, in batches of similar length, as (row numbers, token lists)."""
    rng = generator(seed, epoch)
    sequences = encode_batch(tokenizer, [augment_text(rng, sample) for sample in samples])
    sequences = [drop_tokens(rng, ids if s.guard > 0 else shorten(rng, ids), TOKEN_DROP if s.vector < 0 else TOKEN_DROP / 3)
                 for s, ids in zip(samples, sequences)]
    order = sorted(range(len(samples)), key=lambda i: len(sequences[i]) + rng.random() * 8)
    batches = [order[i:i + batch_size] for i in range(0, len(order), batch_size)]
    rng.shuffle(batches)
    return [(batch, [sequences[i] for i in batch]) for batch in batches]


def inputs(sequences, spellings):
    """The network's four arguments: padded tokens and pairs; the spellings end to end, and where each row's start."""
    tokens, bigrams = pad_batch(sequences)
    runs, sizes = spellings.flat(sequences)
    return tuple(torch.from_numpy(a) for a in (tokens, bigrams, runs, np.cumsum(sizes) - sizes))


def predict(network, sequences, spellings, batch_size=256):
    """{head: outputs of all the token lists, in their order}."""
    network.eval()
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    parts = []
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            parts.append(network(*inputs([sequences[i] for i in order[start:start + batch_size]], spellings)))
    back = np.argsort(order)
    return {name: np.concatenate([part[name].numpy() for part in parts])[back] for name in parts[0]}


class Targets:
    """What each row teaches, as tensors."""

    def __init__(self, samples, vectors, whole, taught=None):
        """`taught`: a teacher's logits of each row's subject, NaN where it was not asked."""
        self.classes = {name: torch.tensor([getattr(s, name) for s in samples]) for name in LOGITS}
        self.weights = torch.tensor([LOSS_WEIGHTS.get(s.origin, 0.8) for s in samples])
        self.vector_rows = torch.tensor([s.vector for s in samples])
        self.vectors, self.whole, self.taught = vectors, whole, taught

    def domain_loss(self, logits, index):
        labels = self.classes["domain"][index]
        loss = F.cross_entropy(logits, labels.clamp(min=0), label_smoothing=0.05, reduction="none")
        if self.taught is not None:
            taught = self.taught[index]
            known = taught.isfinite().all(1)
            wanted = (taught.nan_to_num() / SOFTNESS).softmax(1)
            distance = F.kl_div((logits / SOFTNESS).log_softmax(1), wanted, reduction="none").sum(1) * SOFTNESS ** 2
            loss = torch.where(known, (1 - TAUGHT) * loss + TAUGHT * distance, loss)
        return (loss * self.weights[index] * (labels >= 0)).sum() / len(index)

    def class_loss(self, name, logits, index):
        labels = self.classes[name][index]
        if LOGITS[name] == 1:
            loss = F.binary_cross_entropy_with_logits(logits[:, 0], labels.clamp(min=0).float(), reduction="none")
        else:
            loss = F.cross_entropy(logits, labels.clamp(min=0), label_smoothing=0.01, reduction="none")
        return (loss * (labels >= 0)).sum() / len(index)

    def vector_loss(self, vectors, index):
        """The teacher's vectors, and their likenesses within the batch as the uncut vectors have them."""
        rows = self.vector_rows[index]
        known = rows >= 0
        if known.sum() < 2:
            return vectors.sum() * 0
        mine, wanted, whole = vectors[known], self.vectors[rows[known]], self.whole[rows[known]]
        alike = F.mse_loss(mine @ mine.T, whole @ whole.T) * len(mine)
        return ((1 - (mine * wanted).sum(1)).sum() + 2 * alike) / len(index)

    def loss(self, outputs, index):
        total = HEAD_WEIGHTS["domain"] * self.domain_loss(outputs["domain"], index)
        for name in ("guard", "fact_check", "feedback"):
            total = total + HEAD_WEIGHTS[name] * self.class_loss(name, outputs[name], index)
        return total + HEAD_WEIGHTS["embedding"] * self.vector_loss(outputs["embedding"], index)


def parameter_groups(network, rate):
    """The tables need no weight decay per step as their rows are mostly untouched; the matrices do."""
    tables = [network.embedding, network.bigram, network.spelling]
    rest = [p for p in network.parameters() if all(p is not t for t in tables)]
    return [{"params": tables, "lr": rate, "weight_decay": 0.0}, {"params": rest, "lr": rate, "weight_decay": 0.05}]


def train(network, samples, tokenizer, spellings, targets, *, seed, epochs, batch_size=160, rate=2e-3, report=None):
    """Train in place and return the exponential moving average of the weights over the run."""
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(parameter_groups(network, rate), betas=(0.9, 0.98), fused=True)
    total = epochs * math.ceil(len(samples) / batch_size)
    base = [group["lr"] for group in optimiser.param_groups]
    average, step, started = copy.deepcopy(network), 0, time.time()
    for epoch in range(epochs):
        network.train()
        for numbers, sequences in epoch_batches(samples, tokenizer, seed, epoch, batch_size):
            factor = min(1, (step + 1) / 200) * (0.5 * (1 + math.cos(math.pi * step / total)) + 0.005)
            for group, start in zip(optimiser.param_groups, base):
                group["lr"] = start * factor
            loss = targets.loss(network(*inputs(sequences, spellings)), torch.tensor(numbers))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step += 1
            if step % 8 == 0:
                update_average(average, network, min(0.99, step / (step + 80)))
        if report:
            report(epoch, float(loss.detach()), average, time.time() - started)
    return average


def update_average(average, network, keep):
    with torch.no_grad():
        for mean, value in zip(average.parameters(), network.parameters()):
            mean.lerp_(value, 1 - keep)
