/* A descriptor for somebody who listens at a unix socket. */
#ifndef LIMPET_RUNTIME_HANDOVER_H
#define LIMPET_RUNTIME_HANDOVER_H

#include "runtime/lib/error.h"

/* Sends text with fd (unix(7), SCM_RIGHTS) to the listener at path; what = its kind, for errors. Blocks. 0 or -1. */
int hand_over(const char *what, const char *path, const char *text, int fd, struct error *err);

#endif
