# Real programs in a sandbox whose network namespace hangs on a bridge by a veth pair: apt-get with a repository outside,
# curl, iperf3 both ways, nginx inside with wrk outside. What they say is what they say in the same namespace without limpet.
# long: yes
# seconds: 300
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
for p in ip curl iperf3 nginx wrk apt-get dpkg-deb; do command -v $p >/dev/null || skip "$p is not installed"; done
. "$lib/netns.sh"
ip -n "$out" link add br0 type bridge
ip -n "$out" addr add 10.98.0.1/24 dev br0
ip -n "$out" link set br0 up
ip link add "w$$" netns "$out" type veth peer name eth0 netns "$in"
ip -n "$out" link set "w$$" master br0 up
ip -n "$in" addr add 10.98.0.2/24 dev eth0
ip -n "$in" link set eth0 up
ip -n "$in" route add default via 10.98.0.1
outside() { ip netns exec "$out" "$@"; }
plain() { ip netns exec "$in" "$@"; }
inside() { ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host --rw "$work" -- "$@"; }
soon() {
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "never: $*"
}

# A repository of a few packages, and a large file.
mkdir -p www pkg/DEBIAN
for n in 1 2 3; do
	printf 'Package: limpet-p%d\nVersion: 1.%d\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n' $n $n >pkg/DEBIAN/control
	dpkg-deb --build pkg www/p$n.deb >/dev/null
	{
		dpkg-deb -f www/p$n.deb
		printf 'Filename: ./p%d.deb\nSize: %d\nSHA256: %s\n\n' $n "$(stat -c %s www/p$n.deb)" "$(sha256sum www/p$n.deb | cut -d ' ' -f 1)"
	} >>www/Packages
done
head -c 50000000 /dev/urandom >www/big
chmod -R a+rX "$work"
ip netns exec "$out" /usr/bin/python3 -m http.server --bind 10.98.0.1 --directory www 8000 >/dev/null 2>&1 &
pids+=($!)
soon plain curl -sf http://10.98.0.1:8000/Packages
cat >apt.sh <<'A'
rm -rf apt && mkdir -p apt/lists/partial apt/cache/archives/partial && : >apt/status
echo 'deb [trusted=yes] http://10.98.0.1:8000/ ./' >apt/list
o="-q -o Dir::Etc::sourcelist=$PWD/apt/list -o Dir::Etc::sourceparts=- -o Dir::State=$PWD/apt -o Dir::State::status=$PWD/apt/status
 -o Dir::State::lists=$PWD/apt/lists -o Dir::Cache=$PWD/apt/cache -o APT::Sandbox::User=root"
apt-get $o update 2>&1 | grep -v '^Fetched' | sed 's/ \[.*//'
apt-cache $o policy limpet-p2 | sed -n 3p
cd apt && apt-get $o download limpet-p1 limpet-p2 limpet-p3 2>&1 | grep -c '^Get:'
sha256sum *.deb
A
is 'apt-get' "$(inside sh apt.sh 2>&1)" "$(plain sh apt.sh 2>&1)"
matches 'apt-get found them' "$(inside sh apt.sh 2>&1)" 'Candidate: 1.2'
is 'curl' "$(inside curl -sS -m 60 http://10.98.0.1:8000/big | sha256sum)" "$(sha256sum <www/big)"
is 'curl, parallel' "$(inside sh -c 'for i in 1 2 3 4 5 6; do curl -sS -m 60 http://10.98.0.1:8000/big | sha256sum & done; wait' | sort -u)" "$(sha256sum <www/big)"

# iperf3 each way, with several streams, and UDP.
ip netns exec "$out" iperf3 -s >/dev/null 2>&1 &
pids+=($!)
sleep 0.5
for options in '' '-R' '-P 4' '-P 4 -R' '--bidir' '-u -b 200M' '-u -b 200M -R'; do
	# shellcheck disable=SC2086
	got=$(inside iperf3 -c 10.98.0.1 -t 1 $options 2>&1)
	matches "iperf3 $options" "$got" 'iperf Done'
	matches "iperf3 $options: bytes" "$got" '[1-9][0-9.]* [MG]Bytes .*receiver'
done

# nginx inside; requests from outside, some on connections that stay.
mkdir html tmp
chmod 755 . html
head -c 3000 /dev/zero | tr '\0' 'n' >html/index.html
cat >n.conf <<C
user root; worker_processes 2; daemon off; pid $work/n.pid; error_log $work/err.log;
events { worker_connections 1000; }
http { access_log off; sendfile on; client_body_temp_path $work/tmp/1; proxy_temp_path $work/tmp/2; fastcgi_temp_path $work/tmp/3;
uwsgi_temp_path $work/tmp/4; scgi_temp_path $work/tmp/5; server { listen 80; root $work/html; } }
C
ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host --rw "$work" -- nginx -c "$work/n.conf" -p "$work" 2>nginx.log &
pids+=($!)
soon outside curl -sf http://10.98.0.2/
got=$(outside wrk --timeout $((5 * ${TEST_SLOW:-1})) -t 2 -c 100 -d 3 http://10.98.0.2/ 2>&1)
matches 'wrk' "$got" 'Requests/sec: +[1-9][0-9]'
[[ $got != *'Non-2xx'* && $got != *'Socket errors'* ]] || fail "wrk: $got"
got=$(outside wrk -t 2 -c 50 -d 2 -H 'Connection: close' http://10.98.0.2/ 2>&1)
matches 'wrk without keep-alive' "$got" 'Requests/sec: +[1-9][0-9]'
[[ $got != *'Non-2xx'* ]] || fail "wrk: $got"
finish
