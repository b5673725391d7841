"""As much of a Kubernetes API server as an endpoint picker needs: it lists and watches the pods of one pool.

Usage: kube.py PORT LABEL=VALUE: one ready pod on 127.0.0.1 with that label.
"""
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, label = int(sys.argv[1]), sys.argv[2].split("=")
pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "model-servers",
        "namespace": "default",
        "uid": "1",
        "resourceVersion": "1",
        "labels": {label[0]: label[1]},
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
answers = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
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


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if "watch=" in query:
            # Nothing ever changes: the watch stays open and silent.
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
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
