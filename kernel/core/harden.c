/* The stack protector's part that compilers leave to the kernel, and the globals that only boot may write: harden.h. */
#include "core/harden.h"

#include "core/log.h"
#include "gate/host.h"

#define PROT_READ 1

extern char __data_start[], __sealed_end[];

/* Names that compilers know. */
u64 __stack_chk_guard __ro_after_init;
__noreturn void __stack_chk_fail(void);

__no_stack_protector void harden_stack_guard(u64 random)
{
	/* A 0 as the lowest byte: no string can copy the guard, nor be overrun into it unnoticed. */
	__stack_chk_guard = random & ~0xffull;
}

void __stack_chk_fail(void) { panic("stack overrun, noticed in %p", __builtin_return_address(0)); }

int harden_seal(void)
{
	return (int)host_mprotect(__data_start, (size_t)PAGE_ALIGN_UP((u64)(__sealed_end - __data_start)), PROT_READ);
}
