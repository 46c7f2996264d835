/*
 * Ordinary instructions with the bytes of forbidden ones in them (docs/gate.md): in constants, in displacements, across
 * two instructions. They do what they say; so does XRSTOR, which the dynamic linker uses.
 */
#include "test.h"

struct state { uint64_t rax, rbx, rcx, rdx, rsi, rdi, r8, flags; };

/* Code at the beginning of a fresh page, with more room on both sides for displacements. */
static char *arena;
#define ARENA (1ul << 30)
#define CODE (ARENA / 2)

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
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1");
}

/* As a compiler leaves a function: something sensible in front of it, so that its beginning can be found. */
static void put(const char *code, size_t n)
{
	char *p = arena + CODE;

	OK(mprotect(p - PAGE, 3 * PAGE, PROT_READ | PROT_WRITE));
	for (int i = 0; i < 400; i += 4)
		memcpy(p - 400 + i, "\x48\x83\xc0\x01", 4); /* add $1,%rax */
	memset(p, 0xc3, PAGE);
	memcpy(p, code, n);
	OK(mprotect(p - PAGE, 3 * PAGE, PROT_READ | PROT_EXEC));
}

static struct state run(const char *code, size_t n, struct state s)
{
	put(code, n);
	enter(&s, arena + CODE);
	return s;
}

#define RUN(code, ...) run(code "\xc3", sizeof(code), (struct state){ __VA_ARGS__ })
#define FLAGS 0x8d5u

