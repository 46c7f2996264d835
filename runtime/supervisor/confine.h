/*
 * The supervisor's own seccomp filter. While a sandbox runs, the supervisor reads what the sandbox writes (messages, an
 * strace); should a bug there ever hand it over, it can do little more than it is there for: no exec, no new file or
 * connection, no signal but to kserver and itself. A call outside the list ends it with a message, and with it the sandbox.
 */
#ifndef LIMPET_RUNTIME_CONFINE_H
#define LIMPET_RUNTIME_CONFINE_H

#include "runtime/sandbox/filter.h"
#include "runtime/sandbox/sandbox.h"

/* For good: what runs after supervisor_run must keep to the list too. */
int confine_supervisor(const struct sandbox *sb, bool serves, struct error *err); /* serves: a container's commands */
/* The same program, to be read by filter_allows(). */
int confine_export(struct filter *filter, struct error *err);

#endif
