/*
 * The process behind an agent's descriptor: see notify.h. It answers the few FUSE requests that a file of this kind
 * gets, and keeps what the agent may know: which calls wait, and which of them it was told of. It ends when the agent has
 * closed the file; after the end of the sandbox it stays a moment, so that the agent sees a hang-up and not a broken
 * file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/fuse.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "abi/notify.h"
#include "runtime/container/notify.h"
#include "runtime/lib/util.h"

#define LINGER_MS 500
#define POLLERS_MAX 16
#define CALLS_MAX 65536 /* more threads no sandbox has: a guest kernel that is not itself any more must not fill our memory */
#define REQUEST_SIZE 65536
#define SECCOMP_IOC_NR(cmd) ((cmd) & 0xff)

struct call {
	struct call *next;
	struct notify_msg msg;
	uint32_t pid;
	bool told;
};

/* An ioctl of the agent's that waits: RECV for a call, ADDFD for the guest kernel. */
struct waiting {
	struct waiting *next;
	uint64_t unique; /* FUSE's number of it */
	bool adds;
};

static struct {
	int fuse, sock;
	struct call *calls; /* oldest first */
	size_t ncalls;
	struct waiting *waiting; /* oldest first */
	uint64_t pollers[POLLERS_MAX]; /* to be told once, by FUSE's handles */
	size_t npollers;
	unsigned opens;
	bool gone; /* nobody has the filter any more */
	bool over; /* no guest kernel either */
} s;

/* --- FUSE --- */

static void reply(uint64_t unique, int error, const void *data, size_t len)
{
	char buf[sizeof(struct fuse_out_header) + 256];
	struct fuse_out_header *h = (void *)buf;

	*h = (struct fuse_out_header){.len = (uint32_t)(sizeof(*h) + len), .error = -error, .unique = unique};
	if (len)
		memcpy(buf + sizeof(*h), data, len);
	(void)!write(s.fuse, buf, h->len); /* ENOENT: it was interrupted meanwhile */
}

static void reply_ioctl(uint64_t unique, int32_t result, const void *data, size_t len)
{
	struct {
		struct fuse_ioctl_out head;
		char data[sizeof(struct seccomp_notif)];
	} out = {.head = {.result = result}};

	if (len)
		memcpy(out.data, data, len);
	reply(unique, 0, &out, sizeof(out.head) + len);
}

static uint32_t ready(void)
{
	uint32_t events = s.gone || s.over ? POLLHUP : 0;

	for (const struct call *c = s.calls; c; c = c->next)
		events |= c->told ? POLLOUT | POLLWRNORM : POLLIN | POLLRDNORM;
	return events;
}

static void wake_pollers(void)
{
	for (; s.npollers; s.npollers--) {
		struct {
			struct fuse_out_header head;
			struct fuse_notify_poll_wakeup_out out;
		} m = {.head = {.len = sizeof(m), .error = FUSE_NOTIFY_POLL}, .out = {.kh = s.pollers[s.npollers - 1]}};

		(void)!write(s.fuse, &m, sizeof(m));
	}
}

static void answer_poll(const struct fuse_in_header *h, const struct fuse_poll_in *in)
{
	struct fuse_poll_out out = {.revents = ready()};

	if (in->flags & FUSE_POLL_SCHEDULE_NOTIFY) {
		bool known = false;

		for (size_t i = 0; i < s.npollers; i++)
			known |= s.pollers[i] == in->kh;
		if (!known && s.npollers == POLLERS_MAX)
			wake_pollers(); /* they ask again */
		if (!known)
			s.pollers[s.npollers++] = in->kh;
	}
	reply(h->unique, 0, &out, sizeof(out));
}

/* --- the guest kernel --- */

static bool tell(const struct notify_msg *m, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)m, sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	return sendmsg(s.sock, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(*m);
}

static struct call **find_call(uint64_t id)
{
	struct call **at = &s.calls;

	while (*at && (*at)->msg.id != id)
		at = &(*at)->next;
	return at;
}

