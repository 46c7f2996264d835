# linux.sysctl: what the guest kernel has is set, with its effect; all else is an error that names it.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=t$$

config 'c["linux"]["sysctl"] = {"kernel.msgmax": "4096", "fs.mqueue.msg_max": "20", "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 0", "net/core/somaxconn": "77", "kernel.domainname": "dom.test", "net.ipv4.ip_forward": "0"}' \
	'sh("cd /proc/sys; cat kernel/msgmax fs/mqueue/msg_max net/ipv4/ip_unprivileged_port_start net/core/somaxconn kernel/domainname; cat net/ipv4/ping_group_range")'
says 'values' 0 $'4096\n20\n0\n77\ndom.test\n0\t0' oci run -b b $id
refused() {
	config "c['linux']['sysctl'] = {'$1': '$2'}"
	ends "$1=$2" 1 oci run -b b $id
	matches "$1=$2" "$(oci run -b b $id 2>&1)" "$3"
	ends "$1=$2: nothing is left" 1 oci state $id
}
refused net.ipv4.nothere 1 'sysctl.*net/ipv4/nothere.*No such file'
refused net.ipv4.ip_forward 1 'sysctl.*net/ipv4/ip_forward.*not permitted'
refused kernel.msgmax -3 'sysctl.*kernel/msgmax.*Invalid argument'
refused kernel 1 'sysctl.*kernel'
refused kernel.hostname x 'linux.sysctl.kernel.hostname'
config 'c["linux"]["sysctl"] = {"kernel.msgmax": 4096}'
matches 'a number' "$(oci run -b b $id 2>&1)" 'linux.sysctl.kernel.msgmax: is not a string'

# The limit has its effect, also when it is set from inside.
if command -v python3 >/dev/null; then
	cat >msg.py <<'P'
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
q = c.msgget(0, 0o1600)
def send(n):
    b = ctypes.create_string_buffer(b"\1" + b"\0" * (n + 16))
    return 0 if c.msgsnd(q, b, ctypes.c_size_t(n), 0o4000) == 0 else ctypes.get_errno()
print(send(4096), send(4097), send(8192))
open("/proc/sys/kernel/msgmax", "w").write("4096\n")
print(send(4096), send(4097))
P
	is 'msgmax has its effect' "$("$LIMPET" do --user 0:0 --ro "$PWD" python3 "$PWD/msg.py" 2>&1)" $'0 0 11\n0 22'
fi
finish
