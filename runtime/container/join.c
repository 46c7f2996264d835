/*
 * A container that joins a pod's sandbox: see pod.h.
 *
 *	limpet create                     the container's host process (child)
 *	  directory, config.json
 *	  fork ------------------------> own session, console, cgroup, mount tree
 *	  state: creating <--- prepared
 *	  hooks
 *	  "go" ------------------------> JOIN, with its trees -------> the sandbox: a spawner for it
 *	  into the cgroup <---- spawner
 *	  "go" ------------------------> POPULATE -------------------> its first process, mounts, program
 *	  state: created <------- ready
 *	  pid file
 *	  "go" ------------------------> lets its streams go, waits for the program's end
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include "runtime/container/console.h"
#include "runtime/container/creation.h"
#include "runtime/container/hooks.h"
#include "runtime/container/notify.h"
#include "runtime/container/view.h"
#include "runtime/container/waiter.h"
#include "runtime/sandbox/boot.h"
#include "runtime/sandbox/targets.h"
#include "runtime/supervisor/terminal.h"

struct joiner {
	struct creation *cr;
	struct cgroup cgroup;
	struct waiter w;
	int pidfd; /* the sandbox's kserver */
	int proc; /* for our view */
	int mounts; /* our first mount namespace: it stays while the trees are used */
};

static int enter_session(struct joiner *j, struct error *err)
{
	struct creation *cr = j->cr;
	const struct create_options *o = cr->options;

	prctl(PR_SET_NAME, "limpet", 0, 0, 0);
	if (o->foreground)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	else if (setsid() < 0)
		return error_errno(err, "setsid");
	/* Before there is a terminal: who gets its master may close it at once, and that is a SIGHUP. */
	if (waiter_signals(&j->w, err))
		return -1;
	if (o->console_socket && console_attach(o->console_socket, cr->spec.rows, cr->spec.cols, err))
		return -1;
	j->w.terminal = cr->spec.want_terminal;
	if (j->w.terminal && !isatty(STDIN_FILENO))
		return error_set(err, "config.json: process.terminal is true, but stdin is not a terminal");
	return 0;
}

