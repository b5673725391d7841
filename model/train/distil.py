"""What the companion's larger classifier says of the subject of training rows, for the small one to learn from."""
import numpy as np
import torch
from tokenizers import Tokenizer

import large_assets

# Of other rows the small one knows more than its teacher.
ORIGINS = ("Reddit", "MMLU-Pro", "MMLU")
CHUNK = 1024


def teach(samples, folder, cache=None):
    """{text: logits} of the rows that the teacher in `folder` is asked about; half an hour on two free cores. `cache` is a file."""
    texts = list(dict.fromkeys(s.text for s in samples if s.domain >= 0 and s.origin in ORIGINS))
    if cache and cache.exists():
        logits = np.load(cache)
    else:
        scorer = large_assets.Scorer((folder / "model.onnx").read_bytes(), Tokenizer.from_file(str(folder / "tokenizer.json")))
        chunks = [scorer(texts[start:start + CHUNK])["domain"] for start in range(0, len(texts), CHUNK)]
        logits = np.log(np.maximum(np.concatenate(chunks), 1e-9))
        if cache:
            np.save(cache, logits)
    assert len(logits) == len(texts), f"{cache} is of other rows"
    return dict(zip(texts, logits))


def targets(samples, known):
    """The logits of each sample; NaN for those that the teacher was not asked about."""
    unknown = np.full(len(next(iter(known.values()))), np.nan, np.float32)
    return torch.from_numpy(np.stack([known.get(s.text, unknown) if s.domain >= 0 else unknown for s in samples]).astype(np.float32))
