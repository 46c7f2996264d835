/* Builds the seccomp programs and reads them back: see filter.h. */
#include "runtime/sandbox/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "abi/layout.h"
#include "runtime/lib/util.h"

#define X32_BIT 0x40000000u
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#include "runtime/filter_rows.inc" /* what mkfilter.c made at build time: guest_rows, server_rows, network_rows */

/*
 * Instructions of our own, in front of libseccomp's: where the call comes from, and the ranges of memory calls, since
 * libseccomp cannot add. Jumps go to labels; a label stands once, behind all jumps to it.
 */
enum label { LABEL_NONE, LABEL_RANGE, LABEL_CARRY, LABEL_SUM, LABEL_FIRST_OK, LABEL_ROWS, LABELS };

struct code {
	struct sock_filter insn[128];
	unsigned char to[128][2]; /* labels of jt, jf */
	size_t len;
};

static void put(struct code *c, uint16_t op, uint32_t k)
{
	c->insn[c->len++] = (struct sock_filter){.code = op, .k = k};
}

/* yes, no: labels; LABEL_NONE = go on with the next instruction. */
static void put_if(struct code *c, uint16_t test, uint32_t k, enum label yes, enum label no)
{
	c->to[c->len][0] = (unsigned char)yes;
	c->to[c->len][1] = (unsigned char)no;
	put(c, BPF_JMP | test, k);
}

static void put_label(struct code *c, enum label label)
{
	for (size_t i = 0; i < c->len; i++) {
		if (c->to[i][0] == label)
			c->insn[i].jt = (unsigned char)(c->len - i - 1);
		if (c->to[i][1] == label)
			c->insn[i].jf = (unsigned char)(c->len - i - 1);
		for (int way = 0; way < 2; way++)
			if (c->to[i][way] == label)
				c->to[i][way] = LABEL_NONE;
	}
}

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define LOW(arg) (FIELD(args) + 8 * (arg))
#define HIGH(arg) (LOW(arg) + 4)
#define KILL(c) put(c, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void put_prologue(struct code *c, uint64_t text_size)
{
	_Static_assert((KERNEL_BASE >> 32) == ((KERNEL_BASE + KERNEL_IMAGE_MAX) >> 32), "one high half");

	put(c, LOAD, FIELD(arch));
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	KILL(c);
	put(c, LOAD, FIELD(nr));
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	KILL(c);
	/* instruction_pointer is the address behind the syscall instruction: the text's end itself is possible. */
	put(c, LOAD, FIELD(instruction_pointer) + 4);
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KERNEL_BASE >> 32, 0, 3);
	put(c, LOAD, FIELD(instruction_pointer));
	c->insn[c->len++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(KERNEL_BASE + text_size), 1, 0);
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)KERNEL_BASE, 1, 0);
	put(c, BPF_RET | BPF_K, SECCOMP_RET_TRAP);
}

/* Kills unless the range at argument `at`, as long as argument `len` says, ends below TASK_SIZE; else goes on at ok. */
static void put_range(struct code *c, unsigned at, unsigned len, enum label ok)
{
	const uint32_t end = TASK_SIZE >> 32;

	_Static_assert((uint32_t)TASK_SIZE == 0, "high halves decide");
	put(c, LOAD, HIGH(len));
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, end, 0, 1);
	KILL(c);
	put(c, BPF_ST, 0); /* M[0] = high half of the length */
	put(c, LOAD, LOW(at));
	put(c, BPF_MISC | BPF_TAX, 0);
	put(c, LOAD, LOW(len));
	put(c, BPF_ALU | BPF_ADD | BPF_X, 0);
	/* Less than one of its parts: the sum of the low halves has wrapped. */
	put(c, BPF_ST, 1);
	put(c, BPF_MISC | BPF_TXA, 0);
	put(c, BPF_LDX | BPF_W | BPF_MEM, 1);
	put_if(c, BPF_JGT | BPF_X, 0, LABEL_CARRY, LABEL_NONE);
	put(c, LOAD, HIGH(at));
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 2, 0, 0);
	put_label(c, LABEL_CARRY);
	put(c, LOAD, HIGH(at));
	put(c, BPF_ALU | BPF_ADD | BPF_K, 1);
	put(c, BPF_LDX | BPF_W | BPF_MEM, 0);
	put(c, BPF_ALU | BPF_ADD | BPF_X, 0);
	put_if(c, BPF_JGE | BPF_K, end, LABEL_NONE, LABEL_SUM);
	KILL(c);
	/* The sum may have wrapped, but only if the address alone is too high. */
	put_label(c, LABEL_SUM);
	put(c, LOAD, HIGH(at));
	put_if(c, BPF_JGE | BPF_K, end, LABEL_NONE, ok);
	KILL(c);
}

