/*
 * What makes a flaw of the kernel harder to use. Compilers check arrays' bounds and the stack's guard; either ends in a
 * panic. Globals marked __ro_after_init can be written until harden_seal(); every process made later inherits that.
 */
#ifndef LIMPET_CORE_HARDEN_H
#define LIMPET_CORE_HARDEN_H

#include "lib/types.h"

/* The stack's guard gets its value: only from a function that never returns, and has no guard itself. */
void harden_stack_guard(u64 random);
/* From here on what is __ro_after_init, and const, stays what it is. -errno. */
int harden_seal(void) __must_check;

#endif
