/*
 * See create.h.
 *
 *	limpet create                         supervisor (child)
 *	  directory, config.json
 *	  fork ------------------------------> own session, console
 *	                                       cgroups, namespaces, kserver
 *	  state: creating <------- prepared    waits
 *	  prestart, createRuntime hooks
 *	  "go" ------------------------------> createContainer hooks, guest kernel boots
 *	  state: created <------------ ready   the program was found
 *	  pid file
 *	  "go" ------------------------------> lets its streams go, serves the socket
 */
#include "runtime/container/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/container/console.h"
#include "runtime/container/hooks.h"
#include "runtime/container/inside.h"
#include "runtime/container/notify.h"
#include "runtime/container/server.h"
#include "runtime/container/view.h"
#include "runtime/oci/config.h"
#include "runtime/oci/devices.h"
#include "runtime/oci/home.h"
#include "runtime/sandbox/mounts.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/userns.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/supervisor/terminal.h"

#define SYNC_MAX 65536
#define DELETE_GRACE_MS 5000
#define ANSWER_S 10 /* a supervisor answers at once, on a machine that is not overwhelmed */

int sync_send(int fd, json_t *message)
{
	cleanup_free char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	return text && send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0 ? 0 : -1;
}

json_t *sync_receive(int fd)
{
	static char text[SYNC_MAX];
	ssize_t n;

	do {
		n = recv(fd, text, sizeof(text), 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
}

int sync_wait_go(int fd, struct error *err)
{
	json_t *go = sync_receive(fd);

	if (!go)
		return error_set(err, "the command that makes the container ended");
	json_decref(go);
	return 0;
}

static json_t *text_list(const struct strings *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(out, json_string(list->items[i]));
	return out;
}

/* --- the supervisor --- */

void sync_put_groups(json_t *message, const struct cgroup *cg)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < cg->controllers.count; i++)
		json_object_set_new(paths, cg->controllers.items[i], json_string(cg->paths.items[i]));
	json_object_set_new(message, "cgroupDirs", text_list(&cg->dirs));
	json_object_set_new(message, "cgroupPaths", paths);
}

static int say_prepared(struct creation *cr, struct error *err)
{
	json_t *message = json_object();

	sync_put_groups(message, &cr->sandbox.cgroup);
	json_object_set_new(message, "kernelPid", json_integer(cr->sandbox.pid));
	return sync_send(cr->sync, message) ? error_errno(err, "the command that makes the container is gone") : 0;
}

void let_streams_go(const struct creation *cr, bool terminal, int null, int log)
{
	if (cr->options->foreground)
		return;
	if (!terminal) {
		dup2(null, 0);
		dup2(null, 1);
	}
	dup2(log >= 0 ? log : null, 2);
}

