/* Permissions with dropped ids, sticky and setgid directories, chmod, chown, times, stat, statx, xattrs. */
#include "test.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <sys/sysmacros.h>

/* Runs the rest in a child with other ids. */
#define AS(uid, gid, ...) do { \
	pid_t pid_ = fork(); \
	if (!pid_) { \
		syscall(SYS_setgroups, 0, 0); \
		if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) \
			_exit(1); \
		{ __VA_ARGS__ } \
		done(); \
	} \
	reap(pid_); \
} while (0)

static void make(const char *name, int mode, int uid, int gid)
{
	close(open(name, O_CREAT | O_WRONLY, 0600));
	EQ(chown(name, uid, gid), 0);
	EQ(chmod(name, mode), 0);
}

TEST(access_bits)
{
	if (geteuid())
		return;
	chmod(".", 0755);
	make("owner", 0400, 1000, 1000);
	make("group", 0040, 1000, 2000);
	make("other", 0004, 1000, 1000);
	make("notowner", 0077, 1000, 1000);
	make("prog", 0644, 0, 0);
	AS(1000, 1000, {
		CHECK(open("owner", O_RDONLY) >= 0);
		ERR(open("owner", O_WRONLY), EACCES);
		ERR(open("group", O_RDONLY), EACCES);
		ERR(open("notowner", O_RDONLY), EACCES); /* the owner's bits count, not the others' */
		ERR(execl("./prog", "prog", (char *)0), EACCES);
		ERR(access("prog", X_OK), EACCES);
		EQ(access("prog", R_OK), 0);
		ERR(open("prog", O_WRONLY), EACCES);
		ERR(open("new", O_CREAT | O_WRONLY, 0644), EACCES);
		ERR(unlink("prog"), EACCES);
		ERR(mkdir("x", 0755), EACCES);
		ERR(chmod("prog", 0777), EPERM);
		EQ(chmod("owner", 0600), 0);
		ERR(chown("owner", 0, -1), EPERM);
		ERR(chown("owner", -1, 2000), EPERM);
		EQ(chown("owner", -1, 1000), 0);
	});
	AS(3000, 2000, {
		CHECK(open("group", O_RDONLY) >= 0);
		CHECK(open("other", O_RDONLY) >= 0);
		ERR(open("owner", O_RDONLY), EACCES);
	});
	ERR(access("prog", X_OK), EACCES); /* root too needs one x bit */
	EQ(access("owner", R_OK | W_OK), 0);
}

TEST(directories)
{
	if (geteuid())
		return;
	mkdir("noexec", 0744);
	put_file("noexec/f", "");
	mkdir("noread", 0711);
	put_file("noread/f", "");
	AS(1000, 1000, {
		ERR(open("noexec/f", O_RDONLY), EACCES);
		ERR(stat("noexec/f", &(struct stat){ 0 }), EACCES);
		CHECK(open("noexec", O_RDONLY) >= 0);
		ERR(open("noread", O_RDONLY), EACCES);
		CHECK(open("noread/f", O_RDONLY) >= 0);
		ERR(chdir("noexec"), EACCES);
	});
}

TEST(sticky)
{
	if (geteuid())
		return;
	mkdir("t", 0777);
	chmod("t", 01777);
	make("t/theirs", 0666, 2000, 2000);
	make("t/mine", 0666, 1000, 1000);
	AS(1000, 1000, {
		ERR(unlink("t/theirs"), EPERM);
		ERR(rename("t/theirs", "t/x"), EPERM);
		ERR(rename("t/mine", "t/theirs"), EPERM);
		EQ(rename("t/mine", "t/m2"), 0);
		EQ(unlink("t/m2"), 0);
	});
}

