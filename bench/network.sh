#!/bin/sh
# Compares servers in runc and in limpet: bench/network.py. LIMPET names the binary, BUILD the folder for results.
set -eu
cd "$(dirname "$0")/.."
export LIMPET="${LIMPET:-$PWD/build/limpet}" BUILD="${BUILD:-$PWD/build}"
export WORK="$BUILD/bench-net"
mkdir -p "$WORK/rootfs" "$WORK/bin"
${CC:-cc} -std=gnu17 -O2 -Wall -Wextra -static -pthread bench/*.c -o "$WORK/bin/bench"
cp bench/network-inside.sh "$WORK/bin/"
exec python3 bench/network.py "$@"
