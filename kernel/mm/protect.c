/*
 * Every mapping call to the host, and the rule that no page is writable and executable at once.
 *
 * A program that asks for both is told yes; the host gets one of them. The other access faults, and mm_fault() flips
 * that page: a write fault makes it writable, a fetch fault executable again. Which of the two a page is at the
 * moment is known to the host alone. Code that writes into its own page would flip for ever: emulate.c.
 *
 * make_executable() is the only place where memory becomes executable, after it was looked at (code.h). A page with a
 * forbidden sequence is left readable; the fault of who runs it decides what becomes of it.
 */
#include "abi/linux/errno.h"
#include "core/boot.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "mm/code.h"
#include "mm/vma.h"
#include "proc/task.h"

/* All that programs may have mapped or changed, and nothing of the kernel's. */
bool mm_range_is_guests(u64 addr, u64 len)
{
	return !defence(DEFENCE_RANGE) || (len && !((addr | len) & ~PAGE_MASK) && addr >= USER_MIN && len <= MM_TOP && addr <= MM_TOP - len);
}

/* What the host is told for prot. Both: executable, since who maps content as that wants it run; writes flip. */
static int host_prot(u32 prot, bool content)
{
	int p = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);

	if ((p & PROT_WRITE) && (p & PROT_EXEC) && defence(DEFENCE_WX))
		p &= content ? ~PROT_WRITE : ~PROT_EXEC;
	/* On execute-only the host would spend a key of its own and close it to the kernel. */
	return p & PROT_EXEC ? p | PROT_READ : p;
}

static int make_executable(u64 addr, u64 len, int prot)
{
	int err;

	if (!code_scanned())
		return (int)host_mprotect((void *)addr, len, prot);
	err = code_enable(addr, len, prot, NULL);
	return err < 0 ? err : 0;
}

/* Traps exist only where somebody holds the lock. */
static bool has_traps(void) { return current->mm && current->mm->fix_count; }

/* Not executable, and readable again. */
static long protect(u64 addr, u64 len, int prot)
{
	return host_pkey_mprotect((void *)addr, len, prot, current->mm && current->mm->code_hidden ? 0 : -1);
}

int mm_host_map(u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 offset)
{
	int p = host_prot(prot, fd >= 0), hf = MAP_FIXED;
	long ret;

	if (!mm_range_is_guests(addr, len))
		return -ENOMEM;
	hf |= flags & MAP_SHARED ? MAP_SHARED : MAP_PRIVATE;
	hf |= flags & (MAP_NORESERVE | MAP_STACK);
	if (flags & MAP_GROWSDOWN)
		hf |= MAP_STACK; /* mapped whole, touched at one end: no huge pages */
	if (fd < 0)
		hf |= MAP_ANONYMOUS;
	if (has_traps())
		code_drop(current->mm, addr, len);
	/* Content is mapped readable first and turns executable when it has been looked at. */
	ret = host_mmap((void *)addr, len, p & PROT_EXEC ? PROT_READ : p, hf, fd, fd < 0 ? 0 : offset);
	if (ret < 0)
		return ret;
	if (p & PROT_EXEC)
		return make_executable(addr, len, p);
	return 0;
}

int mm_host_unmap(u64 addr, u64 len)
{
	if (!mm_range_is_guests(addr, len))
		return -EINVAL;
	if (has_traps())
		code_drop(current->mm, addr, len);
	return host_munmap((void *)addr, len);
}

int mm_host_protect(u64 addr, u64 len, u32 prot)
{
	int p = host_prot(prot, false);
	long err;

	if (!mm_range_is_guests(addr, len))
		return -EINVAL;
	if (has_traps())
		code_restore(current->mm, addr, len);
	if (!(p & PROT_EXEC))
		return protect(addr, len, p);
	/* Nothing may write while it is looked at. */
	err = protect(addr, len, PROT_READ);
	return err ? err : make_executable(addr, len, p);
}

/*
 * One page of a mapping that is writable and executable on paper, or that shall be looked at again. 1 = it has a
 * sequence, or nothing at all, and stays as it is.
 */
int mm_host_flip(u64 page, bool exec)
{
	long err;

	if (!mm_range_is_guests(page, PAGE_SIZE))
		return -EINVAL;
	if (!exec) {
		if (has_traps())
			code_restore(current->mm, page, PAGE_SIZE);
		return protect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	}
	/* Another thread's fetch may have put traps there a moment ago. */
	err = current->mm && code_hides(current->mm, page) ?
		      host_pkey_mprotect((void *)page, PAGE_SIZE, PROT_READ, gate->code_key) : protect(page, PAGE_SIZE, PROT_READ);
	if (err)
		return err;
	return code_scanned() ? code_enable(page, PAGE_SIZE, PROT_READ | PROT_EXEC, NULL) :
				make_executable(page, PAGE_SIZE, PROT_READ | PROT_EXEC);
}

/*
 * The host may see several mappings where the list has one VMA (pages flipped, neighbours that it could not join) and
 * moves only one at a time: halve until it does.
 */
static long move_pieces(u64 from, u64 len, u64 to, int flags)
{
	long ret = host_mremap((void *)from, len, len, flags, (void *)to);
	u64 half = PAGE_ALIGN_DOWN(len / 2);

	if (ret >= 0)
		return 0;
	if (ret != -EFAULT || !half)
		return ret;
	ret = move_pieces(from, half, to, flags);
	if (ret)
		return ret;
	ret = move_pieces(from + half, len - half, to + half, flags);
	if (ret)
		(void)!move_pieces(to, half, from, MREMAP_MAYMOVE | MREMAP_FIXED);
	return ret;
}

/* keep = MREMAP_DONTUNMAP. What is at the new place is replaced; after a failure there is nothing. */
int mm_host_move(u64 from, u64 len, u64 to, u32 prot, bool keep)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0);
	long err;

	if (!mm_range_is_guests(from, len) || !mm_range_is_guests(to, len))
		return -EINVAL;
	/* Code that moves has new neighbours: all of it is looked at again. */
	if (prot & PROT_EXEC) {
		err = protect(from, len, PROT_READ);
		if (err)
			return err;
	}
	if (has_traps()) {
		code_restore(current->mm, from, len);
		code_drop(current->mm, to, len);
	}
	err = move_pieces(from, len, to, flags);
	if (err)
		(void)!host_munmap((void *)to, len); /* the list has nothing there */
	/* Where this fails memory stays readable, and mm_fault tries again. */
	if ((prot & PROT_EXEC) && (err || keep))
		(void)!mm_host_protect(from, len, prot);
	if ((prot & PROT_EXEC) && !err)
		(void)!mm_host_protect(to, len, prot);
	return (int)err;
}

long mm_host_advise(u64 addr, u64 len, int advice)
{
	return mm_range_is_guests(addr, len) ? host_madvise((void *)addr, len, advice) : -EINVAL;
}
