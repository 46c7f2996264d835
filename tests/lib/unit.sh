#!/bin/bash
# unit.sh NAME DIR: builds tests/unit/test_NAME.c with the sources named in its "build:" line, under the sanitizers, and
# runs it.
set -eu
src=tests/unit/test_$1.c
bin=$2/$1
if ! pkg-config --exists cmocka; then
	echo "SKIP cmocka is not installed"
	exit 77
fi
flags=$(sed -n '1,15s/^ \* build: *//p' "$src")
# shellcheck disable=SC2046,SC2086
gcc -std=gnu17 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wall -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -I kernel -I . -o "$bin" "$src" $flags $(pkg-config --cflags --libs cmocka)
"$bin"
