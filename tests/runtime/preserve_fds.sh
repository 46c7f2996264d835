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
# exec: a file to read, one to write, a pipe whose reader sees the end when the program ends
config 'sh("sleep 100")'
ends 'run' 0 oci run -d -b b $id
is 'exec' "$(oci exec --preserve-fds 2 $id sh -c 'cat <&3; echo to four >&4' 3<in 4>out; cat out)" $'text\nto four'
is 'exec: a pipe' "$(oci exec -d --preserve-fds 1 $id sh -c 'echo piped >&3; sleep 0.2; echo end >&3' 3>&1 >/dev/null 2>&1 </dev/null | cat)" $'piped\nend'
is 'exec: not more than asked for' "$(oci exec --preserve-fds 1 $id ls /proc/self/fd 3<in 4<in | grep -c '^[345]$')" 2
matches 'exec: closed' "$(oci exec --preserve-fds 1 $id true 2>&1 3<&-)" 'descriptor 3 is not open'
matches 'exec: too many' "$(oci exec --preserve-fds 1000 $id true 2>&1)" 'at most'
for i in $(seq 3 42); do eval "exec $i<in"; done
is 'exec: forty' "$(oci exec --preserve-fds 40 $id sh -c 'for i in 3 4 41 42; do eval "cat <&$i"; done; ls /proc/self/fd | wc -l')" $'text\ntext\ntext\ntext\n44'
is 'exec: forty again' "$(for _ in 1 2 3 4 5; do oci exec --preserve-fds 40 $id nothere 2>/dev/null; done; oci exec --preserve-fds 3 $id sh -c 'cat <&5')" text
for i in $(seq 3 42); do eval "exec $i<&-"; done
ends 'delete' 0 oci delete --force $id
ends "nothing is left" 1 oci state ${id}x
finish