TEST(setgid_directories)
{
	struct stat st;

	if (geteuid())
		return;
	mkdir("g", 0777);
	chown("g", 0, 2000);
	chmod("g", 02777);
	AS(1000, 1000, {
		close(open("g/f", O_CREAT | O_WRONLY, 0644));
		mkdir("g/d", 0755);
	});
	stat("g/f", &st);
	EQ(st.st_gid, 2000);
	EQ(st.st_uid, 1000);
	stat("g/d", &st);
	EQ(st.st_gid, 2000);
	EQ(st.st_mode & 07777, 02755);
}

TEST(set_id_bits_are_cleared)
{
	struct stat st;

	if (geteuid())
		return;
	make("f", 06777, 0, 0);
	AS(1000, 1000, {
		int fd = open("f", O_WRONLY);

		EQ(write(fd, "x", 1), 1);
	});
	stat("f", &st);
	EQ(st.st_mode & 07777, 0777);
	make("g", 06755, 1000, 1000);
	AS(1000, 1000, { EQ(chown("g", -1, 1000), 0); });
	stat("g", &st);
	EQ(st.st_mode & 07777, 0755);
	AS(1000, 1000, { EQ(chmod("g", 04755), 0); });
	stat("g", &st);
	EQ(st.st_mode & 07777, 04755);
}

