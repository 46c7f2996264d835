# Mounts of type overlay: the host's, with the layers that the options name, and what is refused.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
modprobe overlay 2>/dev/null
grep -qw overlay /proc/filesystems || skip 'the host has no overlay file system'
chmod 755 "$work"
mkdir -p one two:x upper work
echo one >one/a; echo two >two:x/a; echo two >two:x/b
id=ovl$$
overlay() { # OPTIONS
	echo "c['mounts'].append({'destination': '/data', 'type': 'overlay', 'source': 'overlay', 'options': [$1]})"
}
layers="'lowerdir=$work/one:$work/two\\\\:x'"
config "$(overlay "$layers, 'upperdir=$work/upper', 'workdir=$work/work'")" 'sh("cat /data/a /data/b; echo new >/data/c; echo changed >/data/a; rm /data/b; ls /data")'
says 'an overlay' 0 $'one\ntwo\na\nc' oci run -b b $id
is 'the upper layer' "$(cat upper/a upper/c | tr '\n' ' ')$(stat -c %F upper/b)" 'changed new character special file'
is 'the lower layers' "$(cat one/a two:x/a two:x/b | tr '\n' ' ')" 'one two two '
config "$(overlay "$layers, 'ro'")" 'sh("cat /data/a; echo x >/data/z")'
says 'of lower layers alone' 1 $'one\nsh: can\'t create /data/z: Read-only file system' oci run -b b $id
config 'c["root"]["readonly"] = True' "$(overlay "$layers")" 'sh("cat /data/b")'
says 'in a root that is read-only' 0 two oci run -b b $id
refused() { # WHAT OPTIONS PATTERN
	config "$(overlay "$2")"
	oci run -b b $id >out 2>&1 </dev/null && fail "$1 passes"
	matches "$1" "$(cat out)" "$3"
}
refused 'no layers' '' 'mounts: /data: overlay: '
refused 'a layer of proc' "'lowerdir=/proc/sys:/etc'" 'mounts: /data: /proc/sys is in a proc file system'
refused 'a layer behind another' "'lowerdir=$work/one:/sys'" 'mounts: /data: /sys is in a sysfs file system'
refused 'a relative layer' "'lowerdir=one'" 'mounts: /data: lowerdir=one: is not an absolute path'
refused 'no such layer' "'lowerdir=$work/none'" "mounts: /data: $work/none: No such file"
refused 'an option' "$layers, 'bogus=1'" 'mounts: /data: bogus: '
is 'mounts left' "$(grep -c "$work" /proc/self/mountinfo)" 0
finish
