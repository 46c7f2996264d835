#!/bin/bash
# Runs limpet in an emulated machine that has memory protection keys, for machines that have none.
#
#   tests/vm/run.sh [-t SECONDS] -- COMMAND...     a command in the emulated machine, as root, in a copy of the tree
#   tests/vm/run.sh --systemd [-t SECONDS] -- COMMAND...   the same where systemd is PID 1, with podman
#   tests/vm/run.sh [-t SECONDS] suite [ARGS...]   tests/run.sh ARGS there (without ARGS: --platform pkey conformance security)
#   tests/vm/run.sh --icount ...   one CPU whose clock is a nanosecond an instruction: what bench/run.sh prints there are
#                                  counts of instructions, host kernel's and program's together, and are the same every time
#
# Its output comes back, and its exit status; 124 = out of time, 125 = the machine did not get that far. What is made is
# kept in $LIMPET_VM_DIR (build/vm): the kernel's package from bookworm-backports, a Debian tree, a disk image.
# Needs root, apt, debootstrap, mke2fs, a static busybox, and QEMU 10 or newer (7.2, for one, emulates IRETQ in user mode
# wrongly). The first run fetches 600 MB and takes some minutes. The system's own apt configuration is not touched.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
dir=${LIMPET_VM_DIR:-$root/build/vm}
build=${BUILD:-$root/build}
mirror=${LIMPET_VM_MIRROR:-http://deb.debian.org/debian}
packages=python3,gcc,libc6-dev,make,perl,git,strace,procps,libjansson4,libseccomp2,libcap2
packages+=,libzydis4.0,nodejs,default-jdk-headless,sqlite3,xz-utils,bzip2,busybox-static,diffutils,patch,file,time
packages+=,iproute2,curl,iputils-ping,redis-server,nginx-light,memcached
# For tests that make network namespaces and look at sockets, in the order to load them.
modules="llc stp bridge veth inet_diag tcp_diag udp_diag unix_diag"
seconds=900
base=base tree=tree init=bash later= quiet=
accel=(-accel tcg,thread=multi -smp "${LIMPET_VM_CPUS:-2}")

say() { echo "vm: $*" >&2; }
die() {
	say "$*"
	exit 125
}
usage() {
	sed -n '4,8s/^# //p' "$0" >&2
	exit 125
}

while [ $# -gt 0 ]; do
	case $1 in
	-t) seconds=$2; shift 2 ;;
	--systemd)
		base=systemd tree=systemd-tree init=systemd
		packages=systemd-sysv,dbus,python3,busybox-static,procps,libjansson4,libseccomp2,libcap2,libzydis4.0
		quiet="systemd.unit=multi-user.target systemd.show_status=no systemd.mask=serial-getty@ttyS0.service"
		quiet+=" systemd.mask=podman-auto-update.service systemd.mask=podman-restart.service"
		later="podman crun" # debootstrap cannot sort out what they depend on
		shift
		;;
	--icount) accel=(-accel tcg,thread=single -smp 1 -icount shift=0,sleep=off); shift ;;
	--) shift; break ;;
	suite) break ;;
	*) usage ;;
	esac
done
[ $# -gt 0 ] || usage
[ "$(id -u)" = 0 ] || die "needs root"
for tool in qemu-system-x86_64 debootstrap mke2fs busybox xz apt-get; do
	command -v $tool >/dev/null || die "$tool is not installed (QEMU: from bookworm-backports or later)"
done
major=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9]*\).*/\1/p')
[ "$major" -ge 10 ] || die "QEMU $major is too old: IRETQ in user mode does not work in it"
mkdir -p "$dir"

# A package list of our own: nothing of the system's is read or written but its keyring.
fetch_kernel() {
	local apt=$dir/apt name
	[ -e "$dir/kernel/done" ] && return
	if ! ls "$dir"/linux-image-*.deb >/dev/null 2>&1; then
		say "fetching a kernel"
		mkdir -p "$apt"/{lists/partial,cache/archives/partial,etc}
		: >"$apt/status"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" >"$apt/list"
		local options=(-q -o Dir::Etc::sourcelist="$apt/list" -o Dir::Etc::sourceparts=- -o Dir::State="$apt"
			-o Dir::State::status="$apt/status" -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache"
			-o APT::Sandbox::User=root)
		apt-get "${options[@]}" update >"$apt/log" 2>&1 || die "apt-get update failed: $apt/log"
		name=$(apt-cache "${options[@]}" depends linux-image-cloud-amd64 | sed -n 's/.*Depends: *\(linux-image-[^ ]*\).*/\1/p' |
			head -n 1)
		[ -n "$name" ] || die "no kernel package in bookworm-backports"
		(cd "$dir" && apt-get "${options[@]}" download "$name" >>"$apt/log" 2>&1) || die "no package: $apt/log"
	fi
	rm -rf "$dir/kernel"
	dpkg-deb -x "$(ls "$dir"/linux-image-*.deb | tail -n 1)" "$dir/kernel"
	touch "$dir/kernel/done"
}

