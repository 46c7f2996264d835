# Sourced by the lists here. WORK = a directory that is kept between runs, RUNTIME = the OCI runtime to try.
WORK=${WORK:-/var/tmp/limpet-clients}
RUNTIME=${RUNTIME:?the OCI runtime to try}
image=localhost/limpet-test:1
mkdir -p "$WORK/vol" "$WORK/ns"
ulimit -c 0

# t NAME COMMAND...: a line with name, status and the end of the output
t() {
	local name=$1 out rc
	shift
	out=$(timeout 60 "$@" 2>&1 </dev/null)
	rc=$?
	printf '%-14s rc=%-3s %s\n' "$name" "$rc" "$(tail -n 2 <<<"$out" | sed "s,$RUNTIME: ,,g; s/runc create failed: //; s/limpet: //; s/\^@//g; /^\r*$/d" |
			tr '\n\t' '| ' | tr -d '\000\r' | cut -c1-160)"
}

# A Debian root file system as a tar, made once.
make_image() {
	[ -s "$WORK/rootfs.tar" ] && return
	debootstrap --variant=minbase --include=procps,perl "${SUITE:-bookworm}" "$WORK/rootfs" >"$WORK/debootstrap.log" 2>&1 &&
		tar -C "$WORK/rootfs" --exclude='./var/cache/apt/archives/*.deb' -cf "$WORK/rootfs.tar" .
}

# Where cgroup v1 has the controllers, engines are confused by an empty v2 tree beside it: a namespace without one.
private_mounts() {
	nsenter --mount="$WORK/ns/mnt" true 2>/dev/null && return
	mountpoint -q "$WORK/ns" || { mount --bind "$WORK/ns" "$WORK/ns" && mount --make-private "$WORK/ns"; }
	touch "$WORK/ns/mnt"
	unshare --mount="$WORK/ns/mnt" --propagation private sh -c 'umount -l /sys/fs/cgroup/unified 2>/dev/null; true'
}
