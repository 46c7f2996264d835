/*
 * See exec.h. The waiter is the host process that clients know the program by: signals to it are passed on, it ends as
 * the program does, and when it is killed the supervisor kills the program.
 */
#include "runtime/container/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "runtime/container/console.h"
#include "runtime/container/create.h"
#include "runtime/container/notify.h"
#include "runtime/container/server.h"
#include "runtime/container/waiter.h"
#include "runtime/sandbox/boot.h"
#include "runtime/supervisor/terminal.h"

int waiter_signals(struct waiter *w, struct error *err)
{
	static const int kept[] = {SIGCHLD, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTSTP};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		sigdelset(&set, kept[i]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return error_errno(err, "sigprocmask");
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signal_fd < 0 ? error_errno(err, "signalfd") : 0;
}

static int request(struct waiter *w, struct error *err)
{
	struct winsize ws = {0};
	size_t size, nfds = 1;
	int fds[CONTROL_FDS_MAX], rc;
	int64_t bits = 0;

	if (w->terminal)
		ioctl(STDIN_FILENO, TIOCGWINSZ, &ws);
	fds[0] = boot_program_memfd(w->spec, w->terminal, ws.ws_row, ws.ws_col, &size, err);
	if (fds[0] < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (w->spec->stdio_closed & 1u << i)
			continue;
		fds[nfds++] = i;
		bits |= 1 << i;
	}
	if (w->spec->seccomp_fd >= 0) {
		fds[nfds++] = w->spec->seccomp_fd;
		bits |= 8;
	}
	for (int i = 0; i < (int)w->spec->preserve_fds; i++)
		fds[nfds++] = i + 3;
	rc = server_request(w->fd,
			    &(struct request){.type = REQUEST_EXEC, .container = w->container, .arg = {(int64_t)size, bits}},
			    fds, nfds, err);
	close(fds[0]);
	notify_close(w->spec);
	spec_close_preserved(w->spec); /* their readers wait for the program's end, not for ours */
	return rc;
}

static void pass_signals(struct waiter *w)
{
	struct signalfd_siginfo info;
	struct error ignored;

	while (read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct request r = {.type = REQUEST_SIGNAL, .arg = {info.ssi_signo}};
		struct winsize ws;

		if (info.ssi_signo == SIGWINCH) {
			if (!w->terminal || ioctl(STDIN_FILENO, TIOCGWINSZ, &ws))
				continue;
			r = (struct request){.type = REQUEST_WINSIZE, .arg = {ws.ws_row, ws.ws_col}};
		}
		server_request(w->fd, &r, NULL, 0, &ignored);
	}
}

int waiter_wait(struct waiter *w)
{
	struct reply reply;
	struct error ignored;

	for (;;) {
		struct pollfd fds[] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->signal_fd, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 128 + SIGKILL;
		if (fds[1].revents)
			pass_signals(w);
		if (!fds[0].revents)
			continue;
		if (server_reply(w->fd, &reply, &ignored))
			return 128 + SIGKILL;
		if (reply.type != REPLY_EXIT)
			continue;
		return WIFEXITED(reply.arg[0]) ? WEXITSTATUS(reply.arg[0]) : 128 + WTERMSIG(reply.arg[0]);
	}
}

/* Signals are for the program, but while there is none they end us: the supervisor may be stopped. */
static int await_start(struct waiter *w, struct error *err)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->signal_fd, .events = POLLIN}};
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		if (fds[0].revents)
			return 0;
		if (fds[1].revents && read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
		    (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT))
			return error_set(err, "signal %d came before the program ran", (int)info.ssi_signo);
	}
}

static int begin(struct waiter *w, struct error *err)
{
	struct reply reply;

	if (waiter_signals(w, err)) /* before there is a terminal, whose master may be closed at once */
		return -1;
	if (w->options->console_socket) {
		if (!w->options->detach)
			setsid(); /* EPERM: a shell made us a leader, and the terminal is not taken from it */
		if (console_attach(w->options->console_socket, w->spec->rows, w->spec->cols, err))
			return -1;
	}
	w->terminal = w->spec->want_terminal;
	if (w->terminal && !isatty(STDIN_FILENO))
		return error_set(err, "a terminal is asked for, but stdin is none");
	if (notify_start(w->spec, json_incref(w->state), err))
		return -1;
	terminal_enter(w->terminal);
	if (request(w, err) || await_start(w, err) || server_reply(w->fd, &reply, err))
		return -1;
	if (reply.type != REPLY_STARTED)
		return error_set(err, "unable to start container process: %s", reply.text);
	return 0;
}

static _Noreturn void detached(struct waiter *w, int report)
{
	struct error err = {0};
	int status, null;

	setsid();
	if (begin(w, &err)) {
		terminal_leave();
		(void)!write(report, &err, sizeof(err));
		_exit(255);
	}
	/* Whoever reads the program's output waits for its last holder. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = w->terminal ? 3 : 0; fd <= 2; fd++)
		dup2(null, fd);
	close(report);
	status = waiter_wait(w);
	terminal_leave();
	_exit(status);
}

static int start_detached(struct waiter *w, struct error *err)
{
	struct error theirs;
	int report[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return error_errno(err, "pipe");
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		close(report[0]);
		detached(w, report[1]);
	}
	close(report[1]);
	do {
		n = read(report[0], &theirs, sizeof(theirs));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == (ssize_t)sizeof(theirs)) {
		*err = theirs;
		waitpid(pid, NULL, 0);
		return -1;
	}
	if (!write_pid_file(w->options->pid_file, pid, err))
		return 0;
	kill(pid, SIGKILL); /* and the program with it */
	waitpid(pid, NULL, 0);
	return -1;
}

int container_exec(struct container *c, struct spec *spec, const struct exec_options *options, struct error *err)
{
	struct waiter w = {.container = container_in_pod(c), .spec = spec, .options = options, .signal_fd = -1};
	int status;

	if (spec->want_terminal && options->detach && !options->console_socket)
		return error_set(err, "cannot allocate tty if limpet will detach without setting console socket");
	if (!spec->want_terminal && options->console_socket)
		return error_set(err, "cannot use console socket if limpet will not detach or allocate tty");
	w.fd = container_connect(c, err);
	if (w.fd < 0)
		return -1;
	w.state = container_oci_state(c, "running");
	close(steal_fd(&c->dir));
	if (options->detach)
		return start_detached(&w, err);
	if (begin(&w, err) || write_pid_file(options->pid_file, getpid(), err)) {
		terminal_leave();
		return -1;
	}
	status = waiter_wait(&w);
	terminal_leave();
	return status;
}
