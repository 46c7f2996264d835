# seconds: 60
# needs: ssh ssh-keygen /usr/sbin/sshd cmp
# sshd and ssh over loopback: commands, a pseudo-terminal, 20 MB each way, forwarding, how a command ended.
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 0; }
id sshd >/dev/null 2>&1 || { echo "no user sshd"; exit 0; }
mkdir -p /run/sshd; chmod 755 . ..
ssh-keygen -q -t ed25519 -N '' -f k; cp k.pub ak; chmod 600 ak
P=$((20000 + $$ % 10000))
/usr/sbin/sshd -f /dev/null -D -p $P -h "$PWD/k" -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile="$PWD/ak" -o StrictModes=no -o UsePAM=no \
	-o PermitRootLogin=yes -o PidFile=none -E "$PWD/log" & server=$!
sleep 0.7
S="ssh -F none -p $P -i $PWD/k -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
$S root@127.0.0.1 'echo plain; tty'; echo "status $?"
$S -tt root@127.0.0.1 'echo pty; tty | sed "s/[0-9]*$//"; stty size; test -t 0 && echo a terminal' | tr -d '\r'
printf 'echo in; stty -echo; exit 3\n' | $S -tt root@127.0.0.1 bash --norc -i >/dev/null 2>&1; echo "status ${PIPESTATUS[1]}"
head -c 20000000 /dev/urandom >big
$S root@127.0.0.1 "cat >$PWD/copy" <big; cmp big copy && echo same
$S root@127.0.0.1 "cat $PWD/big" | cmp - big && echo same back
# shellcheck disable=SC2016
$S root@127.0.0.1 'kill -TERM $$'; echo "status $?"
$S -N -L "127.0.0.1:$((P + 1)):127.0.0.1:$((P + 2))" root@127.0.0.1 & tunnel=$!
/usr/bin/python3 - $((P + 1)) $((P + 2)) <<'PY'
import socket, sys, threading, time
l = socket.create_server(("127.0.0.1", int(sys.argv[2])))
def serve():
    c, _ = l.accept(); c.sendall(c.recv(100).upper()); c.close()
threading.Thread(target=serve, daemon=True).start()
for _ in range(100):
    try: s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); break
    except OSError: time.sleep(0.05)
s.sendall(b"tunnel"); print(s.recv(100))
PY
kill $tunnel $server; wait $tunnel $server
