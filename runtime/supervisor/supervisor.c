/* The supervisor's loop: see supervisor.h. */
#include "runtime/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "abi/control.h"
#include "runtime/code/locate.h"
#include "runtime/supervisor/confine.h"
#include "runtime/supervisor/terminal.h"

#define KILL_GRACE_MS 2000 /* for the guest kernel to obey a SIGKILL */
#define END_GRACE_MS 3000 /* after the program's end, for kserver to end too */

/* Passed on to the container's first process. */
static const int forwarded[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGURG,
};

struct supervisor {
	struct sandbox *sb;
	struct supervision *sv; /* NULL: `limpet do` */
	struct error *err;
	int signal_fd;
	uint64_t pending_signals; /* bit = signal, while the socket is full */
	bool pending_winsize;
	bool pending_terminal, pending_go_on; /* CONTROL_TERMINAL is to be sent */
	bool ended; /* a last word was heard: status or *err is set */
	bool failed; /* it was a bad one: *err is set */
	int status; /* for a shell */
};

static sigset_t blocked;

int supervisor_prepare(struct error *err)
{
	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
		struct sigaction old;

		/* What we were told to ignore (nohup, a shell's background) is not for the program either. */
		if (!sigaction(forwarded[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&blocked, forwarded[i]);
	}
	sigaddset(&blocked, SIGWINCH);
	sigaddset(&blocked, SIGTSTP);
	sigaddset(&blocked, SIGCONT);
	sigaddset(&blocked, SIGTTOU); /* restoring the terminal from the background must not stop us */
	signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &blocked, NULL) ? error_errno(err, "sigprocmask") : 0;
}

/* The first bad end counts. */
static void fail(struct supervisor *s, const struct error *why)
{
	if (s->ended)
		return;
	s->ended = s->failed = true;
	*s->err = *why;
}

#define TERMINAL_LOOK_MS 250

#define FAIL(s, status_, ...)                                                                                 \
	do {                                                                                                  \
		struct error why_ = {.status = (status_)};                                                    \
		error_set(&why_, __VA_ARGS__);                                                                \
		fail(s, &why_);                                                                               \
	} while (0)

/* For the server: a message with descriptors, whatever it takes within reason. */
static int send_message(void *arg, const struct control_msg *msg, const int *fds, size_t nfds)
{
	struct supervisor *s = arg;
	char control[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))] = {0};
	struct iovec iov = {(void *)msg, offsetof(struct control_msg, text)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		struct cmsghdr *cmsg;

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	for (int tries = 0; sendmsg(s->sb->control_fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0; tries++) {
		if ((errno != EAGAIN && errno != EINTR && errno != ENOBUFS) || tries == 100)
			return -1;
		poll(&(struct pollfd){.fd = s->sb->control_fd, .events = POLLOUT}, 1, 10);
	}
	return 0;
}

/* False while the socket is full. */
static bool send_control(struct supervisor *s, uint32_t type, int64_t arg0, int64_t arg1)
{
	struct control_msg msg = {.type = type, .arg = {arg0, arg1}};

	return send(s->sb->control_fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       (errno != EAGAIN && errno != EINTR && errno != ENOBUFS);
}

static bool kill_program(void *arg, uint32_t program) { return send_control(arg, CONTROL_SIGNAL, SIGKILL, program); }

/* True: all of it is said. */
static bool flush_pending(struct supervisor *s)
{
	bool none = !s->sv || server_kill_orphans(&s->sv->server, kill_program);
	struct winsize ws;

	for (int sig = 1; s->pending_signals && sig < 64; sig++)
		if (s->pending_signals & 1ull << sig && send_control(s, CONTROL_SIGNAL, sig, 0))
			s->pending_signals &= ~(1ull << sig);
	if (s->pending_terminal && send_control(s, CONTROL_TERMINAL, terminal_is_raw(), s->pending_go_on))
		s->pending_terminal = s->pending_go_on = false;
	if (s->pending_winsize && (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) ||
				   send_control(s, CONTROL_WINSIZE, ws.ws_row, ws.ws_col)))
		s->pending_winsize = false;
	return none && !s->pending_signals && !s->pending_winsize && !s->pending_terminal;
}

/* After a stop, or from the background: the terminal may be ours again, or still be the shell's. */
static void take_terminal(struct supervisor *s, bool go_on)
{
	terminal_resume();
	s->pending_winsize = true;
	s->pending_terminal = true;
	s->pending_go_on |= go_on;
}

/* Stopped like any job of the shell. On a terminal of its own the program decides for itself, else it stops too. */
static void stop_self(struct supervisor *s)
{
	if (s->sb->terminal)
		send_control(s, CONTROL_TERMINAL, 0, 0);
	else
		send_control(s, CONTROL_SIGNAL, SIGSTOP, 0);
	terminal_leave();
	raise(SIGSTOP);
	if (s->sb->terminal)
		take_terminal(s, false);
}

/*
 * The program has stopped on its terminal, by ^Z say: so do we, if there is a shell to continue us, as the host decides
 * for SIGTSTP. Then the program's group goes on.
 */
static void stop_with_program(struct supervisor *s)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	terminal_leave();
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	take_terminal(s, true);
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTSTP:
			if (s->sv && s->sv->detached)
				s->pending_signals |= 1ull << SIGTSTP;
			else
				stop_self(s);
			break;
		case SIGCONT:
			if (s->sv && s->sv->detached) {
				s->pending_signals |= 1ull << SIGCONT;
				break;
			}
			terminal_leave(); /* a shell may have changed it meanwhile */
			if (s->sb->terminal)
				take_terminal(s, false);
			else
				s->pending_signals |= 1ull << SIGCONT;
			break;
		case SIGWINCH:
			s->pending_winsize = s->sb->terminal;
			break;
		case SIGTTOU:
			break;
		default:
			s->pending_signals |= 1ull << info.ssi_signo;
		}
	}
}

