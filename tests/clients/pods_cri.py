# What a kubelet asks of containerd for two pods, by curl: one whose containers see their own processes, one that shares
# them. cri.py SOCKET IMAGE LOGS VOLUME; a line per case, as the lists have it.
import struct, subprocess, sys, tempfile, time

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128]); n >>= 7
    return out + bytes([n])

def pb(**fields):
    """f3="text" or a message, v3=number, l3=[texts]"""
    out = b""
    for key, value in fields.items():
        number = int(key[1:])
        if key[0] == "v":
            out += varint(number << 3) + varint(value)
            continue
        for one in value if key[0] == "l" else [value]:
            one = one.encode() if isinstance(one, str) else one
            out += varint(number << 3 | 2) + varint(len(one)) + one
    return out

def parse(data):
    at, out = 0, {}
    def number():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]; at += 1
            n |= (b & 127) << shift; shift += 7
            if b < 128: return n
    while at < len(data):
        key = number()
        if key & 7 == 2:
            n = number(); value = data[at:at + n]; at += n
        elif key & 7 == 0:
            value = number()
        else:
            n = 8 if key & 7 == 1 else 4
            value = data[at:at + n]; at += n
        out.setdefault(key >> 3, []).append(value)
    return out

class CRI:
    def __init__(self, socket): self.socket = socket
    def call(self, method, message):
        with tempfile.NamedTemporaryFile() as f, tempfile.NamedTemporaryFile() as head:
            f.write(struct.pack(">BI", 0, len(message)) + message); f.flush()
            r = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", "60", "--unix-socket", self.socket, "-D", head.name,
                                "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@" + f.name,
                                "http://localhost/runtime.v1.RuntimeService/" + method], capture_output=True)
            heads = open(head.name).read()
        status = [l.split(":", 1)[1].strip() for l in heads.splitlines() if l.lower().startswith("grpc-status")]
        if status != ["0"]:
            raise SystemExit(method + ": " + " ".join(l for l in heads.splitlines() if l.lower().startswith("grpc-")) + f" curl {r.returncode}")
        return parse(r.stdout[5:])

NODE, CONTAINER, POD = 2, 1, 0

def say(name, *what): print("%-14s rc=%-3s %s" % (name, what[-1], " ".join(str(w).replace("\n", "|") for w in what[:-1])), flush=True)

def pod(cri, image, logs, volume, pid):
    name = "cri-pod" if pid == POD else "cri"
    config = pb(f1=pb(f1=name, f2="uid-" + name, f3="default"), f3=logs,
                f8=pb(f1="/limpet-cri", f2=pb(f1=pb(v1=NODE, v2=pid))))
    sandbox = cri.call("RunPodSandbox", pb(f1=config))[1][0].decode()
    made = {}
    def container(which, *command, **resources):
        c = pb(f1=pb(f1=which), f2=pb(f1=image), l3=command, f7=pb(f1="/data", f2=volume), f11="%s-%s.log" % (name, which),
               f15=pb(f1=pb(**resources), f2=pb(f3=pb(v1=NODE, v2=pid))))
        made[which] = cri.call("CreateContainer", pb(f1=sandbox, f2=c, f3=config))[1][0].decode()
        cri.call("StartContainer", pb(f1=made[which]))
    def run(which, *command):
        r = cri.call("ExecSync", pb(f1=made[which], l2=command, v3=20))
        return r.get(1, [b""])[0].decode(), r.get(3, [0])[0]
    def status(which): return parse(cri.call("ContainerStatus", pb(f1=made[which]))[1][0])
    container("one", "sh", "-c", "echo one is up; trap 'exit 3' TERM; while :; do sleep 0.1; done", v4=64 << 20)
    container("two", "nc", "-ll", "-p", "7171", "-e", "cat")
    seen, rc = run("one", "sh", "-c", "ps -o args")
    say(name + "-ps", sorted({w for w in ("pause", "sleep 100000", "one is up", "nc -ll") if w in seen}), rc)
    say(name + "-loopback", *run("one", "sh", "-c", "sleep 0.5; echo hi | nc -w 1 127.0.0.1 7171"))
    for which in "one", "two":
        out, rc = run(which, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max")
        say("%s-limit-%s" % (name, which), "none" if len(out) > 15 else out, rc)
    run("one", "sh", "-c", "echo v >/data/f; echo s >/dev/shm/f; echo mine >/tmp/f")
    say(name + "-volume", *run("two", "cat", "/data/f"))
    say(name + "-shm", *run("two", "cat", "/dev/shm/f"))
    say(name + "-files", *run("two", "sh", "-c", "ls /tmp"))
    say(name + "-exec", *run("two", "sh", "-c", "echo out; exit 7"))
    stats = parse(cri.call("ContainerStats", pb(f1=made["one"]))[1][0])
    say(name + "-stats", 0 < parse(parse(stats[3][0])[2][0])[1][0] < 64 << 20, 0)
    # too much memory: that one ends, by the host's hand, and clients are told so
    container("fat", "sh", "-c", "echo big; dd if=/dev/zero of=/dev/null bs=300M count=1; exit $?", v4=48 << 20)
    for _ in range(50):
        if status("fat").get(7): break
        time.sleep(0.2)
    time.sleep(0.3)
    say(name + "-oom", status("fat").get(10, [b""])[0].decode(), status("fat").get(7, [0])[0])
    say(name + "-oom-others", *run("one", "echo", "lives"), *run("two", "echo", "lives"))
    cri.call("RemoveContainer", pb(f1=made["fat"]))
    say(name + "-exec-kill", *run("one", "sh", "-c", "kill -9 $$"), *run("two", "sh", "-c", "ps -o args | grep -c '[s]leep 0.1'"))
    cri.call("UpdateContainerResources", pb(f1=made["two"], f2=pb(v4=96 << 20)))
    say(name + "-update", *(len(run(w, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max")[0]) for w in ("one", "two")), 0)
    cri.call("StopContainer", pb(f1=made["one"], v2=5))
    say(name + "-stop", status("one").get(7, [0])[0], *run("two", "echo", "the other lives"))
    cri.call("RemoveContainer", pb(f1=made["one"]))
    container("one", "sh", "-c", "exit 4")
    time.sleep(0.7)
    say(name + "-again", status("one").get(7, [0])[0], 0)
    say(name + "-log", open("%s/%s-one.log" % (logs, name)).read().split()[3:], 0)
    cri.call("StopPodSandbox", pb(f1=sandbox))
    say(name + "-stopped", status("two").get(7, [0])[0], 0)
    cri.call("RemovePodSandbox", pb(f1=sandbox))

def main():
    cri = CRI(sys.argv[1])
    for pid in CONTAINER, POD:
        pod(cri, *sys.argv[2:5], pid)
main()