static int ready(void *arg, struct error *err)
{
	struct creation *cr = arg;
	json_t *message = json_object();
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int log = openat(cr->c->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (view_enter(&cr->sandbox, &cr->spec, err))
		return -1;
	json_object_set_new(message, "ready", json_true());
	if (sync_send(cr->sync, message) || sync_wait_go(cr->sync, err))
		return error_set(err, "the command that makes the container ended");
	let_streams_go(cr, cr->sandbox.terminal, null, log);
	close(steal_fd(&cr->sync));
	close(steal_fd(&cr->c->dir));
	return 0;
}

/* Clients look for the container's network and names in the namespaces of the pid they know. */
static void join_namespaces(const struct sandbox *sb)
{
	if (setns(sb->pidfd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
		(void)0; /* without the right to: they see the host's, and can do no more there than before */
}

static int supervise(struct creation *cr, struct error *err)
{
	const struct create_options *o = cr->options;

	prctl(PR_SET_NAME, "limpet", 0, 0, 0);
	if (o->foreground) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	} else if (setsid() < 0) {
		return error_errno(err, "setsid");
	}
	/* Before there is a terminal: who gets its master may close it at once, and that is a SIGHUP. */
	if (supervisor_prepare(err))
		return -1;
	if (o->console_socket && console_attach(o->console_socket, cr->spec.rows, cr->spec.cols, err))
		return -1;
	if (server_listen(&cr->sv.server, cr->c->dir, err) || mounts_map(&cr->spec, err) ||
	    notify_start(&cr->spec, container_oci_state(cr->c, "creating"), err) ||
	    sandbox_start(&cr->sandbox, &cr->spec, err))
		return -1;
	spec_close_preserved(&cr->spec);
	notify_close(&cr->spec);
	join_namespaces(&cr->sandbox);
	if (say_prepared(cr, err) || sync_wait_go(cr->sync, err)) {
		sandbox_end(&cr->sandbox);
		return -1;
	}
	cr->sandbox.cgroup.kept = true; /* the state has them now: delete removes them */
	/* Engines look for the container's group by the pid they know. Not earlier: we could not remove it from inside. */
	if (cgroup_attach(&cr->sandbox.cgroup, getpid(), err) ||
	    hooks_run(cr->config, "createContainer", container_oci_state(cr->c, "creating"), err)) {
		sandbox_end(&cr->sandbox);
		return -1;
	}
	terminal_enter(cr->sandbox.terminal);
	if (sandbox_go(&cr->sandbox, err)) {
		terminal_leave();
		sandbox_end(&cr->sandbox);
		return -1;
	}
	return supervisor_run_container(&cr->sandbox, &cr->sv, err);
}

static _Noreturn void supervisor_main(struct creation *cr)
{
	struct error err = {0};
	int status;

	cr->sv.detached = !cr->options->foreground;
	cr->sv.ready = ready;
	cr->sv.arg = cr;
	cr->c->state = cr->c->state ? cr->c->state : json_object();
	status = cr->pod.role == POD_JOINS ? pod_join(cr, &err) : supervise(cr, &err);
	if (status < 0 && cr->sync >= 0) {
		json_t *message = json_object();

		json_object_set_new(message, "error", json_string(err.text));
		json_object_set_new(message, "status", json_integer(err.status));
		sync_send(cr->sync, message);
	} else if (status < 0) {
		fprintf(stderr, "limpet: %s\n", err.text);
	}
	_exit(status < 0 ? err.status ? err.status : STATUS_FAILURE : status);
}

/* --- the command --- */

static const char silence[] = "the supervisor ended without a word";

int sync_expect(struct creation *cr, const char *key, json_t **message, struct error *err)
{
	const char *text;

	*message = sync_receive(cr->sync);
	if (json_object_get(*message, key))
		return 0;
	text = json_string_value(json_object_get(*message, "error"));
	err->status = (int)json_integer_value(json_object_get(*message, "status"));
	error_set(err, "%s", text ? text : silence);
	json_decref(*message);
	return -1;
}

int sync_send_go(struct creation *cr, struct error *err)
{
	return sync_send(cr->sync, json_object()) ? error_set(err, "the supervisor ended") : 0;
}

static void note(struct container *c, const char *key, json_t *value)
{
	json_object_set_new(c->state, key, value);
}

static json_t *now_text(void)
{
	struct timespec now;
	char text[64], all[96];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(all, sizeof(all), "%s.%09ldZ", text, now.tv_nsec);
	return json_string(all);
}

static void first_state(struct creation *cr, const char *bundle, const char *rootfs)
{
	struct passwd *pw = getpwuid(geteuid());
	struct container *c = cr->c;
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", geteuid());
	note(c, "ociVersion", json_string(OCI_VERSION));
	note(c, "id", json_string(c->id));
	note(c, "status", json_string("creating"));
	note(c, "bundle", json_string(bundle));
	note(c, "rootfs", json_string(rootfs));
	note(c, "created", now_text());
	note(c, "owner", json_string(pw ? pw->pw_name : uid));
	if (cr->spec.pod)
		note(c, "pod", json_true());
	if (cr->spec.pod || (cr->pod.role == POD_NONE && !cr->spec.root_readonly))
		note(c, "joinable", json_true());
	if (json_object_get(cr->config, "annotations"))
		json_object_set(c->state, "annotations", json_object_get(cr->config, "annotations"));
}

static int keep_config(struct creation *cr, struct error *err)
{
	cleanup_free char *text = json_dumps(cr->config, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	cleanup_close int fd = openat(cr->c->dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (!text || fd < 0 || write_all(fd, text, strlen(text)))
		return error_errno(err, "cannot keep config.json");
	return 0;
}

int write_pid_file(const char *path, pid_t pid, struct error *err)
{
	cleanup_free char *beside = NULL;
	cleanup_close int fd = -1;
	char text[16];

	if (!path)
		return 0;
	if (asprintf(&beside, "%s.new", path) < 0)
		return error_errno(err, "%s", path);
	snprintf(text, sizeof(text), "%d", pid);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write_all(fd, text, strlen(text)) || rename(beside, path))
		return error_errno(err, "cannot write pid file %s", path);
	return 0;
}

static int with_supervisor(struct creation *cr, pid_t pid, struct error *err)
{
	struct container *c = cr->c;
	json_t *message;
	pid_t kernel;

	if (sync_expect(cr, "kernelPid", &message, err))
		return -1;
	kernel = (pid_t)json_integer_value(json_object_get(message, "kernelPid"));
	json_object_update(c->state, message);
	json_decref(message);
	note(c, "pid", json_integer(pid));
	note(c, "startTime", json_integer((json_int_t)process_start(pid)));
	note(c, "kernelStartTime", json_integer((json_int_t)process_start(kernel)));
	if (container_save(c, err) || hooks_run(cr->config, "prestart", container_oci_state(c, "creating"), err) ||
	    hooks_run(cr->config, "createRuntime", container_oci_state(c, "creating"), err) || sync_send_go(cr, err) ||
	    sync_expect(cr, "ready", &message, err))
		return -1;
	json_decref(message);
	note(c, "status", json_string("created"));
	if (container_save(c, err) || write_pid_file(cr->options->pid_file, pid, err))
		return -1;
	return sync_send_go(cr, err);
}

/* Its wait status. */
static int kill_and_reap(pid_t pid)
{
	int status = 0;

	/* Its own end is cleaner than ours of it: it takes the sandbox along and reports. */
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd >= 0 && poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 1000) <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Why there was no word from it. */
static void explain_silence(const struct creation *cr, int status, struct error *err)
{
	int64_t limit = cr->spec.limits.memory;

	if (!WIFSIGNALED(status) || strcmp(err->text, silence))
		return;
	if (WTERMSIG(status) == SIGKILL && limit > 0)
		error_set(err, "the container was killed while it was made: is its memory limit of %lld bytes too small?",
			  (long long)limit);
	else
		error_set(err, "the container was killed while it was made, by signal %d", WTERMSIG(status));
}

static int fork_supervisor(struct creation *cr, pid_t *pid, struct error *err)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(err, "socketpair");
	fflush(NULL);
	*pid = fork();
	if (*pid == 0) {
		close(pair[0]);
		cr->sync = pair[1];
		supervisor_main(cr);
	}
	close(pair[1]);
	cr->sync = pair[0];
	spec_close_preserved(&cr->spec);
	rc = *pid < 0 ? error_errno(err, "fork")
	     : cr->pod.role == POD_JOINS ? pod_with_joiner(cr, *pid, err) : with_supervisor(cr, *pid, err);
	close(steal_fd(&cr->sync));
	if (rc && *pid > 0)
		explain_silence(cr, kill_and_reap(*pid), err);
	return rc;
}

static int load(struct creation *cr, const char *bundle, struct error *err)
{
	const struct create_options *o = cr->options;
	struct spec *spec = &cr->spec;

	if (spec_preserve_fds(spec, o->preserve_fds, err) || config_load_keep(spec, bundle, &cr->config, err) || userns_like(spec, err) ||
	    pod_find(&cr->pod, spec, cr->config, cr->c->id, err))
		return -1;
	spec->pod = cr->pod.role == POD_SANDBOX;
	for (size_t i = 0; cr->pod.role != POD_JOINS && i < spec->own_names.count; i++)
		warning("%s", spec->own_names.items[i]);
	if (cr->pod.role == POD_JOINS && spec->has_clocks)
		return error_set(err, "config.json: linux.timeOffsets: a container of a pod has the clocks of the pod's sandbox");
	spec->platform = o->platform;
	spec->strace = o->strace;
	spec->strace_file = o->strace_file;
	spec->debug_log = o->debug_log;
	spec->stats = o->stats;
	spec->stats_file = o->stats_file;
	spec->cgroup_full = true;
	spec->wait_go = true;
	spec->plain_stdio = !o->foreground && !spec->want_terminal;
	spec->cgroup_scope = o->systemd_cgroup;
	if (!spec->cgroup)
		spec->cgroup = arena_printf(&spec->arena, o->systemd_cgroup ? ":limpet:%s" : "limpet-%s", cr->c->id);
	if (spec->want_terminal && !o->foreground && !o->console_socket)
		return error_set(err, "cannot allocate tty if limpet will detach without setting console socket");
	if (!spec->want_terminal && o->console_socket)
		return error_set(err, "cannot use console socket if limpet will not detach or allocate tty");
	if (cr->pod.role == POD_JOINS && o->preserve_fds)
		return error_set(err, "--preserve-fds is not supported for a container of a pod");
	if (cr->pod.role == POD_JOINS && o->ndevices)
		warning("--allow-device: a container of a pod gets no device of the host");
	else if (devices_give(spec, cr->config, o->devices, o->ndevices, err))
		return -1;
	home_default(spec, spec->rootfs);
	return 0;
}

int container_create(struct container *c, const struct create_options *o, pid_t *supervisor, struct error *err)
{
	struct creation cr = {.options = o, .c = c, .sync = -1, .pod.sandbox.dir = -1};
	cleanup_free char *bundle = realpath(o->bundle, NULL);
	cleanup_free char *rootfs = NULL;
	struct error ignored;
	int rc = -1;

	if (!bundle)
		return error_errno(err, "bundle %s", o->bundle);
	if (container_make(c, o->id, err))
		return -1;
	spec_init(&cr.spec);
	if (!load(&cr, bundle, err)) {
		rootfs = realpath(cr.spec.rootfs, NULL);
		first_state(&cr, bundle, rootfs ? rootfs : cr.spec.rootfs);
		if (!keep_config(&cr, err))
			rc = fork_supervisor(&cr, supervisor, err);
	}
	if (rc) {
		container_delete(c, &ignored);
		container_close(c);
	}
	pod_close(&cr.pod);
	json_decref(cr.config);
	spec_free(&cr.spec);
	return rc;
}

static json_t *kept_config(const struct container *c)
{
	cleanup_free char *text = read_file(c->dir, "config.json");

	return text ? json_loads(text, 0, NULL) : NULL;
}

/* One request that is answered with OK or an error. */
static int ask(const struct container *c, struct request request, struct error *err)
{
	cleanup_close int fd = container_connect(c, err);
	struct reply reply;

	request.container = container_in_pod(c);
	if (fd >= 0) /* it may have been stopped */
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = ANSWER_S}, sizeof(struct timeval));
	if (fd < 0 || server_request(fd, &request, NULL, 0, err) || server_reply(fd, &reply, err))
		return -1;
	return reply.type == REPLY_OK ? 0 : error_set(err, "%s", reply.text);
}

