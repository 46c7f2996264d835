#!/bin/sh
# install-deps.sh [--tests] [PACKAGE...]: installs what building limpet needs on Debian, and only what is missing; with
# --tests what the tests run and compare with as well.
set -eu
packages="gcc libc6-dev binutils make meson ninja-build pkg-config libseccomp-dev libjansson-dev libcap-dev libzydis-dev python3"
# COMMAND=PACKAGE: also right when the command came by another way.
commands="busybox=busybox-static xz=xz-utils bzip2=bzip2 git=git perl=perl pgrep=procps script=bsdutils diff=diffutils
	musl-gcc=musl-tools sqlite3=sqlite3 node=nodejs java=default-jdk-headless javac=default-jdk-headless
	debootstrap=debootstrap man=man-db redis-server=redis-server redis-cli=redis-tools nginx=nginx-light
	memcached=memcached curl=curl"
missing=
if [ "${1:-}" = --tests ]; then
	shift
	packages="$packages libcmocka-dev"
	for pair in $commands; do
		command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
	done
fi
for package in $packages "$@"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "not a Debian system: please install what corresponds to$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing$missing"
install="$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
# shellcheck disable=SC2086
$install $missing >/dev/null 2>&1 || {
	$sudo apt-get update >/dev/null
	$install $missing >/dev/null
}
