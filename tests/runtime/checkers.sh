# The build's checkers: they pass on what is there and fail on what they are for.
root=$PWD
. "$(dirname "$0")/../lib/sh.sh"
cd "$root" || exit 1
elf=$(dirname "$LIMPET")/kernel/limpet-kernel.elf
tools/checkelf.py "$elf" || fail 'checkelf: the kernel itself does not pass'
# A WRPKRU, an XRSTOR and a WRGSBASE in the middle of the text, one at a time.
for bytes in '\x0f\x01\xef' '\x0f\xae\x2f' '\xf3\x0f\xae\xd8'; do
	cp "$elf" "$work/bad.elf"
	printf "$bytes" | dd of="$work/bad.elf" bs=1 seek=$((0x3000)) conv=notrunc status=none
	tools/checkelf.py "$work/bad.elf" 2>/dev/null && fail "checkelf: $bytes in the text passes"
done
# An executable stack: the flags of the last program header.
python3 - "$elf" "$work/bad.elf" <<-'END'
	import struct, sys
	data = bytearray(open(sys.argv[1], "rb").read())
	phoff, phnum = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
	struct.pack_into("<I", data, phoff + (phnum - 1) * 56 + 4, 7)
	open(sys.argv[2], "wb").write(data)
END
tools/checkelf.py "$work/bad.elf" 2>/dev/null && fail 'checkelf: an executable stack passes'
python3 tools/syscall-table.py --check . || fail 'docs/syscalls.md is out of date'
mkdir -p "$work/docs" "$work/kernel/sys"
cp kernel/sys/table_*.h "$work/kernel/sys"
echo nonsense >"$work/docs/syscalls.md"
python3 tools/syscall-table.py --check "$work" 2>/dev/null && fail 'syscall-table: nonsense passes'
finish