/* In a frozen group nobody answers: the request waits there for the thaw. SIGKILL brings that about. */
static int kill_frozen(const struct container *c, const struct request *request, struct error *err)
{
	cleanup_close int fd = container_connect(c, err);

	if (fd < 0 || server_request(fd, request, NULL, 0, err))
		return -1;
	return request->arg[0] == SIGKILL ? container_freeze(c, false, err) : 0;
}

int container_kill(const struct container *c, int sig, bool all, struct error *err)
{
	if (container_status(c) == CONTAINER_PAUSED && !container_paused_inside(c))
		return kill_frozen(c, &(struct request){.type = REQUEST_SIGNAL, .arg = {sig, all}}, err);
	return ask(c, (struct request){.type = REQUEST_SIGNAL, .arg = {sig, all}}, err);
}

int container_pause(struct container *c, bool on, struct error *err)
{
	if (!container_paused_inside(c))
		return container_freeze(c, on, err);
	if (ask(c, (struct request){.type = REQUEST_FREEZE, .arg = {on}}, err))
		return -1;
	note(c, "paused", json_boolean(on));
	return container_save(c, err);
}

int container_start(struct container *c, struct error *err)
{
	struct error ignored;
	enum container_status status = container_status(c);
	json_t *config;
	int rc;

	if (status == CONTAINER_STOPPED)
		return error_set(err, "cannot start a container that has stopped");
	if (status != CONTAINER_CREATED)
		return error_set(err, "cannot start an already running container");
	config = kept_config(c);
	if (inside_hooks_run(c, config, container_oci_state(c, NULL), err)) {
		json_decref(config);
		container_kill(c, SIGKILL, false, &ignored);
		return -1;
	}
	if (ask(c, (struct request){.type = REQUEST_START}, err)) {
		json_decref(config);
		return -1;
	}
	note(c, "status", json_string("running"));
	if (container_save(c, err)) {
		json_decref(config);
		return -1;
	}
	container_unlock(c); /* hooks may ask for the container, and use it */
	rc = hooks_run(config, "poststart", container_oci_state(c, "running"), err);
	container_lock(c);
	json_decref(config);
	if (rc) /* takes the container along */
		container_kill(c, SIGKILL, false, &ignored);
	return rc;
}

