# Sourced by the lists here. WORK = a directory that is kept between runs, RUNTIME = the OCI runtime to try.
WORK=${WORK:-/var/tmp/limpet-clients}
RUNTIME=${RUNTIME:?the OCI runtime to try}
image=localhost/limpet-test:1
export WORK
mkdir -p "$WORK/vol" "$WORK/ns"
ulimit -c 0

# t NAME COMMAND...: within LIMIT seconds; a line with name, status and the end of the output
t() {
	local name=$1 out rc
	shift
	out=$(timeout "${LIMIT:-60}" "$@" 2>&1 </dev/null)
	rc=$?
	printf '%-14s rc=%-3s %s\n' "$name" "$rc" "$(tail -n 2 <<<"$out" | sed "s,$RUNTIME: ,,g; s/runc create failed: //; s/limpet: //; s/\^@//g; /^\r*$/d; /failed to connect to syslog/d" |
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

# P = podman with storage of our own, as root, in the namespace above; it has the image.
podman_setup() {
	private_mounts
	cat >"$WORK/containers.conf" <<-C
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		[network]
		network_backend = "netavark"
	C
	export CONTAINERS_CONF=$WORK/containers.conf
	P="nsenter --mount=$WORK/ns/mnt podman --root $WORK/pod --runroot $WORK/podrun --storage-driver=overlay --runtime $RUNTIME"
	$P image exists $image || $P import "$WORK/rootfs.tar" $image >/dev/null 2>&1
}

# import_tree TREE NAME: a directory as podman's image limpet-test-NAME; it sleeps by default, as a pod's first container does
import_tree() { tar -C "$1" --exclude='./var/cache/apt/archives/*.deb' -c . | $P import --change 'CMD ["sleep", "1000000"]' - "localhost/limpet-test-$2:1" >>"$WORK/images.log" 2>&1; }

# debian_image NAME PACKAGES SCRIPT: the Debian of make_image with some packages; SCRIPT runs in it. Made once.
debian_image() {
	local tree=$WORK/tree-$1
	$P image exists "localhost/limpet-test-$1:1" && return
	rm -rf "$tree"
	[ -d "$WORK/rootfs/usr" ] || { mkdir -p "$WORK/rootfs" && tar -C "$WORK/rootfs" -xf "$WORK/rootfs.tar"; }
	cp -a "$WORK/rootfs" "$tree"
	cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod +x "$tree/usr/sbin/policy-rc.d"
	unshare --mount --pid --fork sh -c "mount -t proc proc '$tree/proc' && exec chroot '$tree' sh -ec 'export DEBIAN_FRONTEND=noninteractive
		apt-get install -qy --no-install-recommends $2; $3'" >>"$WORK/images.log" 2>&1 && import_tree "$tree" "$1"
	rm -rf "$tree"
	$P image exists "localhost/limpet-test-$1:1" || { echo "no image $1: see $WORK/images.log"; exit 1; }
}

# One of busybox alone.
busybox_image() {
	local tree=$WORK/tree-busybox
	$P image exists localhost/limpet-test-busybox:1 && return
	mkdir -p "$tree"/{bin,etc,tmp,root}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	chroot "$tree" /bin/busybox --install /bin
	echo root:x:0:0:root:/root:/bin/sh >"$tree/etc/passwd"
	import_tree "$tree" busybox
	rm -rf "$tree"
}

# soon SECONDS COMMAND...: again and again until it succeeds; its last output
soon() {
	local end=$((SECONDS + $1)) out
	shift
	until out=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || { echo "$out"; return 1; }
		sleep 0.2
	done
	echo "$out"
}
export -f soon
