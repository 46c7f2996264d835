#!/bin/bash
# scan-packages.sh DIR PACKAGE...: fetches these packages of the machine's Debian with all that they depend on, unpacks
# them below DIR without running anything of theirs, and has tools/scan-elf look for forbidden instructions
# (docs/gate.md). DIR must not exist; 5 GB for 1,000 packages. Needs gcc and libzydis-dev.
set -eu
dir=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir "$dir"
dir=$(cd "$dir" && pwd)
mkdir -p "$dir"/{debs/partial,root}
gcc -O2 -D_GNU_SOURCE -I "$here" -I "$here/kernel" -o "$dir/scan-elf" "$here"/{tools/scan-elf.c,kernel/mm/scan.c,runtime/code/locate.c} -lZydis
: >"$dir/status"
# An empty status: everything is to be fetched.
apt-get -qq -o Dir::State::status="$dir/status" -o Dir::Cache::archives="$dir/debs" -o Debug::NoLocking=1 \
	-o APT::Install-Recommends=false -o APT::Sandbox::User=root --yes --download-only install "$@"
for deb in "$dir"/debs/*.deb; do
	dpkg-deb --extract "$deb" "$dir/root"
done
echo "$(ls "$dir/debs" | grep -c '\.deb$') packages"
"$dir/scan-elf" "$dir/root"