void container_show_limits(const struct container *c, const struct spec_limits *l)
{
	int64_t pids = l->pids == SPEC_UNSET ? SPEC_UNSET : l->pids > 0 ? l->pids : -1;
	struct error ignored;

	if (container_status(c) != CONTAINER_PAUSED) /* nobody would answer */
		(void)ask(c, (struct request){.type = REQUEST_LIMITS, .arg = {l->memory, l->cpu_quota, l->cpu_period, pids}},
			  &ignored);
}

/* True when the process is gone in time. */
static bool wait_gone(pid_t pid, uint64_t start, int ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (; ms > 0; ms -= 2) {
		if (!process_alive(pid, start))
			return true;
		nanosleep(&pause, NULL);
	}
	return !process_alive(pid, start);
}

/* Whoever listens at the socket of a container whose state does not say. Its groups are those that we are not in. */
static void end_listener(struct container *c, struct strings *dirs)
{
	struct error ignored;
	cleanup_close int fd = container_connect(c, &ignored);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;
	uint64_t start;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.pid <= 0)
		return;
	start = process_start(peer.pid);
	cgroup_dirs_of(&c->arena, peer.pid, dirs);
	kill(peer.pid, SIGKILL);
	wait_gone(peer.pid, start, DELETE_GRACE_MS);
}

