/* See hooks.h. */
#include "runtime/container/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/lib/util.h"

extern char **environ;

int hooks_state_file(const json_t *state, struct error *err)
{
	cleanup_free char *text = json_dumps(state, JSON_COMPACT | JSON_PRESERVE_ORDER);
	cleanup_close int fd = memfd_create("limpet-state", MFD_CLOEXEC);

	if (!text || fd < 0 || write_all(fd, text, strlen(text)) || lseek(fd, 0, SEEK_SET))
		return error_errno(err, "the state for a hook");
	return steal_fd(&fd);
}

static char **text_array(struct arena *a, const json_t *array)
{
	struct strings list = {0};
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (json_is_string(item))
			strings_add(a, &list, json_string_value(item));
	return list.items;
}

static _Noreturn void hook_exec(const char *path, char **argv, char **envp, int in, int out)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
		execve(path, argv, envp);
		dprintf(2, "%s", strerror(errno));
	}
	_exit(127);
}

/* What a hook said, as the end of an error. The pipe may still be open in something it started. */
static void last_words(int pipe_fd, char *out, size_t size)
{
	size_t used = 0;
	ssize_t n;

	fcntl(pipe_fd, F_SETFL, O_NONBLOCK);
	while (used + 1 < size && (n = read(pipe_fd, out + used, size - used - 1)) > 0)
		used += (size_t)n;
	while (used && (out[used - 1] == '\n' || out[used - 1] == ' '))
		used--;
	out[used] = '\0';
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = ' ';
}

/* The wait status, or -1 when the time was up. */
static int wait_hook(pid_t pid, int pipe_fd, int64_t timeout, char *words, size_t size)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = pipe_fd, .events = POLLIN}};
	time_t end = time(NULL) + timeout;
	size_t used = 0;
	int status = 0;
	bool late = false;

	*words = '\0';
	while (pidfd >= 0 && !fds[0].revents && !late) {
		if (poll(fds, 2, timeout ? 100 : -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents & POLLIN) {
			char sink[512];
			ssize_t n = read(pipe_fd, sink, sizeof(sink));

			for (ssize_t i = 0; i < n && used + 1 < size; i++)
				words[used++] = (unsigned char)sink[i] < ' ' || sink[i] == 0x7f ? ' ' : sink[i];
			words[used] = '\0';
		} else if (fds[1].revents) {
			fds[1].fd = -1;
		}
		late = timeout && time(NULL) >= end && !fds[0].revents;
	}
	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	last_words(pipe_fd, words + used, size - used);
	return late ? -1 : status;
}

static int run_one(const json_t *hook, const char *kind, size_t index, const json_t *state, struct error *err)
{
	const char *path = json_string_value(json_object_get(hook, "path"));
	int64_t timeout = json_integer_value(json_object_get(hook, "timeout"));
	cleanup_close int in = hooks_state_file(state, err);
	struct arena a = {0};
	int out[2], status;
	char words[512];
	pid_t pid;

	if (in < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC))
		return error_errno(err, "pipe");
	char **argv = text_array(&a, json_object_get(hook, "args")), **envp = text_array(&a, json_object_get(hook, "env"));
	char *own[] = {(char *)path, NULL};

	pid = fork();
	if (pid == 0)
		hook_exec(path, argv ? argv : own, envp ? envp : environ, in, out[1]);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		arena_free(&a);
		return error_errno(err, "fork");
	}
	status = wait_hook(pid, out[0], timeout, words, sizeof(words));
	close(out[0]);
	arena_free(&a);
	if (status == 0)
		return 0;
	if (status < 0)
		return error_set(err, "error running %s hook #%zu: %s took longer than %lld s", kind, index, path,
				 (long long)timeout);
	return error_set(err, "error running %s hook #%zu: %s: %s %d%s%s", kind, index, path,
			 WIFEXITED(status) ? "exit status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *words ? ", output: " : "", words);
}

int hooks_run(const json_t *config, const char *kind, json_t *state, struct error *err)
{
	json_t *hook, *list = json_object_get(json_object_get(config, "hooks"), kind);
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, hook) {
		rc = run_one(hook, kind, i, state, err);
		if (rc)
			break;
	}
	json_decref(state);
	return rc;
}