TEST(capability_overrides)
{
	if (geteuid())
		return;
	make("f", 0, 1000, 1000);
	CHECK(open("f", O_RDWR) >= 0);
	EQ(setresuid(1000, 0, 0), 0); /* access asks for the real ids */
	ERR(access("f", R_OK), EACCES);
	EQ(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
}

TEST(chmod_variants)
{
	struct stat st;
	int fd;

	put_file("f", "");
	symlink("f", "l");
	EQ(chmod("l", 0600), 0);
	stat("f", &st);
	EQ(st.st_mode & 07777, 0600);
	fd = open("f", O_RDONLY);
	EQ(fchmod(fd, 0640), 0);
	EQ(fchmodat(AT_FDCWD, "f", 0644, 0), 0);
	ERR(chmod("none", 0), ENOENT);
	ERR(fchmod(999, 0), EBADF);
	EQ(chmod("f", 07777 | S_IFDIR), 0); /* type bits are ignored */
	stat("f", &st);
	CHECK(S_ISREG(st.st_mode));
	if (!geteuid()) {
		EQ(lchown("l", 5, 6), 0);
		lstat("l", &st);
		EQ(st.st_uid, 5);
		stat("f", &st);
		EQ(st.st_uid, 0);
		EQ(fchownat(fd, "", 7, -1, AT_EMPTY_PATH), 0);
		fstat(fd, &st);
		EQ(st.st_uid, 7);
		EQ(st.st_gid, 0);
	}
}

TEST(times)
{
	struct stat st, before;
	struct timespec ts[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
	stat("f", &st);
	EQ(st.st_atim.tv_sec, 1000000000);
	EQ(st.st_atim.tv_nsec, 123456789);
	EQ(st.st_mtim.tv_nsec, 987654321);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	EQ(futimens(fd, ts), 0);
	stat("f", &st);
	EQ(st.st_atim.tv_sec, 1000000000);
	CHECK(labs(st.st_mtim.tv_sec - time(0)) < 5);
	ts[0].tv_nsec = 1000 * MS;
	ERR(futimens(fd, ts), EINVAL);
	ERR(utimensat(AT_FDCWD, "none", 0, 0), ENOENT);
	stat("f", &before);
	msleep(20);
	write(fd, "x", 1);
	stat("f", &st);
	CHECK(st.st_mtim.tv_sec > before.st_mtim.tv_sec || st.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
	before = st;
	msleep(20);
	chmod("f", 0600);
	stat("f", &st);
	EQ(st.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	CHECK(st.st_ctim.tv_sec > before.st_ctim.tv_sec || st.st_ctim.tv_nsec > before.st_ctim.tv_nsec);
	mkdir("d", 0755);
	stat("d", &before);
	msleep(20);
	put_file("d/x", "");
	stat("d", &st);
	CHECK(st.st_mtim.tv_sec > before.st_mtim.tv_sec || st.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
	symlink("f", "l");
	ts[0] = ts[1] = (struct timespec){ 5, 0 };
	EQ(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW), 0);
	lstat("l", &st);
	EQ(st.st_mtim.tv_sec, 5);
	if (!geteuid()) {
		chmod("f", 0666);
		AS(1000, 1000, {
			EQ(utimensat(AT_FDCWD, "f", 0, 0), 0); /* now: writing is enough */
			ERR(utimensat(AT_FDCWD, "f", ts, 0), EPERM);
		});
	}
}

TEST(stat_variants)
{
	struct stat a, b;
	struct statx x;
	struct statfs sf;
	struct statvfs sv;
	int fd;

	put_file("f", "12345");
	stat("f", &a);
	EQ(a.st_size, 5);
	EQ(a.st_nlink, 1);
	EQ(a.st_uid, geteuid());
	CHECK(a.st_blksize >= 512);
	fd = open("f", O_RDONLY);
	fstat(fd, &b);
	EQ(a.st_ino, b.st_ino);
	EQ(a.st_dev, b.st_dev);
	EQ(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &x), 0);
	EQ(x.stx_size, 5);
	EQ(x.stx_ino, a.st_ino);
	EQ(makedev(x.stx_dev_major, x.stx_dev_minor), a.st_dev);
	EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	EQ(statx(fd, "", AT_EMPTY_PATH, 0, &x), 0);
	ERR(statx(fd, "", 0, 0, &x), ENOENT);
	ERR(statx(AT_FDCWD, "f", 0x40000, 0, &x), EINVAL);
	ERR(statx(AT_FDCWD, "f", 0, 0x80000000, &x), EINVAL);
	ERR(fstatat(AT_FDCWD, "f", &a, 0x8000), EINVAL);
	EQ(statfs(".", &sf), 0);
	CHECK(sf.f_bsize > 0 && sf.f_namelen == 255 && sf.f_blocks > 0);
	EQ(fstatfs(fd, &sf), 0);
	EQ(statvfs("/", &sv), 0);
	ERR(statfs("none", &sf), ENOENT);
	stat("/dev/null", &a);
	EQ(a.st_rdev, makedev(1, 3));
}

TEST(xattrs)
{
	char buf[256] = "", list[256];
	ssize_t n;

	put_file("f", "");
	if (setxattr("f", "user.one", "value", 5, 0)) {
		EQ(errno, EOPNOTSUPP);
		return;
	}
	EQ(getxattr("f", "user.one", buf, sizeof buf), 5);
	STR(buf, "value");
	EQ(getxattr("f", "user.one", 0, 0), 5);
	ERR(getxattr("f", "user.one", buf, 2), ERANGE);
	ERR(getxattr("f", "user.none", buf, 2), ENODATA);
	ERR(setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	ERR(setxattr("f", "user.two", "x", 1, XATTR_REPLACE), ENODATA);
	EQ(setxattr("f", "user.two", "", 0, 0), 0);
	n = listxattr("f", list, sizeof list);
	CHECK(n >= 18);
	CHECK(memmem(list, n, "user.one", 9) && memmem(list, n, "user.two", 9));
	ERR(listxattr("f", list, 3), ERANGE);
	EQ(removexattr("f", "user.one"), 0);
	ERR(removexattr("f", "user.one"), ENODATA);
	ERR(setxattr("f", "bogus.x", "x", 1, 0), EOPNOTSUPP);
	ERR(setxattr("f", "user.", "x", 1, 0), EINVAL);
	ERR(setxattr("f", "", "x", 1, 0), ERANGE);
	ERR(setxattr("f", "user.x", "x", 1, 77), EINVAL);
	symlink("f", "l");
	ERR(lsetxattr("l", "user.x", "x", 1, 0), EPERM);
	if (!geteuid())
		AS(1000, 1000, {
			ERR(setxattr("f", "user.x", "x", 1, 0), EACCES);
			ERR(setxattr("f", "trusted.x", "x", 1, 0), EPERM);
		});
}
