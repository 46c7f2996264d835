#!/bin/sh
# make-deb.sh BUILD: BUILD/limpet_VERSION_ARCH.deb from what `make install` installs.
set -eu
build=$(realpath "$1")
root=$(realpath "$(dirname "$0")/..")
version=$("$build/limpet" --version | sed -n 's/^limpet version //p')
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT INT TERM
chmod 755 "$stage"
umask 022
DESTDIR=$stage/root meson install -C "$build" --no-rebuild --strip >"$build/deb.log"
[ -x "$stage/root/usr/bin/limpet" ] || { echo "make-deb: $build was not set up with --prefix=/usr" >&2; exit 1; }
gzip -9n "$stage/root/usr/share/man/man1/limpet.1"
doc=$stage/root/usr/share/doc/limpet
mkdir -p "$doc"
cp "$root"/README.md "$root"/docs/oci.md "$root"/docs/compatibility.md "$doc"
cat >"$doc/copyright" <<C
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: limpet

Files: *
Copyright: the limpet authors
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
C
printf 'limpet (%s) unstable; urgency=medium\n\n  * Built from source.\n\n -- limpet developers <limpet@localhost>  %s\n' \
	"$version" "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")" | gzip -9n >"$doc/changelog.gz"
# What the program is linked with, by the names of the packages here.
mkdir -p "$stage/debian" "$stage/root/DEBIAN"
printf 'Source: limpet\n\nPackage: limpet\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O root/usr/bin/limpet 2>/dev/null | sed -n 's/^shlibs:Depends=//p') || depends=
[ -n "$depends" ] || { echo "make-deb: dpkg-shlibdeps (package dpkg-dev) does not know the libraries" >&2; exit 1; }
cat >"$stage/root/DEBIAN/control" <<C
Package: limpet
Version: $version
Architecture: $arch
Maintainer: limpet developers <limpet@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage/root" | cut -f1)
Depends: $depends
Recommends: uidmap
Section: admin
Priority: optional
Description: OCI container runtime with a guest kernel in user space
 limpet runs containers, and single commands, in sandboxes. The system calls of
 their programs are served by a small kernel in user space, and not by that of
 the host. It takes the place of runc for podman, Docker and containerd.
C
(cd "$stage/root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
deb=$build/limpet_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$stage/root" "$deb" >/dev/null
echo "$deb"
