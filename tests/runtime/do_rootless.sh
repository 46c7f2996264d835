# limpet do as an ordinary user, in a user namespace.
. "$(dirname "$0")/../lib/sh.sh"
[ "$(id -u)" = 0 ] || skip "started as an ordinary user: all the other tests are this one"
setpriv --reuid 12345 --regid 12345 --clear-groups unshare -U true 2>/dev/null || skip "no user namespaces for ordinary users"
chmod 755 "$work"; mkdir mine; chown 12345:12345 mine; echo x >mine/f; chown 12345 mine/f
cp "$LIMPET" limpet; chmod 755 limpet
user() { (cd /tmp && env HOME=/tmp setpriv --reuid 12345 --regid 12345 --clear-groups "$work/limpet" do --platform "$PLATFORM" "$@"); }
says 'a command' 0 hello user -- echo hello
says 'the same user' 0 '12345 12345' user -- sh -c 'echo $(id -u) $(id -g)'
ends 'not more rights' 1 user -- cat /etc/shadow
says 'files of others are nobody'"'"'s' 0 '65534 65534' user -- stat -c '%u %g' /etc/passwd
says 'write in memory' 0 here user --cwd "$work/mine" -- sh -c 'echo here >f2; cat f2'
is 'not on the host' "$(ls mine)" f
user --rw "$work/mine" -- sh -c "echo new >$work/mine/g; rm $work/mine/f"
is '--rw' "$(ls mine; cat mine/g 2>&1; stat -c %u mine/g)" $'g\nnew\n12345'
ends 'cannot write elsewhere' 2 user -- sh -c 'echo x >/etc/x'
says 'processes' 0 3 user -- bash -c 'seq 3 | (cat | tail -n 1)'
ends 'status' 9 user -- sh -c 'exit 9'
# states of containers, where somebody else was faster with the name
theirs=/tmp/limpet-12345
if mkdir -m 777 $theirs 2>/dev/null; then
	says 'a directory of others' 1 "limpet: $theirs is not a directory of this user's alone: set XDG_RUNTIME_DIR, or use --root" \
		setpriv --reuid 12345 --regid 12345 --clear-groups env -u XDG_RUNTIME_DIR "$work/limpet" list
	rmdir $theirs
fi
finish
