/* The tree: mkdir, rename and its flags, link, unlink, symlink, readlink, getcwd, chroot, directories read. */
#include "test.h"
#include <dirent.h>
#include <linux/fs.h>

TEST(mkdir_rmdir)
{
	struct stat st;

	EQ(mkdir("d", 0755), 0);
	ERR(mkdir("d", 0755), EEXIST);
	ERR(mkdir("none/x", 0755), ENOENT);
	put_file("f", "");
	ERR(mkdir("f/x", 0755), ENOTDIR);
	ERR(mkdir("f", 0755), EEXIST);
	EQ(mkdir("d/sub/", 0755), 0);
	stat("d", &st);
	EQ(S_ISDIR(st.st_mode), 1);
	ERR(rmdir("d"), ENOTEMPTY);
	ERR(rmdir("f"), ENOTDIR);
	ERR(rmdir("none"), ENOENT);
	ERR(rmdir("d/."), EINVAL);
	ERR(rmdir("d/sub/.."), ENOTEMPTY);
	ERR(rmdir("/"), EBUSY);
	ERR(unlink("d"), EISDIR);
	ERR(unlink("d/"), EISDIR);
	ERR(unlink("f/"), ENOTDIR);
	EQ(rmdir("d/sub"), 0);
	EQ(rmdir("d/"), 0);
	ERR(unlinkat(AT_FDCWD, "f", 0x1), EINVAL);
	ERR(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
	EQ(unlinkat(AT_FDCWD, "f", 0), 0);
	ERR(unlink(""), ENOENT);
}

TEST(links)
{
	struct stat a, b;
	char buf[64];

	put_file("f", "x");
	EQ(link("f", "g"), 0);
	stat("f", &a);
	stat("g", &b);
	EQ(a.st_ino, b.st_ino);
	EQ(a.st_nlink, 2);
	ERR(link("f", "g"), EEXIST);
	ERR(link("none", "h"), ENOENT);
	mkdir("d", 0755);
	ERR(link("d", "e"), EPERM);
	EQ(symlink("target/that/is/not", "s"), 0);
	ERR(symlink("x", "s"), EEXIST);
	ERR(symlink("", "t"), ENOENT);
	EQ(readlink("s", buf, sizeof buf), 18);
	EQ(readlink("s", buf, 3), 3);
	ERR(readlink("f", buf, 3), EINVAL);
	ERR(readlink("s", buf, 0), EINVAL);
	lstat("s", &a);
	CHECK(S_ISLNK(a.st_mode));
	EQ(a.st_size, 18);
	EQ(a.st_mode & 0777, 0777);
	ERR(stat("s", &a), ENOENT);
	EQ(link("s", "s2"), 0); /* the link itself */
	lstat("s2", &a);
	CHECK(S_ISLNK(a.st_mode));
	EQ(unlink("f"), 0);
	stat("g", &b);
	EQ(b.st_nlink, 1);
}

TEST(rename_rules)
{
	struct stat a, b;

	put_file("f", "f");
	put_file("g", "g");
	EQ(rename("f", "g"), 0);
	STR(get_file("g"), "f");
	ERR(rename("f", "h"), ENOENT);
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("e/sub", 0755);
	ERR(rename("g", "d"), EISDIR);
	ERR(rename("d", "g"), ENOTDIR);
	ERR(rename("d", "e"), ENOTEMPTY);
	ERR(rename("e", "e/sub/x"), EINVAL);
	ERR(rename("e/sub", "e/sub/.."), EBUSY);
	ERR(rename("d/.", "x"), EBUSY);
	ERR(rename("e/..", "x"), EBUSY);
	EQ(rename("e", "d"), 0); /* over an empty directory */
	EQ(access("d/sub", F_OK), 0);
	EQ(rename("d/", "d2/"), 0);
	ERR(rename("g", "d2/sub/"), ENOTDIR);
	EQ(rename("g", "g"), 0);
	link("g", "g2");
	EQ(rename("g", "g2"), 0); /* the same file: nothing happens */
	EQ(access("g", F_OK), 0);
	stat("g", &a);
	stat("g2", &b);
	EQ(a.st_ino, b.st_ino);
}

TEST(rename_flags)
{
	put_file("f", "f");
	put_file("g", "g");
	ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_NOREPLACE), EEXIST);
	EQ(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_EXCHANGE), 0);
	STR(get_file("f"), "g");
	STR(get_file("g"), "f");
	ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	ERR(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	EQ(renameat2(AT_FDCWD, "f", AT_FDCWD, "h", RENAME_NOREPLACE), 0);
	mkdir("d", 0755);
	put_file("d/x", "");
	EQ(renameat2(AT_FDCWD, "d", AT_FDCWD, "g", RENAME_EXCHANGE), 0);
	EQ(access("g/x", F_OK), 0);
	STR(get_file("d"), "f");
}

TEST(rename_open_directories)
{
	char buf[PATH_MAX];
	int fd;

	mkdir("a", 0755);
	mkdir("a/b", 0755);
	fd = open("a/b", O_RDONLY);
	EQ(rename("a", "z"), 0);
	EQ(fchdir(fd), 0);
	getcwd(buf, sizeof buf);
	STR(strrchr(buf, '/') - 2, "/z/b");
	EQ(rename("../b", "../../moved"), 0);
	getcwd(buf, sizeof buf);
	STR(strrchr(buf, '/'), "/moved");
	put_file("here", "x");
	EQ(access("../moved/here", F_OK), 0);
}

