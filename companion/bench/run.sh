#!/usr/bin/env bash
# Throughput and latency of the companion and of ONNX Runtime, side by side. See README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-5}
tools=$PWD/target/tools
venv=$tools/companion-bench
model=$PWD/target/bench/minilm
target=${CARGO_TARGET_DIR:-$PWD/target}

[ -x "$tools/bin/oha" ] || cargo install --locked --root "$tools" oha --version 1.16.0
[ -x "$venv/bin/granian" ] || { python3 -m venv "$venv"; "$venv/bin/pip" install -q -r companion/bench/requirements.txt; }
[ -f "$model/model.onnx" ] || "$venv/bin/python" companion/bench/minilm.py "$model"
cargo build --release --locked --package promptswitch-companion

"$target/release/promptswitch-companion" --model "minilm=$model" --listen 127.0.0.1:8090 &
ours=$!
(cd companion/bench && MINILM=$model exec "$venv/bin/granian" --interface asgi --log-level warning --host 127.0.0.1 --port 8091 \
  onnxruntime_server:app) &
theirs=$!
trap 'kill "$ours" "$theirs" 2>/dev/null; wait' EXIT
"$venv/bin/python" companion/bench/load.py "$tools/bin/oha" "$seconds"
