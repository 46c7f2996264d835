/* Names of flags, numbers and errors for the strace, strace_names.c. */
#ifndef LIMPET_CORE_STRACE_NAMES_H
#define LIMPET_CORE_STRACE_NAMES_H

#include "lib/types.h"

struct name {
	u64 value;
	const char *text;
};

/*
 * How the values of a kind read. NAMES_ENUM: one of them. NAMES_BITS: a sum of bits. NAMES_LOW: bits over an enumeration
 * in the low bits. An entry of value 0 in bits: what to show for none. Sums of bits stand before their parts.
 */
enum names_type { NAMES_ENUM, NAMES_BITS, NAMES_LOW };
struct names {
	const char *kind;
	enum names_type type;
	const struct name *list;
	u32 count;
	u64 low; /* NAMES_LOW: these bits are an enumeration, the rest are bits */
};

const struct names *strace_names(const char *kind, size_t len); /* NULL = no such kind */
const char *strace_name_of(const struct names *n, u64 value); /* of an enumeration; NULL = unknown */
const char *strace_errno(int err, const char **text); /* NULL = unknown */
const char *strace_sig(int sig); /* NULL = unknown; real-time ones are not here */
/* The kind of an argument that a call's row describes too generally; NULL = as the row says. */
const char *strace_better_kind(const char *call, u32 index);

#endif
