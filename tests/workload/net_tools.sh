# seconds: 60
# needs: ping iperf3 curl
# ping, and iperf3 over loopback both ways, with several streams, by UDP.
tidy() { sed -n 's/time [0-9]*ms//; /transmitted/p'; }
ping -c 3 -i 0.2 127.0.0.1 | tidy
ping -c 3 -i 0.2 -s 1400 127.0.0.5 | tidy
ping -6 -c 2 -i 0.2 ::1 2>/dev/null | tidy
iperf3 -s -p 7512 >/dev/null 2>&1 & server=$!
sleep 0.5
for options in '' -R '-P 4' '--bidir' '-u -b 100M' '-u -b 100M -R' '-Z' '-N -l 1000'; do
	# shellcheck disable=SC2086
	iperf3 -c 127.0.0.1 -p 7512 -t 1 $options 2>&1 | grep -cE '^(iperf Done|.* [1-9][0-9.]* [KMG]Bytes .*receiver)' | sed "s/^/$options: /"
done
kill $server; wait $server
curl -sS http://127.0.0.1:1/ 2>&1 | sed 's/after [0-9]* ms//'; echo "curl ${PIPESTATUS[0]}"
