/* What the entry stubs call: system calls, faults and kicks of programs; signals that met the kernel. */
#include "gate/gate.h"

#include "core/alloc.h"
#include "core/boot.h"
#include "core/log.h"
#include "core/stats.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/code_trap.h"
#include "mm/patch.h"
#include "proc/task.h"
#include "sys/dispatch.h"

#define TRAP_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define PF_PROT 1
#define PF_PKEY 0x20
#define AUDIT_ARCH_X86_64 0xc000003eu
#define HOST_SA_SIGINFO 0x4u
#define HOST_SA_RESTORER 0x04000000u
#define HOST_SA_ONSTACK 0x08000000u
#define HOST_SA_NODEFER 0x40000000u

#define SYSCALL_INSN_LEN 2

const struct gate_ops *gate __ro_after_init;

struct task *gate_current(void)
{
	struct task *t;

	__asm__("mov %%gs:%c1, %0" : "=r"(t) : "i"(SHOWN_TASK));
	return t;
}

void gate_entry(struct task *t, int sig, int code, u64 addr, u64 err, u64 trapno);
void gate_call(struct task *t);
void gate_again(struct task *t);
void gate_kernel_signal(int sig, struct siginfo *info, u8 *uc);

/*
 * A program that was on its way into the call entry, but not in yet, has not made the call: it stands before its system
 * call instruction, whose successor rcx names. An address of the kernel's may not be seen, nor be returned to. What
 * scratch says is the program's word, like its registers.
 */
static void call_entry_undo(struct task *t)
{
	u64 rip = t->regs.rip, scratch = SCRATCH_BASE + t->ht->slot * PAGE_SIZE;

	if (rip < (u64)gate->call_entry || rip >= (u64)gate->call_entry_open)
		return;
	if (rip >= (u64)gate->call_entry_parked) {
		t->regs.rcx = *(const volatile u64 *)(scratch + SCRATCH_RCX);
		t->regs.rsp = *(const volatile u64 *)(scratch + SCRATCH_RSP);
		if (gate->call_parks_all) {
			t->regs.rax = *(const volatile u64 *)(scratch + SCRATCH_RAX);
			t->regs.rdx = *(const volatile u64 *)(scratch + SCRATCH_RDX);
		}
	}
	t->regs.rip = t->regs.rcx - SYSCALL_INSN_LEN;
}

/* True: mended, the program tries again. Other faults, such as the alignment check's SIGBUS, have no address. */
static bool page_fault(int *sig, int *code, u64 addr, u64 *err, u64 trapno)
{
	if (trapno != TRAP_PAGE_FAULT || *code <= 0 || *code == SI_KERNEL)
		return false;
	if (addr < TASK_SIZE)
		return mm_fault(addr, *err, false, sig, code);
	/* The kernel's memory looks like nothing: no word of keys. */
	*code = SEGV_MAPERR;
	*err = (*err & ~(u64)PF_PKEY) | PF_PROT;
	return false;
}

/* rip is behind the instruction; registers as it leaves them. */
static void system_call(struct task *t)
{
	t->regs.rcx = t->regs.rip;
	t->regs.r11 = t->regs.rflags;
	t->regs.call_rip = t->regs.call_ret = t->regs.rip;
	syscall_dispatch(t);
}

void gate_entry(struct task *t, int sig, int code, u64 addr, u64 err, u64 trapno)
{
	bool in_syscall = false;

	atomic_store(&t->kicked, 0);
	call_entry_undo(t);
	patch_hide(t);
	switch (sig) {
	case SIGSYS:
		/* Without user dispatch the filter is what brings a call here. */
		if (!defence(DEFENCE_DISPATCH) && code == SYS_SECCOMP)
			code = SYS_USER_DISPATCH;
		if (code != SYS_USER_DISPATCH || err != AUDIT_ARCH_X86_64) {
			/* int 0x80 and friends: not a door of ours. */
			signal_from_fault(SIGSEGV, SI_KERNEL, 0, 13, 0);
			break;
		}
		if (t->mm)
			patch_trap(t->mm, t->regs.rip, t->regs.rax);
		system_call(t);
		in_syscall = true;
		break;
	case SIGSEGV:
	case SIGBUS:
		if (page_fault(&sig, &code, addr, &err, trapno))
			break;
		/* Fall through. */
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
		if ((sig == SIGILL || trapno == TRAP_PROTECTION) && patch_resume(t))
			break;
		if (sig == SIGILL && code_trapped(t, &sig, &code, &addr))
			break;
		if ((sig == SIGILL || trapno == TRAP_PROTECTION) && patch_restored(t))
			break;
		if (sig == SIGTRAP && (t->regs.rflags & FLAG_TF) && patch_step(t)) {
			system_call(t);
			in_syscall = true;
			break;
		}
		signal_from_fault(sig, code, addr, trapno, err);
		break;
	default: /* a kick: only the work below */
		stats_kick();
		break;
	}
	gate_enter_program(in_syscall);
}

