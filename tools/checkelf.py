#!/usr/bin/env python3
"""Checks the kernel's ELF file before it is embedded.

No segment is writable and executable, nor is the stack, nothing is left to relocate or to load dynamically, and the instructions that
could open the kernel's memory or move GS stand only where the gate put them: their bytes must not occur anywhere else
in the executable segment, at any alignment.
usage: checkelf.py KERNEL.ELF [COPY]: what passes is copied to COPY
"""
import shutil
import struct
import sys

# Pattern -> how often the gate itself contains it.
WRPKRU = b"\x0f\x01\xef"
EXPECTED = {"wrpkru": 4, "xrstor": 4, "wrgsbase": 0}
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 1, 2, 3, 0x6474E551
PF_X, PF_W = 1, 2
SHT_RELA, SHT_REL = 4, 9


def find_all(text, test, length):
    return [i for i in range(len(text) - length + 1) if test(text, i)]


def is_xrstor(t, i):
    # 0F AE /5 with a memory operand
    return t[i] == 0x0F and t[i + 1] == 0xAE and (t[i + 2] >> 3) & 7 == 5 and t[i + 2] >> 6 != 3


def is_wrgsbase(t, i):
    # F3 [REX] 0F AE /3, register form
    if t[i] != 0xF3:
        return False
    j = i + 1
    if t[j] & 0xF0 == 0x40:
        j += 1
    return t[j] == 0x0F and t[j + 1] == 0xAE and (t[j + 2] >> 3) & 7 == 3 and t[j + 2] >> 6 == 3


def check(path):
    data = open(path, "rb").read()
    problems = []
    phoff, shoff = struct.unpack_from("<QQ", data, 32)
    phnum, _, shnum = struct.unpack_from("<HHH", data, 56)
    texts = []
    stack_flags = None
    for i in range(phnum):
        ptype, flags, off, vaddr, _, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", data, phoff + i * 56)
        if ptype in (PT_DYNAMIC, PT_INTERP):
            problems.append(f"program header {i}: dynamic linking is not for a kernel")
        if ptype == PT_GNU_STACK:
            stack_flags = flags
        if ptype == PT_LOAD and flags & PF_X:
            if flags & PF_W:
                problems.append(f"segment at {vaddr:#x} is writable and executable")
            texts.append((vaddr, data[off:off + filesz]))
    if stack_flags is None or stack_flags & PF_X:
        problems.append("the stack is executable")
    for i in range(shnum):
        if struct.unpack_from("<I", data, shoff + i * 64 + 4)[0] in (SHT_RELA, SHT_REL):
            problems.append(f"section {i} holds relocations")
    for name, test, length in (
        ("wrpkru", lambda t, i: t[i:i + 3] == WRPKRU, 3),
        ("xrstor", is_xrstor, 3),
        ("wrgsbase", is_wrgsbase, 5),
    ):
        hits = [v + i for v, t in texts for i in find_all(t, test, length)]
        if len(hits) != EXPECTED[name]:
            where = ", ".join(f"{h:#x}" for h in hits)
            problems.append(f"{name}: {len(hits)} occurrences instead of {EXPECTED[name]}: {where}")
    return problems


def main():
    problems = check(sys.argv[1])
    for p in problems:
        print(f"checkelf: {sys.argv[1]}: {p}", file=sys.stderr)
    if problems:
        return 1
    if len(sys.argv) > 2:
        shutil.copyfile(sys.argv[1], sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
