/* open(2) and its relatives, memfd_create(2): decoding. */
#include "fs/internal.h"
#include "sys/syscall.h"

#define MFD_CLOEXEC 0x1u
#define MFD_ALLOW_SEALING 0x2u
#define MFD_NOEXEC_SEAL 0x8u
#define MFD_EXEC 0x10u
#define MFD_NAME_MAX (NAME_MAX - 6)

static long open_user(int dirfd, struct uptr name, u32 flags, u32 mode, u32 resolve)
{
	struct uname u;
	long ret = uname_get(&u, name, false);

	if (ret)
		return ret;
	if (!(flags & O_PATH))
		flags |= O_LARGEFILE;
	ret = fd_install_new(do_open(dirfd, u.name, flags, mode, resolve), flags & O_CLOEXEC);
	uname_put(&u);
	return ret;
}

SYSCALL3(open, struct uptr, name, u32, flags, u32, mode)
{
	return open_user(AT_FDCWD, name, flags, mode, 0);
}

SYSCALL4(openat, int, dirfd, struct uptr, name, u32, flags, u32, mode)
{
	return open_user(dirfd, name, flags, mode, 0);
}

SYSCALL2(creat, struct uptr, name, u32, mode)
{
	return open_user(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

/* The struct may be longer than ours when the rest is zero. */
static int fetch_how(struct open_how *how, struct uptr p, u64 size)
{
	u8 rest[64];
	u64 at, n, i;

	if (size < OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_in(how, p, sizeof(*how)))
		return -EFAULT;
	for (at = sizeof(*how); at < size; at += n) {
		n = min(size - at, (u64)sizeof(rest));
		if (copy_in(rest, uptr_add(p, at), n))
			return -EFAULT;
		for (i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
	}
	return 0;
}

SYSCALL4(openat2, int, dirfd, struct uptr, name, struct uptr, uhow, u64, size)
{
	struct open_how how;
	int err = fetch_how(&how, uhow, size);

	if (err)
		return err;
	if (how.flags & ~(u64)O_VALID_FLAGS)
		return -EINVAL;
	if (how.resolve & ~(u64)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
				 RESOLVE_IN_ROOT | RESOLVE_CACHED))
		return -EINVAL;
	if ((how.resolve & RESOLVE_BENEATH) && (how.resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how.flags & (O_CREAT | O_TMPFILE_BIT) ? how.mode & ~(u64)S_IALLUGO : how.mode)
		return -EINVAL;
	if ((how.flags & O_PATH) && (how.flags & ~(u64)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)))
		return -EINVAL;
	/* "Only if it needs no waiting" may always be answered with: try again without. */
	if (how.resolve & RESOLVE_CACHED)
		return -EAGAIN;
	return open_user(dirfd, name, (u32)how.flags, (u32)how.mode, (u32)how.resolve);
}

SYSCALL2(memfd_create, struct uptr, uname, u32, flags)
{
	char *name;
	ssize_t n;
	struct file *f;
	u32 seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	if ((flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) == (MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	name = kmalloc(NAME_MAX + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, "memfd:", 6);
	n = copy_in_str(name + 6, uname, MFD_NAME_MAX + 1);
	if (n < 0) {
		kfree(name);
		return n == -ENAMETOOLONG ? -EINVAL : n;
	}
	if (flags & MFD_NOEXEC_SEAL)
		seals |= F_SEAL_EXEC;
	f = memfd_file(name, 0, seals, 0);
	kfree(name);
	if (!is_err(f) && (flags & MFD_NOEXEC_SEAL))
		atomic_and(&f->inode->mode, ~S_IXUGO);
	return fd_install_new(f, flags & MFD_CLOEXEC);
}
