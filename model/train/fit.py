"""The training loop: AdamW, one cosine cycle, label smoothing, optional soft labels, weight averaging."""
import copy
import math
import time

import numpy as np
import torch
from torch.nn import functional as F

from augment import augment_text, drop_tokens, generator
from text import LABELS, encode_batch, pad_batch

# noisy or far-off origins count less
LOSS_WEIGHTS = {"MMLU-Pro": 1.5, "MMLU": 1.2, "Reddit": 0.6, "Xiezhi": 0.6, "EXAMS": 0.6}
TOKEN_DROP = 0.12


def epoch_batches(rows, tokenizer, seed, epoch, batch_size):
    """Augmented, tokenised rows, in batches of similar length, as (row numbers, token lists)."""
    rng = generator(seed, epoch)
    sequences = encode_batch(tokenizer, [augment_text(rng, row) for row in rows])
    sequences = [drop_tokens(rng, ids, TOKEN_DROP) for ids in sequences]
    order = sorted(range(len(rows)), key=lambda i: len(sequences[i]) + rng.random() * 8)
    batches = [order[i:i + batch_size] for i in range(0, len(order), batch_size)]
    rng.shuffle(batches)
    return [(batch, [sequences[i] for i in batch]) for batch in batches]


def predict(network, sequences, batch_size=256):
    """Logits of token lists, in their order."""
    network.eval()
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    logits = np.zeros((len(sequences), len(LABELS)), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            batch = order[start:start + batch_size]
            tokens, bigrams = pad_batch([sequences[i] for i in batch])
            logits[batch] = network(torch.from_numpy(tokens), torch.from_numpy(bigrams)).numpy()
    return logits


def batch_loss(logits, labels, weights, soft, soft_share):
    hard = F.cross_entropy(logits, labels, label_smoothing=0.05, reduction="none")
    if soft is not None:
        distilled = -(soft * logits.log_softmax(-1)).sum(-1)
        hard = (1 - soft_share) * hard + soft_share * distilled
    return (hard * weights).sum() / weights.sum()


def parameter_groups(network, rate):
    """The tables need no weight decay per step as their rows are mostly untouched; the matrices do."""
    tables = [network.embedding, network.bigram]
    rest = [p for p in network.parameters() if all(p is not t for t in tables)]
    return [{"params": [network.embedding], "lr": rate, "weight_decay": 0.0},
            {"params": [network.bigram], "lr": rate, "weight_decay": 0.0},
            {"params": rest, "lr": rate, "weight_decay": 0.05}]


def train(network, rows, tokenizer, *, seed, epochs, batch_size=128, rate=2e-3, soft_labels=None, soft_share=0.7, report=None):
    """Train in place and return the exponential moving average of the weights over the run."""
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(parameter_groups(network, rate), betas=(0.9, 0.98))
    labels = torch.tensor([row.label for row in rows])
    weights = torch.tensor([LOSS_WEIGHTS.get(row.origin, 0.8) for row in rows])
    total = epochs * math.ceil(len(rows) / batch_size)
    base = [group["lr"] for group in optimiser.param_groups]
    average, step, started = copy.deepcopy(network), 0, time.time()
    for epoch in range(epochs):
        network.train()
        for numbers, sequences in epoch_batches(rows, tokenizer, seed, epoch, batch_size):
            factor = min(1, (step + 1) / 200) * (0.5 * (1 + math.cos(math.pi * step / total)) + 0.005)
            for group, start in zip(optimiser.param_groups, base):
                group["lr"] = start * factor
            tokens, bigrams = pad_batch(sequences)
            index = torch.tensor(numbers)
            soft = None if soft_labels is None else soft_labels[index]
            loss = batch_loss(network(torch.from_numpy(tokens), torch.from_numpy(bigrams)), labels[index], weights[index], soft, soft_share)
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
