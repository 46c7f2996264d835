/*
 * The pkey gate: three protection keys, K for the kernel's memory, S for the pages shown read-only to programs, and one
 * for programs' code with traps in it, which they run and do not read.
 */
#include "core/boot.h"
#include "gate/gate.h"
#include "gate/host.h"

#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define RIGHTS_NO_ACCESS 3u
#define RIGHTS_NO_WRITE 2u

void gate_pkey_signal_entry(void);
void gate_pkey_call_entry(void);
void gate_pkey_call_entry_parked(void);
void gate_pkey_call_entry_open(void);
__noreturn void gate_pkey_exit(struct task *t);
extern char __text_start[], __data_start[];

static int protect(u64 start, u64 len, int prot, int key)
{
	return (int)host_pkey_mprotect((void *)start, PAGE_ALIGN_UP(len), prot, key);
}

static int init(void)
{
	int k = (int)host_pkey_alloc(0, 0), s = (int)host_pkey_alloc(0, 0), code = (int)host_pkey_alloc(0, 0);
	u64 data = (u64)__data_start;
	int err;

	if (k < 0 || s < 0)
		return k < 0 ? k : s;
	if (code != BOOT_CODE_KEY)
		return code < 0 ? code : -EINVAL; /* the filter knows it by its number */
	gate_pkey.app_pkru = defence(DEFENCE_KEYS) ? RIGHTS_NO_ACCESS << (2 * k) | RIGHTS_NO_WRITE << (2 * s) : 0;
	gate_pkey.app_pkru |= RIGHTS_NO_ACCESS << (2 * code);
	/* pkey_alloc gave this thread every right to both; threads and processes made from it inherit that. */
	err = protect((u64)__text_start, kernel_text_room, PROT_READ | PROT_EXEC, k);
	if (!err)
		err = protect(data, THREADS_END - data, PROT_READ | PROT_WRITE, k);
	if (!err)
		err = protect(FILEMEM_BASE, FILEMEM_SIZE, PROT_READ | PROT_WRITE, k);
	if (!err)
		err = protect(BOOT_BASE, boot->size, PROT_READ, k);
	if (!err)
		err = protect(SHOWN_BASE, THREAD_SLOTS * PAGE_SIZE, PROT_READ | PROT_WRITE, s);
	return err;
}

/* Not const: the rights are known once the keys are. Written at boot only. */
struct gate_ops gate_pkey __ro_after_init = {
	.name = "pkey",
	.code_key = BOOT_CODE_KEY,
	.init = init,
	.signal_entry = gate_pkey_signal_entry,
	.call_entry = gate_pkey_call_entry,
	.call_entry_parked = gate_pkey_call_entry_parked,
	.call_entry_open = gate_pkey_call_entry_open,
	.call_parks_all = true,
	.exit = gate_pkey_exit,
};
