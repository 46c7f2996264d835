/* The user's terminal while a guest kernel does its line discipline: raw, and always given back as it was. */
#ifndef LIMPET_RUNTIME_TERMINAL_H
#define LIMPET_RUNTIME_TERMINAL_H

#include <stdbool.h>

/* Remembers flags of descriptors 0 to 2 and, when use_terminal, the terminal's settings; then makes it raw. */
void terminal_enter(bool use_terminal);
/* Also on a way out of the process; may be called at any time and more than once. */
void terminal_leave(void);
/* Raw again after terminal_leave. */
void terminal_resume(void);
bool terminal_is_raw(void);

#endif