static void end_processes(struct container *c)
{
	pid_t pid = container_pid(c), kernel = (pid_t)container_number(c, "kernelPid");
	uint64_t start = (uint64_t)container_number(c, "startTime");
	uint64_t kernel_start = (uint64_t)container_number(c, "kernelStartTime");
	struct error ignored;

	if (pid && container_status(c) == CONTAINER_PAUSED)
		container_pause(c, false, &ignored);
	if (pid && (container_kill(c, SIGKILL, false, &ignored) || !wait_gone(pid, start, DELETE_GRACE_MS)))
		kill(pid, SIGKILL);
	wait_gone(pid, start, DELETE_GRACE_MS);
	/* It dies with its supervisor; one that did not get round to asking for that is ended here. */
	if (!wait_gone(kernel, kernel_start, 200))
		kill(kernel, SIGKILL);
	wait_gone(kernel, kernel_start, DELETE_GRACE_MS);
}

int container_delete(struct container *c, struct error *err)
{
	json_t *config = kept_config(c), *dir;
	struct strings dirs = {0};
	struct error why = {0};
	size_t i;
	int rc;

	if (c->state)
		end_processes(c);
	else
		end_listener(c, &dirs);
	json_array_foreach(json_object_get(c->state, "cgroupDirs"), i, dir)
		if (json_is_string(dir))
			strings_add(&c->arena, &dirs, json_string_value(dir));
	if (cgroup_remove_dirs(&dirs, &why))
		warning("%s", why.text);
	rc = container_forget(c, err); /* before the hooks: they may ask whether it is still there */
	if (c->state && json_object_get(c->state, "pid") &&
	    hooks_run(config, "poststop", container_oci_state(c, "stopped"), &why))
		warning("%s", why.text);
	json_decref(config);
	return rc;
}
