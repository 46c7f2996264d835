/* The log and the panic. */
#include "core/log.h"

#include "abi/control.h"
#include "core/boot.h"
#include "core/time.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/task.h"

#define LINE_MAX 512
#define BACKTRACE_MAX 24

void klog(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[LINE_MAX];
	va_list ap;
	int n;

	if (!boot || boot->log_fd < 0)
		return;
	struct task *t = current;
	s64 ns = ktime_get_real();

	n = ksnprintf(line, sizeof(line), "%ld.%06ld [%u] %s: ", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000,
		      t && t->pid ? t->pid->nr : 0, names[level]);
	va_start(ap, fmt);
	n += kvsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	n = min(n, LINE_MAX - 2);
	line[n++] = '\n';
	host_write(boot->log_fd, line, (size_t)n);
}

extern char __text_start[], __text_end[];

static bool is_text(u64 a) { return a >= (u64)__text_start && a < (u64)__text_end; }

u64 *panic_frame;

/* Follows saved frame pointers while they stay in this thread's kernel stack. */
static size_t backtrace(char *buf, size_t size)
{
	u64 *fp = panic_frame ? panic_frame : __builtin_frame_address(0);
	size_t n = 0;

	buf[0] = 0;
	/* At the gate's edge the frame pointer is still the program's. */
	if ((u64)fp < THREADS_BASE || (u64)fp >= THREADS_BASE + THREAD_SLOTS * THREAD_SLOT_SIZE || ((u64)fp & 7))
		return 0;
	for (int i = 0; i < BACKTRACE_MAX && n < size; i++) {
		u64 next = fp[0], ret = fp[1];

		if (!is_text(ret))
			break;
		n += (size_t)ksnprintf(buf + n, size - n, " %#lx", ret);
		if (next <= (u64)fp || next - (u64)fp > THREAD_SLOT_SIZE)
			break;
		fp = (u64 *)next;
	}
	return n;
}

static u32 panicking;

void panic(const char *fmt, ...)
{
	static char text[1024]; /* only the first panic gets here */
	va_list ap;
	int n;

	if (atomic_xchg(&panicking, 1) == 0) {
		struct task *t = current;

		n = ksnprintf(text, sizeof(text), "kernel panic in task %u (%s): ", t && t->pid ? t->pid->nr : 0,
			      t ? t->comm : "?");
		va_start(ap, fmt);
		n += kvsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
		va_end(ap);
		n = min(n, (int)sizeof(text) - 1);
		n += ksnprintf(text + n, sizeof(text) - (size_t)n, "; backtrace:");
		n = min(n, (int)sizeof(text) - 1);
		backtrace(text + n, sizeof(text) - (size_t)n);
		log_err("%s", text);
		control_send(CONTROL_PANIC, 0, text);
	}
	/* The supervisor ends the sandbox; nothing of it may run on in the meantime. */
	for (;;)
		host_syscall(NR_exit_group, 125, 0, 0, 0, 0, 0);
}
