"""As little server around a model as Python allows: one process, no batching across requests, OpenAI's form."""
import json


async def read(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def serve(embed):
    """The application of a function from one text to its vector (a list) and the number of tokens read."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        vector, tokens = embed(json.loads(await read(receive))["input"])
        data = [{"object": "embedding", "index": 0, "embedding": vector}]
        body = json.dumps({"object": "list", "data": data, "model": "minilm", "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body.encode()})

    return app
