"""Uses the server as an OpenAI server, with the official client; every check is an assertion."""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)

# The client asks for base64 unless told otherwise, and decodes it.
answer = client.embeddings.create(model="promptswitch-small", input=["hello", "bonjour"])
vectors = [item.embedding for item in answer.data]
assert [len(v) for v in vectors] == [128, 128], vectors
assert abs(sum(x * x for x in vectors[0]) - 1) < 1e-3
assert answer.usage.total_tokens > 0

floats = client.embeddings.create(model="promptswitch-small", input="hello", encoding_format="float")
assert max(abs(a - b) for a, b in zip(floats.data[0].embedding, vectors[0])) < 1e-6

short = client.embeddings.create(model="promptswitch-small", input="hello", dimensions=16)
assert len(short.data[0].embedding) == 16

tokens = client.embeddings.create(model="promptswitch-small", input=[[5, 6, 7]])
assert len(tokens.data) == 1

assert [model.id for model in client.models.list()] == ["promptswitch-small"]

try:
    client.embeddings.create(model="nothing", input="x")
    raise AssertionError("an unknown model was served")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error
try:
    client.embeddings.create(model="promptswitch-small", input=[])
    raise AssertionError("an empty input was served")
except openai.BadRequestError as error:
    assert error.type == "invalid_request_error", error
print("ok")
