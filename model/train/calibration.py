"""Temperature, and the figures of merit."""
import numpy as np


def softmax(logits):
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def negative_log_likelihood(logits, labels):
    return -np.log(softmax(logits)[np.arange(len(labels)), labels] + 1e-12).mean()


def fit_temperature(logits, labels):
    """The temperature of least validation loss, by a fine grid: one number needs no optimiser."""
    grid = np.geomspace(0.4, 3.0, 200)
    return float(grid[np.argmin([negative_log_likelihood(logits / t, labels) for t in grid])])


def calibration_error(probabilities, labels, bins=15):
    """Expected calibration error over equal-width confidence bins."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[index == i].mean() - correct[index == i].mean()) * (index == i).mean() for i in range(bins) if (index == i).any()]
    return float(sum(gaps))


def macro_f1(predicted, labels):
    """Over the classes that occur in the labels."""
    scores = []
    for label in np.unique(labels):
        both = ((predicted == label) & (labels == label)).sum()
        scores.append(2 * both / ((predicted == label).sum() + (labels == label).sum()))
    return float(np.mean(scores))


def figures(probabilities, labels):
    correct = probabilities.argmax(1) == labels
    order = np.argsort(-probabilities.max(1))[:int(round(0.7 * len(labels)))]
    return {"n": len(labels), "accuracy": float(correct.mean()), "macro_f1": macro_f1(probabilities.argmax(1), labels),
            "ece": calibration_error(probabilities, labels), "accuracy_at_70": float(correct[order].mean())}
