# Hooks: order, state on stdin, failure, time limit; poststop at delete.
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
config "c['hooks'] = {'startContainer': [{'path': '/bin/true'}]}"
matches 'a hook inside' "$(oci create -b b $id 2>&1)" 'hooks.startContainer'
is 'nothing is left' "$(ls states)" ''
finish