static void forget_call(uint64_t id)
{
	struct call **at = find_call(id), *c = *at;

	if (c) {
		*at = c->next;
		s.ncalls--;
		free(c);
	}
}

static void wait_for(uint64_t unique, bool adds)
{
	struct waiting *w = calloc(1, sizeof(*w)), **end = &s.waiting;

	if (!w) {
		reply(unique, ENOMEM, NULL, 0);
		return;
	}
	*w = (struct waiting){.unique = unique, .adds = adds};
	while (*end)
		end = &(*end)->next;
	*end = w;
}

/* True when it did wait. */
static bool stop_waiting(uint64_t unique)
{
	struct waiting **at = &s.waiting, *w;

	while (*at && (*at)->unique != unique)
		at = &(*at)->next;
	w = *at;
	if (!w)
		return false;
	*at = w->next;
	free(w);
	return true;
}

/* Calls that nobody was told of go to those who wait for one. */
static void serve_waiting(void)
{
	struct waiting *next;

	for (struct waiting *w = s.waiting; w; w = next) {
		struct call *c = s.calls;
		struct seccomp_notif n;

		next = w->next;
		if (w->adds) {
			if (s.over) {
				reply_ioctl(w->unique, -ESRCH, NULL, 0);
				stop_waiting(w->unique);
			}
			continue;
		}
		while (c && c->told)
			c = c->next;
		if (!c && !s.gone && !s.over)
			continue;
		if (c) {
			c->told = true;
			n = (struct seccomp_notif){.id = c->msg.id, .pid = c->pid, .data = {
				.nr = c->msg.nr, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = c->msg.ip}};
			memcpy(n.data.args, c->msg.args, sizeof(n.data.args));
			reply_ioctl(w->unique, 0, &n, sizeof(n));
			tell(&(struct notify_msg){.type = NOTIFY_TOLD, .id = c->msg.id}, -1);
		} else {
			reply_ioctl(w->unique, -ENOENT, NULL, 0);
		}
		stop_waiting(w->unique);
	}
}

/* False: it has ended. */
static bool hear(void)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct call *c = calloc(1, sizeof(*c)), **end = &s.calls;
	struct iovec iov = {&c->msg, sizeof(c->msg)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = c ? recvmsg(s.sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : 0;
	struct cmsghdr *cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	struct ucred from = {0};

	if (n != (ssize_t)sizeof(c->msg)) {
		bool again = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));

		free(c);
		return again;
	}
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_CREDENTIALS)
		memcpy(&from, CMSG_DATA(cmsg), sizeof(from));
	switch (c->msg.type) {
	case NOTIFY_CALL:
		if (s.ncalls == CALLS_MAX)
			break;
		s.ncalls++;
		c->pid = (uint32_t)from.pid;
		while (*end)
			end = &(*end)->next;
		*end = c;
		return true;
	case NOTIFY_CANCEL:
		forget_call(c->msg.id);
		break;
	case NOTIFY_GONE:
		s.gone = true;
		break;
	case NOTIFY_ADDED:
		if (stop_waiting(c->msg.id))
			reply_ioctl(c->msg.id, (int32_t)c->msg.val, NULL, 0);
		break;
	}
	free(c);
	return true;
}

/* --- what the agent asks --- */

static int32_t answer_send(const struct seccomp_notif_resp *r)
{
	struct call *c;

	if (r->flags & ~(uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE || (r->flags && (r->error || r->val)))
		return -EINVAL;
	c = *find_call(r->id);
	if (!c)
		return -ENOENT;
	if (!c->told)
		return -EINPROGRESS;
	tell(&(struct notify_msg){.type = NOTIFY_ANSWER, .id = r->id, .val = r->val, .error = r->error, .flags = r->flags}, -1);
	forget_call(r->id);
	return 0;
}

/* A file of the agent's, by its thread's number: -errno. Nothing that leads on into the host. */
static int fetch_file(uint32_t tid, uint32_t number)
{
	cleanup_free char *status = NULL;
	cleanup_close int pidfd = -1, fd = -1;
	char path[40], *line;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	status = tid ? read_file(AT_FDCWD, path) : NULL;
	line = status ? strstr(status, "\nTgid:") : NULL;
	if (!line)
		return -ESRCH;
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(line + 6, NULL, 10), 0);
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, (int)number, 0);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISLNK(st.st_mode) ||
	    fcntl(fd, F_GETFL) & O_PATH)
		return -EBADF;
	return steal_fd(&fd);
}

