/* See inside.h. The supervisor is asked for them as `limpet exec` asks for programs. */
#include "runtime/container/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/container/hooks.h"
#include "runtime/container/notify.h"
#include "runtime/container/server.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/boot.h"

/* The hook as a program of the container, with the rights of its process; all of it was checked when it was made. */
static int load(struct spec *spec, json_t *config, const json_t *hook, struct error *err)
{
	json_t *process = json_deep_copy(json_object_get(config, "process"));
	json_t *args = json_object_get(hook, "args"), *env = json_object_get(hook, "env");
	const char *path = json_string_value(json_object_get(hook, "path"));
	int rc;

	if (json_array_size(args))
		json_object_set(process, "args", args);
	else
		json_object_set_new(process, "args", json_pack("[s]", path));
	if (env)
		json_object_set(process, "env", env);
	json_object_set_new(process, "terminal", json_false());
	rc = config_load_process(spec, process, "config.json", err) ||
	     config_load_lasting(spec, config, "config.json", err);
	json_decref(process);
	spec->exec_path = arena_strdup(&spec->arena, path);
	return rc;
}

static int begin(const struct container *c, int fd, struct spec *spec, const json_t *state, int in, int out,
		 struct error *err)
{
	struct reply reply;
	size_t size;
	cleanup_close int block = boot_program_memfd(spec, false, 0, 0, &size, err);
	bool asks = spec->seccomp_listener;
	const struct request r = {
		.type = REQUEST_EXEC, .container = container_in_pod(c), .arg = {(int64_t)size, asks ? 7 | 8 : 7},
	};

	if (block < 0 || notify_start(spec, json_deep_copy(state), err))
		return -1;
	const int fds[] = {block, in, out, out, spec->seccomp_fd};
	int rc = server_request(fd, &r, fds, asks ? 5 : 4, err);

	notify_close(spec);
	if (rc || server_reply(fd, &reply, err))
		return -1;
	return reply.type == REPLY_STARTED ? 0 : error_set(err, "%s", reply.text);
}

/* The wait status, or -1: the time was up, or the container ended. What it says is read, so that it never waits for us. */
static int wait_end(int fd, int out, int64_t timeout, char *words, size_t size)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = out, .events = POLLIN}};
	time_t end = time(NULL) + timeout;
	struct error ignored;
	size_t used = 0;

	*words = '\0';
	for (;;) {
		struct reply reply;

		if (poll(fds, 2, timeout ? 100 : -1) < 0 && errno != EINTR)
			return -1;
		if (fds[1].revents) {
			char text[512];
			ssize_t n = read(out, text, sizeof(text));

			for (ssize_t i = 0; i < n && used + 1 < size; i++)
				words[used++] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
			while (n <= 0 && used && words[used - 1] == ' ')
				used--;
			words[used] = '\0';
			if (n <= 0)
				fds[1].fd = -1;
			continue;
		}
		if (fds[0].revents) {
			if (server_reply(fd, &reply, &ignored))
				return -1;
			if (reply.type == REPLY_EXIT)
				return (int)reply.arg[0];
		}
		if (timeout && time(NULL) >= end)
			return -1;
	}
}

static int run_one(const struct container *c, json_t *config, const json_t *hook, size_t index, const json_t *state,
		   struct error *err)
{
	const char *path = json_string_value(json_object_get(hook, "path"));
	int64_t timeout = json_integer_value(json_object_get(hook, "timeout"));
	/* Closing the connection kills what was started over it. */
	cleanup_close int in = hooks_state_file(state, err), fd = in < 0 ? -1 : container_connect(c, err), out = -1;
	struct error why = {0};
	struct spec spec;
	char words[512];
	int pair[2], status;

	if (fd < 0)
		return -1;
	if (pipe2(pair, O_CLOEXEC))
		return error_errno(err, "pipe");
	out = pair[0];
	spec_init(&spec);
	status = load(&spec, config, hook, &why) || begin(c, fd, &spec, state, in, pair[1], &why);
	spec_free(&spec);
	close(pair[1]);
	if (status)
		return error_set(err, "error running startContainer hook #%zu: %.800s", index, why.text);
	status = wait_end(fd, out, timeout, words, sizeof(words));
	if (status < 0)
		return error_set(err, "error running startContainer hook #%zu: %s took longer than %lld s, or the container ended",
				 index, path, (long long)timeout);
	if (status)
		return error_set(err, "error running startContainer hook #%zu: %s: %s %d%s%s", index, path,
				 WIFEXITED(status) ? "exit status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *words ? ", output: " : "", words);
	return 0;
}

int inside_hooks_run(const struct container *c, json_t *config, json_t *state, struct error *err)
{
	json_t *hook, *list = json_object_get(json_object_get(config, "hooks"), "startContainer");
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, hook) {
		rc = run_one(c, config, hook, i, state, err);
		if (rc)
			break;
	}
	json_decref(state);
	return rc;
}
