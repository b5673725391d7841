"""Sends the load to the servers in turns and prints a table.

    python load.py OHA SECONDS NAME=URL...
"""
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

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


def check(servers, text, tokens):
    """All read as many tokens and give the same vector as the first."""
    first, *others = [ask(url, text) for url in servers.values()]
    for answer in [first, *others]:
        assert answer["usage"]["prompt_tokens"] == tokens, answer["usage"]
        vectors = [a["data"][0]["embedding"] for a in (first, answer)]
        assert sum(a * b for a, b in zip(*vectors)) > 0.9999, "the servers disagree"


def load(oha, url, text, clients, seconds):
    command = [oha, "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-w", "-c", str(clients), "-m", "POST"]
    command += ["-T", "application/json", "-d", json.dumps({"input": text}), url]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert set(result["statusCodeDistribution"]) == {"200"}, result["statusCodeDistribution"]
    percentiles = result["latencyPercentiles"]
    return result["summary"]["requestsPerSec"], percentiles["p50"] * 1e3, percentiles["p99"] * 1e3


def main():
    oha, seconds, *servers = sys.argv[1:]
    servers = {name: f"{url}/v1/embeddings" for name, url in (server.split("=") for server in servers)}
    for url in servers.values():
        wait(url)
    print("| tokens | clients | server | requests/s | p50 ms | p99 ms |\n|---:|---:|---|---:|---:|---:|")
    for tokens, text in TEXTS.items():
        check(servers, text, tokens)
        for clients in CLIENTS:
            for name, url in servers.items():
                rate, p50, p99 = load(oha, url, text, clients, seconds)
                print(f"| {tokens} | {clients} | {name} | {rate:.0f} | {p50:.1f} | {p99:.1f} |", flush=True)


if __name__ == "__main__":
    main()
