"""What the companion is compared with: ONNX Runtime behind as little server as Python allows.

One process, no batching across requests; ONNX Runtime uses all cores for each run. Serves what the load asks for: one text,
floats, OpenAI's form.

    granian --interface asgi --host 127.0.0.1 --port 8091 onnxruntime_server:app
"""
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

FOLDER = Path(os.environ["MINILM"])
tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
tokenizer.enable_truncation(json.loads((FOLDER / "sentence_bert_config.json").read_text())["max_seq_length"])
tokenizer.no_padding()
session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])


def embed(text):
    ids = np.array([tokenizer.encode(text).ids])
    hidden = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})[0]
    mean = hidden[0].mean(0)
    return mean / np.linalg.norm(mean), ids.shape[1]


async def read(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    vector, tokens = embed(json.loads(await read(receive))["input"])
    data = [{"object": "embedding", "index": 0, "embedding": vector.tolist()}]
    body = json.dumps({"object": "list", "data": data, "model": "minilm", "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body.encode()})
