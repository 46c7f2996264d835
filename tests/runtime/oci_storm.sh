# long: yes
# seconds: 900
# 100 containers made, started, executed in, killed and deleted, 8 at a time; then 200 in which the supervisor, the guest
# kernel's first process or the command at work is killed at a random moment: `delete --force` takes away what is left,
# and the next create with that name works. The same with pods of three containers. Nothing remains on the machine.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
config 'sh("trap \"exit 5\" TERM; while :; do sleep 0.05; done")'
cat >storm.py <<'PY'
import concurrent.futures, json, os, random, signal, subprocess, sys, time
limpet, platform, mark = sys.argv[1], sys.argv[2], sys.argv[3]
cycles, kills, pods, seed = map(int, sys.argv[4:8])
base = [limpet, "--root", "states", "--platform", platform]
random.seed(seed)
bad = []

def wrong(*text):
    bad.append(1)
    print(*text, flush=True)

# Output to a file: a supervisor that lives on would keep a pipe open.
def oci(*args, want=0, limit=60):
    with open("/dev/null") as null, os.fdopen(os.memfd_create("out"), "w+b") as out:
        try:
            status = subprocess.run(base + list(args), stdin=null, stdout=out, stderr=out, timeout=limit).returncode
        except subprocess.TimeoutExpired:
            status = "time"
        out.seek(0)
        text = out.read().decode(errors="replace")
    if want is not None and status != want:
        wrong(" ".join(args), "->", status, text.strip()[-200:])
    return status, text

def gone(id):
    if os.path.exists("states/" + id):
        wrong("a state directory is left of", id, os.listdir("states/" + id))

def cycle(i):
    id = "storm%s-%d" % (mark, i)
    oci("create", "-b", "b", id)
    oci("start", id)
    oci("exec", id, "sh", "-c", "exit 7", want=7)
    oci("kill", id, "TERM" if i % 2 else "KILL")
    for n in range(500):
        if '"stopped"' in oci("state", id)[1]:
            break
        if n % 50 == 49: # PID 1 does not hear a TERM that it has no trap for yet
            oci("kill", id, "TERM", want=None)
        time.sleep(0.02)
    oci("delete", id)
    gone(id)

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(cycle, range(cycles)))
print("cycles:", cycles, "wrong:", len(bad))

def state(id):
    try:
        return json.load(open("states/%s/state.json" % id))
    except (OSError, ValueError):
        return {}

def kill(pid):
    try:
        if pid:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

# One command, killed when it has run so long. None: it had ended before.
def cut_short(rng, *args, longest=0.06):
    with open("/dev/null", "r+") as null:
        p = subprocess.Popen(base + list(args), stdin=null, stdout=null, stderr=null)
    time.sleep(rng.random() * longest)
    p.kill()
    p.wait()

def murder(i):
    rng = random.Random(seed * 1000 + i)
    id = "kill%s-%d" % (mark, i)
    kind = ("supervisor", "kernel", "create", "start", "exec", "kill", "delete", "both", "paused")[i % 9]
    if kind == "create":
        cut_short(rng, "create", "-b", "b", id)
    else:
        made = oci("create", "-b", "b", id)
        if kind == "start":
            cut_short(rng, "start", id, longest=0.02)
        elif rng.random() < 0.8:
            oci("start", id)
        s = state(id)
        if kind == "exec":
            cut_short(rng, "exec", id, "sh", "-c", "for i in 1 2 3; do sleep 0.01; done")
        elif kind == "kill":
            cut_short(rng, "kill", id, "KILL", longest=0.01)
        elif kind == "delete":
            cut_short(rng, "delete", "--force", id, longest=0.04)
        elif kind == "paused":
            oci("pause", id, want=None) # refused when it does not run yet
            kill(s.get(rng.choice(("pid", "kernelPid"))))
        else:
            # while something else is under way
            with open("/dev/null", "r+") as null:
                p = subprocess.Popen(base + ["exec", id, "sh", "-c", "sleep 0.02"], stdin=null, stdout=null, stderr=null)
            time.sleep(rng.random() * 0.05)
            if kind != "kernel":
                kill(s.get("pid"))
            if kind != "supervisor":
                kill(s.get("kernelPid"))
            try:
                p.wait(30)
            except subprocess.TimeoutExpired:
                wrong(kind, i, "exec hangs")
                p.kill()
                p.wait()
    oci("list")
    oci("delete", "--force", id)
    gone(id)
    oci("create", "-b", "b", id)
    oci("start", id)
    oci("exec", id, "true")
    oci("delete", "--force", id)
    gone(id)

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(murder, range(kills)))
print("killed:", kills, "wrong:", len(bad))

plain = json.load(open("b/config.json"))

