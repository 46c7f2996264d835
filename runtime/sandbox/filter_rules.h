/*
 * What the arguments of the listed host calls may be, beside the ranges of memory calls, which filter.c checks itself.
 * A call that is named here is allowed only when one of its rules holds, that is: each of that rule's conditions.
 */
#ifndef LIMPET_RUNTIME_FILTER_RULES_H
#define LIMPET_RUNTIME_FILTER_RULES_H

#include <seccomp.h>
#include <stddef.h>

#define ARG_RULE_CONDITIONS 6

struct arg_rule {
	int nr;
	unsigned count;
	struct scmp_arg_cmp cmp[ARG_RULE_CONDITIONS];
};

extern const struct arg_rule arg_rules[];
extern const size_t arg_rule_count;
/* Besides, for the kserver of a sandbox that was given devices of the host. */
extern const struct arg_rule device_rules[];
extern const size_t device_rule_count;

#endif