/* Answered at once, or, true, when the guest kernel has. */
static bool answer_addfd(const struct fuse_in_header *h, const struct seccomp_notif_addfd *a, int32_t *result)
{
	struct notify_msg m = {
		.type = NOTIFY_ADDFD, .id = a->id, .flags = a->flags, .newfd = a->newfd, .newfd_flags = a->newfd_flags,
		.token = h->unique,
	};
	struct call *c;
	int fd;

	*result = -EINVAL;
	if (a->newfd_flags & ~(uint32_t)O_CLOEXEC ||
	    a->flags & ~(uint32_t)(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND) ||
	    (a->newfd && !(a->flags & SECCOMP_ADDFD_FLAG_SETFD)))
		return false;
	c = *find_call(a->id);
	fd = fetch_file(h->pid, a->srcfd);
	*result = fd < 0 ? fd : !c ? -ENOENT : !c->told ? -EINPROGRESS : 0;
	if (!*result && !tell(&m, fd))
		*result = -ENOENT;
	if (fd >= 0)
		close(fd);
	if (!*result)
		wait_for(h->unique, true);
	return !*result;
}

static void answer_ioctl(const struct fuse_in_header *h, const struct fuse_ioctl_in *in, const char *data, size_t len)
{
	union {
		struct seccomp_notif notif;
		struct seccomp_notif_resp resp;
		struct seccomp_notif_addfd addfd;
		uint64_t id;
	} arg = {0};
	int32_t result = -EINVAL;
	struct call *c;

	if (len <= sizeof(arg))
		memcpy(&arg, data, len);
	else
		len = 0;
	switch (in->cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		if (len == sizeof(arg.notif) && !memcmp(&arg.notif, &(struct seccomp_notif){0}, len)) {
			wait_for(h->unique, false);
			return;
		}
		break;
	case SECCOMP_IOCTL_NOTIF_SEND:
		if (len == sizeof(arg.resp))
			result = answer_send(&arg.resp);
		break;
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
		c = len == sizeof(arg.id) ? *find_call(arg.id) : NULL;
		result = c && c->told ? 0 : -ENOENT;
		break;
	case SECCOMP_IOCTL_NOTIF_ADDFD:
		if (len == sizeof(arg.addfd) && answer_addfd(h, &arg.addfd, &result))
			return;
		break;
	}
	reply_ioctl(h->unique, result, NULL, 0);
}

static void answer_init(const struct fuse_in_header *h, const struct fuse_init_in *in)
{
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = in->minor < 31 ? in->minor : 31, .max_write = 4096,
				    .max_background = 16, .congestion_threshold = 12, .time_gran = 1};

	reply(h->unique, in->major == FUSE_KERNEL_VERSION ? 0 : EPROTO, &out, sizeof(out));
}

static void answer_attr(const struct fuse_in_header *h)
{
	struct fuse_attr_out out = {.attr = {.ino = FUSE_ROOT_ID, .mode = S_IFREG | 0600, .nlink = 1}};

	reply(h->unique, 0, &out, sizeof(out));
}

