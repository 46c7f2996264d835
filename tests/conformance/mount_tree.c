/* mount, umount, bind, move, remount, tmpfs and mount namespaces, as root in a namespace of its own. */
#include "test.h"
#include <sys/statfs.h>

/* Each test begins with this; on the host it keeps everything away from the machine. */
#define OWN_MOUNTS() do { \
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", 0, MS_REC | MS_PRIVATE, 0)) { \
		if (errno == EPERM) \
			return; \
		test_fail(__LINE__, "no mount namespace: %s", strerror(errno)); \
		return; \
	} \
} while (0)

TEST(tmpfs)
{
	struct statfs sf;
	struct stat st;

	OWN_MOUNTS();
	mkdir("m", 0755);
	put_file("m/under", "");
	EQ(mount("none", "m", "tmpfs", MS_NOSUID, "size=1m,mode=0711,nr_inodes=50"), 0);
	ERR(access("m/under", F_OK), ENOENT);
	stat("m", &st);
	EQ(st.st_mode & 07777, 0711);
	EQ(statfs("m", &sf), 0);
	EQ(sf.f_type, 0x01021994);
	EQ(sf.f_blocks * sf.f_bsize, 1 << 20);
	int fd = open("m/f", O_CREAT | O_WRONLY, 0644);
	char *buf = calloc(1, 2 << 20);

	CHECK(write(fd, buf, 2 << 20) <= 1 << 20);
	ERR(write(fd, buf, 4096), ENOSPC);
	for (int i = 0; i < 60; i++) {
		char name[20];

		sprintf(name, "m/n%d", i);
		if (mknod(name, S_IFREG | 0644, 0)) {
			EQ(errno, ENOSPC);
			CHECK(i > 30);
			break;
		}
		CHECK(i < 55);
	}
	ERR(umount("m"), EBUSY);
	close(fd);
	EQ(umount("m"), 0);
	EQ(access("m/under", F_OK), 0);
	ERR(umount("m"), EINVAL);
	ERR(mount("none", "m", "nosuchfs", 0, 0), ENODEV);
	ERR(mount("none", "nothere", "tmpfs", 0, 0), ENOENT);
	ERR(mount("none", "m/under", "tmpfs", 0, 0), ENOTDIR);
	ERR(mount("none", "m", "tmpfs", 0, "bogus=1"), EINVAL);
}

TEST(bind)
{
	struct stat a, b;

	OWN_MOUNTS();
	mkdir("src", 0755);
	mkdir("dst", 0755);
	put_file("src/f", "x");
	put_file("file", "file");
	put_file("target", "target");
	EQ(mount("src", "dst", 0, MS_BIND, 0), 0);
	stat("src/f", &a);
	stat("dst/f", &b);
	EQ(a.st_ino, b.st_ino);
	put_file("dst/g", "new");
	EQ(access("src/g", F_OK), 0);
	ERR(rename("src/f", "dst/f2"), EXDEV);
	ERR(link("src/f", "dst/f2"), EXDEV);
	ERR(rmdir("dst"), EBUSY);
	EQ(mount(0, "dst", 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0), 0);
	ERR(open("dst/f", O_WRONLY), EROFS);
	ERR(mkdir("dst/d", 0755), EROFS);
	ERR(unlink("dst/f"), EROFS);
	ERR(chmod("dst/f", 0600), EROFS);
	ERR(access("dst/f", W_OK), EROFS);
	CHECK(open("src/f", O_WRONLY) >= 0);
	EQ(mount("file", "target", 0, MS_BIND, 0), 0);
	STR(get_file("target"), "file");
	ERR(unlink("target"), EBUSY);
	EQ(umount("target"), 0);
	STR(get_file("target"), "target");
	ERR(mount("file", "dst", 0, MS_BIND, 0), ENOTDIR);
	EQ(umount2("dst", MNT_DETACH), 0);
	EQ(access("dst/f", F_OK), -1);
}

