/* See seccomp_bpf.h. */
#include "sys/seccomp_bpf.h"

#include "abi/linux/errno.h"

static bool code_known(u16 code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_ALU | BPF_NEG:
	case BPF_JMP | BPF_JA:
		return true;
	}
	switch (code & ~BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

static bool is_memory(u16 code)
{
	return code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM);
}

/* One instruction by itself; left = how many follow it. */
static bool insn_ok(const struct sock_filter *in, u32 left)
{
	if (!code_known(in->code))
		return false;
	if (in->code == (BPF_LD | BPF_W | BPF_ABS))
		return in->k < sizeof(struct seccomp_data) && !(in->k & 3);
	if (in->code == (BPF_ALU | BPF_DIV | BPF_K))
		return in->k != 0;
	if (in->code == (BPF_ALU | BPF_LSH | BPF_K) || in->code == (BPF_ALU | BPF_RSH | BPF_K))
		return in->k < 32;
	if (is_memory(in->code))
		return in->k < BPF_MEMWORDS;
	if (in->code == (BPF_JMP | BPF_JA))
		return in->k < left;
	if ((in->code & 7) == BPF_JMP)
		return in->jt < left && in->jf < left;
	return true;
}

/* words[i]: those of M[] that some jump to i comes without. What a path leaves unwritten must not be read. */
static bool memory_ok(const struct sock_filter *code, u32 len, u16 *words)
{
	u16 written = 0;

	for (u32 i = 0; i < len; i++)
		words[i] = 0;
	for (u32 i = 0; i < len; i++) {
		const struct sock_filter *in = &code[i];

		written &= (u16)~words[i];
		if (in->code == BPF_ST || in->code == BPF_STX) {
			written |= (u16)(1u << in->k);
		} else if (is_memory(in->code)) {
			if (!(written >> in->k & 1))
				return false;
		} else if (in->code == (BPF_JMP | BPF_JA)) {
			words[i + 1 + in->k] |= (u16)~written;
			written = 0xffff; /* nobody falls through */
		} else if ((in->code & 7) == BPF_JMP) {
			words[i + 1 + in->jt] |= (u16)~written;
			words[i + 1 + in->jf] |= (u16)~written;
			written = 0xffff;
		} else if ((in->code & 7) == BPF_RET) {
			written = 0xffff;
		}
	}
	return true;
}

int bpf_check(const struct sock_filter *code, u32 len, u16 *words)
{
	if (!len || len > BPF_MAXINSNS)
		return -EINVAL;
	for (u32 i = 0; i < len; i++)
		if (!insn_ok(&code[i], len - 1 - i))
			return -EINVAL;
	if ((code[len - 1].code & 7) != BPF_RET)
		return -EINVAL;
	return memory_ok(code, len, words) ? 0 : -EINVAL;
}

static u32 alu(u16 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	}
	return -a; /* BPF_NEG */
}

static bool holds(u16 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	}
	return a & b; /* BPF_JSET */
}

u32 bpf_run(const struct sock_filter *code, const struct seccomp_data *data)
{
	u32 a = 0, x = 0, mem[BPF_MEMWORDS] __uninitialized; /* checked: written before read */

	for (const struct sock_filter *in = code;; in++) {
		u32 operand = in->code & BPF_X ? x : in->k;

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			__builtin_memcpy(&a, (const u8 *)data + in->k, sizeof(a));
			continue;
		case BPF_LD | BPF_IMM:
			a = in->k;
			continue;
		case BPF_LDX | BPF_IMM:
			x = in->k;
			continue;
		case BPF_LD | BPF_W | BPF_LEN:
			a = sizeof(*data);
			continue;
		case BPF_LDX | BPF_W | BPF_LEN:
			x = sizeof(*data);
			continue;
		case BPF_LD | BPF_MEM:
			a = mem[in->k];
			continue;
		case BPF_LDX | BPF_MEM:
			x = mem[in->k];
			continue;
		case BPF_ST:
			mem[in->k] = a;
			continue;
		case BPF_STX:
			mem[in->k] = x;
			continue;
		case BPF_MISC | BPF_TAX:
			x = a;
			continue;
		case BPF_MISC | BPF_TXA:
			a = x;
			continue;
		case BPF_RET | BPF_K:
			return in->k;
		case BPF_RET | BPF_A:
			return a;
		case BPF_JMP | BPF_JA:
			in += in->k;
			continue;
		}
		if ((in->code & 7) == BPF_JMP) {
			in += holds(in->code & 0xf0, a, operand) ? in->jt : in->jf;
			continue;
		}
		if (in->code == (BPF_ALU | BPF_DIV | BPF_X) && !x)
			return 0; /* the program's end, with SECCOMP_RET_KILL_THREAD */
		a = alu(in->code & 0xf0, a, operand);
	}
}