# A bundle of a pod: its sandbox, or a container that joins the one whose process is sandbox.
def pod_bundle(pod, name, sandbox=0):
    c = json.loads(json.dumps(plain))
    c["root"]["path"] = os.path.abspath("b/rootfs")
    c["annotations"] = {"io.kubernetes.cri.container-type": "container" if sandbox else "sandbox",
                        "io.kubernetes.cri.sandbox-id": pod}
    for n in c["linux"]["namespaces"]:
        if sandbox and n["type"] in ("network", "ipc", "uts"):
            n["path"] = "/proc/%d/ns/%s" % (sandbox, {"network": "net"}.get(n["type"], n["type"]))
    d = "bundles/%s-%s" % (pod, name)
    os.makedirs(d, exist_ok=True)
    json.dump(c, open(d + "/config.json", "w"))
    return d

def pod_up(pod):
    oci("create", "-b", pod_bundle(pod, "p"), pod)
    oci("start", pod)
    return state(pod).get("pid", 0)

# A host process of the container that is not its first: whose parent's PID namespace is the sandbox's.
def a_process(rng, id):
    text = oci("ps", "-f", "json", id, want=None)[1]
    try:
        return rng.choice(json.loads(text) or [0])
    except ValueError:
        return 0

def pod_murder(i):
    rng = random.Random(seed * 2000 + i)
    pod = "kill%s-p%d" % (mark, i)
    one, two = pod + "a", pod + "b"
    kind = ("supervisor", "kernel", "joiner", "create", "start", "exec", "process", "delete", "paused", "sandbox create")[i % 10]
    if kind == "sandbox create":
        cut_short(rng, "create", "-b", pod_bundle(pod, "p"), pod)
        oci("delete", "--force", pod)
        gone(pod)
    sandbox = pod_up(pod)
    b1, b2 = pod_bundle(pod, "a", sandbox), pod_bundle(pod, "b", sandbox)
    oci("create", "-b", b2, two)
    oci("start", two)
    if kind == "create":
        cut_short(rng, "create", "-b", b1, one)
    else:
        oci("create", "-b", b1, one)
        if kind == "start":
            cut_short(rng, "start", one, longest=0.02)
        elif rng.random() < 0.8:
            oci("start", one)
    victim = {"supervisor": lambda: state(pod).get("pid"), "kernel": lambda: state(pod).get("kernelPid"),
              "joiner": lambda: state(one).get("pid"), "process": lambda: a_process(rng, one)}.get(kind)
    if victim: # while something else is under way
        with open("/dev/null", "r+") as null:
            p = subprocess.Popen(base + ["exec", one, "sh", "-c", "sleep 0.02"], stdin=null, stdout=null, stderr=null)
        time.sleep(rng.random() * 0.05)
        kill(victim())
        try:
            p.wait(30)
        except subprocess.TimeoutExpired:
            wrong(kind, i, "exec hangs")
            p.kill()
            p.wait()
    elif kind == "exec":
        cut_short(rng, "exec", one, "sh", "-c", "for i in 1 2 3; do sleep 0.01; done")
    elif kind == "delete":
        cut_short(rng, "delete", "--force", one, longest=0.04)
    elif kind == "paused":
        oci("pause", one, want=None)
        kill(state(rng.choice((one, pod))).get("pid"))
    # What was not meant goes on.
    if kind in ("joiner", "create", "start", "exec", "process", "delete", "sandbox create"):
        oci("exec", two, "true")
        oci("delete", "--force", one)
        gone(one)
        oci("create", "-b", b1, one)
        oci("start", one)
        oci("exec", one, "true")
        oci("exec", pod, "true")
    ids = [pod, one, two]
    rng.shuffle(ids)
    for id in ids:
        oci("delete", "--force", id)
        gone(id)

os.makedirs("bundles", exist_ok=True)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(pod_murder, range(pods)))
print("in pods:", pods, "wrong:", len(bad))
sys.exit(bool(bad))
PY
# What containers would leave: supervisors and commands have the name as an argument, everything else is in its group.
count() {
	pgrep -fc -- "--root states .*(storm|kill)$$-" || true
	find /sys/fs/cgroup -type d \( -name "limpet-storm$$-*" -o -name "limpet-kill$$-*" \) 2>/dev/null | wc -l
	grep -c "$work" /proc/self/mountinfo || true
}
none=$'0\n0\n0'
seed=${STORM_SEED:-$RANDOM}
/usr/bin/python3 storm.py "$LIMPET" "$PLATFORM" $$ "${STORM_CYCLES:-100}" "${STORM_KILLS:-200}" "${STORM_PODS:-80}" "$seed" || fail "seed $seed"
for _ in $(seq 50); do [ "$(count)" = "$none" ] && break; sleep 0.1; done
is 'processes, groups, mounts' "$(count)" "$none"
is 'states' "$(ls states)" ''
finish
