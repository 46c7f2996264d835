/*
 * A program's text, run and mapped again and again: its bytes are the file's when it asks, calls in it work at every
 * address, and mprotect, mremap, madvise, munmap and fork do with it what they do with any private mapping.
 */
#include "test.h"

/* Each leaves the system call's result in rax, or -1 for an error. Position independent. */
__asm__(".text\n"
	".balign 4096\n"
	"by_mov:	mov $39,%eax\n"
	"	syscall\n"
	"	ret\n"
	".balign 16\n"
	"by_cmp:	mov %rdi,%rax\n"
	"	syscall\n"
	"by_cmp_mid:	cmp $-4095,%rax\n"
	"	jae 1f\n"
	"	ret\n"
	"1:	or $-1,%rax\n"
	"	ret\n"
	".balign 16\n"
	"by_both:	mov $110,%eax\n"
	"by_both_call:	syscall\n"
	"	cmp $-4096,%rax\n"
	"	ja 1b\n"
	"	ret\n"
	".balign 16\n"
	"enter_mid:	mov %rdi,%rax\n" /* what a jump to the instruction behind a call makes of a number */
	"	jmp by_cmp_mid\n"
	".balign 16\n"
	"enter_call:	mov %rdi,%rax\n" /* the system call without its mov */
	"	jmp by_both_call\n"
	".balign 4096\n");
extern char by_mov[], by_cmp[], by_both[], enter_mid[], enter_call[];

static struct {
	uint64_t start; /* where it is in this program */
	off_t offset;
	size_t len;
} text;
static int self;

static void find_text(void)
{
	char line[512];
	unsigned long a, b, off;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &a, &b, &off) == 3 && a <= (unsigned long)by_mov &&
		    (unsigned long)by_mov < b) {
			text.start = a;
			text.offset = (off_t)off;
			text.len = b - a;
		}
	if (f)
		fclose(f);
	self = open("/proc/self/exe", O_RDONLY);
	CHECK(self >= 0 && text.len);
}

static char *map_text(int prot)
{
	char *p = mmap(NULL, text.len, prot, MAP_PRIVATE, self, text.offset);

	CHECK(p != MAP_FAILED);
	return p;
}

typedef long fn(long);
static long call_in(char *base, char *what, long arg) { return ((fn *)(base + ((uint64_t)what - text.start)))(arg); }

/* All ways of making a call, in the text that is mapped at base. */
static void use(char *base)
{
	for (int i = 0; i < 3; i++) {
		EQ(call_in(base, by_mov, 0), (long)getpid());
		EQ(call_in(base, by_cmp, SYS_getppid), (long)getppid());
		EQ(call_in(base, by_cmp, 5000), -1l);
		EQ(call_in(base, by_both, 0), (long)getppid());
		EQ(call_in(base, enter_mid, 77), 77l);
		EQ(call_in(base, enter_mid, -5), -1l);
		EQ(call_in(base, enter_call, SYS_getpid), (long)getpid());
		EQ(call_in(base, enter_call, 5000), -1l);
	}
}

/* The file's bytes, as read(2) gives them. */
static char *file_bytes(void)
{
	char *b = calloc(1, text.len);

	CHECK(pread(self, b, text.len, text.offset) > (ssize_t)(text.len - PAGE));
	return b;
}

/* /proc/self/mem shows the program's bytes. */
static void same_by_mem(char *base)
{
	char *want = file_bytes(), *got = calloc(1, text.len);
	int fd = open("/proc/self/mem", O_RDONLY);

	EQ(pread(fd, got, text.len, (off_t)(uint64_t)base), (ssize_t)text.len);
	CHECK(!memcmp(got, want, text.len));
	close(fd);
	free(got);
	free(want);
}

/* So does memory, when nothing of it is executable. */
static void same(char *base)
{
	char *want = file_bytes();

	CHECK(!memcmp(base, want, text.len));
	free(want);
}

int test_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	find_text();
	use((char *)text.start);
	same_by_mem((char *)text.start);
	for (int i = 0; i < 5; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC);

		use(p);
		munmap(p, text.len);
	}
	return test_failures != 0;
}

