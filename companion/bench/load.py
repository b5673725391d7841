"""Sends the load to both servers in turns and prints a table.

    python load.py OHA SECONDS
"""
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

SERVERS = {"companion": "http://127.0.0.1:8090/v1/embeddings", "onnxruntime": "http://127.0.0.1:8091/v1/embeddings"}
# Words of one token each, and the two marks.
TEXTS = {16: "red " * 14, 128: "red " * 126}
CLIENTS = [1, 8, 64]


def ask(url, text):
    request = urllib.request.Request(url, json.dumps({"input": text}).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))


def wait(url):
    for _ in range(300):
        try:
            return ask(url, "ready?")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


def check(text, tokens):
    """Both read as many tokens and give the same vector."""
    answers = [ask(url, text) for url in SERVERS.values()]
    vectors = [answer["data"][0]["embedding"] for answer in answers]
    assert [a["usage"]["prompt_tokens"] for a in answers] == [tokens, tokens], answers
    assert sum(a * b for a, b in zip(*vectors)) > 0.9999, "the servers disagree"


def load(oha, url, text, clients, seconds):
    command = [oha, "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-w", "-c", str(clients), "-m", "POST"]
    command += ["-T", "application/json", "-d", json.dumps({"input": text}), url]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert set(result["statusCodeDistribution"]) == {"200"}, result["statusCodeDistribution"]
    percentiles = result["latencyPercentiles"]
    return result["summary"]["requestsPerSec"], percentiles["p50"] * 1e3, percentiles["p99"] * 1e3


def main():
    oha, seconds = sys.argv[1:]
    for url in SERVERS.values():
        wait(url)
    print("| tokens | clients | server | requests/s | p50 ms | p99 ms |\n|---:|---:|---|---:|---:|---:|")
    for tokens, text in TEXTS.items():
        check(text, tokens)
        for clients in CLIENTS:
            for name, url in SERVERS.items():
                rate, p50, p99 = load(oha, url, text, clients, seconds)
                print(f"| {tokens} | {clients} | {name} | {rate:.0f} | {p50:.1f} | {p99:.1f} |", flush=True)


if __name__ == "__main__":
    main()
