/* Operations on open files, descriptors, data, names. */
#include "sysfuzz.h"

void op_open(void)
{
	int k = (int)below(24);
	int *two = (void *)param(8);
	static const uint64_t efd[] = { EFD_NONBLOCK, EFD_SEMAPHORE, EFD_CLOEXEC };
	static const int fam[] = { AF_UNIX, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	static const int typ[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW };

	switch (k) {
	case 0:
		if (C2(SYS_pipe2, two, one_in(2) ? O_NONBLOCK : one_in(3) ? O_DIRECT : 0) == 0) {
			keep(two[0]);
			keep(two[1]);
		}
		return;
	case 1:
		keep(C2(SYS_eventfd2, below(10), SUBSET(efd)));
		return;
	case 2:
		keep(C2(SYS_timerfd_create, below(12), one_in(2) ? TFD_NONBLOCK : 0));
		return;
	case 3:
		keep(C4(SYS_signalfd4, one_in(3) ? fd() : -1, random_sigset(), 8, one_in(2) ? SFD_NONBLOCK : 0));
		return;
	case 4:
	case 5:
		keep(C1(SYS_epoll_create1, one_in(2) ? EPOLL_CLOEXEC : 0));
		return;
	case 6:
		keep(C1(SYS_inotify_init1, one_in(2) ? IN_NONBLOCK : 0));
		return;
	case 7:
		keep(C2(SYS_memfd_create, path(), one_in(2) ? MFD_ALLOW_SEALING : below(32)));
		return;
	case 8:
	case 9:
		if (C4(SYS_socketpair, AF_UNIX, PICK(typ) | (one_in(2) ? SOCK_NONBLOCK : 0), 0, two) == 0) {
			keep(two[0]);
			keep(two[1]);
		}
		return;
	case 10:
		keep(C3(SYS_socket, PICK(fam), PICK(typ) | (one_in(2) ? SOCK_NONBLOCK : 0), one_in(5) ? below(20) : 0));
		return;
	case 11: {
		int m = open("/dev/ptmx", O_RDWR | O_NOCTTY | (one_in(2) ? O_NONBLOCK : 0)), zero = 0, n;
		char name[32];

		if (m < 0)
			return;
		if (!ioctl(m, TIOCSPTLCK, &zero) && !ioctl(m, TIOCGPTN, &n)) {
			snprintf(name, sizeof(name), "/dev/pts/%d", n);
			keep(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
		}
		keep(m);
		return;
	}
	case 12:
		keep(C2(SYS_pidfd_open, pid(), one_in(3) ? O_NONBLOCK : 0));
		return;
	case 13:
		keep(C4(SYS_openat, AT_FDCWD, "fifo", O_RDWR | O_NONBLOCK, 0));
		return;
	case 14:
		keep(C3(SYS_pidfd_getfd, fd(), below(60), 0));
		return;
	case 15: {
		uint64_t *how = (void *)param(24);

		how[0] = SUBSET(open_flags);
		how[1] = how[0] & (O_CREAT | O_TMPFILE) ? (uint64_t)mode() : 0;
		how[2] = one_in(2) ? below(64) : 0;
		keep(C4(SYS_openat2, dirfd_(), path(), how, one_in(10) ? size() : 24));
		return;
	}
	default:
		keep(C4(SYS_openat, dirfd_(), path(), SUBSET(open_flags) | (one_in(2) ? O_NONBLOCK : 0), mode()));
	}
}

void op_fd(void)
{
	switch (below(12)) {
	case 0:
		C1(SYS_close, fds[below(NFDS)]);
		return;
	case 1:
		keep(C1(SYS_dup, fd()));
		return;
	case 2:
		C3(SYS_dup3, fd(), 3 + below(200), one_in(3) ? O_CLOEXEC : 0);
		return;
	case 3: {
		static const int cmds[] = { F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN,
					    F_SETSIG, F_GETSIG, F_OFD_SETLK, F_OFD_GETLK, F_OFD_SETLKW, F_SETPIPE_SZ, F_GETPIPE_SZ,
					    F_ADD_SEALS, F_GET_SEALS, F_SETLEASE, F_NOTIFY, F_DUPFD_CLOEXEC, F_SETOWN_EX, F_GETOWN_EX,
					    1038, 1039 };
		int cmd = PICK(cmds);
		struct flock *l = (void *)param(sizeof(*l));

		if (cmd == F_SETOWN) {
			C3(SYS_fcntl, fd(), cmd, pid());
			return;
		}
		l->l_type = (short)below(4);
		l->l_whence = (short)below(3);
		l->l_start = one_in(4) ? (long)offset() : (long)below(100);
		l->l_len = one_in(4) ? (long)offset() : (long)below(100);
		l->l_pid = one_in(5) ? 7 : 0;
		if (cmd == F_SETOWN_EX) {
			((int *)l)[0] = (int)below(3);
			((int *)l)[1] = pid();
		}
		if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
			keep(C3(SYS_fcntl, fd(), cmd, one_in(8) ? rnd() : below(100)));
		else
			C3(SYS_fcntl, fd(), cmd,
			   one_in(2) || (cmd >= F_GETLK && cmd <= F_SETLKW) || cmd >= F_OFD_GETLK ? (long)l : (long)SUBSET(open_flags));
		return;
	}
	case 4: {
		static const uint64_t cmds[] = { FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ,
						 TIOCSWINSZ, TIOCSPGRP, TIOCGPGRP, TIOCSCTTY, TIOCNOTTY, TIOCSTI, TIOCGPTN, TIOCSPTLCK,
						 TIOCGPTPEER, TIOCPKT, TIOCSIG, TIOCEXCL, TIOCNXCL, TIOCOUTQ, TCFLSH, TCXONC, TCSBRK,
						 TIOCSETD, TIOCGETD, 0x541b, 0x5421, 0x80086601, 0x40086602, 0x1268, 0x80045430, 0x8910 };

		C3(SYS_ioctl, fd(), one_in(20) ? rnd() : PICK(cmds), one_in(3) ? below(70) : buffer());
		return;
	}
	case 5:
		C2(SYS_flock, fd(), below(16));
		return;
	case 6:
		C3(SYS_close_range, 20 + below(200), one_in(5) ? ~0u : 20 + below(250), one_in(2) ? below(8) : 0);
		return;
	case 7:
		C3(SYS_lseek, fd(), offset(), below(7));
		return;
	case 8:
		C2(SYS_fstat, fd(), buffer());
		return;
	case 9:
		C4(SYS_fadvise64, fd(), offset(), offset(), below(8));
		return;
	case 10:
		C4(SYS_sync_file_range, fd(), offset(), offset(), below(9));
		return;
	default:
		C1(one_in(2) ? SYS_fsync : SYS_fdatasync, fd());
	}
}

void op_io(void)
{
	unsigned n;
	uint64_t v, *off = (void *)param(8), *off2 = (void *)param(8);
	static const uint64_t spl[] = { 1, 2, 2, 4, 8 };
	static const uint64_t rwf[] = { 1, 2, 4, 8, 16, 32 };

	*off = offset();
	*off2 = offset();
	switch (below(16)) {
	case 0:
	case 1:
		C3(SYS_read, fd(), buffer(), size());
		return;
	case 2:
	case 3:
		C3(SYS_write, fd(), buffer(), size());
		return;
	case 4:
		C4(SYS_pread64, fd(), buffer(), size(), offset());
		return;
	case 5:
		C4(SYS_pwrite64, fd(), buffer(), size(), offset());
		return;
	case 6:
		v = iov(&n);
		C3(one_in(2) ? SYS_readv : SYS_writev, fd(), v, n);
		return;
	case 7:
		v = iov(&n);
		C6(one_in(2) ? SYS_preadv2 : SYS_pwritev2, fd(), v, n, offset(), 0, SUBSET(rwf));
		return;
	case 8:
		C4(SYS_sendfile, fd(), fd(), one_in(2) ? 0 : (long)off, size());
		return;
	case 9:
	case 10:
		C6(SYS_splice, fd(), one_in(2) ? 0 : (long)off, fd(), one_in(2) ? 0 : (long)off2, size(), SUBSET(spl));
		return;
	case 11:
		C4(SYS_tee, fd(), fd(), size(), SUBSET(spl));
		return;
	case 12:
		v = iov(&n);
		C4(SYS_vmsplice, fd(), v, n, SUBSET(spl));
		return;
	case 13:
		C6(SYS_copy_file_range, fd(), one_in(2) ? 0 : (long)off, fd(), one_in(2) ? 0 : (long)off2, size(), one_in(10));
		return;
	case 14:
		C4(SYS_fallocate, fd(), one_in(3) ? below(0x80) : below(4), offset(), offset());
		return;
	default:
		C2(SYS_ftruncate, fd(), one_in(3) ? offset() : below(20000));
	}
}

void op_path(void)
{
	static const uint64_t rn[] = { 1, 2, 4 };
	static const uint64_t xf[] = { 1, 2 };
	static const char *const xn[] = { "user.a", "user.b", "trusted.c", "security.d", "system.posix_acl_access", "user.", "bad", "" };
	char *name = (void *)param(64);

	strcpy(name, PICK(xn));
	switch (below(26)) {
	case 0:
		C3(SYS_mkdirat, dirfd_(), path(), mode());
		return;
	case 1:
		C3(SYS_unlinkat, dirfd_(), path(), SUBSET(at_flags));
		return;
	case 2:
	case 3:
		C6(SYS_renameat2, dirfd_(), path(), dirfd_(), path(), SUBSET(rn), 0);
		return;
	case 4:
		C6(SYS_linkat, dirfd_(), path(), dirfd_(), path(), SUBSET(at_flags), 0);
		return;
	case 5:
		C3(SYS_symlinkat, path(), dirfd_(), path());
		return;
	case 6:
		C4(SYS_readlinkat, dirfd_(), path(), buffer(), size());
		return;
	case 7: {
		static const unsigned t[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFDIR, 0 };

		C4(SYS_mknodat, dirfd_(), path(), PICK(t) | (unsigned)mode(), one_in(2) ? 0x103 : rnd());
		return;
	}
	case 8:
		C4(SYS_fchmodat, dirfd_(), path(), mode(), 0);
		return;
	case 9:
		C6(SYS_fchownat, dirfd_(), path(), one_in(2) ? -1 : 0, one_in(2) ? -1 : (int)below(3), SUBSET(at_flags), 0);
		return;
	case 10:
		C4(SYS_utimensat, dirfd_(), path(), timespec(), SUBSET(at_flags));
		return;
	case 11:
	case 12:
		C6(SYS_statx, dirfd_(), path(), SUBSET(at_flags), rnd(), buffer(), 0);
		return;
	case 13:
		C4(SYS_newfstatat, dirfd_(), path(), buffer(), SUBSET(at_flags));
		return;
	case 14:
		C2(SYS_truncate, path(), one_in(3) ? offset() : below(20000));
		return;
	case 15:
		C4(SYS_faccessat2, dirfd_(), path(), below(9), SUBSET(at_flags));
		return;
	case 16:
		C3(SYS_getdents64, fd(), buffer(), size());
		return;
	case 17:
		C6(SYS_setxattr, path(), name, buffer(), one_in(4) ? size() : below(100), SUBSET(xf), 0);
		return;
	case 18:
		C6(SYS_fsetxattr, fd(), name, buffer(), one_in(4) ? size() : below(100), SUBSET(xf), 0);
		return;
	case 19:
		C4(one_in(2) ? SYS_getxattr : SYS_lgetxattr, path(), name, buffer(), size());
		return;
	case 20:
		C3(one_in(2) ? SYS_listxattr : SYS_llistxattr, path(), buffer(), size());
		return;
	case 21:
		C2(SYS_lremovexattr, path(), name);
		return;
	case 22:
		C2(SYS_getcwd, buffer(), size());
		return;
	case 23:
		if (one_in(4))
			C1(SYS_chdir, root);
		else
			C1(one_in(2) ? SYS_fchdir : SYS_chdir, one_in(2) ? (uint64_t)fd() : path());
		if (one_in(2))
			C1(SYS_chdir, root);
		return;
	case 24:
		C2(one_in(2) ? SYS_statfs : SYS_fstatfs, one_in(2) ? path() : (uint64_t)fd(), buffer());
		return;
	default:
		C3(SYS_inotify_add_watch, fd(), path(), one_in(2) ? 0xfff : rnd());
	}
}