TEST(deleted_cwd)
{
	char buf[PATH_MAX];

	mkdir("gone", 0755);
	chdir("gone");
	EQ(rmdir("../gone"), 0);
	ERR(syscall(SYS_getcwd, buf, sizeof buf), ENOENT);
	ERR(open("f", O_CREAT | O_WRONLY, 0644), ENOENT);
	ERR(mkdir("x", 0755), ENOENT);
	EQ(chdir(".."), 0);
	CHECK(getcwd(buf, sizeof buf) != 0);
}

TEST(getcwd_rules)
{
	char buf[PATH_MAX];

	CHECK(syscall(SYS_getcwd, buf, sizeof buf) == (long)strlen(buf) + 1);
	ERR(syscall(SYS_getcwd, buf, 3), ERANGE);
	ERR(syscall(SYS_getcwd, (void *)8, 100), EFAULT);
	ERR(chdir("none"), ENOENT);
	put_file("f", "");
	ERR(chdir("f"), ENOTDIR);
	ERR(fchdir(open("f", O_RDONLY)), ENOTDIR);
	chdir("/");
	getcwd(buf, sizeof buf);
	STR(buf, "/");
	EQ(chdir("/.."), 0);
	getcwd(buf, sizeof buf);
	STR(buf, "/");
}

TEST(chroot_confines)
{
	char buf[64];
	pid_t pid;

	if (geteuid())
		return;
	mkdir("jail", 0755);
	mkdir("jail/in", 0755);
	put_file("outside", "");
	symlink("/in", "jail/link");
	pid = fork();
	if (!pid) {
		EQ(chdir("jail"), 0);
		EQ(chroot("."), 0);
		ERR(access("../outside", F_OK), ENOENT);
		ERR(access("/../../outside", F_OK), ENOENT);
		EQ(access("/link/../in", F_OK), 0);
		getcwd(buf, sizeof buf);
		STR(buf, "/");
		EQ(chdir("/in"), 0);
		getcwd(buf, sizeof buf);
		STR(buf, "/in");
		ERR(chroot("/none"), ENOENT);
		EQ(setresuid(99, 99, 99), 0);
		ERR(chroot("/"), EPERM);
		done();
	}
	reap(pid);
}

TEST(reading_directories)
{
	char name[16];
	struct dirent *e;
	int n = 0, dots = 0;
	long pos[500], where = 0;
	DIR *d;

	mkdir("d", 0755);
	for (int i = 0; i < 400; i++) {
		sprintf(name, "d/n%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	mkdir("d/dir", 0755);
	symlink("x", "d/link");
	d = opendir("d");
	for (; (e = readdir(d)); n++) {
		pos[n] = telldir(d);
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			dots++;
		if (!strcmp(e->d_name, "dir"))
			CHECK(e->d_type == DT_DIR || e->d_type == DT_UNKNOWN);
		else if (!strcmp(e->d_name, "link"))
			CHECK(e->d_type == DT_LNK || e->d_type == DT_UNKNOWN);
		else if (e->d_name[0] == 'n')
			CHECK(e->d_type == DT_REG || e->d_type == DT_UNKNOWN);
		CHECK(e->d_ino != 0);
		if (n == 200)
			where = 200;
	}
	EQ(n, 404);
	EQ(dots, 2);
	rewinddir(d);
	for (n = 0; (e = readdir(d)); n++)
		;
	EQ(n, 404);
	seekdir(d, pos[where]);
	for (n = where + 1; (e = readdir(d)); n++)
		;
	EQ(n, 404);
	closedir(d);
}

TEST(directories_while_they_change)
{
	char name[16];
	struct dirent *e;
	int seen[300] = { 0 };
	DIR *d;

	mkdir("d", 0755);
	for (int i = 0; i < 300; i++) {
		sprintf(name, "d/n%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	d = opendir("d");
	while ((e = readdir(d)))
		if (e->d_name[0] == 'n') {
			sprintf(name, "d/%s", e->d_name);
			EQ(unlink(name), 0);
			seen[atoi(e->d_name + 1)]++;
		}
	closedir(d);
	for (int i = 0; i < 300; i++)
		if (seen[i] != 1) {
			test_fail(__LINE__, "n%d seen %d times", i, seen[i]);
			break;
		}
	EQ(rmdir("d"), 0);
}

TEST(getdents_errors)
{
	char buf[1000];
	int fd = open(".", O_RDONLY);

	ERR(syscall(SYS_getdents64, fd, buf, 5), EINVAL);
	CHECK(syscall(SYS_getdents64, fd, buf, sizeof buf) > 0);
	put_file("f", "");
	ERR(syscall(SYS_getdents64, open("f", O_RDONLY), buf, sizeof buf), ENOTDIR);
	mkdir("d", 0755);
	fd = open("d", O_RDONLY);
	rmdir("d");
	ERR(syscall(SYS_getdents64, fd, buf, sizeof buf), ENOENT);
}

TEST(mknod)
{
	struct stat st;

	EQ(mkfifo("fifo", 0644), 0);
	stat("fifo", &st);
	CHECK(S_ISFIFO(st.st_mode));
	ERR(mkfifo("fifo", 0644), EEXIST);
	EQ(mknod("reg", S_IFREG | 0600, 0), 0);
	stat("reg", &st);
	CHECK(S_ISREG(st.st_mode));
	EQ(mknod("sock", S_IFSOCK | 0600, 0), 0);
	stat("sock", &st);
	CHECK(S_ISSOCK(st.st_mode));
	ERR(open("sock", O_RDONLY), ENXIO);
	ERR(mknod("dir", S_IFDIR | 0755, 0), EPERM);
	EQ(mknod("plain", 0600, 0), 0);
}
