/* Files of the root file system, and some of the same in memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MIB (1 << 20)

static char path[PATH_MAX], *buf;
static int fd = -1;

static void file_in(const char *dir, size_t size)
{
	snprintf(path, sizeof(path), "%s/bench-file", dir);
	if (!buf)
		buf = calloc(1, MIB);
	need(buf != NULL, "memory");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(fd >= 0, path);
	need(write(fd, buf, size) == (ssize_t)size, "write");
}

static void setup_small(void) { file_in(bench_dir, 4096); }
static void setup_big(void) { file_in(bench_dir, MIB); }
static void setup_tmpfs(void) { file_in(bench_tmp, 4096); }
static void setup_path(void) { snprintf(path, sizeof(path), "%s/bench-new", bench_dir); }
static void setup_tmpfs_path(void) { snprintf(path, sizeof(path), "%s/bench-new", bench_tmp); }

static void teardown_file(void)
{
	close(fd);
	unlink(path);
}

static void pread_all(long n, size_t size)
{
	while (n--)
		need(pread(fd, buf, size, 0) == (ssize_t)size, "pread");
}

static void run_pread_1(long n) { pread_all(n, 1); }
static void run_pread_4k(long n) { pread_all(n, 4096); }
static void run_pread_1m(long n) { pread_all(n, MIB); }

static void run_pwrite_1m(long n)
{
	while (n--)
		need(pwrite(fd, buf, MIB, 0) == MIB, "pwrite");
}

static void run_open_close(long n)
{
	while (n--) {
		int f = open(path, O_RDONLY | O_CLOEXEC);

		need(f >= 0, "open");
		close(f);
	}
}

static void run_stat(long n)
{
	struct stat st;

	while (n--)
		need(!stat(path, &st), "stat");
}

static void run_fstat(long n)
{
	struct stat st;

	while (n--)
		need(!fstat(fd, &st), "fstat");
}

static void run_create(long n)
{
	while (n--) {
		int f = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		need(f >= 0, "create");
		need(write(f, "x", 1) == 1, "write");
		close(f);
		need(!unlink(path), "unlink");
	}
}

const struct bench files_benches[] = {
	{ .name = "pread-1", .setup = setup_small, .run = run_pread_1, .teardown = teardown_file },
	{ .name = "pread-4k", .setup = setup_small, .run = run_pread_4k, .teardown = teardown_file },
	{ .name = "pread-1m", .setup = setup_big, .run = run_pread_1m, .teardown = teardown_file },
	{ .name = "pwrite-1m", .setup = setup_big, .run = run_pwrite_1m, .teardown = teardown_file },
	{ .name = "open-close", .setup = setup_small, .run = run_open_close, .teardown = teardown_file },
	{ .name = "stat", .setup = setup_small, .run = run_stat, .teardown = teardown_file },
	{ .name = "fstat", .setup = setup_small, .run = run_fstat, .teardown = teardown_file },
	{ .name = "create-write-unlink", .setup = setup_path, .run = run_create },
	{ .name = "tmpfs-pread-1", .setup = setup_tmpfs, .run = run_pread_1, .teardown = teardown_file },
	{ .name = "tmpfs-pread-4k", .setup = setup_tmpfs, .run = run_pread_4k, .teardown = teardown_file },
	{ .name = "tmpfs-open-close", .setup = setup_tmpfs, .run = run_open_close, .teardown = teardown_file },
	{ .name = "tmpfs-create-write-unlink", .setup = setup_tmpfs_path, .run = run_create },
	{ 0 },
};