/* Text of the guest kernel, for the user's terminal: no control characters. */
static void clean_text(char *out, size_t size, const struct control_msg *msg, uint32_t len, bool lines)
{
	size_t n = 0;

	for (uint32_t i = 0; i < len && n + 1 < size && msg->text[i]; i++) {
		unsigned char c = (unsigned char)msg->text[i];

		out[n++] = (c < ' ' && !(c == '\n' && lines) && c != '\t') || c == 0x7f ? '?' : (char)c;
	}
	while (n && (out[n - 1] == '\n' || out[n - 1] == '?'))
		n--;
	out[n] = '\0';
}

static void say(const char *prefix, const char *text)
{
	/* One write, and straight lines also on a raw terminal. */
	bool raw = terminal_is_raw();
	char out[2 * CONTROL_TEXT_MAX + 128];
	size_t n = (size_t)snprintf(out, 64, "limpet: %s", prefix);

	for (; *text && n < sizeof(out) - 4; text++) {
		if (*text == '\n' && raw)
			out[n++] = '\r';
		out[n++] = *text;
	}
	if (raw)
		out[n++] = '\r';
	out[n++] = '\n';
	(void)!write(STDERR_FILENO, out, n);
}

/* Tables of the guest kernel, asked for by --stats. */
static void show_stats(const struct sandbox *sb, const char *text)
{
	size_t len = strlen(text);
	char line = '\n';

	if (!sb->stats || !len)
		return;
	if (sb->stats_fd < 0) {
		say("", text);
		return;
	}
	if (!write_all(sb->stats_fd, text, len))
		(void)!write(sb->stats_fd, &line, 1);
}

static void exec_error(struct supervisor *s, int64_t error, int64_t stage, const char *text)
{
	if (s->sv && error > 0 && error <= 4095) {
		struct error why = {.status = stage != CONTROL_STAGE_PROGRAM ? 0
					      : error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE};
		char line[900];

		describe_exec_error(line, sizeof(line), (int)error, stage, text);
		error_set(&why, "unable to start container process: %s", line);
		fail(s, &why);
		return;
	}
	if (error > 0 && error <= 4095 && stage != CONTROL_STAGE_PROGRAM)
		FAIL(s, 0, "%s%s: %s", stage == CONTROL_STAGE_CWD ? "the working directory " : "", text, strerror((int)error));
	else if (error <= 0 || error > 4095)
		FAIL(s, 0, "the guest kernel sent an impossible error number");
	else if (error == ENOENT && !strchr(text, '/'))
		FAIL(s, STATUS_NOT_FOUND, "%s: command not found", text);
	else
		FAIL(s, error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE, "%s: %s", text, strerror((int)error));
}

