/*
 * The text of a file that is executed often is one copy for all of a sandbox's programs. A program tries to change it,
 * and what belongs to it, through every call that could reach it: other mappings of the file, present and later ones,
 * and other programs must never see any of that.
 *
 * defence: none, a private mapping has no way to what it is a mapping of, and wx and range stand behind that
 */
#include "attack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#define PAGE 4096ul
#define AREAS 32

__asm__(".text\n"
	".balign 4096\n"
	"canary:	mov $39,%eax\n"
	"	syscall\n"
	"	cmp $-4095,%rax\n"
	"	jae 1f\n"
	"	ret\n"
	"1:	ud2\n"
	".balign 4096\n");
extern char canary[];

static char *text;
static size_t text_len;
static off_t text_offset;
static int self;
static struct { char *p; size_t len; } area[AREAS];
static int areas;

/* The text of this program and the kernel's areas beside it. */
static void look(void)
{
	char line[512];
	unsigned long a, b, off;
	FILE *f = fopen("/proc/self/maps", "r");

	areas = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &a, &b, &off) != 3)
			continue;
		if (a <= (unsigned long)canary && (unsigned long)canary < b) {
			text = (char *)a;
			text_len = b - a;
			text_offset = (off_t)off;
		}
		if (strstr(line, "[limpet]") && areas < AREAS) {
			area[areas].p = (char *)a;
			area[areas++].len = b - a;
		}
	}
	fclose(f);
}

static char *map_text(void)
{
	char *p = mmap(NULL, text_len, PROT_READ | PROT_EXEC, MAP_PRIVATE, self, text_offset);

	if (p == MAP_FAILED)
		broken("the text cannot be mapped: %s", strerror(errno));
	return p;
}

static bool works(char *base) { return ((long (*)(void))(base + (canary - text)))() == getpid(); }

/* A fresh mapping, a fresh program, this one. */
static void check(const char *what)
{
	char *p = map_text(), *want = malloc(text_len), *got = malloc(text_len);
	int status, mem = open("/proc/self/mem", O_RDONLY);
	pid_t pid;

	if (!works(text) || !works(p))
		broken("%s: another mapping does something else", what);
	memset(want, 0, text_len);
	if (pread(self, want, text_len, text_offset) <= 0 || pread(mem, got, text_len, (off_t)p) != (ssize_t)text_len ||
	    memcmp(want, got, text_len))
		broken("%s: another mapping has other bytes", what);
	close(mem);
	munmap(p, text_len);
	free(want);
	free(got);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "text_image", "child", (char *)NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		broken("%s: another program ends with %#x", what, status);
}

/* All that a program can say about a range of its memory. */
static void calls_on(char *p, size_t len)
{
	struct iovec from = { "\xcc\xcc\xcc\xcc", 4 }, to = { p, 4 };
	int mem = open("/proc/self/mem", O_RDWR), fds[2];
	void *q;

	attempt(store, p);
	attempt(store, p + 0x100);
	(void)!pwrite(mem, "\xcc\xcc\xcc\xcc", 4, (off_t)p);
	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
	if (!pipe(fds)) {
		(void)!write(fds[1], "\xcc\xcc\xcc\xcc", 4);
		(void)!read(fds[0], p, 4);
		close(fds[0]);
		close(fds[1]);
	}
	syscall(SYS_getrandom, p, 64, 0);
	for (int advice = 0; advice < 26; advice++)
		madvise(p, PAGE, advice);
	madvise(p, len, MADV_REMOVE);
	madvise(p, len, MADV_POPULATE_WRITE);
	msync(p, len, MS_SYNC | MS_INVALIDATE);
	/* A second, shared mapping of the same memory. */
	q = mremap(p, 0, PAGE, MREMAP_MAYMOVE);
	if (q != MAP_FAILED) {
		attempt(store, q);
		if (!mprotect(q, PAGE, PROT_READ | PROT_WRITE))
			attempt(store, q);
		munmap(q, PAGE);
	}
	/* More than there was: what lies behind it? */
	q = mremap(p, len, len + 64 * PAGE, MREMAP_MAYMOVE);
	if (q != MAP_FAILED)
		munmap((char *)q + len, 64 * PAGE);
	close(mem);
}

