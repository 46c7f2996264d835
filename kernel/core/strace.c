/*
 * The guest's strace: see strace.h. A line is put together in a buffer of its own after the call, when results can be
 * shown too; calls that may wait long or never come back are also shown as they begin ("<unfinished ...>").
 * Arguments are described by the rows of the system call tables; a kind maps to a printer below, or to a list of
 * names in strace_names.c, and is otherwise shown in hexadecimal. The program's memory is only read, through the
 * user copies: what cannot be read is shown as an address.
 */
#include "core/strace.h"

#include "abi/linux/stat.h"
#include "abi/linux/unistd.h"
#include "core/alloc.h"
#include "core/strace_names.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "proc/task.h"
#include "sys/dispatch.h"
#include "sys/syscall.h"

#define LINE_SIZE 2048
#define STRING_MAX 48 /* bytes of a string shown */
#define LIST_MAX 8 /* elements of an array shown */

int strace_fd __ro_after_init = -1;

struct line {
	u32 len;
	char text[LINE_SIZE];
};

/* One argument being printed. */
struct arg {
	const struct sysargs *all;
	u32 index;
	u64 v; /* all->a[index] */
	bool done; /* the call has returned: outputs are there */
	long ret;
};

static void __printf(2, 3) put(struct line *l, const char *fmt, ...)
{
	u32 room = LINE_SIZE - 1 - l->len; /* the last byte is the newline's */
	va_list ap;
	int n;

	if (room < 2)
		return;
	va_start(ap, fmt);
	n = kvsnprintf(l->text + l->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += min((u32)n, room - 1);
}

static void put_char(struct line *l, char c)
{
	if (l->len < LINE_SIZE - 2)
		l->text[l->len++] = c;
}

static void put_ptr(struct line *l, u64 v)
{
	if (v)
		put(l, "%#llx", (unsigned long long)v);
	else
		put(l, "NULL");
}

static void put_escaped(struct line *l, const u8 *s, size_t n)
{
	put_char(l, '"');
	for (size_t i = 0; i < n; i++) {
		u8 c = s[i];

		if (c == '"' || c == '\\')
			put(l, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			put_char(l, (char)c);
		else if (c == '\n')
			put(l, "\\n");
		else if (c == '\t')
			put(l, "\\t");
		else if (c == '\r')
			put(l, "\\r");
		else if (i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '7')
			put(l, "\\%03o", c); /* the next digit must not be taken for a part of it */
		else
			put(l, "\\%o", c);
	}
	put_char(l, '"');
}

/* A counted buffer of the program. */
static void put_buffer(struct line *l, u64 addr, u64 len)
{
	u8 text[STRING_MAX];
	size_t want = min(len, (u64)STRING_MAX), n;

	if (!addr) {
		put(l, "NULL");
		return;
	}
	n = copy_in_partial(text, uptr(addr), want);
	if (want && !n) {
		put_ptr(l, addr);
		return;
	}
	put_escaped(l, text, n);
	if (len > n)
		put(l, "...");
}

static void put_string(struct line *l, u64 addr)
{
	u8 text[STRING_MAX];
	size_t n;
	u8 *end;

	if (!addr) {
		put(l, "NULL");
		return;
	}
	n = copy_in_partial(text, uptr(addr), sizeof(text));
	end = memchr(text, 0, n);
	if (!n) {
		put_ptr(l, addr);
		return;
	}
	put_escaped(l, text, end ? (size_t)(end - text) : n);
	if (!end)
		put(l, "...");
}

/* Fetches a struct for a printer; otherwise prints the address. */
static bool fetch(struct line *l, u64 addr, void *to, size_t size)
{
	if (addr && !copy_in(to, uptr(addr), size))
		return true;
	put_ptr(l, addr);
	return false;
}

static void put_names(struct line *l, const struct names *n, u64 v)
{
	u64 rest = v & 0xffffffff;
	const char *text, *sep = "";

	if (n->type == NAMES_ENUM || !v) {
		text = strace_name_of(n, rest);
		if (text)
			put(l, "%s", text);
		else
			put(l, n->type == NAMES_ENUM && (s64)(s32)v < 0 ? "%lld" : "%#llx", (long long)(s32)v);
		return;
	}
	rest = v;
	if (n->type == NAMES_LOW) {
		text = strace_name_of(n, v & n->low);
		rest &= ~n->low;
		if (text && !(text[0] == '0' && rest)) {
			put(l, "%s", text);
			sep = "|";
		} else if (!text) {
			rest |= v & n->low;
		}
	}
	for (u32 i = 0; i < n->count; i++) {
		u64 bits = n->list[i].value;

		if (!bits || (bits & n->low) || (rest & bits) != bits)
			continue;
		put(l, "%s%s", sep, n->list[i].text);
		sep = "|";
		rest &= ~bits;
	}
	if (rest)
		put(l, "%s%#llx", sep, (unsigned long long)rest);
}

static void put_kind(struct line *l, const char *kind, u64 v) { put_names(l, strace_names(kind, strlen(kind)), v); }

static void put_sig(struct line *l, int sig)
{
	const char *name = strace_sig(sig);

	if (name)
		put(l, "%s", name);
	else if (sig >= SIGRTMIN && sig <= NSIG)
		put(l, "SIGRT_%d", sig - SIGRTMIN);
	else
		put(l, "%d", sig);
}

static void put_sigmask(struct line *l, u64 mask)
{
	const char *sep = "";

	if (__builtin_popcountll(mask) > 32) {
		put_char(l, '~');
		mask = ~mask;
	}
	put_char(l, '[');
	for (int sig = 1; sig <= NSIG; sig++) {
		if (!(mask & SIGMASK(sig)))
			continue;
		put(l, "%s", sep);
		if (strace_sig(sig))
			put(l, "%s", strace_sig(sig) + 3); /* without SIG */
		else
			put(l, "RT_%d", sig - SIGRTMIN);
		sep = " ";
	}
	put_char(l, ']');
}

/* Printers, one a kind. */
static void print_int(struct line *l, const struct arg *a) { put(l, "%d", (int)a->v); }
static void print_uint(struct line *l, const struct arg *a) { put(l, "%u", (u32)a->v); }
static void print_hex(struct line *l, const struct arg *a)
{
	put(l, a->v ? "%#llx" : "%llu", (unsigned long long)a->v);
}
static void print_size(struct line *l, const struct arg *a) { put(l, "%llu", (unsigned long long)a->v); }
static void print_off(struct line *l, const struct arg *a) { put(l, "%lld", (long long)a->v); }
static void print_mode(struct line *l, const struct arg *a) { put(l, "0%o", (u32)a->v); }
static void print_ptr(struct line *l, const struct arg *a) { put_ptr(l, a->v); }
static void print_str(struct line *l, const struct arg *a) { put_string(l, a->v); }
static void print_sig(struct line *l, const struct arg *a) { put_sig(l, (int)a->v); }

static void print_fd(struct line *l, const struct arg *a)
{
	if ((int)a->v == -100)
		put(l, "AT_FDCWD");
	else
		put(l, "%d", (int)a->v);
}

/* Written by the program: the next argument says how much. */
static void print_in(struct line *l, const struct arg *a)
{
	put_buffer(l, a->v, a->index < 5 ? a->all->a[a->index + 1] : 0);
}

/* Read by the program: the result says how much. */
static void print_out(struct line *l, const struct arg *a)
{
	if (a->done && a->ret >= 0)
		put_buffer(l, a->v, (u64)a->ret);
	else
		put_ptr(l, a->v);
}

static void put_pair(struct line *l, u64 addr, const char *first, const char *second)
{
	s64 v[2];

	if (fetch(l, addr, v, sizeof(v)))
		put(l, "{%s=%lld, %s=%lld}", first, (long long)v[0], second, (long long)v[1]);
}

static bool output_ready(struct line *l, const struct arg *a)
{
	if (a->done && a->ret >= 0)
		return true;
	put_ptr(l, a->v);
	return false;
}

static void print_timespec(struct line *l, const struct arg *a) { put_pair(l, a->v, "tv_sec", "tv_nsec"); }
static void print_timeval(struct line *l, const struct arg *a) { put_pair(l, a->v, "tv_sec", "tv_usec"); }
static void print_out_timespec(struct line *l, const struct arg *a)
{
	if (output_ready(l, a))
		print_timespec(l, a);
}
static void print_out_timeval(struct line *l, const struct arg *a)
{
	if (output_ready(l, a))
		print_timeval(l, a);
}

static void put_interval(struct line *l, u64 addr, const char *unit)
{
	s64 v[4];

	if (fetch(l, addr, v, sizeof(v)))
		put(l, "{it_interval={tv_sec=%lld, %s=%lld}, it_value={tv_sec=%lld, %s=%lld}}", (long long)v[0], unit,
		    (long long)v[1], (long long)v[2], unit, (long long)v[3]);
}
static void print_itimerval(struct line *l, const struct arg *a) { put_interval(l, a->v, "tv_usec"); }
static void print_itimerspec(struct line *l, const struct arg *a) { put_interval(l, a->v, "tv_nsec"); }

static void print_rlim(struct line *l, const struct arg *a)
{
	u64 v[2];

	if (!fetch(l, a->v, v, sizeof(v)))
		return;
	put(l, "{rlim_cur=");
	put(l, v[0] == RLIM_INFINITY ? "RLIM64_INFINITY" : "%llu", (unsigned long long)v[0]);
	put(l, ", rlim_max=");
	put(l, v[1] == RLIM_INFINITY ? "RLIM64_INFINITY}" : "%llu}", (unsigned long long)v[1]);
}

static void print_iov(struct line *l, const struct arg *a)
{
	u64 count = a->index < 5 ? a->all->a[a->index + 1] : 0;
	bool filled = a->done || a->index > 1; /* reads fill them: then only what came back is worth showing */
	struct iovec v;

	put_char(l, '[');
	for (u64 i = 0; i < count && i < LIST_MAX / 2; i++) {
		if (i)
			put(l, ", ");
		if (!fetch(l, a->v + i * sizeof(v), &v, sizeof(v)))
			break;
		put(l, "{iov_base=");
		if (filled)
			put_buffer(l, v.base, v.len);
		else
			put_ptr(l, v.base);
		put(l, ", iov_len=%llu}", (unsigned long long)v.len);
	}
	put(l, count > LIST_MAX / 2 ? ", ...]" : "]");
}

static void print_stat(struct line *l, const struct arg *a)
{
	static const char *const types[16] = { [1] = "S_IFIFO", [2] = "S_IFCHR", [4] = "S_IFDIR", [6] = "S_IFBLK",
					       [8] = "S_IFREG", [10] = "S_IFLNK", [12] = "S_IFSOCK" };
	struct stat st;

	if (!output_ready(l, a) || !fetch(l, a->v, &st, sizeof(st)))
		return;
	put(l, "{st_mode=%s|0%o, st_size=%lld, ...}", types[st.st_mode >> 12 & 15] ? : "?", st.st_mode & 07777,
	    (long long)st.st_size);
}

static void print_sigset(struct line *l, const struct arg *a)
{
	u64 mask;

	if (fetch(l, a->v, &mask, sizeof(mask)))
		put_sigmask(l, mask);
}
static void print_out_sigset(struct line *l, const struct arg *a)
{
	if (output_ready(l, a))
		print_sigset(l, a);
}

static void print_sigaction(struct line *l, const struct arg *a)
{
	struct sigaction sa; /* handler, flags, restorer, mask: the order of x86-64's own */

	if (!fetch(l, a->v, &sa, sizeof(sa)))
		return;
	put(l, "{sa_handler=");
	if (sa.handler == SIG_DFL)
		put(l, "SIG_DFL");
	else if (sa.handler == SIG_IGN)
		put(l, "SIG_IGN");
	else
		put_ptr(l, sa.handler);
	put(l, ", sa_mask=");
	put_sigmask(l, sa.mask);
	put(l, ", sa_flags=");
	put_kind(l, "sa", sa.flags);
	put_char(l, '}');
}
static void print_out_sigaction(struct line *l, const struct arg *a)
{
	if (output_ready(l, a))
		print_sigaction(l, a);
}

static void put_sockaddr(struct line *l, u64 addr, u64 len)
{
	u8 sa[128] = { 0 };
	u16 family;
	u32 n = (u32)min(len, (u64)sizeof(sa) - 1);

	if (n < sizeof(family) || copy_in(sa, uptr(addr), n)) {
		put_ptr(l, addr);
		return;
	}
	memcpy(&family, sa, sizeof(family));
	put(l, "{sa_family=");
	put_kind(l, "af", family);
	if (family == 1) {
		bool abstract = n > 2 && !sa[2];
		size_t text = abstract ? n - 3 : strnlen((char *)sa + 2, n - 2);

		put(l, abstract ? ", sun_path=@" : ", sun_path=");
		put_escaped(l, sa + 2 + abstract, min(text, (size_t)100));
	} else if (family == 2 && n >= 8) {
		put(l, ", sin_port=htons(%u), sin_addr=inet_addr(\"%u.%u.%u.%u\")", sa[2] << 8 | sa[3], sa[4], sa[5],
		    sa[6], sa[7]);
	} else if (family == 10 && n >= 24) {
		put(l, ", sin6_port=htons(%u), sin6_addr=", sa[2] << 8 | sa[3]);
		for (u32 i = 8; i < 24; i += 2)
			put(l, "%s%x", i > 8 ? ":" : "", sa[i] << 8 | sa[i + 1]);
	}
	put_char(l, '}');
}

static void print_sockaddr(struct line *l, const struct arg *a)
{
	put_sockaddr(l, a->v, a->index < 5 ? (u32)a->all->a[a->index + 1] : 0);
}
static void print_out_sockaddr(struct line *l, const struct arg *a)
{
	u32 len;

	if (!output_ready(l, a) || !a->v)
		return;
	if (a->index < 5 && !copy_in(&len, uptr(a->all->a[a->index + 1]), sizeof(len)))
		put_sockaddr(l, a->v, len);
	else
		put_ptr(l, a->v);
}

static void print_pollfd(struct line *l, const struct arg *a)
{
	u64 count = a->index < 5 ? a->all->a[a->index + 1] : 0;
	struct {
		s32 fd;
		u16 events, revents;
	} p;

	put_char(l, '[');
	for (u64 i = 0; i < count && i < LIST_MAX; i++) {
		if (i)
			put(l, ", ");
		if (!fetch(l, a->v + i * sizeof(p), &p, sizeof(p)))
			break;
		put(l, "{fd=%d, events=", p.fd);
		put_kind(l, "poll", p.events);
		if (a->done && a->ret > 0 && p.revents) {
			put(l, ", revents=");
			put_kind(l, "poll", p.revents);
		}
		put_char(l, '}');
	}
	put(l, count > LIST_MAX ? ", ...]" : "]");
}

static void print_epoll_event(struct line *l, const struct arg *a)
{
	struct {
		u32 events;
		u64 data;
	} __packed ev;

	if (!fetch(l, a->v, &ev, sizeof(ev)))
		return;
	put(l, "{events=");
	put_kind(l, "epoll", ev.events);
	put(l, ", data=%#llx}", (unsigned long long)ev.data);
}

static void print_fdpair(struct line *l, const struct arg *a)
{
	s32 fd[2];

	if (output_ready(l, a) && fetch(l, a->v, fd, sizeof(fd)))
		put(l, "[%d, %d]", fd[0], fd[1]);
}

static void put_status(struct line *l, int status)
{
	if ((status & 0x7f) == 0)
		put(l, "WIFEXITED(s) && WEXITSTATUS(s) == %d", status >> 8 & 0xff);
	else if (status == 0xffff)
		put(l, "WIFCONTINUED(s)");
	else if ((status & 0xff) == 0x7f) {
		put(l, "WIFSTOPPED(s) && WSTOPSIG(s) == ");
		put_sig(l, status >> 8 & 0xff);
	} else {
		put(l, "WIFSIGNALED(s) && WTERMSIG(s) == ");
		put_sig(l, status & 0x7f);
	}
}

static void print_wstatus(struct line *l, const struct arg *a)
{
	s32 status;

	if (!a->done || a->ret <= 0) {
		put_ptr(l, a->v);
	} else if (fetch(l, a->v, &status, sizeof(status))) {
		put(l, "[{");
		put_status(l, status);
		put(l, "}]");
	}
}

static void print_argv(struct line *l, const struct arg *a)
{
	u64 p;

	put_char(l, '[');
	for (u32 i = 0; i <= LIST_MAX; i++) {
		if (copy_in(&p, uptr(a->v + i * sizeof(p)), sizeof(p)) || !p)
			break;
		put(l, i ? ", " : "");
		if (i == LIST_MAX)
			put(l, "...");
		else
			put_string(l, p);
	}
	put_char(l, ']');
}

static void print_envp(struct line *l, const struct arg *a)
{
	u32 n = 0;
	u64 p;

	while (n < 1000 && !copy_in(&p, uptr(a->v + n * sizeof(p)), sizeof(p)) && p)
		n++;
	put_ptr(l, a->v);
	put(l, " /* %u vars */", n);
}

static const struct {
	const char *kind;
	void (*print)(struct line *l, const struct arg *a);
} printers[] = {
	{ "fd", print_fd }, { "dirfd", print_fd }, { "int", print_int }, { "pid", print_int }, { "uid", print_int },
	{ "gid", print_int }, { "uint", print_uint }, { "hex", print_hex }, { "oct", print_mode },
	{ "mode", print_mode }, { "size", print_size }, { "off", print_off }, { "ptr", print_ptr },
	{ "str", print_str }, { "path", print_str }, { "in", print_in }, { "out", print_out }, { "sig", print_sig },
	{ "timespec", print_timespec }, { "timeval", print_timeval }, { "out_timespec", print_out_timespec },
	{ "out_timeval", print_out_timeval }, { "itimerval", print_itimerval }, { "itimerspec", print_itimerspec },
	{ "rlim", print_rlim }, { "iov", print_iov }, { "stat", print_stat }, { "sigset", print_sigset },
	{ "out_sigset", print_out_sigset }, { "sigaction", print_sigaction },
	{ "out_sigaction", print_out_sigaction }, { "sockaddr", print_sockaddr },
	{ "out_sockaddr", print_out_sockaddr }, { "pollfd", print_pollfd }, { "epollevent", print_epoll_event },
	{ "fdpair", print_fdpair }, { "wstatus", print_wstatus }, { "status", print_wstatus },
	{ "argv", print_argv }, { "envp", print_envp },
};

static void put_arg(struct line *l, const char *kind, size_t len, const struct arg *a)
{
	const struct names *n;

	if (len > 6 && !strncmp(kind, "flags:", 6)) {
		kind += 6;
		len -= 6;
	}
	for (u32 i = 0; i < ARRAY_SIZE(printers); i++) {
		if (strlen(printers[i].kind) == len && !strncmp(printers[i].kind, kind, len)) {
			printers[i].print(l, a);
			return;
		}
	}
	n = strace_names(kind, len);
	if (n)
		put_names(l, n, a->v);
	else
		print_hex(l, a);
}

/* "kind name, kind name, ..." */
static void put_args(struct line *l, const struct syscall_desc *d, const struct sysargs *args, bool done, long ret)
{
	const char *p = d ? d->args : "";
	/* Calls that are not there have no description: all that could be arguments. */
	bool raw = !d || d->status == SYSCALL_NONE || d->status == SYSCALL_ERROR;

	for (u32 i = 0; i < 6 && (raw || *p); i++) {
		struct arg a = { args, i, args->a[i], done, ret };
		const char *better = d && !raw ? strace_better_kind(d->name, i) : NULL;
		size_t len = 0;

		while (*p == ' ')
			p++;
		while (p[len] && p[len] != ' ' && p[len] != ',')
			len++;
		put(l, i ? ", " : "");
		if (raw)
			print_hex(l, &a);
		else if (better)
			put_arg(l, better, strlen(better), &a);
		else
			put_arg(l, p, len, &a);
		while (*p && *p != ',')
			p++;
		if (*p)
			p++;
	}
}

static void put_prefix(struct line *l, s64 when)
{
	s64 us = when / NSEC_PER_USEC % (86400 * 1000000ll);

	put(l, "[%5u] %02lld:%02lld:%02lld.%06lld ", current->pid ? current->pid->nr : 0, (long long)(us / 3600000000ll),
	    (long long)(us / 60000000 % 60), (long long)(us / 1000000 % 60), (long long)(us % 1000000));
}

static void put_call(struct line *l, const struct syscall_desc *d, u64 nr)
{
	if (d)
		put(l, "%s(", d->name);
	else
		put(l, "syscall_%#llx(", (unsigned long long)nr);
}

static void emit(struct line *l)
{
	l->text[l->len++] = '\n';
	/* A line in one write: lines of different tasks do not mix. What cannot be written is lost. */
	host_write(strace_fd, l->text, l->len);
	kfree(l);
}

static struct line *line_start(s64 when)
{
	struct line *l = kmalloc(sizeof(*l));

	if (l) {
		l->len = 0;
		put_prefix(l, when);
	}
	return l;
}

/* Calls that may take long or not come back: shown when they begin. */
static bool shown_early(u64 nr)
{
	switch (nr) {
	case NR_pause:
	case NR_nanosleep:
	case NR_clock_nanosleep:
	case NR_wait4:
	case NR_waitid:
	case NR_poll:
	case NR_ppoll:
	case NR_select:
	case NR_pselect6:
	case NR_epoll_wait:
	case NR_epoll_pwait:
	case NR_epoll_pwait2:
	case NR_accept:
	case NR_accept4:
	case NR_futex:
	case NR_rt_sigsuspend:
	case NR_rt_sigtimedwait:
	case NR_vfork:
	case NR_execve:
	case NR_execveat:
	case NR_exit:
	case NR_exit_group:
		return true;
	}
	return false;
}

static bool never_returns(u64 nr) { return nr == NR_exit || nr == NR_exit_group; }

void strace_enter(const struct syscall_desc *d, const struct sysargs *a, u64 nr)
{
	struct line *l;

	if (strace_fd < 0 || !shown_early(nr))
		return;
	l = line_start(ktime_get_real());
	if (!l)
		return;
	put_call(l, d, nr);
	put_args(l, d, a, false, 0);
	put(l, never_returns(nr) ? ") = ?" : " <unfinished ...>");
	emit(l);
}

static void put_result(struct line *l, const struct syscall_desc *d, long ret)
{
	const char *name, *text;

	if (!d || d->status == SYSCALL_NONE) {
		put(l, "-1 ENOSYS (not in limpet yet)");
		return;
	}
	switch (-ret) {
	case ERESTARTSYS:
		put(l, "? ERESTARTSYS (To be restarted if SA_RESTART is set)");
		return;
	case ERESTARTNOINTR:
		put(l, "? ERESTARTNOINTR (To be restarted)");
		return;
	case ERESTARTNOHAND:
		put(l, "? ERESTARTNOHAND (To be restarted if no handler)");
		return;
	case ERESTART_RESTARTBLOCK:
		put(l, "? ERESTART_RESTARTBLOCK (Interrupted by signal)");
		return;
	}
	if (ret < 0 && ret >= -4095) {
		name = strace_errno((int)-ret, &text);
		if (!name)
			put(l, "-1 (error %ld)", -ret);
		else if (d->status == SYSCALL_ERROR)
			put(l, "-1 %s (%s: %s)", name, text, d->note);
		else
			put(l, "-1 %s (%s)", name, text);
	} else if (ret < 0 || ret >= 0x10000000l || d->nr == NR_brk) {
		put(l, "%#lx", ret);
	} else {
		put(l, "%ld", ret);
	}
}

void strace_exit(const struct syscall_desc *d, const struct sysargs *a, long ret, s64 ns)
{
	struct line *l;

	if (strace_fd < 0)
		return;
	l = line_start(ktime_get_real() - ns);
	if (!l)
		return;
	put_call(l, d, current->orig_rax);
	put_args(l, d, a, true, ret);
	put(l, ") = ");
	put_result(l, d, ret);
	put(l, " <%lld.%06lld>", (long long)(ns / NSEC_PER_SEC), (long long)(ns % NSEC_PER_SEC / NSEC_PER_USEC));
	emit(l);
}

static void put_siginfo(struct line *l, const struct siginfo *info)
{
	int sig = info->signo;

	put(l, "{si_signo=");
	put_sig(l, sig);
	put(l, ", si_code=%d", info->code);
	if (sig == SIGCHLD && info->code > 0)
		put(l, ", si_pid=%d, si_uid=%u, si_status=%d", info->chld.pid, info->chld.uid, info->chld.status);
	else if (info->code == SI_TIMER)
		put(l, ", si_timerid=%d, si_overrun=%d", info->timer.id, info->timer.overrun);
	else if (info->code <= 0)
		put(l, ", si_pid=%d, si_uid=%u", info->rt.pid, info->rt.uid);
	else if (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP)
		put(l, ", si_addr=%#llx", (unsigned long long)info->fault.addr);
	put_char(l, '}');
}

void strace_signal(const struct siginfo *info)
{
	struct line *l;

	if (strace_fd < 0)
		return;
	l = line_start(ktime_get_real());
	if (!l)
		return;
	put(l, "--- ");
	put_sig(l, info->signo);
	put_char(l, ' ');
	put_siginfo(l, info);
	put(l, " ---");
	emit(l);
}

void strace_exited(int status)
{
	struct line *l;

	if (strace_fd < 0)
		return;
	l = line_start(ktime_get_real());
	if (!l)
		return;
	if (status & 0x7f) {
		put(l, "+++ killed by ");
		put_sig(l, status & 0x7f);
		put(l, status & 0x80 ? " (core dumped) +++" : " +++");
	} else {
		put(l, "+++ exited with %d +++", status >> 8 & 0xff);
	}
	emit(l);
}
