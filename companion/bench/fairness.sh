#!/usr/bin/env bash
# What one text waits for while batches of 256 keep the server busy, with both classifiers. See README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-10}
target=${CARGO_TARGET_DIR:-$PWD/target}

cargo build --release --locked --package promptswitch-companion --bins --example fairness
"$target/release/promptswitch-companion" --model builtin --model large=companion/assets/large --listen 127.0.0.1:8093 &
server=$!
trap 'kill "$server" 2>/dev/null; wait' EXIT
for model in promptswitch-small large; do
  printf '\n%s\n\n' "$model"
  "$target/release/examples/fairness" --addr 127.0.0.1:8093 --model "$model" --seconds "$seconds"
done
