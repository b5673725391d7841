"""As much of a Kubernetes API server as an endpoint picker needs: it lists and watches one InferencePool and its pods.

Usage: kube.py PORT POOL TARGET_PORTS: one ready pod on 127.0.0.1, which serves on each of these ports.
"""
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, name, targets = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
labels = {"app": name}
group = "inference.networking.k8s.io"
pool = {
    "apiVersion": f"{group}/v1",
    "kind": "InferencePool",
    "metadata": {"name": name, "namespace": "default", "uid": "2", "resourceVersion": "1", "generation": 1},
    "spec": {
        "selector": {"matchLabels": labels},
        "targetPorts": [{"number": int(target)} for target in targets],
        "endpointPickerRef": {"name": "picker", "port": {"number": 9002}},
    },
}
pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "model-servers",
        "namespace": "default",
        "uid": "1",
        "resourceVersion": "1",
        "labels": labels,
    },
    "spec": {"containers": [{"name": "vllm", "image": "none"}]},
    "status": {
        "phase": "Running",
        "podIP": "127.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
verbs = ["get", "list", "watch"]
pods = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": verbs}
pools = {"name": "inferencepools", "singularName": "inferencepool", "namespaced": True, "kind": "InferencePool", "verbs": verbs}
version = {"groupVersion": f"{group}/v1", "version": "v1"}
groups = [{"name": group, "versions": [version], "preferredVersion": version}]
answers = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    f"/apis/{group}": {"kind": "APIGroup", "apiVersion": "v1", **groups[0]},
    f"/apis/{group}/v1": {"kind": "APIResourceList", "groupVersion": f"{group}/v1", "resources": [pools]},
    f"/apis/{group}/v1/namespaces/default/inferencepools": {
        "kind": "InferencePoolList",
        "apiVersion": f"{group}/v1",
        "metadata": {"resourceVersion": "1"},
        "items": [pool],
    },
    f"/apis/{group}/v1/namespaces/default/inferencepools/{name}": pool,
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]},
    "/api/v1/namespaces/default/pods": {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "1"},
        "items": [pod],
    },
    "/api/v1/namespaces/default/pods/model-servers": pod,
    "/version": {"major": "1", "minor": "34"},
}


def initial_events(path):
    """What a watch begins with instead of a list: each object, and a bookmark that says that these were all."""
    items = answers[path]["items"]
    end = {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}
    bookmark = {"kind": items[0]["kind"], "apiVersion": items[0]["apiVersion"], "metadata": end}
    return [{"type": "ADDED", "object": item} for item in items] + [{"type": "BOOKMARK", "object": bookmark}]


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if "watch=" in query:
            # Nothing ever changes: the watch stays open and silent after what there is, for clients that ask for that.
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for event in initial_events(path) if "sendInitialEvents=true" in query else []:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
            threading.Event().wait()
        answer = answers.get(path)
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        body = json.dumps(missing if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", port), Api).serve_forever()
