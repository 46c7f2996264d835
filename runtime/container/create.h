/* Making a container: from a bundle to a supervisor with a guest kernel whose first program waits. */
#ifndef LIMPET_RUNTIME_CREATE_H
#define LIMPET_RUNTIME_CREATE_H

#include "runtime/container/container.h"
#include "runtime/sandbox/spec.h"

struct create_options {
	const char *id, *bundle;
	const char *pid_file, *console_socket; /* or NULL */
	bool foreground; /* run without --detach: the supervisor stays in our group and on our terminal */
	/* debugging, as in `limpet do` */
	enum spec_platform platform;
	bool strace;
	const char *strace_file, *debug_log;
	bool stats;
	const char *stats_file; /* NULL = stderr, if it runs in the foreground */
	unsigned preserve_fds;
	bool systemd_cgroup;
	const char *const *devices; /* of the host, that the operator allows */
	size_t ndevices;
};

/*
 * The container in *c, locked, "created", or -1 with nothing left. The caller closes c. *supervisor = its pid: our
 * child, for clients that are subreapers theirs as soon as we are gone.
 */
int container_create(struct container *c, const struct create_options *options, pid_t *supervisor, struct error *err);
/* Lets the first program go; poststart hooks. */
int container_start(struct container *c, struct error *err);
/* Ends what runs of it, however it is, and forgets it. */
int container_delete(struct container *c, struct error *err);
/* Asks the supervisor for a signal. all: for every process. */
int container_kill(const struct container *c, int sig, bool all, struct error *err);

/*
 * Freezes or thaws what runs of it. A container of a pod by its guest kernel, which the others need too; else by the
 * control group.
 */
int container_pause(struct container *c, bool on, struct error *err);

/* Shows programs the limits that were just set; one that cannot be told now will not see them. */
void container_show_limits(const struct container *c, const struct spec_limits *limits);

int write_pid_file(const char *path, pid_t pid, struct error *err);

#endif
