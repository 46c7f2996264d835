/*
 * The checker and the interpreter of seccomp's BPF: what Linux refuses is refused, what is taken gives the right answer,
 * and of a hundred thousand random programs none that the checker takes leaves its bounds.
 *
 * build: kernel/sys/seccomp_bpf.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/linux/errno.h"
#include "sys/seccomp_bpf.h"

#define S(c, k_) { (c), 0, 0, (k_) }
#define J(c, k_, t, f) { BPF_JMP | (c), (t), (f), (k_) }
#define RET_K (BPF_RET | BPF_K)
#define LDA (BPF_LD | BPF_W | BPF_ABS)

static const struct seccomp_data data = { .nr = 7, .arch = 0xc000003e, .instruction_pointer = 0x1122334455667788,
					  .args = { 0xa0a1a2a3b0b1b2b3, 1, 2, 3, 4, 5 } };

/* On the heap and exactly as long as they are: the sanitizer sees a step too far. */
static int check(const struct sock_filter *code, u32 len)
{
	struct sock_filter *own = malloc(len * sizeof(*own) + !len);
	u16 *words = malloc(len * sizeof(*words) + !len);
	int err;

	memcpy(own, code, len * sizeof(*own));
	err = bpf_check(own, len, words);
	if (!err)
		(void)bpf_run(own, &data);
	free(words);
	free(own);
	return err;
}

#define REFUSED(...) do { \
	const struct sock_filter c_[] = { __VA_ARGS__ }; \
	assert_int_equal(check(c_, ARRAY_SIZE(c_)), -EINVAL); \
} while (0)
#define GIVES(value, ...) do { \
	const struct sock_filter c_[] = { __VA_ARGS__ }; \
	assert_int_equal(check(c_, ARRAY_SIZE(c_)), 0); \
	assert_int_equal(bpf_run(c_, &data), (value)); \
} while (0)

static void lengths(void **state)
{
	struct sock_filter *code = calloc(BPF_MAXINSNS + 1, sizeof(*code));

	for (u32 i = 0; i <= BPF_MAXINSNS; i++)
		code[i].code = RET_K;
	assert_int_equal(check(code, 0), -EINVAL);
	assert_int_equal(check(code, 1), 0);
	assert_int_equal(check(code, BPF_MAXINSNS), 0);
	assert_int_equal(check(code, BPF_MAXINSNS + 1), -EINVAL);
	free(code);
}

static void hostile(void **state)
{
	REFUSED(S(LDA, 0)); /* no end */
	REFUSED(S(RET_K, 0), S(LDA, 0));
	REFUSED(S(LDA, 1), S(RET_K, 0)); /* loads */
	REFUSED(S(LDA, 2), S(RET_K, 0));
	REFUSED(S(LDA, 64), S(RET_K, 0));
	REFUSED(S(LDA, 0xfffffffc), S(RET_K, 0));
	REFUSED(S(LDA, 0xfffff000), S(RET_K, 0)); /* Linux's ancillary data */
	REFUSED(S(BPF_LD | 0x08 | BPF_ABS, 0), S(RET_K, 0)); /* half words, bytes */
	REFUSED(S(BPF_LD | 0x10 | BPF_ABS, 0), S(RET_K, 0));
	REFUSED(S(BPF_LD | BPF_W | 0x40, 0), S(RET_K, 0)); /* indirect */
	REFUSED(S(BPF_LDX | 0x10 | 0xa0, 0), S(RET_K, 0)); /* MSH */
	REFUSED(J(BPF_JA, 0, 0, 0)); /* jumps */
	REFUSED(J(BPF_JA, 1, 0, 0), S(RET_K, 0));
	REFUSED(J(BPF_JA, 0xffffffff, 0, 0), S(RET_K, 0));
	REFUSED(J(BPF_JA, 0xfffffffe, 0, 0), S(RET_K, 0));
	REFUSED(J(BPF_JEQ, 0, 1, 0), S(RET_K, 0));
	REFUSED(J(BPF_JEQ, 0, 0, 255), S(RET_K, 0));
	REFUSED(S(BPF_ALU | BPF_DIV | BPF_K, 0), S(RET_K, 0));
	REFUSED(S(BPF_ALU | 0x90, 3), S(RET_K, 0)); /* MOD: not for filters */
	REFUSED(S(BPF_ALU | BPF_LSH | BPF_K, 32), S(RET_K, 0));
	REFUSED(S(BPF_ALU | BPF_RSH | BPF_K, 32), S(RET_K, 0));
	REFUSED(S(BPF_ST, 16), S(RET_K, 0)); /* memory */
	REFUSED(S(BPF_STX, 0xffffffff), S(RET_K, 0));
	REFUSED(S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 16), S(RET_K, 0));
	REFUSED(S(BPF_LD | BPF_MEM, 0), S(RET_K, 0)); /* never written */
	REFUSED(S(BPF_LDX | BPF_MEM, 15), S(RET_K, 0));
	REFUSED(S(BPF_ST, 1), S(BPF_LD | BPF_MEM, 0), S(RET_K, 0));
	/* Written on one of two paths. */
	REFUSED(J(BPF_JEQ, 7, 0, 1), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), S(RET_K, 0));
	REFUSED(J(BPF_JEQ, 7, 1, 0), J(BPF_JA, 1, 0, 0), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), S(RET_K, 0));
	REFUSED(S(BPF_RET | BPF_X, 0)); /* what there is not */
	REFUSED(S(0xffff, 0), S(RET_K, 0));
	REFUSED(S(0x100 | RET_K, 0));
	REFUSED(S(BPF_LD | BPF_IMM | BPF_X, 0), S(RET_K, 0));
}

