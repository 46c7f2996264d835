#!/bin/sh
# Builds the benchmark program and compares host, containers and limpet with it. Options: see --help. LIMPET names the
# binary (default build/limpet), BUILD the folder for results.
set -eu
cd "$(dirname "$0")/.."
export LIMPET="${LIMPET:-$PWD/build/limpet}" BUILD="${BUILD:-$PWD/build}"
mkdir -p "$BUILD/bench/rootfs"
${CC:-cc} -std=gnu17 -O2 -Wall -Wextra -static -pthread bench/*.c -o "$BUILD/bench/rootfs/bench"
exec python3 bench/run.py "$@"
