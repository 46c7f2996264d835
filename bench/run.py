#!/usr/bin/env python3
"""Runs the benchmark program on the host, in runc, in gVisor and in limpet, and compares.

All contestants run the same static program on the same root file system, in turn, for several rounds; the tables show
medians over the rounds. Contestants that are not installed or do not work here are left out with a word on stderr.
"""
import argparse
import datetime
import json
import os
import platform
import select
import shutil
import statistics
import subprocess
import sys
import time

import chart

LIMPET = os.environ["LIMPET"]
BUILD = os.environ["BUILD"]
WORK = os.path.join(BUILD, "bench")
ROOTFS = os.path.join(WORK, "rootfs")
ROW_TIMEOUT = 15  # seconds without a line, then the row is given up
FLOOR = [("getppid", 10.0), ("page-fault", 1.1), ("fork-exit-wait", 2.0)]  # times the host's
FLOOR_START = 3.0  # times runc's


def note(text):
    print(text, file=sys.stderr, flush=True)


def write_config(args):
    """config.json of the bundle: root in fresh namespaces, memory file systems, no capability, no limit."""
    mount = lambda target, kind, *options: {
        "destination": target, "type": kind, "source": kind, "options": list(options)}
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/", "env": ["PATH=/"],
                    "noNewPrivileges": True},
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "bench",
        "mounts": [mount("/proc", "proc"), mount("/dev", "tmpfs", "nosuid", "mode=755", "size=65536k"),
                   mount("/tmp", "tmpfs", "nosuid", "nodev")],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    }
    path = os.path.join(WORK, "config.json")
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(config, f)
    os.replace(path + ".new", path)


class Host:
    name = "host"

    def command(self, args):
        return [os.path.join(ROOTFS, "bench")] + args

    def folders(self):
        return os.path.join(ROOTFS, "data"), "/dev/shm"

    def clean(self):
        pass


class Container:
    """A runtime with runc's command line. Each run gets a name of its own."""
    count = 0

    def __init__(self, name, command, run_options=()):
        self.name, self.base, self.run_options = name, command, list(run_options)
        self.id = None

    def command(self, args):
        write_config(["/bench"] + args)
        Container.count += 1
        self.id = f"bench-{os.getpid()}-{Container.count}"
        return self.base + ["run"] + self.run_options + ["--bundle", WORK, self.id]

    def folders(self):
        return "/data", "/tmp"

    def clean(self):
        """After a run that was cut short."""
        if self.base[0] != LIMPET:
            subprocess.run(self.base + ["delete", "-f", self.id], capture_output=True, check=False)


