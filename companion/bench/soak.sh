#!/usr/bin/env bash
# Five minutes at saturation on the release build: everything it may be sent, garbage and clients that leave. See README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-300}
target=${CARGO_TARGET_DIR:-$PWD/target}
model=$PWD/target/bench/minilm

cargo build --release --locked --package promptswitch-companion --bins --example soak
models=(--model builtin)
names=promptswitch-small
if [ -f "$model/model.onnx" ]; then
  models+=(--model "minilm=$model")
  names+=,minilm
fi
"$target/release/promptswitch-companion" "${models[@]}" --listen 127.0.0.1:8092 --cache-entries 2000 --max-queued-texts 1024 --max-inputs 256 &
server=$!
trap 'kill "$server" 2>/dev/null; wait' EXIT
"$target/release/examples/soak" --addr 127.0.0.1:8092 --pid "$server" --models "$names" --seconds "$seconds"
