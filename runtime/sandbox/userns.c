/* See userns.h. */
#include "runtime/sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static bool has_effective(cap_value_t cap)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t on = CAP_CLEAR;

	if (caps) {
		cap_get_flag(caps, cap, CAP_EFFECTIVE, &on);
		cap_free(caps);
	}
	return on == CAP_SET;
}

static int run_helper(const char *helper, pid_t pid, const struct spec_idmap *map, size_t n, struct error *err)
{
	struct arena arena = {0};
	struct strings argv = {0};
	int status = -1, rc;
	pid_t child;

	strings_add(&arena, &argv, helper);
	strings_add(&arena, &argv, arena_printf(&arena, "%d", pid));
	for (size_t i = 0; i < n; i++) {
		strings_add(&arena, &argv, arena_printf(&arena, "%u", map[i].inside));
		strings_add(&arena, &argv, arena_printf(&arena, "%u", map[i].outside));
		strings_add(&arena, &argv, arena_printf(&arena, "%u", map[i].count));
	}
	rc = posix_spawnp(&child, helper, NULL, NULL, argv.items, environ);
	arena_free(&arena);
	if (rc) {
		errno = rc;
		return error_errno(err, "mapping more than one id without privileges needs %s", helper);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, "waiting for %s", helper);
	if (status)
		return error_set(err, "%s refused the id map (see /etc/subuid and /etc/subgid)", helper);
	return 0;
}

static int write_map(pid_t pid, const char *file, const struct spec_idmap *map, size_t n, struct error *err)
{
	char path[64], text[4096];
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int len = snprintf(text + used, sizeof(text) - used, "%u %u %u\n", map[i].inside, map[i].outside,
				   map[i].count);

		if (len < 0 || (size_t)len >= sizeof(text) - used)
			return error_set(err, "the id map has too many entries (%zu)", n);
		used += (size_t)len;
	}
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if (write_file(AT_FDCWD, path, text))
		return error_errno(err, "writing %s of the sandbox", file);
	return 0;
}

int userns_map(pid_t pid, const struct spec *spec, struct error *err)
{
	const struct spec_idmap own_uid = {geteuid(), geteuid(), 1}, own_gid = {getegid(), getegid(), 1};
	const struct spec_idmap *uids = spec->nuid_map ? spec->uid_map : &own_uid;
	const struct spec_idmap *gids = spec->ngid_map ? spec->gid_map : &own_gid;
	size_t nuids = spec->nuid_map ? spec->nuid_map : 1, ngids = spec->ngid_map ? spec->ngid_map : 1;
	bool single_uid = nuids == 1 && uids->count == 1 && uids->outside == geteuid();
	bool single_gid = ngids == 1 && gids->count == 1 && gids->outside == getegid();
	bool may_uid = has_effective(CAP_SETUID), may_gid = has_effective(CAP_SETGID);
	char path[64];

	if (may_gid || !single_gid) {
		if (may_gid ? write_map(pid, "gid_map", gids, ngids, err)
			    : run_helper("newgidmap", pid, gids, ngids, err))
			return -1;
	} else {
		/* Without privileges a group map needs setgroups(2) forbidden: user_namespaces(7). */
		snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
		if (write_file(AT_FDCWD, path, "deny") && errno != ENOENT)
			return error_errno(err, "writing setgroups of the sandbox");
		if (write_map(pid, "gid_map", gids, ngids, err))
			return -1;
	}
	if (may_uid || single_uid)
		return write_map(pid, "uid_map", uids, nuids, err);
	return run_helper("newuidmap", pid, uids, nuids, err);
}

int userns_make(const struct spec_mount *m, struct error *err)
{
	char path[64];
	int fd = -1, rc = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0)
		return error_errno(err, "cannot make a user namespace");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	if (!write_map(pid, "gid_map", m->gid_map, m->ngid_map, err) && !write_map(pid, "uid_map", m->uid_map, m->nuid_map, err)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		rc = fd < 0 ? error_errno(err, "%s", path) : 0;
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc ? -1 : fd;
}

static int read_map(struct spec *spec, pid_t pid, const char *file, struct spec_idmap **map, size_t *n, struct error *err)
{
	cleanup_free char *text = NULL;
	char path[64], *save = NULL;

	*map = NULL;
	*n = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	text = read_file(AT_FDCWD, path);
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		struct spec_idmap one;

		if (sscanf(line, "%u %u %u", &one.inside, &one.outside, &one.count) != 3)
			break;
		*map = array_add(&spec->arena, *map, n, sizeof(one));
		(*map)[*n - 1] = one;
	}
	return *n ? 0 : error_set(err, "linux.namespaces: the user namespace %s has no ids", spec->user_path);
}

/* A child that has joined it is looked at. */
int userns_like(struct spec *spec, struct error *err)
{
	cleanup_close int ns = -1;
	int joined[2], rc;
	char byte = 0;
	pid_t pid;

	if (!spec->user_path)
		return 0;
	ns = open(spec->user_path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || pipe2(joined, O_CLOEXEC))
		return error_errno(err, "linux.namespaces: the user namespace %s", spec->user_path);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		byte = setns(ns, CLONE_NEWUSER) ? 1 : 2;
		(void)!write(joined[1], &byte, 1);
		for (;;)
			pause();
	}
	close(joined[1]);
	rc = pid > 0 && read(joined[0], &byte, 1) == 1 && byte == 2
		     ? 0 : error_set(err, "linux.namespaces: cannot join the user namespace %s", spec->user_path);
	close(joined[0]);
	if (!rc)
		rc = read_map(spec, pid, "uid_map", &spec->uid_map, &spec->nuid_map, err) ||
		     read_map(spec, pid, "gid_map", &spec->gid_map, &spec->ngid_map, err) ? -1 : 0;
	if (pid > 0)
		kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}
