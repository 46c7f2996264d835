/*
 * What limpet does while a sandbox runs: it passes signals and window sizes in, hears how the first program ends, and
 * sees to it that everything is gone afterwards. It trusts no byte from the guest kernel.
 */
#ifndef LIMPET_RUNTIME_SUPERVISOR_H
#define LIMPET_RUNTIME_SUPERVISOR_H

#include "runtime/sandbox/sandbox.h"

/* Before the sandbox starts: from now on signals wait for supervisor_run. */
int supervisor_prepare(struct error *err);
/* From sandbox_go until nothing of the sandbox is left. The exit status for a shell; -1 with an error. */
int supervisor_run(struct sandbox *sb, struct error *err);

#endif
