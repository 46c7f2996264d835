# Hooks: order, state on stdin, failure, time limit; poststop at delete; those that run inside.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
id=h$$
cat >hook <<'H'
#!/bin/sh
# hook NAME: notes name and the state's status
read -r state
printf '%s %s\n' "$1" "$(printf %s "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/')" >>"$NOTES"
printf %s "$state" | grep -q '"pid":[1-9]' && echo "$1 pid" >>"$NOTES.pid"
exit 0
H
chmod +x hook
hook() { echo "{\"path\": \"$work/hook\", \"args\": [\"hook\", \"$1\"], \"env\": [\"NOTES=$work/notes\", \"PATH=/usr/bin:/bin\"]}"; }
all() { for k in poststart poststop createContainer createRuntime prestart; do printf '"%s": [%s],' $k "$(hook $k)"; done; }
config "c['hooks'] = {$(all)}" 'sh("exit 2")'
ends 'run with hooks' 2 oci run -b b $id
is 'order and states' "$(cat notes)" $'prestart creating\ncreateRuntime creating\ncreateContainer creating\npoststart running\npoststop stopped'
rm -f notes
config "c['hooks'] = {'prestart': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo why not >&2; exit 3']}]}"
ends 'a hook that fails' 1 oci create -b b $id
matches 'a hook that fails' "$(oci create -b b $id 2>&1)" 'prestart hook #0: .*exit status 3.*why not'
config "c['hooks'] = {'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '100'], 'timeout': 1}]}"
ends 'a hook that takes too long' 1 oci create -b b $id
config "c['hooks'] = {'createRuntime': [{'path': '/no/such/hook'}]}"
ends 'a hook that is not there' 1 oci create -b b $id
config "c['hooks'] = {'createRuntime': [{'path': 'relative'}]}"
matches 'a relative hook' "$(oci create -b b $id 2>&1)" 'hooks.createRuntime\[0\].path: is not an absolute path'
# in the container, before its program, with its rights and under its filter
chmod 777 b/rootfs/data
config "c['hooks'] = {'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'cat >/data/state; { pwd; id -u; echo \$X; grep -e Seccomp: -e CapEff /proc/self/status; mkdir /data/d || echo filtered; } >/data/id 2>/dev/null'], 'env': ['PATH=/bin', 'X=of the hook']}, {'path': '/bin/true'}]}" \
	"c['process']['user'] = {'uid': 5, 'gid': 5}" "c['process']['cwd'] = '/data'" \
	"c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO'}]}" \
	'sh("id -u; cat /data/id; exit 6")'
says 'a hook inside' 6 $'5\n/data\n5\nof the hook\nCapEff:\t0000000000000000\nSeccomp:\t2\nfiltered' oci run -b b $id
matches 'its state' "$(cat b/rootfs/data/state)" "\"id\":\"$id\".*\"status\":\"created\""
config "c['hooks'] = {'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo why not >&2; exit 3']}]}" 'sh("echo reached")'
ends 'create: a hook inside' 0 oci create -b b $id
matches 'a hook inside fails' "$(oci start $id 2>&1)" 'startContainer hook #0: /bin/sh: exit status 3, output: why not$'
for _ in $(seq 50); do oci state $id | grep -q stopped && break; sleep 0.05; done
matches 'and takes the container along' "$(oci state $id)" stopped
ends 'delete' 0 oci delete $id
matches 'run: a hook inside fails' "$(oci run -b b $id 2>&1)" 'exit status 3, output: why not$'
config "c['hooks'] = {'startContainer': [{'path': '/bin/sleep', 'args': ['sleep', '100'], 'timeout': 1}]}"
matches 'a hook inside takes too long' "$(oci run -b b $id 2>&1)" 'longer than 1 s'
config "c['hooks'] = {'startContainer': [{'path': '/no/such/hook'}]}"
matches 'a hook that is not inside' "$(oci run -b b $id 2>&1)" 'startContainer hook #0: exec: "/no/such/hook": stat /no/such/hook: no such file'
is 'nothing is left' "$(ls states)" ''
finish
