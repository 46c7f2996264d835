/*
 * The kernel's log: to the descriptor of --debug-log when one was given, dropped otherwise (warnings and errors
 * then go to the supervisor). One line per call, without the newline. No locks needed; may block on the host's
 * file for a moment, so never under a lock in normal operation.
 */
#ifndef LIMPET_CORE_LOG_H
#define LIMPET_CORE_LOG_H

#include "lib/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void klog(enum log_level level, const char *fmt, ...) __printf(2, 3);
#define log_err(...) klog(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) klog(LOG_WARN, __VA_ARGS__)
#define log_info(...) klog(LOG_INFO, __VA_ARGS__)
#define log_debug(...) klog(LOG_DEBUG, __VA_ARGS__)

/* Prints the reason and a backtrace, tells the supervisor, ends the whole sandbox (limpet exits with 125). */
__noreturn void panic(const char *fmt, ...) __printf(1, 2);

/* Set by the gate when a signal met the kernel: where the backtrace of the panic that follows begins. */
extern u64 *panic_frame;

#define BUG_ON(cond)                                                                                         \
	do {                                                                                                 \
		if (unlikely(cond))                                                                          \
			panic("%s:%d: %s", __FILE__, __LINE__, #cond);                                       \
	} while (0)
#ifdef LIMPET_DEBUG
#define ASSERT(cond) BUG_ON(!(cond))
#else
#define ASSERT(cond) ((void)0)
#endif

#endif