/* Bytes of a program: nothing about them is believed. The guest asks again when an answer finds no room. */
static void locate(struct supervisor *s, const struct control_msg *msg, uint32_t len)
{
	struct control_msg answer = {.type = CONTROL_LOCATED, .arg = {msg->arg[0], -1, 0}};
	int64_t at = msg->arg[1], known = msg->arg[2];
	struct code_place place;

	if (len > CONTROL_CODE_MAX || at < 0 || at >= len || known >= len) {
		FAIL(s, 0, "the guest kernel sent a malformed message");
		return;
	}
	if (code_locate((const uint8_t *)msg->text, len, (size_t)at, known < 0 ? len : (size_t)known, &place)) {
		answer.arg[1] = (int64_t)place.start;
		answer.arg[2] = (int64_t)place.len;
		answer.arg[3] = place.flags_dead;
	}
	send(s->sb->control_fd, &answer, offsetof(struct control_msg, text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void handle_message(struct supervisor *s, const struct control_msg *msg, size_t size)
{
	const size_t header = offsetof(struct control_msg, text);
	static char text[CONTROL_TEXT_MAX + 1];
	uint32_t len = size >= header ? msg->text_len : 0;

	if (size < header || len > CONTROL_TEXT_MAX || len > size - header) {
		FAIL(s, 0, "the guest kernel sent a malformed message");
		return;
	}
	clean_text(text, sizeof(text), msg, len, msg->type == CONTROL_PANIC || msg->type == CONTROL_STATS);
	switch (msg->type) {
	case CONTROL_READY:
		if (s->sv && msg->arg[1]) {
			server_kernel(&s->sv->server, msg, text);
		} else if (s->sv && s->sv->ready && !s->ended) {
			struct error why = {0};

			/* Nothing of the sandbox's own making was read yet but that it is ready. */
			if (s->sv->ready(s->sv->arg, &why) || confine_supervisor(s->sb, true, &why))
				fail(s, &why);
		}
		break;
	case CONTROL_JOINED:
	case CONTROL_EXEC_STARTED:
	case CONTROL_EXEC_EXIT:
		if (s->sv)
			server_kernel(&s->sv->server, msg, text);
		break;
	case CONTROL_EXIT:
		if (msg->arg[0] < 0 || msg->arg[0] > 0xffff ||
		    !(WIFEXITED((int)msg->arg[0]) || WIFSIGNALED((int)msg->arg[0]))) {
			FAIL(s, 0, "the guest kernel sent an impossible exit status");
		} else if (!s->ended) {
			int status = (int)msg->arg[0];

			s->ended = true;
			s->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		break;
	case CONTROL_EXEC_ERROR:
		if (!msg->arg[1])
			exec_error(s, msg->arg[0], msg->arg[2], text);
		else if (s->sv)
			server_kernel(&s->sv->server, msg, text);
		break;
	case CONTROL_BOOT_ERROR:
		if (msg->arg[0] > 0 && msg->arg[0] <= 4095)
			FAIL(s, 0, "the guest kernel cannot start: %s: %s", text, strerror((int)msg->arg[0]));
		else
			FAIL(s, 0, "the guest kernel cannot start: %s", text);
		break;
	case CONTROL_PANIC:
		if (!s->ended)
			say("guest kernel panic: ", text);
		if (cgroup_oom_killed(s->sb->oom_fd))
			FAIL(s, 0, "out of memory: the limit was reached, and the host killed what could not be spared");
		else
			FAIL(s, 0, "the guest kernel panicked");
		break;
	case CONTROL_STATS:
		show_stats(s->sb, text);
		break;
	case CONTROL_STOPPED:
		if (s->sb->terminal && !s->sv)
			stop_with_program(s);
		break;
	case CONTROL_WARN:
		say("warning: ", text);
		break;
	case CONTROL_LOCATE:
		locate(s, msg, len);
		break;
	default:
		FAIL(s, 0, "the guest kernel sent a message of unknown type %u", msg->type);
	}
}

/* False at the end of the socket. */
static bool read_control(struct supervisor *s)
{
	static struct control_msg msg; /* a copy that nobody else can change */

	for (;;) {
		ssize_t n = recv(s->sb->control_fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		if (n > (ssize_t)sizeof(msg))
			FAIL(s, 0, "the guest kernel sent a malformed message");
		else
			handle_message(s, &msg, (size_t)n);
		if (s->failed)
			return false;
	}
}

/* The strace on a raw terminal: a carriage return to every newline. False at its end. */
static bool pump(struct supervisor *s)
{
	char in[4096], out[8192];
	ssize_t n = read(s->sb->pump_fd, in, sizeof(in));
	size_t len = 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t i = 0; i < n; i++) {
		if (in[i] == '\n' && terminal_is_raw())
			out[len++] = '\r';
		out[len++] = in[i];
	}
	return n > 0 && !write_all(STDERR_FILENO, out, len);
}

/* Waits for what there is to do. timeout_ms as in poll(2). False when kserver has ended or time is up. */
static bool wait_once(struct supervisor *s, bool *control_open, int timeout_ms)
{
	struct pollfd fds[4 + SERVER_POLLFDS] = {
		{.fd = s->sb->pidfd, .events = POLLIN},
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = *control_open ? s->sb->control_fd : -1, .events = POLLIN},
		{.fd = s->sb->pump_fd, .events = POLLIN},
	};
	size_t count = 4;
	bool looking;
	int n;

	if (s->sv)
		count += server_poll(&s->sv->server, fds + 4);
	if (!flush_pending(s))
		fds[2].events |= POLLOUT;
	/* A shell that takes a running job to the foreground tells nobody. */
	looking = timeout_ms < 0 && !s->sv && s->sb->terminal && !terminal_is_raw();
	n = poll(fds, count, looking ? TERMINAL_LOOK_MS : timeout_ms);
	if (n < 0 && errno != EINTR)
		FAIL(s, 0, "poll: %s", strerror(errno));
	if (n < 0)
		return errno == EINTR;
	if (n == 0 && looking) {
		terminal_resume();
		if (terminal_is_raw())
			take_terminal(s, false);
		return true;
	}
	if (n == 0)
		return false;
	if (fds[1].revents)
		read_signals(s);
	if (fds[2].revents & (POLLIN | POLLHUP | POLLERR))
		*control_open = read_control(s);
	if (fds[3].revents && !pump(s))
		close(steal_fd(&s->sb->pump_fd));
	if (s->sv)
		server_serve(&s->sv->server, fds + 4, count - 4);
	return !fds[0].revents;
}

static void silent_end(struct supervisor *s, int status, bool oom)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		FAIL(s, 0, "the guest kernel made a host system call outside its list and was killed");
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && oom)
		FAIL(s, 0, "out of memory: the limit was reached, and the host killed the guest kernel");
	else if (WIFSIGNALED(status))
		FAIL(s, 0, "the guest kernel was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		FAIL(s, 0, "the guest kernel ended without a word (status %d)", WEXITSTATUS(status));
}

static void loop(struct supervisor *s)
{
	bool control_open = true, alive = true, oom;
	int status = 0;

	while (alive && !s->ended && control_open && !(s->sv && s->sv->server.kill_asked))
		alive = wait_once(s, &control_open, -1);
	if (s->sv && s->sv->server.kill_asked && !s->ended) {
		struct timespec end, now;

		clock_gettime(CLOCK_MONOTONIC, &end);
		end.tv_sec += KILL_GRACE_MS / 1000;
		do {
			alive = wait_once(s, &control_open, KILL_GRACE_MS);
			clock_gettime(CLOCK_MONOTONIC, &now);
		} while (alive && !s->ended && control_open && now.tv_sec < end.tv_sec);
		if (!s->ended) {
			s->ended = true;
			s->status = 128 + SIGKILL;
		}
	}
	/* A kernel that ends its socket without a word is not waited for longer than one that said goodbye. */
	if (!s->failed)
		while (alive)
			alive = wait_once(s, &control_open, END_GRACE_MS);
	kill(s->sb->pid, SIGKILL); /* a zombie does not mind */
	waitid(P_PID, (id_t)s->sb->pid, &(siginfo_t){0}, WEXITED | WNOWAIT); /* the last words stay readable */
	if (control_open)
		read_control(s);
	while (s->sb->pump_fd >= 0 && poll(&(struct pollfd){.fd = s->sb->pump_fd, .events = POLLIN}, 1, 0) > 0)
		if (!pump(s))
			close(steal_fd(&s->sb->pump_fd));
	oom = cgroup_oom_killed(s->sb->oom_fd);
	status = sandbox_end(s->sb);
	if (!s->ended)
		silent_end(s, status, oom);
}

int supervisor_run_container(struct sandbox *sb, struct supervision *sv, struct error *err)
{
	struct supervisor s = {.sb = sb, .sv = sv, .err = err};

	s.signal_fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signal_fd < 0) {
		error_errno(err, "signalfd");
		sandbox_end(sb);
		return -1;
	}
	sv->server.control = send_message;
	sv->server.arg = &s;
	loop(&s);
	terminal_leave();
	server_close(&sv->server);
	close(s.signal_fd);
	return s.failed ? -1 : s.status;
}

int supervisor_run(struct sandbox *sb, struct error *err)
{
	struct supervisor s = {.sb = sb, .err = err, .pending_winsize = false};

	s.signal_fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signal_fd < 0) {
		error_errno(err, "signalfd");
		sandbox_end(sb);
		return -1;
	}
	terminal_enter(sb->terminal);
	if (sandbox_go(sb, err) || confine_supervisor(sb, false, err)) {
		s.failed = true;
		sandbox_end(sb);
	} else {
		if (sb->terminal && !terminal_is_raw())
			send_control(&s, CONTROL_TERMINAL, 0, 0);
		loop(&s);
	}
	terminal_leave();
	close(s.signal_fd);
	return s.failed ? -1 : s.status;
}