TEST(stacking_moving_detaching)
{
	int fd;

	OWN_MOUNTS();
	mkdir("a", 0755);
	mkdir("b", 0755);
	EQ(mount("one", "a", "tmpfs", 0, 0), 0);
	put_file("a/one", "");
	EQ(mount("two", "a", "tmpfs", 0, 0), 0);
	ERR(access("a/one", F_OK), ENOENT);
	EQ(umount("a"), 0);
	EQ(access("a/one", F_OK), 0);
	EQ(mount("a", "b", 0, MS_MOVE, 0), 0);
	EQ(access("b/one", F_OK), 0);
	ERR(access("a/one", F_OK), ENOENT);
	mkdir("b/sub", 0755);
	EQ(mount("three", "b/sub", "tmpfs", 0, 0), 0);
	ERR(umount("b"), EBUSY);
	fd = open("b/one", O_RDONLY);
	EQ(umount2("b", MNT_DETACH), 0);
	EQ(fsync(fd), 0); /* what is open stays */
	ERR(access("b/one", F_OK), ENOENT);
	ERR(umount2("b", 0x100), EINVAL);
}

TEST(recursive_bind)
{
	OWN_MOUNTS();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	mkdir("a/sub", 0755);
	EQ(mount("x", "a/sub", "tmpfs", 0, 0), 0);
	put_file("a/sub/f", "");
	EQ(mount("a", "b", 0, MS_BIND, 0), 0);
	ERR(access("b/sub/f", F_OK), ENOENT);
	EQ(mount("a", "c", 0, MS_BIND | MS_REC, 0), 0);
	EQ(access("c/sub/f", F_OK), 0);
}

TEST(flags)
{
	int fd;

	OWN_MOUNTS();
	mkdir("m", 0755);
	EQ(mount("x", "m", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, 0), 0);
	EQ(system("cp /bin/true m/prog"), 0);
	ERR(execl("m/prog", "prog", (char *)0), EACCES);
	fd = open("m/prog", O_RDONLY);
	ERR(mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EPERM);
	if (!mknod("m/null", S_IFCHR | 0666, 0x103))
		ERR(open("m/null", O_RDWR), EACCES);
	close(fd);
	EQ(mount(0, "m", 0, MS_REMOUNT | MS_RDONLY, 0), 0);
	ERR(open("m/new", O_CREAT | O_WRONLY, 0644), EROFS);
	EQ(mount(0, "m", 0, MS_REMOUNT, 0), 0);
	CHECK(open("m/new", O_CREAT | O_WRONLY, 0644) >= 0);
	CHECK(strstr(get_file("/proc/self/mountinfo"), "/flags/m ") != 0);
}

TEST(namespaces_are_apart)
{
	struct turn t = turn_new(), u = turn_new();
	pid_t pid;

	OWN_MOUNTS();
	mkdir("m", 0755);
	pid = fork();
	if (!pid) {
		EQ(unshare(CLONE_NEWNS), 0);
		EQ(mount("x", "m", "tmpfs", 0, 0), 0);
		put_file("m/f", "");
		letgo(t);
		hold(u);
		done();
	}
	hold(t);
	ERR(access("m/f", F_OK), ENOENT);
	letgo(u);
	reap(pid);
}

TEST(dotdot_crosses_mounts)
{
	char buf[PATH_MAX];
	struct stat a, b;

	OWN_MOUNTS();
	mkdir("m", 0755);
	EQ(mount("x", "m", "tmpfs", 0, 0), 0);
	stat(".", &a);
	stat("m/..", &b);
	EQ(a.st_ino, b.st_ino);
	chdir("m");
	getcwd(buf, sizeof buf);
	STR(strrchr(buf, '/'), "/m");
	chdir("..");
	getcwd(buf, sizeof buf);
	STR(strrchr(buf, '/'), "/dotdot_crosses_mounts");
}

TEST(pivot_root_works)
{
	OWN_MOUNTS();
	mkdir("new", 0755);
	EQ(mount("x", "new", "tmpfs", 0, 0), 0);
	mkdir("new/old", 0755);
	put_file("new/marker", "");
	pid_t pid = fork();

	if (!pid) {
		chdir("new");
		EQ(syscall(SYS_pivot_root, ".", "old"), 0);
		EQ(access("/marker", F_OK), 0);
		EQ(access("/old/bin", F_OK), 0);
		EQ(umount2("/old", MNT_DETACH), 0);
		ERR(access("/old/bin", F_OK), ENOENT);
		done();
	}
	reap(pid);
}

TEST(without_the_right)
{
	if (geteuid())
		return;
	mkdir("m", 0755);
	pid_t pid = fork();

	if (!pid) {
		setresuid(1000, 1000, 1000);
		ERR(mount("x", "m", "tmpfs", 0, 0), EPERM);
		ERR(umount("/"), EPERM);
		ERR(unshare(CLONE_NEWNS), EPERM);
		done();
	}
	reap(pid);
}
