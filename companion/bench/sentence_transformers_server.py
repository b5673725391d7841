"""What the companion is compared with: sentence-transformers on the CPU, with PyTorch's own threads.

    granian --interface asgi --host 127.0.0.1 --port 8094 sentence_transformers_server:app
"""
import os

import torch
from sentence_transformers import SentenceTransformer

from asgi import serve

model = SentenceTransformer(os.environ["MINILM"], device="cpu")


@torch.inference_mode()
def embed(text):
    # What `encode` does with one text, without its sorting, its progress bar and a second count of the tokens.
    features = model.preprocess([text])
    tokens = features["input_ids"].shape[1]
    return model(features)["sentence_embedding"][0].tolist(), tokens


app = serve(embed)
