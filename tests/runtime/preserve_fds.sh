# --preserve-fds N: descriptors 3 to N + 2 reach the program, others do not.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
echo text >in
is 'do: read and write' "$("$LIMPET" do --preserve-fds 2 sh -c 'cat <&3; echo out >&4' 3<in 4>out; cat out)" $'text\nout'
is 'do: a pipe' "$( { "$LIMPET" do --preserve-fds 1 sh -c 'echo piped >&3' 3>&1 >/dev/null; } | cat)" piped
is 'do: not more than asked for' "$("$LIMPET" do --preserve-fds 1 sh -c 'cat <&4' 3<in 4<in 2>/dev/null; echo $?)" 2
is 'do: none by itself' "$("$LIMPET" do sh -c 'cat <&3' 3<in 2>/dev/null; echo $?)" 2
matches 'do: closed' "$("$LIMPET" do --preserve-fds 2 true 2>&1 3<in 4<&-)" 'descriptor 4 is not open'
matches 'do: a directory' "$("$LIMPET" do --preserve-fds 1 true 2>&1 3</)" 'descriptor 3 is not a file'
. "$lib/bundle.sh"
id=t$$
config 'sh("cat <&3; echo to four >&4")'
is 'run' "$(oci run --preserve-fds 2 -b b $id 3<in 4>out; cat out)" $'text\nto four'
config 'sh("echo from it >&3; sleep 100")'
oci run -d --preserve-fds 1 -b b $id 3>&1 >/dev/null </dev/null 2>&1 | head -n 1 >first &
wait $!
is 'run --detach' "$(cat first)" 'from it'
ends 'delete' 0 oci delete --force $id
config 'sh("echo from it >&3; exit")'
ends 'create' 0 oci create --preserve-fds 1 -b b $id 3>out
ends 'start' 0 oci start $id
for _ in $(seq 50); do oci state $id | grep -q stopped && break; sleep 0.05; done
is 'create and start' "$(cat out)" 'from it'
ends 'delete' 0 oci delete $id
# nobody else holds the pipe: its reader sees the end when the program ends
config 'sh("echo last >&3")'
is 'end of file' "$(timeout 20 sh -c 'cat | wc -l' < <(oci run --preserve-fds 1 -b b $id 3>&1 >/dev/null 2>&1))" 1
matches 'create: closed' "$(oci create --preserve-fds 1 -b b ${id}x 2>&1 3<&-)" 'descriptor 3 is not open'
ends "nothing is left" 1 oci state ${id}x
finish