static void put_ranges(struct code *c)
{
	static const uint32_t low[] = {SYS_mmap, SYS_munmap, SYS_mremap};
	static const uint32_t high[] = {SYS_munlock, SYS_mlock2, SYS_pkey_mprotect};

	/* The most frequent calls are neither: let them pass with few comparisons. */
	put(c, LOAD, FIELD(nr));
	for (size_t i = 0; i < ARRAY_SIZE(low); i++)
		put_if(c, BPF_JEQ | BPF_K, low[i], LABEL_RANGE, LABEL_NONE);
	c->insn[c->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 8);
	/* The guest kernel gives back memory of its own, heap and contents of files, and may have it in huge pages. */
	put(c, LOAD, LOW(2));
	put_if(c, BPF_JEQ | BPF_K, MADV_COLLAPSE, LABEL_ROWS, LABEL_NONE);
	put_if(c, BPF_JEQ | BPF_K, MADV_REMOVE, LABEL_NONE, LABEL_RANGE);
	put(c, LOAD, HIGH(0));
	put_if(c, BPF_JGT | BPF_K, HEAP_BASE >> 32, LABEL_ROWS, LABEL_NONE);
	put_if(c, BPF_JEQ | BPF_K, HEAP_BASE >> 32, LABEL_NONE, LABEL_RANGE);
	put(c, LOAD, LOW(0));
	put_if(c, BPF_JGE | BPF_K, (uint32_t)HEAP_BASE, LABEL_ROWS, LABEL_RANGE);
	for (size_t i = 0; i < ARRAY_SIZE(high); i++)
		put_if(c, BPF_JEQ | BPF_K, high[i], LABEL_RANGE,
		       i + 1 < ARRAY_SIZE(high) ? LABEL_NONE : LABEL_ROWS);
	put_label(c, LABEL_RANGE);
	put_range(c, 0, 1, LABEL_FIRST_OK);
	put_label(c, LABEL_FIRST_OK);
	put(c, LOAD, FIELD(nr));
	put_if(c, BPF_JEQ | BPF_K, SYS_mremap, LABEL_NONE, LABEL_ROWS);
	put_range(c, 4, 2, LABEL_ROWS);
	put_label(c, LABEL_ROWS);
}

int filter_build(struct filter *filter, enum filter_kind kind, uint64_t text_size, struct error *err)
{
	static const struct {
		const struct sock_filter *rows;
		size_t count;
	} made[] = {
		[FILTER_SERVER] = {server_rows, ARRAY_SIZE(server_rows)},
		[FILTER_SERVER_NETWORK] = {network_rows, ARRAY_SIZE(network_rows)},
		[FILTER_SERVER_DEVICES] = {server_device_rows, ARRAY_SIZE(server_device_rows)},
		[FILTER_SERVER_NETWORK_DEVICES] = {network_device_rows, ARRAY_SIZE(network_device_rows)},
		[FILTER_GUEST] = {guest_rows, ARRAY_SIZE(guest_rows)},
	};
	const struct sock_filter *rows = made[kind].rows;
	size_t count = made[kind].count;
	struct code front = {0};

	put_prologue(&front, text_size);
	put_ranges(&front);
	*filter = (struct filter){.len = front.len + count};
	filter->code = calloc(filter->len, sizeof(*filter->code));
	if (!filter->code || filter->len > BPF_MAXINSNS) {
		error_set(err, "no seccomp filter of %zu instructions can be made", filter->len);
		filter_free(filter);
		return -1;
	}
	memcpy(filter->code, front.insn, front.len * sizeof(*front.insn));
	memcpy(filter->code + front.len, rows, count * sizeof(*rows));
	return 0;
}

void filter_free(struct filter *filter)
{
	free(filter->code);
	*filter = (struct filter){0};
}

/*
 * A walk over the program with the call number, architecture and caller known and the arguments unknown. Each
 * (instruction, is A known) is visited once; A's value, when known, is a function of the path's loads, and every
 * load of a known field precedes its tests, so that two visits with A known can differ only in value: keep one
 * mark for each of the four fields that A can hold.
 */
struct walk {
	const struct filter *filter;
	struct seccomp_data data;
	unsigned char *seen; /* bit = field that A holds, by instruction */
};

#define FIELD_UNKNOWN 7u

static bool walk_from(struct walk *w, size_t pc, uint32_t a, unsigned field)
{
	while (pc < w->filter->len) {
		const struct sock_filter *in = &w->filter->code[pc];
		bool taken;

		if (w->seen[pc] & 1u << field)
			return false;
		w->seen[pc] |= (unsigned char)(1u << field);
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k < offsetof(struct seccomp_data, args)) {
				memcpy(&a, (const char *)&w->data + in->k, sizeof(a));
				field = in->k / 4;
			} else {
				field = FIELD_UNKNOWN;
			}
			pc++;
			continue;
		case BPF_RET | BPF_K:
			return (in->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA:
			pc += 1 + in->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = a == in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = a > in->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = a >= in->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			taken = a & in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_X:
			field = FIELD_UNKNOWN;
			taken = false;
			break;
		default: /* arithmetic, scratch memory: the result is not followed */
			field = FIELD_UNKNOWN;
			pc++;
			continue;
		}
		if (field != FIELD_UNKNOWN) {
			pc += 1 + (taken ? in->jt : in->jf);
			continue;
		}
		if (walk_from(w, pc + 1 + in->jt, a, field))
			return true;
		pc += 1 + in->jf;
	}
	return false;
}

bool filter_allows(const struct filter *filter, uint32_t nr)
{
	cleanup_free unsigned char *seen = calloc(filter->len, 1);
	struct walk w = {
		.filter = filter,
		.data = {.nr = (int)nr, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = KERNEL_BASE + 2},
		.seen = seen,
	};

	return seen && walk_from(&w, 0, 0, FIELD_UNKNOWN);
}

char *filter_call_name(uint32_t nr)
{
	return seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr);
}
