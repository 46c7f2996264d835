#!/usr/bin/env python3
"""Servers and their clients in runc and in limpet, in turn, over one bundle and one veth pair; prints medians.

The bundle shows this machine's /usr and /etc read-only and a /tmp in memory. Its network namespace has a veth to a second
one, in which wrk and an iperf3 server play the outside. Needs root, runc, and the programs it measures.
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys

LIMPET, WORK, HERE = os.environ["LIMPET"], os.environ["WORK"], os.path.dirname(os.path.abspath(__file__))
INSIDE, OUTSIDE = f"bench-in-{os.getpid()}", f"bench-out-{os.getpid()}"
INSIDE_IP, OUTSIDE_IP = "10.97.0.2", "10.97.0.1"
# row: unit; whether less is better; times runc's that is asked for
ROWS = {
    "unix-ping-pong": ("ns", True, 1.1), "tcp-ping-pong": ("ns", True, 0.8), "tcp-1m": ("ns", True, 1 / 1.2),
    "redis-get": ("/s", False, 1.2), "redis-set": ("/s", False, 1.2), "redis-get-P16": ("/s", False, 1.0),
    "redis-set-P16": ("/s", False, 1.0), "nginx-inside": ("/s", False, 1.2), "nginx-from-outside": ("/s", False, 0),
    "pgbench-unix": ("/s", False, 1.0), "pgbench-tcp": ("/s", False, 1.0), "iperf3-out": ("kbit/s", False, 0.9),
}


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def make_network():
    for name in INSIDE, OUTSIDE:
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    ip("link", "add", "eth0", "netns", INSIDE, "type", "veth", "peer", "name", "eth0", "netns", OUTSIDE)
    for name, address in (INSIDE, INSIDE_IP), (OUTSIDE, OUTSIDE_IP):
        ip("-n", name, "addr", "add", address + "/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")


def write_config(args):
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
              {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777"]},
              {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
              {"destination": "/var", "type": "tmpfs", "source": "tmpfs"},
              {"destination": "/var/log/nginx", "type": "tmpfs", "source": "tmpfs"},
              {"destination": "/bench", "type": "bind", "source": WORK + "/bin", "options": ["bind", "ro"]}]
    for path in "/usr", "/etc", "/bin", "/lib", "/lib64", "/sbin":
        if os.path.exists(path):
            mounts.append({"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]})
    caps = ["CAP_" + c for c in "CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID SETPCAP NET_BIND_SERVICE".split()]
    config = {
        "ociVersion": "1.0.2", "root": {"path": "rootfs"}, "mounts": mounts,
        "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount")] +
                  [{"type": "network", "path": "/run/netns/" + INSIDE}]},
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": args,
                    "env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
                    "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}},
    }
    with open(WORK + "/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f)


def outside(*args):
    return ["ip", "netns", "exec", OUTSIDE, *args]


def measure(command, seconds):
    found = {}
    server = subprocess.Popen(outside("iperf3", "-s", "-1", "-B", OUTSIDE_IP), stdout=subprocess.DEVNULL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as p:
        for line in p.stdout:
            name, _, value = line.strip().partition(" ")
            if name == "ready":
                out = subprocess.run(outside("wrk", "-t1", "-c64", f"-d{seconds}s", f"http://{INSIDE_IP}:8080/"),
                                     capture_output=True, text=True, check=False).stdout
                name, value = "nginx-from-outside", "".join(l.split()[1] for l in out.splitlines() if "Requests/sec" in l)
            try:
                found[name] = float(value)
            except ValueError:
                print(f"  {command[0]}: {line.strip()}", file=sys.stderr)
    if server.poll() is None:
        server.terminate()
    server.wait()
    return found


def table(runs):
    print(f"| {'':18} | {'runc':>14} | {'limpet':>14} | {'times runc':>10} | asked |")
    print(f"|{'-' * 20}|{'-' * 15}:|{'-' * 15}:|{'-' * 11}:|------:|")
    for row, (unit, less, want) in ROWS.items():
        a, b = ([r[row] for r in runs[who] if row in r] for who in ("runc", "limpet"))
        if not a or not b:
            print(f"| {row:18} | {'-' if not a else 'yes':>14} | {'-' if not b else 'yes':>14} | {'':10} |       |")
            continue
        a, b = statistics.median(a), statistics.median(b)
        asked = f"{'<' if less else '>'} {want:.1f}" if want else ""
        print(f"| {row:18} | {a:>7,.0f} {unit:>6} | {b:>7,.0f} {unit:>6} | {b / a:>10.2f} | {asked:>5} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter rows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--platform", default="auto", help="limpet's gate")
    args = parser.parse_args()
    limpet = [LIMPET, "run"] + ([] if args.platform == "auto" else ["--platform", args.platform])
    runs = {"runc": [], "limpet": []}
    make_network()
    try:
        write_config(["bash", "/bench/network-inside.sh", "quick" if args.quick else "full", OUTSIDE_IP])
        for i in range(args.rounds):
            for who, base in ("runc", ["runc", "run"]), ("limpet", limpet):
                found = measure(base + ["--bundle", WORK, f"bench-net-{os.getpid()}-{i}"], 1 if args.quick else 2)
                print(f"  round {i + 1}, {who}: {len(found)} rows", file=sys.stderr)
                runs[who].append(found)
    finally:
        for name in INSIDE, OUTSIDE:
            subprocess.run(["ip", "netns", "del", name], check=False)
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, {datetime.date.today()}, {args.rounds} rounds, medians\n")
    table(runs)


main()
