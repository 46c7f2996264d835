/* A pseudoterminal whose master goes to a client over its console socket. */
#ifndef LIMPET_RUNTIME_CONSOLE_H
#define LIMPET_RUNTIME_CONSOLE_H

#include "runtime/lib/error.h"

/*
 * Makes a pair, sends the master to the socket at path, and makes the slave our controlling terminal and 0, 1, 2. The
 * caller leads a session without a terminal (setsid). rows, cols: 0 = as it comes.
 */
int console_attach(const char *path, unsigned rows, unsigned cols, struct error *err);

#endif