/* From a patched call site: the registers stand in the task. */
void gate_call(struct task *t)
{
	if (atomic_load(&t->kicked))
		atomic_store(&t->kicked, 0);
	syscall_dispatch(t);
	gate_enter_program(true);
}

/* Work turned up between the last look and the exit. */
void gate_again(struct task *t __unused) { gate_enter_program(false); }

/*
 * Most calls have nothing for signal_deliver() but perhaps signals: no result that asks for a restart and met no signal
 * after all, no mask to be restored, no return address that is none.
 */
static bool plain_result(const struct task *t)
{
	return likely((u64)(-(s64)t->regs.rax - ERESTARTSYS) > ERESTART_RESTARTBLOCK - ERESTARTSYS) &&
	       likely(!t->restore_blocked) && likely(t->regs.rip < TASK_SIZE);
}

void gate_enter_program(bool in_syscall)
{
	struct task *t = current;

	while (atomic_load(&t->work)) {
		patch_hide(t); /* after patch_resume */
		signal_deliver(in_syscall);
		in_syscall = false;
	}
	if (in_syscall && !plain_result(t))
		signal_deliver(true);
	t->orig_rax = ~0ull;
	/* A task that outlived its host process may only die. */
	BUG_ON(t->dead_ht);
	/*
	 * A kick that met the kernel has done its work; the next one must be sent. The exit looks at work after this. Who
	 * raises it behind a look that found 0 sends one.
	 */
	if (unlikely(atomic_load(&t->kicked)))
		atomic_store(&t->kicked, 0);
	lock_assert_none();
#ifdef LIMPET_DEBUG
	if (*(u64 *)(hthread_sigstack(t->ht) + SIGSTACK_SIZE) != KSTACK_CANARY)
		panic("kernel stack overflow");
#endif
	gate->exit(t);
}

/* On the signal stack, kernel mode was interrupted. A plain return goes back there. */
void gate_kernel_signal(int sig, struct siginfo *info, u8 *uc)
{
	u64 *rip = (u64 *)(uc + UC_RIP);

	if (sig == GATE_KICK_SIGNAL) {
		gate_measure_frame(uc);
		return;
	}
	if (sig == SIGSEGV || sig == SIGBUS) {
		u64 addr = info->fault.addr, err = *(u64 *)(uc + UC_ERR);
		u64 fixup = extable_lookup(*rip);
		int s = sig, c;

		if (fixup) {
			struct task *t = current;
			u64 sp = t->sleep_sp;
			bool mended;

			/* mm_fault takes locks: killed in it, the copy may not be taken over. */
			atomic_store(&t->sleep_sp, 0);
			mended = addr < TASK_SIZE && info->code > 0 && info->code != SI_KERNEL && t->mm &&
				 mm_fault(addr, err, true, &s, &c);
			atomic_store(&t->sleep_sp, sp);
			if (mended)
				return;
			*rip = fixup;
			return;
		}
	}
	panic_frame = *(u64 **)(uc + UC_RBP);
	panic("signal %d (code %d) at %#lx, address %#lx", sig, info->code, *rip, info->fault.addr);
}

struct host_sigaction {
	void (*handler)(void);
	u64 flags;
	void (*restorer)(void);
	u64 mask;
};

/* Handlers of the gate; everything else that could disturb a host process is ignored. */
void gate_handlers_init(void)
{
	static const u8 ours[] = { SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, GATE_KICK_SIGNAL };
	static const u8 ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGTSTP,
				      SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO,
				      SIGPWR };
	struct host_sigaction sa = {
		.handler = gate->signal_entry,
		.flags = HOST_SA_SIGINFO | HOST_SA_ONSTACK | HOST_SA_NODEFER | HOST_SA_RESTORER,
		.restorer = gate->signal_entry, /* never used: the stub ends a signal itself */
	};
	struct host_sigaction ign = { .handler = (void (*)(void))1 };
	u64 none = 0;

	for (u32 i = 0; i < ARRAY_SIZE(ours); i++)
		BUG_ON(host_rt_sigaction(ours[i], &sa, NULL, 8));
	for (u32 i = 0; i < ARRAY_SIZE(ignored); i++)
		BUG_ON(host_rt_sigaction(ignored[i], &ign, NULL, 8));
	BUG_ON(host_rt_sigprocmask(2, &none, NULL, 8));
}

int gate_init(void)
{
	gate = boot->platform == BOOT_PLATFORM_PKEY ? &gate_pkey : &gate_plain;
	gate_fpstate_init();
	return gate->init();
}

void gate_set_fsbase(u64 base) { __asm__ volatile("wrfsbase %0" : : "r"(base)); }
u64 gate_get_fsbase(void)
{
	u64 v;

	__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}