static void answers(void **state)
{
	GIVES(0x7fff0000, S(RET_K, SECCOMP_RET_ALLOW));
	GIVES(7, S(LDA, 0), S(BPF_RET | BPF_A, 0));
	GIVES(0xb0b1b2b3, S(LDA, 16), S(BPF_RET | BPF_A, 0));
	GIVES(0xa0a1a2a3, S(LDA, 20), S(BPF_RET | BPF_A, 0));
	GIVES(0, S(LDA, 60), S(BPF_RET | BPF_A, 0));
	GIVES(64, S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_RET | BPF_A, 0));
	GIVES(64, S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0), S(BPF_RET | BPF_A, 0));
	GIVES(5, S(BPF_LD | BPF_IMM, 5), S(BPF_ST, 3), S(BPF_LD | BPF_IMM, 9), S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0));
	GIVES(9, S(BPF_LDX | BPF_IMM, 9), S(BPF_STX, 15), S(BPF_LD | BPF_MEM, 15), S(BPF_RET | BPF_A, 0));
	GIVES(1, J(BPF_JA, 1, 0, 0), S(RET_K, 0), S(RET_K, 1));
	GIVES(2, S(LDA, 0), J(BPF_JEQ, 7, 1, 0), S(RET_K, 1), S(RET_K, 2));
	GIVES(1, S(LDA, 0), J(BPF_JGT, 7, 1, 0), S(RET_K, 1), S(RET_K, 2));
	GIVES(2, S(LDA, 0), J(BPF_JGE, 7, 1, 0), S(RET_K, 1), S(RET_K, 2));
	GIVES(1, S(LDA, 0), J(BPF_JSET, 8, 1, 0), S(RET_K, 1), S(RET_K, 2));
	GIVES(2, S(BPF_LD | BPF_IMM, 0xffffffff), J(BPF_JGT, 1, 1, 0), S(RET_K, 1), S(RET_K, 2)); /* unsigned */
	GIVES(2, S(LDA, 0), S(BPF_MISC | BPF_TAX, 0), J(BPF_JEQ | BPF_X, 0, 1, 0), S(RET_K, 1), S(RET_K, 2));
	GIVES((u32)-7, S(LDA, 0), S(BPF_ALU | BPF_NEG, 0), S(BPF_RET | BPF_A, 0));
	GIVES(3, S(LDA, 0), S(BPF_ALU | BPF_DIV | BPF_K, 2), S(BPF_RET | BPF_A, 0));
	/* Division by an X of 0 ends the program. */
	GIVES(0, S(LDA, 0), S(BPF_ALU | BPF_DIV | BPF_X, 0), S(RET_K, SECCOMP_RET_ALLOW));
	GIVES(14, S(LDA, 0), S(BPF_LDX | BPF_IMM, 33), S(BPF_ALU | BPF_LSH | BPF_X, 0), S(BPF_RET | BPF_A, 0));
	/* Both paths write. */
	GIVES(4, J(BPF_JEQ, 7, 1, 0), J(BPF_JA, 2, 0, 0), S(BPF_ST, 3), S(RET_K, 3), S(RET_K, 4));
}

static void random_programs(void **state)
{
	u32 taken = 0;

	srand(5);
	for (int round = 0; round < 100000; round++) {
		struct sock_filter code[24];
		u32 len = 1 + (u32)rand() % ARRAY_SIZE(code);

		for (u32 i = 0; i < len; i++) {
			u32 k = (u32)rand();

			code[i] = (struct sock_filter){ (u16)(rand() % 0xb8), (u8)(rand() % 6), (u8)(rand() % 6),
							k & 1 ? k % 20 : k % 70 };
			/* Mostly what the checker knows, so that some get through. */
			if (rand() % 8)
				code[i].code = (u16[]){ LDA, BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_IMM, BPF_JMP | BPF_JA,
							BPF_JMP | BPF_JEQ, BPF_JMP | BPF_JGT | BPF_X, BPF_ALU | BPF_DIV | BPF_X,
							BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_MUL, RET_K }[rand() % 12];
			if (code[i].code == LDA && rand() % 8)
				code[i].k &= 60;
		}
		code[len - 1].code = RET_K;
		taken += !check(code, len);
	}
	assert_true(taken > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths), cmocka_unit_test(hostile), cmocka_unit_test(answers), cmocka_unit_test(random_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