def works(contestant):
    try:
        done = subprocess.run(contestant.command(["true"]), capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        note(f"{contestant.name}: left out: {e}")
        return False
    if done.returncode:
        note(f"{contestant.name}: left out: " + (done.stderr.strip().splitlines() or ["it fails"])[-1])
        contestant.clean()
    return done.returncode == 0


def contestants():
    found = [Host()]
    if shutil.which("runc"):
        found.append(Container("runc", ["runc"]))
    if shutil.which("runsc"):
        found.append(Container("gvisor", ["runsc", "--platform=systrap", "--network=none", "--ignore-cgroups"]))
    for gate in ("pkey", "plain"):
        found.append(Container("limpet-" + gate, [LIMPET], ["--platform", gate]))
    return [c for c in found if works(c)]


def lines_of(process):
    """Its output lines; ends when it does, or when it says nothing for too long."""
    data = b""
    while True:
        if not select.select([process.stdout], [], [], ROW_TIMEOUT)[0]:
            process.kill()
            return
        more = os.read(process.stdout.fileno(), 4096)
        if not more:
            return
        data += more
        *whole, data = data.split(b"\n")
        for line in whole:
            yield line.decode()


def measure_rows(contestant, names, quick):
    """{row: ns}. A row that fails or hangs is given up, the ones behind it are not."""
    result, left = {}, list(names)
    while left:
        folder, tmp = contestant.folders()
        args = (["--quick"] if quick else []) + ["--dir", folder, "--tmp", tmp] + left
        with subprocess.Popen(contestant.command(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for line in lines_of(process):
                name, _, value = line.partition(" ")
                result[name] = float(value)
                left.remove(name)
            said = process.stderr.read().decode(errors="replace").strip()
        if left:
            contestant.clean()
            note(f"  {contestant.name}: no result for {left[0]}: {said.splitlines()[-1] if said else 'silence'}")
            left.pop(0)
    return result


def measure_start(command, times):
    """Nanoseconds from start to end, the median of several."""
    taken = []
    for _ in range(times):
        argv = command()
        begin = time.perf_counter_ns()
        status = subprocess.call(argv, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter_ns() - begin)
        if status:
            raise RuntimeError(f"{argv[0]} ended with status {status}")
    return statistics.median(taken)


def children_of(pid):
    children = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            children += [int(word) for word in f.read().split()]
    return children


def family(pid):
    found = [pid]
    for p in found:
        found += children_of(p)
    return found


def pss(pid):
    """Bytes, with a fair share of what is shared; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def measure_memory(contestant):
    """{part: bytes} with one sleeping program. The command's own process, its children, and the rest."""
    with subprocess.Popen(contestant.command(["sleep"]), stdout=subprocess.PIPE) as process:
        if next(lines_of(process), "") != "ready":
            process.kill()
            contestant.clean()
            return {}
        time.sleep(0.2)
        first = children_of(process.pid)
        rest = [p for p in family(process.pid)[1:] if p not in first]
        parts = {"supervisor": pss(process.pid), "kernel": sum(map(pss, first)), "programs": sum(map(pss, rest))}
        for pid in reversed(family(process.pid)):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
    contestant.clean()
    return parts


def median_of(rounds):
    """[{row: value}] -> {row: median}"""
    rows = {}
    for one in rounds:
        for name, value in one.items():
            rows.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in rows.items()}


def show_time(ns):
    for limit, unit, scale in ((1e4, "ns", 1), (1e7, "us", 1e3)):
        if ns < limit:
            return f"{ns / scale:,.0f} {unit}"
    return f"{ns / 1e6:,.1f} ms"


def show_ratio(r):
    return f"{r:.2f}" if r < 10 else f"{r:,.1f}" if r < 100 else f"{r:,.0f}"


def table(results, names):
    """Lines: values, and in brackets how many times the host's."""
    who = list(results)
    cells = [["", *who]]
    for row in names:
        base = results["host"].get(row)
        line = [row]
        for w in who:
            value = results[w].get(row)
            text = "-" if value is None else show_time(value)
            if value is not None and base and w != "host":
                text += f" ({show_ratio(value / base)})"
            line.append(text)
        cells.append(line)
    width = [max(len(line[i]) for line in cells) for i in range(len(who) + 1)]
    return ["| " + " | ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(line, width))) + " |"
            for line in cells[:1]] + ["|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(width)) +
            "|"] + ["| " + " | ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(line, width))) +
            " |" for line in cells[1:]]


def show_memory(memory):
    print("\nmemory with one sleeping program, KiB (PSS of all processes):")
    for who, parts in memory.items():
        if parts:
            total = sum(parts.values())
            names = ("supervisor", "kernel", "programs") if who.startswith("limpet") else ()
            print(f"  {who:14} {total // 1024:7,}" +
                  "".join(f"  {n} {parts[n] // 1024:,}" for n in names))


def check_floor(results, limpet):
    """Prints PASS or FAIL for what must not get worse; the number of failures."""
    failures = 0
    checks = [(f"{row} {limit:g}x host", results[limpet].get(row), results["host"].get(row), limit)
              for row, limit in FLOOR]
    if "runc" in results:
        checks.append((f"`limpet do true` {FLOOR_START:g}x `runc run`", results[limpet].get("do-true"),
                       results["runc"].get("start-true"), FLOOR_START))
    else:
        print("SKIP  `limpet do true`: no runc to compare with")
    for text, value, base, limit in checks:
        if value is None or base is None:
            print(f"FAIL  {limpet}: at most {text}: not measured")
            failures += 1
            continue
        ok = value <= base * limit
        failures += not ok
        print(f"{'PASS' if ok else 'FAIL'}  {limpet}: at most {text}: {value / base:.2f} "
              f"({show_time(value)} / {show_time(base)})")
    return failures


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def options():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Compares limpet with the host and with others.")
    parser.add_argument("--quick", action="store_true", help="one round with short batches")
    parser.add_argument("--floor", action="store_true", help="say PASS or FAIL for a few rows that must stay fast")
    parser.add_argument("--only", metavar="NAME", action="append", help="this row; may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds (default 5)")
    parser.add_argument("--json", metavar="FILE", help="write all results to FILE")
    parser.add_argument("--list", action="store_true", help="name the rows")
    return parser.parse_args()


def all_rows():
    out = subprocess.run([os.path.join(ROOTFS, "bench"), "--list"], capture_output=True, text=True, check=True)
    return out.stdout.split() + ["start-true", "do-true"]


def one_round(who, rows, quick):
    """{contestant: {row: ns}}"""
    result = {}
    for c in who:
        note(f"  {c.name}")
        result[c.name] = measure_rows(c, [r for r in rows if r not in ("start-true", "do-true")], quick)
        times = 5 if quick else 10
        if "start-true" in rows:
            result[c.name]["start-true"] = measure_start(lambda c=c: c.command(["true"]), times)
        if "do-true" in rows and c.name.startswith("limpet"):
            gate = c.name.partition("-")[2]
            argv = [LIMPET, "do", "--platform", gate, "--", os.path.join(ROOTFS, "bench"), "true"]
            result[c.name]["do-true"] = measure_start(lambda argv=argv: argv, times)
    return result


def main():
    opt = options()
    os.makedirs(os.path.join(ROOTFS, "data"), exist_ok=True)
    for folder in ("proc", "dev", "tmp"):
        os.makedirs(os.path.join(ROOTFS, folder), exist_ok=True)
    rows = all_rows()
    if opt.list:
        print("\n".join(rows))
        return 0
    if opt.floor and not opt.only:
        opt.only = [row for row, _ in FLOOR] + ["start-true", "do-true"]
    if opt.only:
        unknown = [name for name in opt.only if name not in rows]
        if unknown:
            note(f"no row is called {unknown[0]} (see --list)")
            return 2
        rows = [row for row in rows if row in opt.only]
    who = contestants()
    rounds = opt.rounds or (1 if opt.quick else 3 if opt.floor else 5)
    collected = []
    for i in range(rounds):
        note(f"round {i + 1} of {rounds}")
        collected.append(one_round(who, rows, opt.quick))
    results = {c.name: median_of([one[c.name] for one in collected]) for c in who}
    limpets = [c.name for c in who if c.name.startswith("limpet")]
    if opt.floor:
        if not limpets:
            print("FAIL  limpet does not run")
        return 1 if not limpets or sum(check_floor(results, name) for name in limpets) else 0

    print(f"{machine()}, {datetime.date.today():%Y-%m}; in brackets: times the host's\n")
    print("\n".join(table(results, rows)))
    memory = {}
    if not opt.only:
        memory = {c.name: measure_memory(c) for c in who}
        show_memory(memory)
    if opt.json:
        with open(opt.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine(), "ns": results, "memory": memory, "rounds": collected}, f, indent=1)
    plot = os.path.join(BUILD, "bench.svg")
    chart.write(plot, results, rows)
    note(f"chart: {plot}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
