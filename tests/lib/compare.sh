#!/bin/bash
# compare.sh SCRIPT: runs it on the host and in a sandbox, each in a fresh directory; output and exit status must agree.
# Output is stdout and stderr together. The script gets a directory to work in (writable, empty) as its current one.
# Lines "# options: ..." at its beginning are given to limpet do.
set -u
script=$1
work=$(mktemp -d /tmp/limpet-work.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/dir"
options=$(sed -n '1,12s/^# options: *//p' "$script")
clean=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent LC_ALL=C TZ=UTC
	TERM=dumb)
cd "$work/dir" || exit 1
start=$EPOCHREALTIME
"${clean[@]}" bash "$script" >"$work/host" 2>&1
echo "exit status $?" >>"$work/host"
middle=$EPOCHREALTIME
rm -rf "$work/dir"
mkdir "$work/dir"
cd "$work/dir" || exit 1
# shellcheck disable=SC2086
"${clean[@]}" "$LIMPET" do --platform "$PLATFORM" $options -- bash "$script" >"$work/limpet" 2>&1
echo "exit status $?" >>"$work/limpet"
end=$EPOCHREALTIME
echo "host $(((${middle/./} - ${start/./}) / 1000)) ms, limpet $(((${end/./} - ${middle/./}) / 1000)) ms"
if [ -n "$(ls -A "$work/dir")" ]; then
	echo "the sandbox wrote to the host: $(ls -A "$work/dir")"
	exit 1
fi
# Process ids in what shells say about killed jobs are not the same.
sed -i -E 's/(line [0-9]+: ) *[0-9]+ /\1PID /' "$work/host" "$work/limpet"
diff -u --label host "$work/host" --label limpet "$work/limpet"
