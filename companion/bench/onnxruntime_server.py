"""What the companion is compared with: ONNX Runtime, which uses all cores for each run.

    granian --interface asgi --host 127.0.0.1 --port 8091 onnxruntime_server:app
"""
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from asgi import serve

FOLDER = Path(os.environ["MINILM"])
tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
tokenizer.enable_truncation(json.loads((FOLDER / "sentence_bert_config.json").read_text())["max_seq_length"])
tokenizer.no_padding()
session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])


def embed(text):
    ids = np.array([tokenizer.encode(text).ids])
    hidden = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})[0]
    mean = hidden[0].mean(0)
    return (mean / np.linalg.norm(mean)).tolist(), ids.shape[1]


app = serve(embed)