make_base() {
	[ -e "$dir/$base.done" ] && return
	if [ ! -e "$dir/$tree/.done" ]; then
		say "making a Debian tree: some minutes"
		rm -rf "$dir/$tree"
		debootstrap --variant=minbase --include=$packages bookworm "$dir/$tree" "$mirror" >"$dir/$tree.log" 2>&1 ||
			die "debootstrap failed: $dir/$tree.log"
		[ -z "$later" ] || unshare --mount --pid --fork sh -c "mount -t proc proc '$dir/$tree/proc' && cp -L /etc/resolv.conf '$dir/$tree/etc/' &&
			DEBIAN_FRONTEND=noninteractive chroot '$dir/$tree' apt-get install -qy --no-install-recommends $later" \
			>>"$dir/$tree.log" 2>&1 || die "cannot install $later: $dir/$tree.log"
		rm -rf "$dir/$tree/var/cache/apt/archives" "$dir/$tree/var/lib/apt/lists"
		touch "$dir/$tree/.done"
	fi
	say "making the disk image"
	rm -f "$dir/$base.img"
	truncate -s 4G "$dir/$base.img"
	mke2fs -q -t ext4 -d "$dir/$tree" "$dir/$base.img"
	touch "$dir/$base.done"
}

# The first program of the machine: the disk's driver is a module, so a small system in memory loads it.
make_initrd() {
	local at=$dir/initrd
	[ -e "$dir/initrd.gz" ] && [ "$dir/initrd.gz" -nt "$0" ] && return
	rm -rf "$at"
	mkdir -p "$at"/{bin,proc,new}
	cp "$(command -v busybox)" "$at/bin/busybox"
	xz -dc "$(find "$dir/kernel/" -name virtio_blk.ko.xz)" >"$at/virtio_blk.ko"
	cat >"$at/init" <<-'END'
		#!/bin/busybox sh
		b=/bin/busybox
		$b mkdir -p /dev
		$b mount -t devtmpfs dev /dev
		$b insmod /virtio_blk.ko
		$b mount -t ext4 /dev/vda /new && $b mount -t ext4 /dev/vdb /new/mnt
		$b mount -t devtmpfs dev /new/dev
		$b mount -t proc proc /proc
		$b grep -q limpet.init=systemd /proc/cmdline || exec $b switch_root /new /bin/bash /mnt/init
		unit=/new/etc/systemd/system/limpet-test.service
		$b printf '%s\n' '[Unit]' After=dbus.service '[Service]' Type=oneshot 'ExecStart=/bin/bash /mnt/init' \
			StandardOutput=null StandardError=null TimeoutStartSec=infinity >$unit
		$b mkdir -p /new/etc/systemd/system/multi-user.target.wants
		$b ln -sf /etc/systemd/system/limpet-test.service /new/etc/systemd/system/multi-user.target.wants/limpet-test.service
		exec $b switch_root /new /lib/systemd/systemd
	END
	chmod +x "$at/init"
	(cd "$at" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$dir/initrd.gz"
}

# The tree's state now: limpet, the tests, their programs (compiled here: the emulated machine is slow).
make_payload() {
	local at=$1 f n
	mkdir -p "$at/limpet/build/tests" "$at/limpet/build/kernel"
	cp "$build/limpet" "$at/limpet/build/"
	cp "$build/kernel/limpet-kernel.elf" "$at/limpet/build/kernel/"
	cp -a tests bench tools abi docs kernel runtime "$at/limpet/"
	# Libraries that the tree was made without.
	mkdir -p "$at/limpet/lib"
	ldd "$build/limpet" | sed -n 's/.* => \(.*libZy[^ ]*\).*/\1/p' | xargs -r cp -Lt "$at/limpet/lib"
	mkdir -p "$at/modules"
	for n in $modules; do
		f=$(find "$dir/kernel/" -name "$n.ko.xz" | head -n 1)
		[ -z "$f" ] || xz -dc "$f" >"$at/modules/$n.ko"
	done
	# Programs that the tree has not, for one run.
	# shellcheck disable=SC2086
	[ -z "${LIMPET_VM_EXTRA:-}" ] || cp -L $LIMPET_VM_EXTRA "$at/limpet/"
	for f in tests/conformance/*.c tests/security/*.c; do
		[ -e "$f" ] || continue
		n=$dir/programs/${f#tests/}
		n=${n%.c}
		mkdir -p "${n%/*}"
		if ! { [ "$n" -nt "$f" ] && [ "$n" -nt tests/conformance/test.h ] && [ "$n" -nt tests/conformance/inet.h ]; }; then
			gcc -w -std=gnu17 -O1 -g -Itests/conformance -static -o "$n" "$f" -pthread -lrt || rm -f "$n"
		fi
	done
	# Bytes that QEMU 10 runs wrongly: MOV to segment registers 1, 6 and 7 loads CS, LDTR and TR, IRET at CPL 3 can set VM.
	if [ -e "$build/kernel/limpet-kernel.elf" ] && [ -d "$dir/programs/security" ]; then
		objcopy -O binary -j .text "$build/kernel/limpet-kernel.elf" "$dir/text"
		python3 -c '
t = open("'"$dir/text"'", "rb").read()
bad = [i for i in range(len(t) - 1)
	if t[i] == 0x8e and t[i + 1] >> 3 & 7 in (1, 6, 7) or t[i] == 0xcf]
print("\n".join("%x" % o for o in sorted({o for i in bad for o in range(max(0, i - 32), i + 1)})))
' >"$dir/programs/security/pkey_jump.hazards"
	fi
	[ -d "$dir/programs" ] && cp -a "$dir/programs/." "$at/limpet/build/tests/"
	cat >"$at/init" <<-'END'
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
		if [ $$ = 1 ]; then
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mount -t cgroup2 cgroup /sys/fs/cgroup
		ln -s /proc/self/fd /dev/fd
		for n in 0/stdin 1/stdout 2/stderr; do ln -s /proc/self/fd/${n%/*} /dev/${n#*/}; done
		busybox ip link set lo up
		mkdir -p /dev/pts /dev/shm
		mount -t devpts devpts /dev/pts
		mount -t tmpfs tmpfs /dev/shm
		mount -t tmpfs tmpfs /tmp
		mount -t tmpfs tmpfs /run
		hostname limpet-vm
		fi
		for n in MODULES; do [ ! -e /mnt/modules/$n.ko ] || busybox insmod /mnt/modules/$n.ko; done 2>/dev/null
		[ -e /etc/hosts ] || printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
		cp -a /mnt/limpet /opt/
		cp -n /opt/limpet/lib/* /usr/lib/x86_64-linux-gnu/
		cd /opt/limpet
		stty raw -echo </dev/ttyS0
		bash /mnt/command </dev/null >/dev/ttyS0 2>&1
		echo "status $?" >/dev/ttyS1
		echo o >/proc/sysrq-trigger
		sleep 100
	END
	sed -i "s/ MODULES;/ $modules;/" "$at/init"
}

fetch_kernel
make_base
make_initrd
[ -x "$build/limpet" ] || die "no $build/limpet: make build"
work=$(mktemp -d "$dir/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
make_payload "$work/payload"
if [ "$1" = suite ]; then
	shift
	[ $# -gt 0 ] || set -- --platform pkey conformance security
	set -- env LIMPET=/opt/limpet/build/limpet LIMPET_DEBIAN_TREE=/ TEST_SLOW=5 bash tests/run.sh "$@"
fi
printf '%q ' "$@" >"$work/payload/command"
truncate -s $(($(du -sm "$work/payload" | cut -f 1) * 5 / 4 + 32))M "$work/payload.img"
mke2fs -q -t ext4 -d "$work/payload" "$work/payload.img"
vmlinuz=$(ls "$dir"/kernel/boot/vmlinuz-*)
say "booting ${vmlinuz##*/vmlinuz-}"
# shellcheck disable=SC2054
options=("${accel[@]}" -cpu max -m "${LIMPET_VM_MEMORY:-2G}" -nodefaults -nic none
	-display none -no-reboot -kernel "$vmlinuz" -initrd "$dir/initrd.gz"
	-append "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off limpet.init=$init $quiet"
	-drive "file=$dir/$base.img,format=raw,if=virtio,snapshot=on"
	-drive "file=$work/payload.img,format=raw,if=virtio,snapshot=on"
	-serial stdio -serial "file:$work/status")
set +e
timeout "$seconds" qemu-system-x86_64 "${options[@]}" </dev/null |
	sed -u '/^\[ *[0-9.]*] \(sysrq: Power Off\|reboot: Power down\)/d'
ended=${PIPESTATUS[0]}
set -e
status=$(sed -n 's/^status \([0-9]*\).*/\1/p' "$work/status" 2>/dev/null)
if [ -n "$status" ]; then
	exit "$status"
elif [ $ended = 124 ]; then
	say "out of time after $seconds s"
	exit 124
fi
die "the machine ended without a status"
