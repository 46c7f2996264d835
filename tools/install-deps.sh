#!/bin/sh
# Installs what building, demonstrating and testing limpet needs on Debian, and only what is missing.
# Arguments are further packages.
set -eu
packages="gcc libc6-dev binutils make meson ninja-build pkg-config libseccomp-dev libjansson-dev libcap-dev libzydis-dev python3 $*"
missing=
for package in $packages; do
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
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null || {
	$sudo apt-get update >/dev/null
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null
}