/* False: nobody has the file any more. */
static bool answer_one(void)
{
	static char buf[REQUEST_SIZE] __attribute__((aligned(8)));
	const struct fuse_in_header *h = (void *)buf;
	const void *in = buf + sizeof(*h);
	ssize_t n = read(s.fuse, buf, sizeof(buf));
	size_t len = n > (ssize_t)sizeof(*h) ? (size_t)n - sizeof(*h) : 0;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN || errno == ENOENT;
	if (n < (ssize_t)sizeof(*h))
		return false;
	switch (h->opcode) {
	case FUSE_INIT:
		answer_init(h, in);
		break;
	case FUSE_GETATTR:
		answer_attr(h);
		break;
	case FUSE_OPEN:
		s.opens++;
		reply(h->unique, 0, &(struct fuse_open_out){.fh = 1, .open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE},
		      sizeof(struct fuse_open_out));
		break;
	case FUSE_RELEASE:
		s.opens--;
		reply(h->unique, 0, NULL, 0);
		return s.opens;
	case FUSE_FLUSH:
		reply(h->unique, 0, NULL, 0);
		break;
	case FUSE_IOCTL:
		if (len >= sizeof(struct fuse_ioctl_in))
			answer_ioctl(h, in, (const char *)in + sizeof(struct fuse_ioctl_in), len - sizeof(struct fuse_ioctl_in));
		break;
	case FUSE_POLL:
		answer_poll(h, in);
		break;
	case FUSE_INTERRUPT: /* ADDFD goes on: what it has done is done */
		if (stop_waiting(((const struct fuse_interrupt_in *)in)->unique))
			reply(((const struct fuse_interrupt_in *)in)->unique, EINTR, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	case FUSE_DESTROY:
		reply(h->unique, 0, NULL, 0);
		return false;
	case FUSE_READ:
	case FUSE_WRITE:
		reply(h->unique, EINVAL, NULL, 0);
		break;
	default:
		reply(h->unique, ENOSYS, NULL, 0);
	}
	return true;
}

/* --- the process --- */

static const int calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(close),
	SCMP_SYS(openat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(fcntl), SCMP_SYS(lseek), SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
};

/* Messages come from a sandbox: nobody who takes us over by them shall get far. */
static bool confine(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -1;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(calls); i++) {
		if (calls[i] == SCMP_SYS(openat)) /* to read /proc */
			rc = seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, calls[i], 1,
						    SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
		else if (calls[i] == SCMP_SYS(mmap))
			rc = seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, calls[i], 1,
						    SCMP_A2_32(SCMP_CMP_MASKED_EQ, 4 /* PROT_EXEC */, 0));
		else
			rc = seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	}
	if (!rc)
		rc = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return !rc;
}

/* Only the two descriptors, and no other's signals, terminal or streams. */
static bool settle(int fuse, int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), on = 1;

	prctl(PR_SET_NAME, "limpet-notify", 0, 0, 0);
	setsid();
	signal(SIGPIPE, SIG_IGN);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	s.fuse = fcntl(fuse, F_DUPFD_CLOEXEC, 100);
	s.sock = fcntl(sock, F_DUPFD_CLOEXEC, 100);
	if (s.fuse < 0 || s.sock < 0 || dup2(s.fuse, 3) < 0 || dup2(s.sock, 4) < 0 || close_range(5, ~0u, 0))
		return false;
	s.fuse = 3;
	s.sock = 4;
	return !fcntl(s.fuse, F_SETFL, O_NONBLOCK) &&
	       !setsockopt(s.sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) && confine();
}

_Noreturn void notify_serve(int fuse, int sock)
{
	if (!settle(fuse, sock))
		_exit(1);
	for (;;) {
		struct pollfd fds[] = {{.fd = s.fuse, .events = POLLIN}, {.fd = s.over ? -1 : s.sock, .events = POLLIN}};
		uint32_t before = ready();
		int n = poll(fds, 2, s.over ? LINGER_MS : -1);

		if (n == 0)
			_exit(0);
		if (n > 0 && fds[1].revents && !hear())
			s.over = true;
		if (n > 0 && fds[0].revents && !answer_one())
			_exit(0);
		if (s.over)
			while (s.calls)
				forget_call(s.calls->msg.id);
		serve_waiting();
		if (ready() & ~before || s.over)
			wake_pollers();
	}
}
