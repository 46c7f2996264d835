#!/bin/bash
# seconds: 300
# A kick after every single instruction of the gate: tests/lib/step.c.
set -u
root=$PWD
command -v gcc >/dev/null || { echo "SKIP no compiler"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "SKIP only root may debug a sandbox's processes"; exit 77; }
dir=$(mktemp -d /tmp/limpet-step.XXXXXX)
trap 'rm -rf "$dir"' EXIT
gcc -std=gnu17 -O1 -Wall -Wextra -Wno-unused-result -static -o "$dir/step" "$root/tests/lib/step.c" || exit 1
cd "$dir" || exit 1
# An emulated machine takes a minute for what is a second elsewhere.
./step "$LIMPET" "$PLATFORM" $(grep -qs QEMU /sys/class/dmi/id/sys_vendor && echo 7)
