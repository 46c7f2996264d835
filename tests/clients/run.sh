#!/bin/bash
# tests/clients/run.sh [LIST...]: the lists of podman.sh, rootless.sh, containerd.sh, docker.sh, pods.sh, services.sh,
# pair.sh with runc and with limpet, compared; without LIST also docs/engines.md (engines.sh).
# A line that runc passes has to be the same with limpet. Needs root, the clients, and debootstrap for the first run.
set -u
here=$(cd "$(dirname "$0")" && pwd)
LIMPET=${LIMPET:-$here/../../build/limpet}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
LIMPET=$(realpath "$LIMPET")
RUNTIME=none . "$here/lib.sh"
make_image || { echo "cannot make an image: see $WORK/debootstrap.log"; exit 1; }
failed=0
all=0
[ $# = 0 ] && all=1 && set -- podman rootless containerd docker pods services pair
for list in "$@"; do
	RUNTIME=$(command -v runc) WORK=$WORK bash "$here/$list.sh" >"$WORK/$list.runc" 2>&1
	RUNTIME=$LIMPET WORK=$WORK bash "$here/$list.sh" >"$WORK/$list.limpet" 2>&1
	# Engines say things of their own between the lines, once.
	while IFS= read -r want; do
		name=${want%% *}
		got=$(grep -m 1 "^$name  *rc=" "$WORK/$list.limpet")
		if [ "$want" = "$got" ]; then
			echo "same      $list/$name"
		elif [[ $want =~ rc=(125|126)' ' ]] && [[ $got =~ rc=0' ' ]]; then
			echo "better    $list/$name: ${got#* }"
		else
			echo "DIFFERENT $list/$name"
			echo "    runc:   ${want#* }"
			echo "    limpet: ${got#* }"
			failed=$((failed + 1))
		fi
	done < <(grep '^[^ ]*  *rc=' "$WORK/$list.runc")
	grep -q '^[^ ]*  *rc=' "$WORK/$list.runc" || { echo "$list says nothing: $WORK/$list.runc"; failed=$((failed + 1)); }
done
if [ $all = 1 ]; then
	LIMPET=$LIMPET "$here/engines.sh" || failed=$((failed + 1))
fi
echo "$failed different"
[ $failed = 0 ]
