# Test suites of others over the sandbox's loopback: CPython's of sockets and what stands on them, Go's of net and net/http
# (what fails natively may fail), the stressors of the network with --verify.
# long: yes
# seconds: 1800
. "$(dirname "$0")/../lib/sh.sh"
ran=0

if [ -e /usr/lib/python3.11/test/test_socket.py ] && [ -x /usr/bin/python3.11 ]; then
	for t in socket ssl asyncio select poll epoll selectors socketserver httpservers ftplib smtplib telnetlib urllib2_localnet xmlrpc; do
		do_ -- sh -c "cd /tmp && exec /usr/bin/python3.11 -m test --timeout 300 test_$t" >py.log 2>&1 || fail "CPython test_$t: $(tail -n 30 py.log)"
		ran=$((ran + 1))
	done
fi

src=$(command -v go >/dev/null && go env GOROOT)/src/net
if [ -e "$src/net_test.go" ]; then
	export HOME=$work GOCACHE=$work/cache CGO_ENABLED=0
	for t in net net/http; do
		n=${t//\//-}
		(cd "$src/../$t" && go test -vet=off -c -o "$work/$n.test" .) >go.log 2>&1 || { fail "go test -c $t: $(tail -n 5 go.log)"; continue; }
		cat >go.sh <<-G
			cd $src/../$t && $work/$n.test -test.short -test.timeout 300s 2>&1
		G
		failing() { grep -oE '^ *--- FAIL: [^ ]*|^panic: .*' | sort -u; }
		sh go.sh | failing >"$n.host"
		do_ --rw "$work" -- sh go.sh >"$n.log"
		grep -qE '^(PASS|FAIL)$' "$n.log" || fail "go test $t has no end: $(tail -n 5 "$n.log")"
		new=$(failing <"$n.log" | comm -13 "$n.host" -)
		[ -z "$new" ] || fail "go test $t: $new"
		ran=$((ran + 1))
	done
fi

if command -v stress-ng >/dev/null; then
	# rawpkt needs packet sockets; those that say that something is not supported are fine with that.
	for s in dccp epoll icmp-flood netdev ping-sock rawsock rawudp sctp sock sockabuse sockdiag sockfd sockpair sockmany udp udp-flood; do
		timeout -k 5 100 "$LIMPET" do --platform "$PLATFORM" -- stress-ng --temp-path /tmp --$s 2 -t 3 --verify >stress.log 2>&1 || fail "stress-ng $s: $(grep -E 'fail|error' stress.log | head -n 3)"
		ran=$((ran + 1))
	done
fi
[ $ran -gt 0 ] || skip "neither CPython's tests nor Go nor stress-ng are installed"
finish
