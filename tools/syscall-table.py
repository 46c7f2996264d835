#!/usr/bin/env python3
"""Writes docs/syscalls.md from the rows of kernel/sys/table_*.h.

usage: syscall-table.py [--check] ROOT
--check: writes nothing; fails when the document is not what the rows say.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^(SYS|SYS_PARTIAL|SYS_NONE|SYS_ERR)\((\d+),\s*(\w+),\s*(.*)\)\s*$", re.S)
STRINGS = re.compile(r'"((?:[^"\\]|\\.)*)"')


def rows(root):
    for path in sorted((root / "kernel/sys").glob("table_*.h")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        text = re.sub(r"\n[ \t]+", " ", text)
        for line in text.splitlines():
            if not line.strip():
                continue
            m = ROW.match(line)
            if not m:
                sys.exit(f"{path}: not a row: {line}")
            kind, nr, name, rest = m[1], int(m[2]), m[3], m[4]
            strings = STRINGS.findall(rest)
            note = strings[-1] if strings else ""
            if kind == "SYS_ERR":
                note = f"answers {rest.split(',')[0].strip()}: {note}"
            yield nr, name, kind, note


STATUS = {"SYS": "yes", "SYS_PARTIAL": "in part", "SYS_NONE": "no (ENOSYS)", "SYS_ERR": "refused"}


def document(root):
    all_rows = sorted(rows(root))
    count = {k: sum(r[2] == k for r in all_rows) for k in STATUS}
    out = [
        "# System calls",
        "",
        "Made from the rows of `kernel/sys/table_*.h` by `tools/syscall-table.py`; change the rows, not this file.",
        "",
        f"{len(all_rows)} calls: {count['SYS']} served, {count['SYS_PARTIAL']} served in part, "
        f"{count['SYS_NONE']} not there (ENOSYS), {count['SYS_ERR']} refused for good.",
        "",
        "| nr | call | served | note |",
        "|---:|---|---|---|",
    ]
    out += [f"| {nr} | {name} | {STATUS[kind]} | {note.replace('|', '/')} |" for nr, name, kind, note in all_rows]
    return "\n".join(out) + "\n"


def main():
    args = [a for a in sys.argv[1:] if a != "--check"]
    root = pathlib.Path(args[0] if args else ".")
    path, text = root / "docs/syscalls.md", document(root)
    if "--check" in sys.argv:
        if not path.exists() or path.read_text() != text:
            sys.exit("docs/syscalls.md is out of date: run tools/syscall-table.py")
        return
    path.write_text(text)


if __name__ == "__main__":
    main()