static void begin(void)
{
	arena = OK(mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

TEST(constants)
{
	struct state s;

	begin();
	s = RUN("\xb8\x0f\x01\xef\x00"); /* mov $0xef010f,%eax */
	CHECK(s.rax == 0xef010f);
	s = RUN("\x48\xb8\x11\x0f\xae\x2f\x22\x33\x44\x55"); /* movabs */
	CHECK(s.rax == 0x554433222fae0f11ull);
	s = RUN("\x05\x0f\xae\x2f\x00", .rax = 0xffffffffu); /* add $imm,%eax */
	CHECK(s.rax == 0x2fae0e && (s.flags & 1));
	s = RUN("\x48\x81\xc3\x0f\xae\x28\x00", .rbx = 1); /* add $imm,%rbx */
	CHECK(s.rbx == 0x28ae10);
	s = RUN("\x81\xfb\x0f\x01\xef\x00", .rbx = 0xef010f); /* cmp $imm,%ebx */
	CHECK((s.flags & FLAGS) == 0x44);
	s = RUN("\xf7\xc3\x0f\x01\xef\x00", .rbx = 0x1000); /* test $imm,%ebx */
	CHECK((s.flags & 0x40) && !(s.flags & 0x80));
	s = RUN("\x69\xc3\x0f\xae\x2f\x00", .rbx = 3); /* imul $imm,%ebx,%eax */
	CHECK(s.rax == 3 * 0x2fae0f);
	s = RUN("\x68\x0f\x01\xef\x00\x58"); /* push $imm; pop %rax */
	CHECK(s.rax == 0xef010f);
	s = RUN("\x81\xe3\x0f\xae\x2a\x01", .rbx = ~0ull); /* and */
	CHECK(s.rbx == 0x12aae0f);
}

TEST(displacements)
{
	struct state s;
	uint64_t v = 0x1122334455667788ull;

	begin();
	/* lea 0x2fae0f(%rbx),%rax */
	s = RUN("\x48\x8d\x83\x0f\xae\x2f\x00", .rbx = 1);
	CHECK(s.rax == 0x2fae10);
	/* lea 0x2fae0f(%rip),%rax */
	s = RUN("\x48\x8d\x05\x0f\xae\x2f\x00");
	CHECK(s.rax == (uint64_t)arena + CODE + 7 + 0x2fae0f);
	memcpy(arena + CODE + 7 + 0x2fae0f, &v, 8);
	s = RUN("\x48\x8b\x05\x0f\xae\x2f\x00");
	CHECK(s.rax == v);
	s = RUN("\x48\x89\x1d\x0f\xae\x2f\x00", .rbx = 77);
	memcpy(&v, arena + CODE + 7 + 0x2fae0f, 8);
	CHECK(v == 77);
	s = RUN("\x0f\xb6\x05\x0f\xae\x2f\x00"); /* movzbl */
	CHECK(s.rax == 77);
	s = RUN("\x83\x3d\x0f\xae\x2f\x00\x4d"); /* cmpl $77,disp(%rip) */
	CHECK(s.flags & 0x40);
	s = RUN("\x03\x05\x0f\xae\x2f\x00", .rax = 3); /* add disp(%rip),%eax: a byte further down */
	CHECK(s.rax == 3 + (77ull << 8));
	/* movups disp(%rip),%xmm0; movq %xmm0,%rax. And the other way round. */
	for (int i = 0; i < 16; i++)
		arena[CODE + 7 + 0x2fae0f + i] = (char)(i + 1);
	s = RUN("\x0f\x10\x05\x0f\xae\x2f\x00\x66\x48\x0f\x7e\xc0");
	CHECK(s.rax == 0x0807060504030201ull);
	s = RUN("\x66\x48\x0f\x6e\xc0\x0f\x11\x05\x0f\xae\x2f\x00", .rax = v);
	memcpy(&v, arena + CODE + 12 + 0x2fae0f, 8);
	CHECK(v == s.rax);
	memcpy(&v, arena + CODE + 20 + 0x2fae0f, 8);
	CHECK(v == 0);
}

TEST(jumps)
{
	char *to = arena;
	struct state s;

	begin();
	to = arena + CODE + 5 + 0x2fae0f;
	OK(mprotect((void *)((uintptr_t)to & ~(PAGE - 1)), 2 * PAGE, PROT_READ | PROT_WRITE));
	memcpy(to, "\xb8\x07\x00\x00\x00\xc3", 6); /* mov $7,%eax; ret */
	memcpy(to + 16, "\xb8\x09\x00\x00\x00\xc3", 6);
	OK(mprotect((void *)((uintptr_t)to & ~(PAGE - 1)), 2 * PAGE, PROT_READ | PROT_EXEC));
	for (int i = 0; i < 3; i++) {
		s = RUN("\xe8\x0f\xae\x2f\x00");
		CHECK(s.rax == 7);
		s = RUN("\xe9\x0f\xae\x2f\x00");
		CHECK(s.rax == 7);
		s = RUN("\x90\x0f\x84\x0f\xae\x2f\x00", .flags = 0x202, .rax = 1); /* je, not taken */
		CHECK(s.rax == 1);
	}
}

TEST(across)
{
	struct state s;

	begin();
	/* add $15,%eax; add %ebp,%edi: 0F | 01 EF */
	s = RUN("\x31\xed\x83\xc0\x0f\x01\xef", .rax = 1, .rdi = 5);
	CHECK(s.rax == 16 && s.rdi == 5 && !(s.flags & 1));
	/* rol $15,%edx; add %ebp,%edi */
	s = RUN("\x89\xc5\xc1\xc2\x0f\x01\xef\x31\xed", .rdx = 0x10001, .rdi = 5, .rax = 3);
	CHECK(s.rdx == 0x80008000u && s.rdi == 8);
	/* mov $15,%al; scasb; sub %ecx,%eax */
	s = RUN("\xb0\x0f\xae\x2b\xc1", .rdi = (uint64_t)arena, .rax = 0x1100, .rcx = 0x1000);
	CHECK(s.rdi == (uint64_t)arena + 1 && s.rax == 0x10f);
}

TEST(xrstor)
{
	static unsigned char area[4096] __attribute__((aligned(64)));
	unsigned short cw = 0;
	struct state s = { .rdi = (uint64_t)area, .rax = 1 };

	begin();
	area[0] = 0x7f;
	area[1] = 0x07; /* precision control 2 */
	area[24] = 0x80;
	area[25] = 0x1f;
	area[512] = 1; /* XSTATE_BV: x87 */
	put("\x0f\xae\x2f\xc3", 4);
	for (int i = 0; i < 3; i++) {
		__asm__ volatile("fninit");
		enter(&s, arena + CODE);
		__asm__ volatile("fnstcw %0" : "=m"(cw));
		CHECK(cw == 0x77f);
	}
	__asm__ volatile("fninit");
	/* As ld.so has it: 0x40(%rsp), and an addition behind it. */
	memmove(area + 64, area, 1024);
	s.rdi = (uint64_t)area;
	put("\x48\x87\xfc\x0f\xae\x6c\x24\x40\x48\x87\xfc\x48\x83\xc2\x01\xc3", 16);
	for (int i = 0; i < 3; i++) {
		s.rdx = 0;
		s.rax = 1;
		__asm__ volatile("fninit");
		enter(&s, arena + CODE);
		__asm__ volatile("fnstcw %0" : "=m"(cw));
		CHECK(cw == 0x77f);
		CHECK(s.rdx == 1);
	}
	__asm__ volatile("fninit");
}
