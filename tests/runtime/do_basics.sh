# limpet do: exit statuses, streams, directory, environment, user, host name.
. "$(dirname "$0")/../lib/sh.sh"

says 'output' 0 hello do_ -- echo hello
ends 'status of a program' 7 do_ -- sh -c 'exit 7'
ends 'status of a signal' 143 do_ -- bash -c 'sleep 10 & kill -TERM $!; wait $!; exit $?'
ends 'killed by a signal' 137 do_ -- sh -c '(kill -9 $(exec sh -c "echo \$PPID")); exit 137'
ends 'not found' 127 do_ -- no-such-command
ends 'not found by path' 127 do_ -- /no/such/command
echo text >plain; chmod 644 plain
ends 'not executable' 126 do_ -- ./plain
ends 'a directory' 126 do_ -- /tmp
ends 'no command' 125 do_
ends 'unknown option' 125 do_ --nonsense -- true
ends 'unknown command' 3 limpet nonsense
ends 'bad platform' 125 limpet do --platform nonsense -- true
ends 'help' 0 limpet do --help
ends 'version' 0 limpet --version
says 'stdin' 0 'through' bash -c 'echo through | "$0" do --platform "$1" -- cat' "$LIMPET" "$PLATFORM"
is 'stderr apart' "$(do_ -- sh -c 'echo out; echo err >&2' 2>/dev/null)" out
is 'large output' "$(do_ -- head -c 5000000 /dev/zero | wc -c)" 5000000
is 'large input' "$(head -c 5000000 /dev/zero | do_ -- wc -c)" 5000000
is 'closed output' "$(do_ -- sh -c 'yes; true' | head -n 1)" y
says 'closed stdin' 0 closed bash -c '"$0" do --platform "$1" -- sh -c "[ -e /proc/self/fd/0 ] || echo closed" <&-' \
	"$LIMPET" "$PLATFORM"
is 'files as streams' "$(do_ -- cat <plain; do_ -- echo more >>plain; cat plain)" $'text\ntext\nmore'
says 'directory' 0 "$PWD" do_ -- pwd
says '--cwd' 0 /usr/bin do_ --cwd /usr/bin -- pwd
ends '--cwd that is not there' 125 do_ --cwd /no/such -- pwd
is 'environment passed on' "$(VAR=value do_ -- sh -c 'echo $VAR')" value
is '--env' "$(VAR=value do_ --env VAR=other -e NEW=1 -- sh -c 'echo $VAR$NEW')" other1
is 'environment is all' "$(env -i A=1 "$LIMPET" do --platform "$PLATFORM" -- /usr/bin/env)" A=1
says '--hostname' 0 inside do_ --hostname inside -- uname -n
is 'host name' "$(do_ -- uname -n)" "$(uname -n)"
ends 'long host name' 125 do_ --hostname "$(printf 'a%.0s' {1..100})" -- true
if [ "$(id -u)" = 0 ]; then
	says '--user' 0 '1234 1234' do_ --user 1234 -- sh -c 'echo $(id -u) $(id -g)'
	says '--user with group' 0 '1234 55' do_ -u 1234:55 -- sh -c 'echo $(id -u) $(id -g)'
	ends '--user is not root' 1 do_ --user 1234 -- sh -c 'cat /etc/shadow'
fi
ends 'bad user' 125 do_ --user x:y -- true
ends 'the root is not to be replaced' 125 do_ --rw / -- true
ends 'nor by another way' 125 do_ --ro ../../../../../.. -- true
ends 'nor by a directory' 125 do_ --bind /tmp:/ -- true
says 'signals that are ignored stay so' 0 alive bash -c 'trap "" INT USR1; "$0" do --platform "$1" -- sh -c "kill -INT \$\$; kill -USR1 \$\$; echo alive"' \
	"$LIMPET" "$PLATFORM"
is 'nice value' "$(nice -n 3 "$LIMPET" do --platform "$PLATFORM" -- nice; do_ -- nice)" "$(nice -n 3 nice; nice)"
says 'options of the command' 0 '--rw' do_ echo --rw
is 'pid of the first' "$(do_ -- sh -c 'echo $$')" 1
is 'no network' "$(do_ -- sh -c 'ls /sys/class/net 2>/dev/null | grep -v ^lo$')" ''
matches 'strace' "$(do_ --strace -- true 2>&1)" 'openat\(.*exit_group\(0\)'
do_ --strace=trace -- true; matches '--strace=FILE' "$(cat trace)" 'exit_group\(0\)'
do_ --debug-log log -- true; [ -e log ] || fail '--debug-log made no file'
ends 'debug log that cannot be' 125 do_ --debug-log /no/such/log -- true
matches 'where programs lie' "$(do_ -- cat /proc/self/maps)" '^5[56][0-9a-f]{10}-'
for i in 1 2 3 4 5 6 7 8; do do_ -- sh -c "echo $i; exit $i" >"o$i" & done
for i in $(jobs -p); do wait "$i"; done
is 'eight at once' "$(cat o[1-8] | tr -d '\n')" 12345678
finish
