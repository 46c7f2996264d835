# A process of the sandbox takes no huge pages for the kernel's own private memory, of which it uses a page or two, however
# the machine's transparent huge pages are set: they would be cleared at every fork, 2 MiB each.
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/sh.sh"

mkfifo gate
do_ -- sh -c 'echo up; read -r _; :' <gate >said & pid=$!
exec 3>gate
for _ in $(seq 100); do [ ! -s said ] || break; sleep 0.1; done
below() {
	local c
	for c in $(cat "/proc/$1/task"/*/children); do
		echo "$c"
		below "$c"
	done
}
seen=0
for p in $(below $pid); do
	# Private writable regions above the programs' own addresses.
	while read -r range flags; do
		seen=$((seen + 1))
		case " $flags " in *" nh "*) ;; *) fail "$(cat "/proc/$p/comm"): $range may have huge pages: $flags" ;; esac
	done < <(awk '/^[0-9a-f]+-[0-9a-f]+ /{ours = $1 >= "7e0000000000" && $1 < "7f8" && $2 ~ /^rw.p/ && !$6; r = $1}
		/^Size:/{big = $2 >= 2048} /^VmFlags:/ && ours && big {sub(/VmFlags:/, ""); print r, $0}' "/proc/$p/smaps")
done
[ $seen -ge 4 ] || fail "$seen regions seen, of a kserver and a program at least two each"
echo >&3
wait $pid
finish
