/* Pages that are writable and executable at once: code made and changed at run time, also by itself. */
#include "test.h"

struct state { uint64_t rax, rbx, rcx, rdx, rsi, rdi, r8, flags; };

/*
 * What runs in the page: `call` of the code at its beginning with the registers of a state, which then holds them as
 * the code left them. The data the code writes is at DATA in the same page, its address in rbx.
 */
#define DATA 2048
static char *page;

static char *new_page(void)
{
	char *p = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	page = p;
	return p;
}

__attribute__((noinline)) static void enter(struct state *s, void *code)
{
	__asm__ volatile("push %%rbx; push %%rbp; sub $128, %%rsp; push %%rdi\n\t"
			 "mov %%rsi, %%rbp\n\t"
			 "mov 0(%%rdi), %%rax; mov 8(%%rdi), %%rbx; mov 16(%%rdi), %%rcx; mov 24(%%rdi), %%rdx\n\t"
			 "mov 32(%%rdi), %%rsi; mov 48(%%rdi), %%r8; pushq 56(%%rdi); mov 40(%%rdi), %%rdi\n\t"
			 "popfq; call *%%rbp; pushfq; cld\n\t"
			 "mov 8(%%rsp), %%rbp; mov %%rdi, 40(%%rbp); popq 56(%%rbp); mov %%rbp, %%rdi\n\t"
			 "mov %%rax, 0(%%rdi); mov %%rbx, 8(%%rdi); mov %%rcx, 16(%%rdi); mov %%rdx, 24(%%rdi)\n\t"
			 "mov %%rsi, 32(%%rdi); mov %%r8, 48(%%rdi)\n\t"
			 "pop %%rdi; add $128, %%rsp; pop %%rbp; pop %%rbx"
			 : "+D"(s), "+S"(code)
			 :
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm1", "xmm9");
}

/* Each instruction: run on a page apart (the CPU itself) and on its own page; both must do the same. */
static void same(int line, const char *code, size_t n, uint64_t flags)
{
	static char *apart_code, *apart_data;
	struct state a, b;
	char *p = new_page();
	int i;

	apart_code = OK(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	apart_data = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memcpy(apart_code, code, n);
	apart_code[n] = 0xc3;
	OK(mprotect(apart_code, PAGE, PROT_READ | PROT_EXEC));
	memcpy(p, code, n);
	p[n] = 0xc3;
	for (i = 0; i < 256; i++)
		p[DATA + i] = apart_data[DATA + i] = i * 7 + 3;
	a = (struct state){ 0x1122334455667788, (uint64_t)(apart_data + DATA), 5, 0x99aabbccddeeff00,
			    (uint64_t)(apart_data + DATA + 100), (uint64_t)(apart_data + DATA + 64), 0x8000000080008080, 2 | flags };
	b = a;
	b.rbx = (uint64_t)(p + DATA);
	b.rsi = (uint64_t)(p + DATA + 100);
	b.rdi = (uint64_t)(p + DATA + 64);
	enter(&a, apart_code);
	enter(&b, p);
	b.rbx += apart_data - p;
	b.rsi += apart_data - p;
	b.rdi += apart_data - p;
	a.flags &= 0xcc5 | 0x10;
	b.flags &= 0xcc5 | 0x10;
	if (memcmp(&a, &b, sizeof a))
		test_fail(line, "registers: rax %lx %lx rbx %lx %lx rcx %lx %lx rdx %lx %lx rsi %lx %lx rdi %lx %lx flags %lx %lx",
			  a.rax, b.rax, a.rbx, b.rbx, a.rcx, b.rcx, a.rdx, b.rdx, a.rsi, b.rsi, a.rdi, b.rdi, a.flags, b.flags);
	for (i = 0; i < 256; i++)
		if (p[DATA + i] != apart_data[DATA + i]) {
			test_fail(line, "byte %d: %02x, not %02x", i, p[DATA + i] & 255, apart_data[DATA + i] & 255);
			break;
		}
	munmap(p, 2 * PAGE);
	munmap(apart_code, PAGE);
	munmap(apart_data, 2 * PAGE);
}
#define SAME(text) do { \
	extern const char PASTE(from_, __LINE__)[], PASTE(to_, __LINE__)[]; \
	__asm__(".pushsection .rodata; from_" STRING(__LINE__) ": " text "; to_" STRING(__LINE__) ": .popsection"); \
	same(__LINE__, PASTE(from_, __LINE__), PASTE(to_, __LINE__) - PASTE(from_, __LINE__), 0); \
	same(__LINE__, PASTE(from_, __LINE__), PASTE(to_, __LINE__) - PASTE(from_, __LINE__), 1); \
} while (0)
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define STRING2(a) #a
#define STRING(a) STRING2(a)

TEST(moves)
{
	SAME("movb %al, (%rbx)");
	SAME("movb %ah, 1(%rbx)");
	SAME("movb %sil, 1(%rbx)");
	SAME("movw %ax, 3(%rbx)");
	SAME("movl %edx, 4(%rbx,%rcx,4)");
	SAME("movq %r8, 200(%rbx)");
	SAME("movq %r8, 3(%rbx,%rcx)");
	SAME("movb $0x85, 7(%rbx)");
	SAME("movw $0x8567, 7(%rbx)");
	SAME("movl $0x85671234, 7(%rbx)");
	SAME("movq $-5, 7(%rbx)");
	SAME("movnti %rdx, 8(%rbx)");
	SAME("setc 9(%rbx); setz 10(%rbx); setg 11(%rbx); setle 12(%rbx)");
}

TEST(arithmetic)
{
	SAME("addb %al, (%rbx)");
	SAME("addw %ax, (%rbx)");
	SAME("addl %eax, (%rbx)");
	SAME("addq %rax, (%rbx)");
	SAME("adcl %eax, (%rbx)");
	SAME("adcq $-1, 8(%rbx)");
	SAME("sbbb $3, 8(%rbx)");
	SAME("subq %r8, 8(%rbx)");
	SAME("subl $0x7fffffff, 8(%rbx)");
	SAME("andw $0x7f, 8(%rbx)");
	SAME("orq %r8, 8(%rbx)");
	SAME("xorb %dl, 8(%rbx)");
	SAME("incl (%rbx)");
	SAME("decb (%rbx)");
	SAME("notq (%rbx)");
	SAME("negl (%rbx)");
	SAME("lock; addl $1, (%rbx)");
	SAME("lock; incq (%rbx)");
	SAME("lock; orb $0x40, 3(%rbx)");
	SAME("lock; subw $0x4011, 6(%rbx)");
}

TEST(exchanges)
{
	SAME("xchg %rax, (%rbx)");
	SAME("xchg %al, 1(%rbx)");
	SAME("xchg %dx, 2(%rbx)");
	SAME("lock; xadd %eax, (%rbx)");
	SAME("xadd %r8, 8(%rbx)");
	SAME("xadd %cl, 8(%rbx)");
	SAME("lock; cmpxchg %edx, (%rbx)");
	SAME("mov (%rbx), %rax; lock; cmpxchg %rdx, (%rbx)");
	SAME("mov 5(%rbx), %al; lock; cmpxchg %dl, 5(%rbx)");
	SAME("cmpxchg %dx, 6(%rbx)");
}

TEST(strings_and_vectors)
{
	SAME("stosb; stosw; stosl; stosq");
	SAME("rep; stosb");
	SAME("rep; stosq");
	SAME("rep; movsb");
	SAME("movsq; movsw");
	SAME("std; rep; movsl; cld");
	SAME("movups 16(%rbx), %xmm1; movups %xmm1, 33(%rbx)");
	SAME("movdqu 16(%rbx), %xmm9; movdqa %xmm9, 32(%rbx)");
	SAME("movdqu 16(%rbx), %xmm9; movq %xmm9, 50(%rbx); movd %xmm9, 61(%rbx)");
	SAME("movdqu 16(%rbx), %xmm9; movss %xmm9, 50(%rbx); movsd %xmm9, 61(%rbx); movhps %xmm9, 0(%rbx)"
	     "; movlps %xmm9, 1(%rbx)");
}

TEST(wide_vectors)
{
	if (!__builtin_cpu_supports("avx"))
		return;
	SAME("vmovdqu 16(%rbx), %ymm9; vmovdqu %ymm9, 65(%rbx); vmovups %ymm9, 129(%rbx); vzeroupper");
	SAME("vmovdqu 16(%rbx), %xmm1; vmovdqu %xmm1, 65(%rbx,%rcx,2); vmovq %xmm1, 129(%rbx); vzeroupper");
}

/* The stack in the page, too. */
TEST(stack_in_the_page)
{
	SAME("mov %rsp, %rdx; lea 128(%rbx), %rsp; push %rax; push $-7; push $0x12345; push %r8; pushq (%rbx)"
	     "; mov %rdx, %rsp; xor %edx, %edx");
	SAME("mov %rsp, %rdx; lea 128(%rbx), %rsp; call 1f; 1: pop %rax; lea 2f(%rip), %rcx; call *%rcx; 2: pop %rcx"
	     "; sub %rcx, %rax; xor %ecx, %ecx; movq $0, 120(%rbx); mov %rdx, %rsp; xor %edx, %edx");
}

/* Changes an instruction that runs next. */
TEST(patches_itself)
{
	static const unsigned char code[] = {
		0xc7, 0x05, 0x03, 0, 0, 0, 0xb8, 0x2a, 0, 0, /* movl $0x2ab8, 3(%rip) */
		0x90, 0x90, 0x90, /* three nops */
		0xb8, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0xc3, /* mov $0, %eax: becomes 42 */
	};
	char *p = new_page();
	int i;

	for (i = 0; i < 1000; i++) {
		memcpy(p + 100, code, sizeof code);
		EQ(((int (*)(void))(p + 100))(), 42);
	}
}

/* The instruction or what it writes lies across a page end. */
TEST(across_pages)
{
	static const unsigned char code[] = { 0xc7, 0x07, 0x78, 0x56, 0x34, 0x12, 0xc3 }; /* movl $0x12345678, (%rdi) */
	char *p = new_page();
	int at, to, v;

	for (at = -8; at <= 1; at++) {
		for (to = -4; to <= 1; to++) {
			char *target = p + PAGE + to + (to < 0 ? -20 : 20);

			memcpy(p + PAGE + at, code, sizeof code);
			((void (*)(void *))(p + PAGE + at))(target);
			memcpy(&v, target, 4);
			EQ(v, 0x12345678);
		}
		memcpy(p + 100, code, sizeof code);
		((void (*)(void *))(p + 100))(p + PAGE - 2);
		memcpy(&v, p + PAGE - 2, 4);
		EQ(v, 0x12345678);
	}
}

/* The kernel writes where code ran, and the new code runs. */
TEST(read_into_code)
{
	static const char one[] = "\xb8\1\0\0\0\xc3", two[] = "\xb8\2\0\0\0\xc3";
	int fd = OK(open("code", O_RDWR | O_CREAT, 0644)), pfd[2], i;
	char *p = new_page();
	struct iovec iov[2] = { { p + 64, 3 }, { p + 67, 3 } };
	int (*fn)(void) = (int (*)(void))(p + 64);

	OK(pipe(pfd));
	EQ(pwrite(fd, one, 6, 0), 6);
	EQ(pwrite(fd, two, 6, 6), 6);
	memset(p, 0xc3, 2 * PAGE);
	for (i = 0; i < 20; i++) {
		EQ(pread(fd, p + 64, 6, 0), 6);
		EQ(fn(), 1);
		EQ(preadv(fd, iov, 2, 6), 6);
		EQ(fn(), 2);
		EQ(write(pfd[1], one, 6), 6);
		EQ(read(pfd[0], p + 64, 6), 6);
		EQ(fn(), 1);
		EQ(pread(fd, p + PAGE - 4, 8, 2), 8);
		EQ(fn(), 1);
	}
	/* From a file of the image, and all of it although code ran in the middle. */
	fd = OK(open("/proc/self/exe", O_RDONLY));
	fn();
	EQ(pread(fd, p + 1024, PAGE, 0), PAGE);
	CHECK(!memcmp(p + 1025, "ELF", 3));
}

/* Threads: one runs the code, the other changes it. */
static volatile int stop;
static void *runner(void *arg)
{
	int v;

	while (!stop) {
		v = ((int (*)(void))arg)();
		if (v != 1 && v != 2)
			test_fail(__LINE__, "got %d", v);
	}
	return 0;
}

TEST(patched_by_a_thread)
{
	char *p = new_page();
	pthread_t t;
	int i;

	memcpy(p + 64, "\x90\x90\x90\xb8\1\0\0\0\xc3", 9);
	pthread_create(&t, 0, runner, p + 64);
	for (i = 0; i < 2000; i++)
		*(volatile int *)(p + 68) = 1 + i % 2;
	stop = 1;
	pthread_join(t, 0);
}
