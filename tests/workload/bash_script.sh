# bash: pipelines, traps, background jobs, here documents, process substitution, arithmetic, arrays.
set -u
echo one two three | tr ' ' '\n' | sort -r | paste -sd,
seq 1000 | while read -r n; do ((n % 100 == 0)) && echo "$n"; done | wc -l
trap 'echo trapped EXIT' EXIT
trap 'echo got USR1' USR1
kill -USR1 $BASHPID
(trap 'echo sub TERM; exit 7' TERM; kill -TERM $BASHPID; echo not here); echo "sub: $?"
for i in 3 1 2; do (sleep "0.$i"; echo "job $i") & done
wait
sleep 100 & pid=$!
# Killed before it is a sleep, the copy of bash would run the EXIT trap, on any kernel.
until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.01; done
kill $pid; wait $pid; echo "killed: $?"
diff <(seq 5) <(seq 2 6) | cat
cat <<END
here $((6 * 7)) $(echo document)
END
read -r a b < <(echo first second); echo "$b $a"
declare -A map=([x]=1 [y]=2); for k in x y; do echo "$k=${map[$k]}"; done
exec 5>file; echo to five >&5; exec 5>&-; cat file
set -o pipefail; false | true; echo "pipefail $?"
yes | head -n 100000 | wc -l; echo "${PIPESTATUS[@]}"
mkfifo f; (echo through the fifo >f &); cat f
coproc CO { while read -r l; do echo "co: $l"; done; }
echo hello >&"${CO[1]}"; read -r l <&"${CO[0]}"; echo "$l"
x=$(printf 'a%.0s' {1..100000}); echo ${#x}
ulimit -c 0; bash -c 'kill -SEGV $$' 2>/dev/null; echo "segv $?"
timeout 0.2 sleep 10; echo "timeout $?"
[ -t 0 ]; echo "terminal $?"
umask 077; touch private; stat -c %a private
printf '%s\n' *; echo "${#BASH_VERSINFO[@]}"
/bin/echo {1..20} | xargs -n 7 -P 1 echo
time (exit 0) 2>/dev/null
nosuchcommand; echo "status $?"
./file; echo "status $?"
exit 42
