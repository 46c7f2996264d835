#!/bin/bash
# docs/engines.md as it stands: its files are put in their places, its sessions run, in mount namespaces of our own, where
# limpet is at /usr/local/bin/limpet. Needs root, podman, docker, containerd, python3-grpcio.
here=$(cd "$(dirname "$0")" && pwd)
RUNTIME=$(realpath "${LIMPET:-$here/../../build/limpet}")
doc=$here/../../docs/engines.md
. "$here/lib.sh"
if [ "${1:-}" != inside ]; then
	podman_setup
	busybox_image
	[ -s "$WORK/busybox.tar" ] || { $P tag localhost/limpet-test-busybox:1 localhost/busybox:latest && $P save -o "$WORK/busybox.tar" localhost/busybox:latest; } >/dev/null 2>&1
	LIMPET=$RUNTIME exec unshare --mount --propagation private "$0" inside
fi

unset CONTAINERS_CONF
E=$WORK/engines
rm -rf "$E"
mkdir -p "$E"/{etc,etc.w,bin,bin.w,lib,lib.w,data}
mount -t overlay -o "lowerdir=/etc,upperdir=$E/etc,workdir=$E/etc.w" overlay /etc
mount -t overlay -o "lowerdir=/usr/local/bin,upperdir=$E/bin,workdir=$E/bin.w" overlay /usr/local/bin
mount -t overlay -o "lowerdir=/var/lib,upperdir=$E/lib,workdir=$E/lib.w" overlay /var/lib
for d in docker containerd containers; do mkdir -p "/var/lib/$d" "$E/data/$d" && mount --bind "$E/data/$d" "/var/lib/$d"; done
mount -t tmpfs tmpfs /run
umount -l /sys/fs/cgroup/unified 2>/dev/null
cp "$RUNTIME" /usr/local/bin/limpet
failed=0 daemon=
# Whatever a failure has left.
clean() {
	local root pid
	end_daemon
	for root in /run/containerd/runc/*; do
		for pid in $(limpet --root "$root" list -q 2>/dev/null); do limpet --root "$root" delete --force "$pid"; done
	done
	for pid in /proc/[0-9]*; do
		[ "${pid#/proc/}" != $$ ] && [ "$pid/ns/mnt" -ef /proc/self/ns/mnt ] && [ "$(<"$pid/comm")" = containerd-shim ] && kill "${pid#/proc/}"
	done
}
trap 'clean; rm -rf "$E"/{etc,etc.w,bin,bin.w,lib,lib.w}' EXIT
end_daemon() { [ -z "$daemon" ] || { kill $daemon; wait $daemon; daemon=; } 2>/dev/null; }

# block TEXT: the indented lines behind the first line that has TEXT
block() { awk -v text="$1" '!on && index($0, text) { on = 1; next } on && /^    / { print substr($0, 5); seen = 1; next } on && seen && /^$/ { print; next } on && seen { exit }' "$doc"; }
place() { mkdir -p "$(dirname "$1")" && block "\`$1\`" >"$1"; [ -s "$1" ] || { echo "docs/engines.md has no $1"; exit 1; }; }

# The "$ " lines of a section, each with what it says there.
session() {
	local line command='' want='' got
	while IFS= read -r line; do
		if [[ $line == "\$ "* || -z $line ]]; then
			if [ -n "$command" ]; then
				got=$(bash -c "$command" 2>"$E/err" </dev/null)
				if [ "$got" = "${want%$'\n'}" ]; then
					echo "same      $1: $command"
				else
					echo "DIFFERENT $1: $command"
					printf '    says %q, the document %q\n    %s\n' "$got" "${want%$'\n'}" "$(tail -n 2 "$E/err")"
					failed=$((failed + 1))
				fi
			fi
			command=${line#"\$ "} want=''
		else
			want+=$line$'\n'
		fi
	done < <(sed -n "/^## $1/,/^## /s/^    //p" "$doc" | awk '/^\$ / { on = 1 } on'; echo)
}

place /etc/containers/containers.conf
printf '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n' >>/etc/containers/containers.conf # for want of CAP_SYS_RESOURCE
sed -i '/^\[engine\]/a events_logger = "file"' /etc/containers/containers.conf
podman load -qi "$WORK/busybox.tar" >/dev/null 2>&1
session podman

place /etc/docker/daemon.json
dockerd --iptables=false --ip6tables=false --bridge=none >"$E/docker.log" 2>&1 &
daemon=$!
LIMIT=30 soon 30 docker -H unix:///var/run/docker.sock info >/dev/null
docker load -qi "$WORK/busybox.tar" >/dev/null 2>&1
session Docker
end_daemon

place /etc/containerd/config.toml
printf '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "localhost/busybox:latest"\n  restrict_oom_score_adj = true\n' >>/etc/containerd/config.toml
containerd >"$E/containerd.log" 2>&1 &
daemon=$!
soon 30 ctr version >/dev/null
ctr image import "$WORK/busybox.tar" >/dev/null 2>&1
session containerd
ctr -n k8s.io image import "$WORK/busybox.tar" >/dev/null 2>&1
handler=$(sed -n 's/^    handler: //p' "$doc") class=$(sed -n 's/^      runtimeClassName: //p' "$doc")
image=$(sed -n 's/^        image: //p' "$doc") command=$(sed -n 's/^        command: \[\(.*\)\]$/\1/p' "$doc" | tr -d '",')
[ "$handler" = "$class" ] || { echo "DIFFERENT handler: $handler, $class"; failed=$((failed + 1)); }
mkdir -p "$E/pod"
# shellcheck disable=SC2086
got=$(/usr/bin/python3 "$here/cri.py" /run/containerd/containerd.sock "$handler" "$image:latest" "$E/pod" $command 2>&1)
if [ "$got" = $'container: 6.1.0-limpet\nexec: 6.1.0-limpet status 3' ]; then
	echo "same      Kubernetes: a pod of class $handler"
else
	echo "DIFFERENT Kubernetes: $got"
	failed=$((failed + 1))
fi
end_daemon
echo "$failed different"
[ $failed = 0 ]
