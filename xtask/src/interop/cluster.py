"""As much of a Kubernetes API as a control plane needs that only reads: the objects of a JSON file, which never change.

usage: cluster.py PORT OBJECTS.json

What a client writes is taken and forgotten. Kinds without an object are there, and empty.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

METADATA = "PartialObjectMetadata"
STAMPS = {"resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}


def plural(kind):
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("s") else "s")


def load(path):
    with open(path, encoding="utf-8") as file:
        objects = json.load(file)
    for number, item in enumerate(objects):
        item["metadata"] |= STAMPS | {"uid": f"00000000-0000-4000-8000-{number:012}"}
    return objects


objects = load(sys.argv[2])


def discovery(path):
    """The answer that says which kinds there are; None for a path that is of objects."""
    versions = {item["apiVersion"] for item in objects}
    groups = {}
    for version in sorted(v for v in versions if "/" in v):
        groups.setdefault(version.split("/")[0], []).append({"groupVersion": version, "version": version.split("/")[1]})
    groups = {name: {"name": name, "versions": found, "preferredVersion": found[-1]} for name, found in groups.items()}
    known = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())},
    }
    known |= {f"/apis/{name}": {"kind": "APIGroup", "apiVersion": "v1"} | group for name, group in groups.items()}
    for version in versions | {"v1"}:
        kinds = {item["kind"]: "namespace" in item["metadata"] for item in objects if item["apiVersion"] == version}
        resources = [
            {"name": plural(kind), "singularName": kind.lower(), "namespaced": namespaced, "kind": kind, "verbs": ["get", "list", "watch"]}
            for kind, namespaced in kinds.items()
        ]
        folder = "/apis/" if "/" in version else "/api/"
        known[folder + version] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return known.get(path)


def find(path):
    """(API version, name if the path has one, the objects that it means)."""
    parts = path.strip("/").split("/")
    start = 2 if parts[0] == "api" else 3
    version, rest = "/".join(parts[1:start]), parts[start:]
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else None
    rest = rest[2:] if namespace else rest
    name = rest[1] if len(rest) > 1 else None

    def is_meant(item):
        metadata = item["metadata"]
        # A client may ask for another version of the same group.
        return (
            item["apiVersion"].rpartition("/")[0] == version.rpartition("/")[0]
            and plural(item["kind"]) == rest[0]
            and namespace in (None, metadata.get("namespace"))
            and name in (None, metadata["name"])
        )

    return version, name, [item | {"apiVersion": version} for item in objects if is_meant(item)]


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, code, reason):
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.answer(code, status | {"reason": reason, "message": reason, "code": code})

    def stay_silent(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        threading.Event().wait()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if (found := discovery(path)) is not None:
            return self.answer(200, found)
        if len(path.strip("/").split("/")) < (3 if path.startswith("/api/") else 4):
            return self.fail(404, "NotFound")
        if "sendInitialEvents=true" in query:
            return self.fail(422, "Invalid")  # the client lists first, then
        if "watch=" in query:
            return self.stay_silent()
        version, name, found = find(path)
        of_kind = {}
        if METADATA in self.headers.get("accept", ""):
            found = [{"apiVersion": "meta.k8s.io/v1", "kind": METADATA, "metadata": item["metadata"]} for item in found]
            of_kind = {"apiVersion": "meta.k8s.io/v1", "kind": METADATA + "List"}
        elif found:
            of_kind = {"apiVersion": version, "kind": found[0]["kind"] + "List"}
        if name is None:
            return self.answer(200, of_kind | {"metadata": {"resourceVersion": "1"}, "items": found})
        return self.answer(200, found[0]) if found else self.fail(404, "NotFound")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        # Other forms of a body are protobuf, and patches.
        self.answer(201 if self.command == "POST" else 200, json.loads(body) if body[:1] == b"{" else {})

    do_PUT = do_PATCH = do_DELETE = do_POST

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
