/*
 * The traps of code_fix.c: the instruction that stood there is carried out. XRSTOR without the rights register; WRPKRU and
 * WRGSBASE are what they are on a machine without keys and without FSGSBASE, invalid; others are ordinary ones that
 * only had the wrong bytes in them (emulate_insn.c).
 */
#include "mm/code_trap.h"

#include "abi/linux/signal.h"
#include "core/log.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/insn.h"
#include "proc/task.h"

enum scan_kind code_forbidden(const struct code_fix *f)
{
	struct scan_hit hit;

	/* The instruction itself, after its prefixes; not something that lies in its operands. */
	if (!scan_next(f->bytes, f->len, 0, &hit))
		return 0;
	for (size_t i = 0; i < hit.at; i++)
		if (!insn_is_prefix(f->bytes[i]))
			return 0;
	return hit.kind;
}

static int xrstor(struct insn *in)
{
	struct gate_regs *r = in->regs;

	insn_modrm(in);
	if (in->bad || in->mod == 3 || in->pos != in->have)
		return INSN_UNKNOWN;
	return gate_fpstate_xrstor(insn_address(in), (r->rdx << 32) | (u32)r->rax);
}

static int carry_out(struct task *t, const struct code_fix *f, u64 *at)
{
	struct insn in;
	int ret;

	insn_begin(&in, &t->regs, f->bytes, f->len);
	switch (code_forbidden(f)) {
	case SCAN_XRSTOR:
		ret = xrstor(&in);
		break;
	case SCAN_WRPKRU:
	case SCAN_WRGSBASE:
		return INSN_UNKNOWN;
	default:
		ret = insn_run(&in);
	}
	*at = in.bad ? 0 : insn_address(&in);
	if (!ret)
		t->regs.rip += in.pos;
	return ret;
}

static void complain(const struct code_fix *f)
{
	char text[16 * 3 + 1];

	for (u32 i = 0; i < f->len; i++)
		ksnprintf(text + i * 3, 4, "%02x ", f->bytes[i]);
	text[f->len * 3] = 0;
	log_warn("not carried out: %s(at %#lx)", text, f->start);
}

bool code_trapped(struct task *t, int *sig, int *code, u64 *addr)
{
	struct code_fix f;
	int ret;

	if (!t->mm || !atomic_load_relaxed(&t->mm->fix_count))
		return false;
	if (code_try_again(t->mm, t->regs.rip))
		return true;
	if (!code_fix_at(t->mm, t->regs.rip, &f))
		return false;
	ret = carry_out(t, &f, addr);
	log_debug("trap at %#lx: kind %d: %d", f.start, code_forbidden(&f), ret);
	if (!ret)
		return true;
	if (ret == INSN_UNKNOWN) {
		if (!code_forbidden(&f))
			complain(&f);
		*addr = t->regs.rip;
		return false;
	}
	*sig = SIGSEGV;
	*code = SEGV_MAPERR;
	return false;
}
