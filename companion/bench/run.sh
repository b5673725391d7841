#!/usr/bin/env bash
# Throughput and latency of the companion and of its peers, side by side. See README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-5}
peers=${PEERS:-onnxruntime}
tools=$PWD/target/tools
bench=$PWD/target/bench
model=$bench/minilm
target=${CARGO_TARGET_DIR:-$PWD/target}

# A virtual environment of some requirements.
venv() {
  [ -x "$bench/$1/bin/granian" ] || { python3 -m venv "$bench/$1" && "$bench/$1/bin/pip" install -q -r "companion/bench/$2"; }
}

running=()
trap 'kill "${running[@]}" 2>/dev/null; wait' EXIT
servers=(companion=http://127.0.0.1:8090)

# A peer's application on a port.
start() {
  (cd companion/bench && MINILM=$model exec "$bench/$2/bin/granian" --interface asgi --log-level warning --host 127.0.0.1 --port "$3" "$4:app") &
  running+=($!)
  servers+=("$1=http://127.0.0.1:$3")
}

[ -x "$tools/bin/oha" ] || cargo install --locked --root "$tools" oha --version 1.16.0
venv venv requirements.txt
[ -f "$model/model.safetensors" ] || "$bench/venv/bin/python" companion/bench/minilm.py "$model"
cargo build --release --locked --package promptswitch-companion

"$target/release/promptswitch-companion" --model "minilm=$model" --listen 127.0.0.1:8090 &
running+=($!)
for peer in $peers; do
  case $peer in
    onnxruntime) start "$peer" venv 8091 onnxruntime_server ;;
    sentence-transformers)
      venv venv-torch requirements-sentence-transformers.txt
      start "$peer" venv-torch 8094 sentence_transformers_server
      ;;
    *) echo "PEERS: $peer is neither onnxruntime nor sentence-transformers" >&2; exit 2 ;;
  esac
done
"$bench/venv/bin/python" companion/bench/load.py "$tools/bin/oha" "$seconds" "${servers[@]}"
