/* Facts from the boot block and the host that other parts ask for. Written once at boot, then immutable. */
#ifndef LIMPET_CORE_BOOT_H
#define LIMPET_CORE_BOOT_H

#include "abi/boot.h"
#include "lib/types.h"

struct boot_auxv {
	u64 hwcap, hwcap2, minsigstksz, clktck;
};
extern struct boot_auxv boot_auxv;
extern u64 kernel_text_room; /* bytes that are mapped for the text */

/* The boot block itself, mapped read-only; boot_str(offset) = its string, NULL for offset 0. */
extern const struct boot_block *boot;
const char *boot_str(u32 offset);

/* d = one of enum boot_defence: false only in a debug build, for a test that shows what it is good for. */
#ifdef LIMPET_DEBUG
#define defence(d) (!(boot->defences_off & (d)))
#define defence_asked(d) (!!(boot->defences_on & (d)))
#else
#define defence(d) true
#define defence_asked(d) false
#endif

/* Uptime of the sandbox, ns. */
s64 sandbox_uptime(void);

/* The guest's first process has ended with this wait status (or the sandbox must end): tells the supervisor and ends. */
__noreturn void sandbox_exit(int status);

/* One message to the supervisor; text may be NULL. Never blocks for long. */
void control_send(u32 type, s64 arg0, const char *text);
void control_send_args(u32 type, const s64 args[4], const char *text);
/* CONTROL_LOCATE, and its answer when it comes (mm/code_ask.c). */
void control_locate(s64 id, s64 at, s64 known, const void *code, u32 n);
void control_located(s64 id, s64 start, s64 len, bool flags_dead);

#endif
