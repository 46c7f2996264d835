/*
 * The seccomp filter between a sandbox and the host kernel. Its rows are kernel/gate/host_calls.h, its argument rules
 * stand in filter_rules.c. A program is a prologue of our own (architecture, no x32, caller inside the guest kernel's
 * text, memory calls only on the program's part of the address space) followed by what libseccomp made of the rows when
 * limpet was built (mkfilter.c).
 * Anything else kills the calling host process.
 */
#ifndef LIMPET_RUNTIME_FILTER_H
#define LIMPET_RUNTIME_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/lib/error.h"

struct filter {
	struct sock_filter *code;
	size_t len; /* instructions */
};

enum filter_kind {
	FILTER_SERVER, /* kserver: every row but those of boot and of networks */
	FILTER_SERVER_NETWORK, /* kserver of a sandbox that was given a network: sockets too */
	FILTER_SERVER_DEVICES, FILTER_SERVER_NETWORK_DEVICES, /* the same with devices of the host: settings of terminals too */
	FILTER_GUEST, /* processes that run programs */
};

int filter_build(struct filter *filter, enum filter_kind kind, uint64_t text_size, struct error *err);
void filter_free(struct filter *filter);

/*
 * Reads a built program back: can it answer ALLOW for this call number, made from the kernel's text, with some
 * arguments? Follows every branch that depends on arguments.
 */
bool filter_allows(const struct filter *filter, uint32_t nr);
/* Name of a call number, to be freed; NULL when there is none. */
char *filter_call_name(uint32_t nr);
#define FILTER_NR_END 1024u /* no call has a higher number */

#endif