/* A file that has just been written is left alone by who keeps copies: give it the age. */
static void settle(void)
{
	struct stat st;

	find_text();
	CHECK(!fstat(self, &st));
	while (time(NULL) - st.st_ctime < 4)
		usleep(100000);
}

TEST(exec_again_and_again)
{
	settle();
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (!pid) {
			execl(test_self, test_self, "--helper", "x", (char *)NULL);
			_exit(127);
		}
		reap(pid);
		use((char *)text.start);
	}
	same_by_mem((char *)text.start);
}

TEST(map_again_and_again)
{
	char *p[12];

	settle();
	for (int i = 0; i < 12; i++) {
		p[i] = map_text(PROT_READ | PROT_EXEC);
		use(p[i]);
		same_by_mem(p[i]);
	}
	for (int i = 0; i < 12; i += 2)
		munmap(p[i], text.len);
	for (int i = 1; i < 12; i += 2) {
		use(p[i]);
		munmap(p[i], text.len);
	}
	/* And at the same places. */
	for (int i = 0; i < 12; i++) {
		CHECK(mmap(p[i], text.len, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, self, text.offset) == p[i]);
		use(p[i]);
	}
	for (int i = 0; i < 12; i++)
		munmap(p[i], text.len);
}

TEST(maps_name_the_file)
{
	char want[PATH_MAX], line[512], *p;
	unsigned long a, b, off;
	bool found = false;
	FILE *f;

	settle();
	for (int i = 0; i < 4; i++)
		p = map_text(PROT_READ | PROT_EXEC);
	CHECK(readlink("/proc/self/exe", want, sizeof(want)) > 0);
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		char perms[8] = "";

		if (sscanf(line, "%lx-%lx %7s %lx", &a, &b, perms, &off) != 4 || a > (unsigned long)p || (unsigned long)p >= b)
			continue;
		found = true;
		CHECK(!strcmp(perms, "r-xp") && off + ((unsigned long)p - a) == (unsigned long)text.offset);
		CHECK(strstr(line, "text_image"));
	}
	CHECK(found);
}

TEST(mprotect_gives_the_programs_bytes)
{
	settle();
	for (int i = 0; i < 6; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC), *q = map_text(PROT_READ | PROT_EXEC);

		use(p);
		CHECK(!mprotect(p, text.len, PROT_READ));
		same(p);
		CHECK(!mprotect(p, text.len, PROT_READ | PROT_EXEC));
		use(p);
		/* Another call's number: what was written is what runs. */
		CHECK(!mprotect(p, text.len, PROT_READ | PROT_WRITE));
		same(p);
		p[by_mov - (char *)text.start + 1] = SYS_getppid;
		CHECK(!mprotect(p, text.len, PROT_READ | PROT_EXEC));
		for (int n = 0; n < 20; n++)
			EQ(call_in(p, by_mov, 0), (long)getppid());
		/* And nobody else's. */
		use(q);
		same_by_mem(q);
		use((char *)text.start);
		munmap(p, text.len);
		munmap(q, text.len);
	}
}

TEST(one_page_changes)
{
	size_t page = (size_t)(by_mov - (char *)text.start);

	settle();
	page = (size_t)(by_mov - (char *)text.start);
	for (int i = 0; i < 6; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC);

		use(p);
		CHECK(!mprotect(p + page, PAGE, PROT_READ | PROT_WRITE | (i & 1 ? PROT_EXEC : 0)));
		p[page + 1] = SYS_getppid;
		CHECK(!mprotect(p + page, PAGE, PROT_READ | PROT_EXEC));
		for (int n = 0; n < 20; n++)
			EQ(call_in(p, by_mov, 0), (long)getppid());
		EQ(call_in(p, by_both, 0), (long)getppid());
		/* Private changes go with the pages. */
		CHECK(!madvise(p + page, PAGE, MADV_DONTNEED));
		use(p);
		munmap(p, text.len);
	}
}

