/* Operations on mappings, futexes. */
#include "sysfuzz.h"

void op_mem(void)
{
	uint64_t len, len2, a = arena(&len), b = arena(&len2);
	static const uint64_t mr[] = { MREMAP_MAYMOVE, MREMAP_DONTUNMAP };
	static const int adv[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 100 };

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
		C6(SYS_mmap, a, one_in(30) ? size() : len, SUBSET(prots) | (one_in(2) ? PROT_READ | PROT_WRITE : 0),
		   (SUBSET(maps) | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) & ~(uint64_t)(one_in(3) ? 0 : 0x70), -1, 0);
		return;
	case 3:
	case 4: {
		uint64_t fl = SUBSET(maps) & ~(uint64_t)(MAP_ANONYMOUS | MAP_PRIVATE | MAP_SHARED);

		fl |= one_in(2) ? MAP_SHARED : MAP_PRIVATE;
		C6(SYS_mmap, a, len, SUBSET(prots) | PROT_READ, fl | (one_in(8) ? 0x100000 : MAP_FIXED), fd(), one_in(3) ? offset() & ~0xfffull : 0);
		return;
	}
	case 5:
		C2(SYS_munmap, a, len);
		return;
	case 6:
		C3(SYS_mprotect, a, len, SUBSET(prots));
		return;
	case 7: {
		uint64_t fl = SUBSET(mr), want = one_in(2) ? len : len2;

		if (one_in(3))
			fl |= MREMAP_FIXED | MREMAP_MAYMOVE;
		if (fl & MREMAP_FIXED && b + want > ARENA + ARENA_SIZE)
			want = ARENA + ARENA_SIZE - b;
		C6(SYS_mremap, a, one_in(8) ? 0 : len, want, fl, b, 0);
		return;
	}
	case 8:
	case 9:
		C3(SYS_madvise, a, len, PICK(adv));
		return;
	case 10:
		C3(SYS_msync, a, len, below(8));
		return;
	case 11:
		C3(SYS_mincore, a, len, buffer());
		return;
	case 12:
		C3(SYS_mlock2, a, len, below(3));
		return;
	case 13:
		C2(SYS_munlock, a, len);
		return;
	case 14: {
		/* The kernel must refuse these whole. */
		uint64_t bad = bad_pointer() & ~0xfffull;

		if (bad >= 0x7e0000000000ull)
			C3(one_in(2) ? SYS_munmap : SYS_mprotect, bad, len, 0);
		else
			C6(SYS_mremap, a, len, len, MREMAP_FIXED | MREMAP_MAYMOVE, 0x7e0000000000ull + (rnd() & 0xfffffff000ull), 0);
		C6(SYS_mmap, 0x7e0000000000ull + (rnd() & 0x1fffffff000ull), len, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return;
	}
	default: {
		unsigned n, m;
		uint64_t v = iov(&n), w = iov(&m);

		C6(one_in(2) ? SYS_process_vm_readv : SYS_process_vm_writev, pid(), v, n, w, m, 0);
	}
	}
	/* Keep most of the arena usable. */
	if (one_in(4))
		C6(SYS_mmap, a, len, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void op_futex(void)
{
	static const int ops[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	uint64_t w = word();
	uint32_t val = (uint32_t)below(3);
	int op = PICK(ops) | (one_in(2) ? 128 : 0) | (one_in(4) ? 256 : 0);
	struct {
		uint64_t val, addr;
		uint32_t flags, pad;
	} *wv;

	/* Words in the parameter block hold small numbers most of the time. */
	if (one_in(3) && w >= PARAM && w < PARAM + 256)
		*(volatile uint32_t *)w = one_in(3) ? (uint32_t)getpid() : (uint32_t)below(3);
	switch (below(8)) {
	case 0:
		wv = (void *)param(sizeof(*wv) * 8);
		for (unsigned i = 0; i < 6; i++) {
			wv[i].val = below(3);
			wv[i].addr = word();
			wv[i].flags = one_in(10) ? (uint32_t)rnd() : 2 | (one_in(2) ? 128 : 0);
			wv[i].pad = 0;
		}
		C6(449, wv, one_in(10) ? rnd() : below(7), 0, timespec(), 1, 0);
		return;
	case 1:
		C2(SYS_set_robust_list, one_in(2) ? buffer() : word(), 24);
		return;
	case 2:
		C3(SYS_get_robust_list, pid(), buffer(), buffer());
		return;
	default:
		if ((op & 127) == 3 || (op & 127) == 4 || (op & 127) == 5 || (op & 127) == 12)
			C6(SYS_futex, w, op, val, below(4), word(), one_in(3) ? rnd() : val);
		else
			C6(SYS_futex, w, op, val, timespec(), word(), one_in(3) ? rnd() : ~0u);
	}
}
