/* Decoding of the memory calls: mmap(2), madvise(2), mlock(2), membarrier(2), pkeys(7), process_vm_readv(2), ... */
#include "abi/linux/mman.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "gate/host.h"
#include "mm/mm.h"
#include "mm/remote.h"
#include "proc/task.h"
#include "sys/syscall.h"

SYSCALL6(mmap, u64, addr, u64, len, u64, prot, u64, flags, int, fd, u64, off)
{
	struct file *f = NULL;
	s64 ret;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		if (flags & MAP_HUGETLB) {
			file_put(f);
			return -EINVAL;
		}
	}
	ret = mm_mmap(addr, len, prot, flags, f, off);
	if (f)
		file_put(f);
	return ret;
}

SYSCALL2(munmap, u64, addr, u64, len) { return mm_munmap(addr, len); }
SYSCALL3(mprotect, u64, addr, u64, len, u64, prot)
{
	return prot >> 32 ? -EINVAL : mm_mprotect(addr, len, prot);
}
SYSCALL1(brk, u64, brk) { return mm_brk(brk); }
SYSCALL5(mremap, u64, addr, u64, old_len, u64, new_len, u64, flags, u64, new_addr)
{
	return flags >> 32 ? -EINVAL : mm_mremap(addr, old_len, new_len, flags, new_addr);
}
SYSCALL3(madvise, u64, addr, u64, len, int, advice) { return mm_madvise(addr, len, advice); }
SYSCALL3(mseal, u64, addr, u64, len, u64, flags) { return flags ? -EINVAL : mm_mseal(addr, len); }

SYSCALL3(msync, u64, addr, u64, len, int, flags)
{
	u64 end;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr & ~PAGE_MASK) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (len > ~0ull - PAGE_SIZE || add_overflow(addr, PAGE_ALIGN_UP(len), &end))
		return -ENOMEM;
	if (end == addr)
		return 0;
	if (!mm_range_is_guests(addr, end - addr))
		return -ENOMEM;
	return mm_msync(addr, end, flags);
}

SYSCALL3(mincore, u64, addr, u64, len, struct uptr, vec)
{
	u64 pages;
	u8 *buf;
	long err = 0;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!user_range_ok(uptr(addr), len))
		return -ENOMEM;
	pages = PAGE_ALIGN_UP(len) >> PAGE_SHIFT;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	if (!pages)
		return 0;
	if (!mm_range_is_guests(addr, pages << PAGE_SHIFT))
		return -ENOMEM;
	buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	while (pages && !err) {
		u64 n = min(pages, PAGE_SIZE);

		err = host_mincore((void *)addr, n << PAGE_SHIFT, buf);
		if (!err)
			err = copy_out(vec, buf, n);
		addr += n << PAGE_SHIFT;
		vec = uptr_add(vec, n);
		pages -= n;
	}
	kfree(buf);
	return err;
}

SYSCALL2(mlock, u64, addr, u64, len) { return mm_mlock(addr, len, false); }
SYSCALL3(mlock2, u64, addr, u64, len, int, flags)
{
	return flags & ~MLOCK_ONFAULT ? -EINVAL : mm_mlock(addr, len, flags & MLOCK_ONFAULT);
}
SYSCALL2(munlock, u64, addr, u64, len) { return mm_munlock(addr, len); }
SYSCALL1(mlockall, int, flags) { return flags ? mm_mlockall(flags) : -EINVAL; }
SYSCALL0(munlockall) { return mm_mlockall(0); }

/* Threads of a guest process are threads of one host process, so the host's barriers mean the right ones. */
SYSCALL3(membarrier, int, cmd, u32, flags, int, cpu)
{
	const int known = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
	long ret;

	if (flags || (cmd & ~known) || (cmd & (cmd - 1)))
		return -EINVAL;
	ret = host_membarrier(cmd, 0, 0);
	return cmd == MEMBARRIER_CMD_QUERY && ret > 0 ? ret & known : ret;
}

/* Programs have no protection keys: the gate uses them. */
SYSCALL4(pkey_mprotect, u64, addr, u64, len, u64, prot, int, pkey)
{
	return pkey != -1 || prot >> 32 ? -EINVAL : mm_mprotect(addr, len, prot);
}
SYSCALL2(pkey_alloc, u64, flags, u64, rights) { return flags || (rights & ~3ull) ? -EINVAL : -ENOSPC; }
SYSCALL1(pkey_free, int, pkey) { return -EINVAL; }

static long process_vm(int pid, struct uptr lvec, u64 lcount, struct uptr rvec, u64 rcount, u64 flags, bool write)
{
	struct iovec fast[8], *lalloc = NULL, *remote = NULL;
	struct task *t = NULL;
	struct mm *mm;
	struct uio local;
	long ret;

	if (flags || rcount > UIO_MAXIOV)
		return -EINVAL;
	ret = uio_import(&local, lvec, lcount, fast, ARRAY_SIZE(fast), &lalloc);
	if (ret)
		return ret;
	ret = -ENOMEM;
	remote = kcalloc(rcount ? rcount : 1, sizeof(*remote));
	if (!remote)
		goto out;
	ret = copy_in(remote, rvec, rcount * sizeof(*remote));
	for (u64 i = 0; !ret && i < rcount; i++)
		if ((s64)remote[i].len < 0)
			ret = -EINVAL;
	if (ret || !local.resid || !rcount)
		goto out;
	ret = -ESRCH;
	t = pid > 0 ? task_lookup(pid) : NULL;
	if (!t)
		goto out;
	mm = mm_get_allowed(t, false);
	if (is_err(mm)) {
		ret = ptr_err(mm);
	} else if (mm) {
		ret = mm_process_vm(t, mm, &local, remote, rcount, write);
		mm_put(mm);
	}
out:
	if (t)
		task_put(t);
	kfree(remote);
	kfree(lalloc);
	return ret;
}

SYSCALL6(process_vm_readv, int, pid, struct uptr, lvec, u64, lcount, struct uptr, rvec, u64, rcount, u64, flags)
{
	return process_vm(pid, lvec, lcount, rvec, rcount, flags, false);
}

SYSCALL6(process_vm_writev, int, pid, struct uptr, lvec, u64, lcount, struct uptr, rvec, u64, rcount, u64, flags)
{
	return process_vm(pid, lvec, lcount, rvec, rcount, flags, true);
}