/* Connected, and with the sandbox's namespaces, by which clients look for the pod's network. */
static int reach_sandbox(struct joiner *j, struct error *err)
{
	const struct container *sandbox = &j->cr->pod.sandbox;

	j->w.fd = container_connect(sandbox, err);
	if (j->w.fd < 0)
		return -1;
	j->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)container_number(sandbox, "kernelPid"), 0);
	if (j->pidfd < 0 || !container_pid(sandbox))
		return error_set(err, "the pod's sandbox %s is not running", sandbox->id);
	if (setns(j->pidfd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
		return error_errno(err, "cannot join the namespaces of the pod's sandbox");
	return 0;
}

static int send_join(struct joiner *j, const struct mount_tree *trees, size_t ntrees, struct error *err)
{
	struct creation *cr = j->cr;
	struct boot_facts facts = {.terminal = j->w.terminal, .trees = trees};
	struct request r = {.type = REQUEST_JOIN};
	int fds[CONTROL_FDS_MAX], rc;
	struct winsize ws;
	size_t size, n = 1;

	if (j->w.terminal && !ioctl(STDIN_FILENO, TIOCGWINSZ, &ws)) {
		facts.rows = ws.ws_row;
		facts.cols = ws.ws_col;
	}
	fds[0] = boot_container_memfd(&cr->spec, &facts, ntrees, &size, err);
	if (fds[0] < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (cr->spec.stdio_closed & 1u << i)
			continue;
		fds[n++] = i;
		r.arg[1] |= 1 << i;
	}
	if (cr->spec.seccomp_fd >= 0) {
		fds[n++] = cr->spec.seccomp_fd;
		r.arg[1] |= 8;
	}
	for (size_t i = 0; i < ntrees; i++)
		fds[n++] = trees[i].fd;
	r.arg[0] = (int64_t)size;
	r.arg[2] = cr->pod.share;
	rc = server_request(j->w.fd, &r, fds, n, err);
	close(fds[0]);
	notify_close(&cr->spec);
	return rc;
}

/* The mount tree, as a sandbox of its own would have it, goes over by descriptors. */
static int bring_trees(struct joiner *j, struct error *err)
{
	const struct spec *spec = &j->cr->spec;
	cleanup_free struct mount_tree *trees = NULL;
	size_t ntrees;
	int rc;

	if (mounts_map(&j->cr->spec, err) ||
	    notify_start(&j->cr->spec, container_oci_state(j->cr->c, "creating"), err))
		return -1;
	if (unshare(CLONE_NEWNS))
		return error_errno(err, "cannot make a mount namespace");
	j->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	j->proc = view_proc(j->pidfd);
	if (spec->root_readonly)
		targets_make(spec);
	if (mounts_collect(spec, &trees, &ntrees, err))
		return -1;
	if (ntrees > CONTROL_TREES_MAX)
		return error_set(err, "config.json: mounts: more than %d trees of the host for a container of a pod",
				 CONTROL_TREES_MAX - 1);
	if (mounts_enter(trees, ntrees, NULL, err))
		return -1;
	rc = send_join(j, trees, ntrees, err);
	for (size_t i = 0; i < ntrees; i++)
		close(trees[i].fd);
	return rc;
}

static int expect_reply(struct joiner *j, enum reply_type type, struct reply *reply, struct error *err)
{
	if (server_reply(j->w.fd, reply, err))
		return -1;
	if (reply->type == type)
		return 0;
	if (reply->arg[1] == CONTROL_STAGE_PROGRAM)
		err->status = reply->arg[0] == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
	return error_set(err, "unable to start container process: %s",
			 reply->type == REPLY_ERROR ? reply->text : "it ended");
}

static int join(struct joiner *j, struct error *err)
{
	struct creation *cr = j->cr;
	json_t *message = json_object();
	struct reply reply;

	if (bring_trees(j, err) || expect_reply(j, REPLY_JOINED, &reply, err))
		return -1;
	json_object_set_new(message, "spawner", json_integer(reply.arg[0]));
	json_object_set_new(message, "podContainer", json_integer(reply.arg[1]));
	if (sync_send(cr->sync, message) || sync_wait_go(cr->sync, err))
		return error_set(err, "the command that makes the container ended");
	terminal_enter(j->w.terminal);
	if (server_request(j->w.fd, &(struct request){.type = REQUEST_POPULATE}, NULL, 0, err) ||
	    expect_reply(j, REPLY_READY, &reply, err))
		return -1;
	return 0;
}

static int run(struct joiner *j, struct error *err)
{
	struct creation *cr = j->cr;
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int log = openat(cr->c->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	json_t *message = json_object();

	sync_put_groups(message, &j->cgroup);
	if (sync_send(cr->sync, message) || sync_wait_go(cr->sync, err))
		return -1;
	j->cgroup.kept = true; /* the state has them now: delete removes them */
	if (cgroup_attach(&j->cgroup, getpid(), err) ||
	    hooks_run(cr->config, "createContainer", container_oci_state(cr->c, "creating"), err) || join(j, err) ||
	    view_arrange(j->proc, &cr->spec, err))
		return -1;
	message = json_object();
	json_object_set_new(message, "ready", json_true());
	if (sync_send(cr->sync, message) || sync_wait_go(cr->sync, err))
		return -1;
	let_streams_go(cr, j->w.terminal, null, log);
	close(steal_fd(&cr->sync));
	close(steal_fd(&cr->c->dir));
	return waiter_wait(&j->w);
}

int pod_join(struct creation *cr, struct error *err)
{
	struct joiner j = {.cr = cr, .w = {.spec = &cr->spec, .fd = -1, .signal_fd = -1}, .pidfd = -1, .proc = -1, .mounts = -1};
	int status;

	if (enter_session(&j, err) || reach_sandbox(&j, err))
		return -1;
	status = cgroup_create(&j.cgroup, &cr->spec, err) ? -1 : run(&j, err);
	terminal_leave();
	cgroup_remove(&j.cgroup);
	return status;
}

/* All of the container's host processes descend from the spawner: in its place from the start, so are they. */
static int place_spawner(struct creation *cr, pid_t spawner, struct error *err)
{
	pid_t pid = container_find_process((pid_t)container_number(&cr->pod.sandbox, "kernelPid"), spawner);
	char path[64], text[16];
	const char *key;
	json_t *group;

	if (!pid)
		return error_set(err, "the container's first host process ended");
	snprintf(text, sizeof(text), "%d", pid);
	json_object_foreach(json_object_get(cr->c->state, "cgroupPaths"), key, group) {
		cleanup_free char *file = NULL;

		if (asprintf(&file, "%s/cgroup.procs", json_string_value(group)) < 0 || write_file(AT_FDCWD, file, text))
			return error_errno(err, "cannot put the container into control group %s", json_string_value(group));
	}
	if (!cr->spec.has_oom_score_adj)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	snprintf(text, sizeof(text), "%d", cr->spec.oom_score_adj);
	return write_file(AT_FDCWD, path, text) && !geteuid()
		       ? error_errno(err, "cannot set oom_score_adj to %d", cr->spec.oom_score_adj) : 0;
}

static void note(struct creation *cr, const char *key, int64_t value)
{
	json_object_set_new(cr->c->state, key, json_integer(value));
}

int pod_with_joiner(struct creation *cr, pid_t pid, struct error *err)
{
	struct container *c = cr->c, *sandbox = &cr->pod.sandbox;
	json_t *message;
	int rc;

	if (sync_expect(cr, "cgroupDirs", &message, err))
		return -1;
	json_object_update(c->state, message);
	json_decref(message);
	note(cr, "pid", pid);
	note(cr, "startTime", (int64_t)process_start(pid));
	json_object_set_new(c->state, "sandbox", json_string(sandbox->id));
	note(cr, "sandboxStartTime", container_number(sandbox, "startTime"));
	note(cr, "sandboxKernelPid", container_number(sandbox, "kernelPid"));
	note(cr, "sandboxKernelStartTime", container_number(sandbox, "kernelStartTime"));
	if (container_save(c, err) || hooks_run(cr->config, "prestart", container_oci_state(c, "creating"), err) ||
	    hooks_run(cr->config, "createRuntime", container_oci_state(c, "creating"), err) || sync_send_go(cr, err) ||
	    sync_expect(cr, "spawner", &message, err))
		return -1;
	note(cr, "podContainer", json_integer_value(json_object_get(message, "podContainer")));
	rc = place_spawner(cr, (pid_t)json_integer_value(json_object_get(message, "spawner")), err);
	json_decref(message);
	if (rc || container_save(c, err) || sync_send_go(cr, err) || sync_expect(cr, "ready", &message, err))
		return -1;
	json_decref(message);
	json_object_set_new(c->state, "status", json_string("created"));
	if (container_save(c, err) || write_pid_file(cr->options->pid_file, pid, err))
		return -1;
	return sync_send_go(cr, err);
}
