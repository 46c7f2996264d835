/*
 * scan-elf [-v] FILE|DIRECTORY...: forbidden instructions (docs/gate.md) in the executable segments of ELF files, and what
 * limpet makes of each. -v: a line for each hit. The search and the decoding are limpet's own. Where a file says where
 * its functions begin (.eh_frame_hdr), what was found out without that is checked against it.
 */
#include <Zydis/Zydis.h>
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mm/scan.h"
#include "runtime/code/locate.h"

#define BEFORE 512u
#define BEHIND 32u

static struct {
	unsigned long files, dirty_files, bytes, hits, kinds[4], start, inside, across, lost, checked, wrong;
} sum;
static bool verbose;

static int compare_s32(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The start of the function around vaddr by .eh_frame_hdr's sorted table, as Debian's linkers write it; 0 = not known. */
static uint64_t function_start(const uint8_t *map, size_t size, uint64_t vaddr)
{
	const Elf64_Ehdr *eh = (const void *)map;
	const Elf64_Phdr *ph = (const void *)(map + eh->e_phoff);

	for (int i = 0; i < eh->e_phnum; i++) {
		const uint8_t *h = map + ph[i].p_offset;
		uint32_t count, lo = 0, hi;

		if (ph[i].p_type != PT_GNU_EH_FRAME || ph[i].p_offset + ph[i].p_filesz > size || ph[i].p_filesz < 12)
			continue;
		if (h[0] != 1 || h[2] != 0x03 || h[3] != 0x3b)
			return 0;
		memcpy(&count, h + 8, 4);
		if (12 + 8ull * count > ph[i].p_filesz)
			return 0;
		hi = count;
		(void)compare_s32;
		while (lo < hi) {
			uint32_t mid = (lo + hi) / 2;
			int32_t loc;

			memcpy(&loc, h + 12 + 8ull * mid, 4);
			if (ph[i].p_vaddr + (int64_t)loc <= vaddr)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo) {
			int32_t loc;

			memcpy(&loc, h + 12 + 8ull * (lo - 1), 4);
			return ph[i].p_vaddr + (int64_t)loc;
		}
	}
	return 0;
}

/* By decoding from the function's start; 0 = it does not come by. */
static uint64_t sweep(const uint8_t *code, uint64_t from, uint64_t at, uint64_t end)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (from <= at) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code + from, end - from, &insn)))
			return ~0ull;
		if (from + insn.length > at)
			return from;
		from += insn.length;
	}
	return ~0ull;
}

static const char *const kind_names[] = {"", "WRPKRU", "XRSTOR", "WRGSBASE"};

static void one_hit(const char *path, const uint8_t *map, size_t size, const Elf64_Phdr *ph, const struct scan_hit *hit)
{
	const uint8_t *code = map + ph->p_offset;
	uint64_t n = ph->p_filesz, from = hit->at > BEFORE ? hit->at - BEFORE : 0;
	uint64_t to = hit->at + BEHIND < n ? hit->at + BEHIND : n;
	uint64_t func = function_start(map, size, ph->p_vaddr + hit->at), truth = ~0ull;
	ZydisDisassembledInstruction dis;
	struct code_place place;
	const char *how = "start";
	bool found = code_locate(code + from, to - from, hit->at - from, to - from, &place);

	sum.hits++;
	sum.kinds[hit->kind]++;
	if (func >= ph->p_vaddr && func <= ph->p_vaddr + hit->at)
		truth = sweep(code, func - ph->p_vaddr, hit->at, n);
	if (found && truth != ~0ull) {
		sum.checked++;
		if (truth != from + place.start) {
			sum.wrong++;
			printf("WRONG %s %#lx: located %#lx, by its function %#lx\n", path, ph->p_offset + hit->at,
			       ph->p_offset + from + place.start, ph->p_offset + truth);
		}
	}
	if (!found) {
		sum.lost++;
		if (truth == ~0ull) {
			if (verbose)
				printf("%s %#lx %s lost\n", path, ph->p_offset + hit->at, kind_names[hit->kind]);
			return;
		}
		place.start = truth - from;
	}
	ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, ph->p_vaddr + from + place.start, code + from + place.start,
			      n - from - place.start, &dis);
	if (from + place.start + dis.info.length < hit->at + hit->len) {
		sum.across++;
		how = "across";
	} else if (dis.info.mnemonic == ZYDIS_MNEMONIC_XRSTOR || dis.info.mnemonic == ZYDIS_MNEMONIC_XRSTOR64 ||
		   dis.info.mnemonic == ZYDIS_MNEMONIC_WRPKRU || dis.info.mnemonic == ZYDIS_MNEMONIC_WRGSBASE) {
		sum.start++;
	} else {
		sum.inside++;
		how = "inside";
	}
	if (verbose)
		printf("%s %#lx %s %s%s %s\n", path, ph->p_offset + hit->at, kind_names[hit->kind], found ? "" : "lost ", how,
		       dis.text);
}

static void scan_file(const char *path, const uint8_t *map, size_t size)
{
	const Elf64_Ehdr *eh = (const void *)map;
	unsigned long before = sum.hits;

	if (size < sizeof(*eh) || memcmp(map, ELFMAG, SELFMAG) || map[EI_CLASS] != ELFCLASS64 ||
	    eh->e_machine != EM_X86_64 || (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) ||
	    eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phoff > size || eh->e_phnum > (size - eh->e_phoff) / sizeof(Elf64_Phdr))
		return;
	sum.files++;
	for (int i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = (const Elf64_Phdr *)(const void *)(map + eh->e_phoff) + i;
		struct scan_hit hit;
		size_t from = 0;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
			continue;
		sum.bytes += ph->p_filesz;
		while (scan_next(map + ph->p_offset, ph->p_filesz, from, &hit)) {
			one_hit(path, map, size, ph, &hit);
			from = hit.at + 1;
		}
	}
	sum.dirty_files += sum.hits != before;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	uint8_t *map;
	int fd;

	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size < 64)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	map = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return 0;
	scan_file(path, map, (size_t)st->st_size);
	munmap(map, (size_t)st->st_size);
	return 0;
}

int main(int argc, char **argv)
{
	int i = 1;

	if (argc > 1 && !strcmp(argv[1], "-v")) {
		verbose = true;
		i++;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: scan-elf [-v] FILE|DIRECTORY...\n");
		return 2;
	}
	for (; i < argc; i++)
		nftw(argv[i], visit, 64, FTW_PHYS);
	printf("%lu files with %lu MB of code; %lu files have %lu hits: %lu WRPKRU, %lu XRSTOR, %lu WRGSBASE\n", sum.files,
	       sum.bytes >> 20, sum.dirty_files, sum.hits, sum.kinds[SCAN_WRPKRU], sum.kinds[SCAN_XRSTOR],
	       sum.kinds[SCAN_WRGSBASE]);
	printf("%lu are such instructions, %lu lie inside another, %lu across two; %lu not certain; %lu checked, %lu wrong\n",
	       sum.start, sum.inside, sum.across, sum.lost, sum.checked, sum.wrong);
	return 0;
}