TEST(move_and_discard)
{
	settle();
	for (int i = 0; i < 6; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC), *to, *q;

		use(p);
		CHECK(!madvise(p, text.len, MADV_DONTNEED));
		use(p);
		to = mmap(NULL, text.len * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		q = mremap(p, text.len, text.len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		CHECK(q == to);
		use(q);
		same_by_mem(q);
		CHECK(!madvise(q, text.len, MADV_DONTNEED));
		use(q);
		same_by_mem(q);
		/* Shorter, and as long again. */
		CHECK(mremap(q, text.len, text.len - PAGE, 0) == q);
		munmap(q + text.len, text.len);
		q = mremap(q, text.len - PAGE, text.len, MREMAP_MAYMOVE);
		CHECK(q != MAP_FAILED);
		use(q);
		same_by_mem(q);
		munmap(q, text.len);
	}
}

TEST(parts_vanish)
{
	size_t page;

	settle();
	page = (size_t)(by_mov - (char *)text.start);
	for (int i = 0; i < 6; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC);

		if (page)
			CHECK(!munmap(p, page));
		if (text.len > page + PAGE)
			CHECK(!munmap(p + page + PAGE, text.len - page - PAGE));
		use(p);
		CHECK(mmap(p + page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + page);
		EQ(p[page], 0);
		munmap(p + page, PAGE);
	}
}

TEST(forks_have_their_own)
{
	settle();
	for (int i = 0; i < 6; i++) {
		char *p = map_text(PROT_READ | PROT_EXEC);
		pid_t pid;

		use(p);
		pid = fork();
		if (!pid) {
			use(p);
			CHECK(!mprotect(p, text.len, PROT_READ | PROT_WRITE));
			p[by_mov - (char *)text.start + 1] = SYS_getppid;
			CHECK(!mprotect(p, text.len, PROT_READ | PROT_EXEC));
			EQ(call_in(p, by_mov, 0), (long)getppid());
			use((char *)text.start);
			done();
		}
		reap(pid);
		use(p);
		same_by_mem(p);
		munmap(p, text.len);
	}
}

static void *user(void *p)
{
	for (int i = 0; i < 300; i++)
		use(p);
	return NULL;
}

/* Others run it while it comes and goes elsewhere. */
TEST(threads)
{
	pthread_t t[3];
	char *p;

	settle();
	p = map_text(PROT_READ | PROT_EXEC);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&t[i], NULL, user, p));
	for (int i = 0; i < 50; i++) {
		char *q = map_text(PROT_READ | PROT_EXEC);

		use(q);
		CHECK(!mprotect(q, text.len, PROT_READ));
		munmap(q, text.len);
		CHECK(!madvise(p, text.len, MADV_DONTNEED));
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

/* A program that is another one the next time: written in place, and by rename. */
static void put_program(const char *name, char result)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char *at = by_mov, *all;
	struct stat st;
	off_t off = text.offset + (at - (char *)text.start);

	CHECK(from >= 0 && to >= 0 && !fstat(from, &st));
	all = malloc((size_t)st.st_size);
	EQ(pread(from, all, (size_t)st.st_size, 0), (ssize_t)st.st_size);
	all[off + 1] = result;
	EQ(write(to, all, (size_t)st.st_size), (ssize_t)st.st_size);
	free(all);
	close(from);
	close(to);
}

static void expect_of(const char *name, bool parent)
{
	for (int i = 0; i < 4; i++) {
		int fd = open(name, O_RDONLY);
		char *p = mmap(NULL, text.len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, text.offset);

		CHECK(p != MAP_FAILED);
		EQ(call_in(p, by_mov, 0), (long)(parent ? getppid() : getpid()));
		munmap(p, text.len);
		close(fd);
	}
}

TEST(a_file_that_changes)
{
	find_text();
	for (int i = 0; i < 3; i++) {
		put_program("prog", SYS_getpid);
		expect_of("prog", false);
		put_program("prog", SYS_getppid);
		expect_of("prog", true);
		put_program("new", SYS_getpid);
		CHECK(!rename("new", "prog"));
		expect_of("prog", false);
		CHECK(!unlink("prog"));
	}
}