static void through_protection(char *p)
{
	if (!mprotect(p, text_len, PROT_READ | PROT_WRITE))
		memset(p, 0xcc, text_len);
	mprotect(p, text_len, PROT_READ | PROT_EXEC);
	if (!mprotect(p, text_len, PROT_READ | PROT_WRITE | PROT_EXEC))
		memset(p, 0xcc, text_len);
	madvise(p, text_len, MADV_DONTNEED);
	if (!mprotect(p, text_len, PROT_READ | PROT_WRITE))
		memset(p, 0xcc, text_len);
}

static void through_file(void)
{
	int fd = open("/proc/self/exe", O_RDWR), map = open("/proc/self/exe", O_RDONLY);
	char *q;

	if (fd >= 0) {
		(void)!pwrite(fd, "\xcc\xcc\xcc\xcc", 4, text_offset);
		(void)!ftruncate(fd, text_offset);
	}
	q = mmap(NULL, text_len, PROT_READ, MAP_SHARED, map, text_offset);
	if (q != MAP_FAILED && !mprotect(q, text_len, PROT_READ | PROT_WRITE))
		memset(q, 0xcc, text_len);
	if (q != MAP_FAILED)
		munmap(q, text_len);
	q = mmap(NULL, text_len, PROT_READ | PROT_WRITE, MAP_SHARED, map, text_offset);
	if (q != MAP_FAILED)
		memset(q, 0xcc, text_len);
	close(map);
	if (fd >= 0)
		close(fd);
}

/* In a child, which may well be the worse for it. */
static void on_areas(void)
{
	pid_t pid = fork();

	if (!pid) {
		attack_quiet = true;
		for (int i = 0; i < areas; i++) {
			char *p = area[i].p;

			if (!mprotect(p, area[i].len, PROT_READ | PROT_WRITE))
				memset(p, 0xcc, area[i].len);
			calls_on(p, area[i].len);
			calls_on(p + area[i].len - PAGE, PAGE);
			mremap(p, area[i].len, area[i].len, MREMAP_MAYMOVE | MREMAP_FIXED, p + (1ul << 30));
			mmap(p, area[i].len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			munmap(p, area[i].len);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* A child has what this program has, or its patched text leads to nowhere. */
static void forked(void)
{
	pid_t pid;
	int status;

	for (int i = 0; i < areas; i++)
		if (!madvise(area[i].p, PAGE, MADV_DONTFORK) || errno != EPERM)
			broken("an area can be kept from children");
	pid = fork();
	if (!pid) {
		attack_quiet = true;
		_exit(works(text) ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		broken("a child without areas ends with %#x", status);
}

/* A place that looks like a system call to whoever believes a trap: for others it is a constant. */
__asm__(".text\n"
	".balign 64\n"
	"constant:	mov $0x90050f90,%eax\n"
	"	ret\n"
	".balign 64\n");
extern char constant[];

static void trap_in_constant(void *unused)
{
	long ret;

	/* To the 0F 05 in the constant: a system call, then a nop and the ret. */
	__asm__ volatile("call *%1" : "=a"(ret) : "r"(constant + 2), "a"(SYS_getpid) : "rcx", "r11", "memory");
}

int main(int argc, char **argv)
{
	struct stat st;
	char *victim;

	self = open("/proc/self/exe", O_RDONLY);
	look();
	if (argc > 1) {
		for (int i = 0; i < 3; i++)
			if (!works(text) || ((unsigned (*)(void))constant)() != 0x90050f90u)
				return 2;
		for (int i = 0; i < 40; i++)
			trap_in_constant(NULL);
		return 0;
	}
	attack_init();
	/* Only what is some seconds old gets an image. */
	if (!fstat(self, &st))
		while (time(NULL) - st.st_ctime < 4)
			usleep(100000);
	for (int i = 0; i < 6; i++)
		munmap(map_text(), text_len);
	for (int round = 0; round < 6; round++) {
		check("nothing");
		look();
		victim = map_text();
		calls_on(victim, text_len);
		check("calls on the text");
		victim = map_text();
		through_protection(victim);
		check("mprotect and stores");
		through_file();
		check("the file");
		on_areas();
		check("the areas");
		forked();
		usleep(200000);
	}
	return attack_result("a shared text image");
}
