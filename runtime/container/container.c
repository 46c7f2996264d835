/* States on disk: see container.h. */
#include "runtime/container/container.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "runtime/sandbox/cgroup.h"

static const char *root;

void container_set_root(const char *dir) { root = dir; }

/* Where everybody may make directories, the one with our name may be somebody else's. */
static bool in_tmp;

const char *container_root(void)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	static char path[PATH_MAX];

	in_tmp = false;
	if (root)
		return root;
	/* Root in a user namespace of its own is an ordinary user to the machine. */
	if (runtime_dir && *runtime_dir && (geteuid() || access("/run", W_OK)))
		snprintf(path, sizeof(path), "%s/limpet", runtime_dir);
	else if (geteuid())
		in_tmp = snprintf(path, sizeof(path), "/tmp/limpet-%u", geteuid());
	else
		snprintf(path, sizeof(path), "/run/limpet");
	return path;
}

static int check_root(struct error *err)
{
	const char *path = container_root();
	struct stat st;

	if (!in_tmp || lstat(path, &st))
		return 0;
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	return error_set(err, "%s is not a directory of this user's alone: set XDG_RUNTIME_DIR, or use --root", path);
}

static int make_root(struct error *err)
{
	cleanup_free char *path = strdup(container_root());

	for (char *p = path; path && *p; p++) {
		char saved = p[1];

		if (p == path || (saved && saved != '/'))
			continue;
		p[1] = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return error_errno(err, "cannot make %s", path);
		p[1] = saved;
	}
	return check_root(err);
}

static int check_id(const char *id, struct error *err)
{
	bool fine = *id && strcmp(id, ".") && strcmp(id, "..");

	for (const char *p = id; *p; p++)
		fine &= isalnum((unsigned char)*p) || strchr("_+,-.", *p);
	if (strlen(id) > 255)
		return error_set(err, "invalid container id \"%.20s...\": it is longer than 255 characters", id);
	return fine ? 0 : error_set(err, "invalid container id \"%s\": only letters, digits and _+,-. are possible", id);
}

static void init(struct container *c, const char *id)
{
	*c = (struct container){.dir = -1};
	c->id = arena_strdup(&c->arena, id);
}

void container_close(struct container *c)
{
	if (c->dir >= 0)
		close(c->dir);
	json_decref(c->state);
	arena_free(&c->arena);
	*c = (struct container){.dir = -1};
}

static json_t *load(int dir)
{
	cleanup_free char *text = read_file(dir, "state.json");
	json_t *state = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	/* Who it is is in there from the first on. */
	if (json_is_integer(json_object_get(state, "pid")) && json_is_integer(json_object_get(state, "startTime")))
		return state;
	json_decref(state);
	return NULL;
}

enum access { LOOK, LOCK, LOCK_MADE };

static bool is_creating(int dir)
{
	json_t *state = load(dir);
	const char *status = json_string_value(json_object_get(state, "status"));
	bool creating = !state || (status && !strcmp(status, "creating"));

	json_decref(state);
	return creating;
}

static int open_dir(struct container *c, const char *id, enum access how, struct error *err)
{
	const char *path;

	init(c, id);
	if (check_id(id, err) || check_root(err))
		goto fail;
	path = arena_printf(&c->arena, "%s/%s", container_root(), id);
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->dir < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			error_set(err, "container does not exist");
		else
			error_errno(err, "%s", path);
		goto fail;
	}
	if (how == LOCK_MADE && flock(c->dir, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK && is_creating(c->dir)) {
		error_set(err, "container %s is still being created", id);
		goto fail;
	}
	while (how != LOOK && flock(c->dir, LOCK_EX))
		if (errno != EINTR) {
			error_errno(err, "cannot lock %s", path);
			goto fail;
		}
	/* Deleted while we waited for the lock. */
	struct stat st;
	if (fstat(c->dir, &st) || !st.st_nlink) {
		error_set(err, "container does not exist");
		goto fail;
	}
	c->state = load(c->dir);
	if (how == LOOK && !c->state && flock(c->dir, LOCK_SH | LOCK_NB))
		c->creating = true;
	else if (how == LOOK && !c->state)
		container_unlock(c);
	return 0;
fail:
	container_close(c);
	return -1;
}

int container_open(struct container *c, const char *id, struct error *err) { return open_dir(c, id, LOCK, err); }

int container_open_made(struct container *c, const char *id, struct error *err)
{
	if (open_dir(c, id, LOCK_MADE, err))
		return -1;
	if (!container_unreadable(c))
		return 0;
	container_close(c);
	return error_set(err, "the state of container %s cannot be read: `delete --force` removes it", id);
}

int container_look(struct container *c, const char *id, struct error *err) { return open_dir(c, id, LOOK, err); }

void container_unlock(struct container *c) { flock(c->dir, LOCK_UN); }

void container_lock(struct container *c)
{
	while (flock(c->dir, LOCK_EX) && errno == EINTR)
		;
}

bool container_unreadable(const struct container *c) { return !c->state && !faccessat(c->dir, "state.json", F_OK, 0); }

int container_make(struct container *c, const char *id, struct error *err)
{
	const char *path;

	init(c, id);
	if (check_id(id, err) || make_root(err))
		goto fail;
	path = arena_printf(&c->arena, "%s/%s", container_root(), id);
	if (mkdir(path, 0711)) {
		if (errno == EEXIST)
			error_set(err, "container with given ID already exists");
		else
			error_errno(err, "cannot make %s", path);
		goto fail;
	}
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->dir < 0 || flock(c->dir, LOCK_EX)) {
		error_errno(err, "%s", path);
		goto fail;
	}
	c->state = json_object();
	return 0;
fail:
	container_close(c);
	return -1;
}

int container_save(struct container *c, struct error *err)
{
	cleanup_free char *text = json_dumps(c->state, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	cleanup_close int fd = openat(c->dir, "state.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!text || fd < 0 || write_all(fd, text, strlen(text)) || write_all(fd, "\n", 1) ||
	    renameat(c->dir, "state.json.new", c->dir, "state.json"))
		return error_errno(err, "cannot write the state of container %s", c->id);
	return 0;
}

int container_forget(struct container *c, struct error *err)
{
	static const char *const files[] = {"state.json", "state.json.new", "config.json", "socket", "log"};
	const char *path = arena_printf(&c->arena, "%s/%s", container_root(), c->id);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlinkat(c->dir, files[i], 0) && errno != ENOENT)
			return error_errno(err, "cannot remove %s/%s", path, files[i]);
	return rmdir(path) && errno != ENOENT ? error_errno(err, "cannot remove %s", path) : 0;
}

static bool process_stat(pid_t pid, char *state, uint64_t *start)
{
	char path[40];
	cleanup_free char *text = NULL;
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = pid > 0 ? read_file(AT_FDCWD, path) : NULL;
	at = text ? strrchr(text, ')') : NULL;
	if (!at || at[1] != ' ')
		return false;
	*state = at[2];
	at += 2;
	for (int field = 3; field < 22 && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	*start = at ? strtoull(at, NULL, 10) : 0;
	return at != NULL;
}

uint64_t process_start(pid_t pid)
{
	uint64_t start;
	char state;

	return process_stat(pid, &state, &start) ? start : 0;
}

bool process_alive(pid_t pid, uint64_t start)
{
	uint64_t now;
	char state;

	return process_stat(pid, &state, &now) && now == start && state != 'Z' && state != 'X';
}

const char *container_text(const struct container *c, const char *key)
{
	const char *text = json_string_value(json_object_get(c->state, key));

	return text ? text : "";
}

int64_t container_number(const struct container *c, const char *key)
{
	return json_integer_value(json_object_get(c->state, key));
}

pid_t container_pid(const struct container *c)
{
	pid_t pid = (pid_t)container_number(c, "pid");

	return process_alive(pid, (uint64_t)container_number(c, "startTime")) ? pid : 0;
}

enum container_status container_status(const struct container *c)
{
	const char *freezer, *said = container_text(c, "status");
	bool v2;

	if (c->creating)
		return CONTAINER_CREATING;
	if (!container_pid(c))
		return CONTAINER_STOPPED;
	if (container_paused_inside(c) && json_is_true(json_object_get(c->state, "paused")))
		return CONTAINER_PAUSED;
	freezer = container_freezer(c, &v2);
	if (freezer) {
		cleanup_free char *text = read_file(AT_FDCWD, freezer);

		if (text && (v2 ? *text == '1' : !strncmp(text, "FR", 2)))
			return CONTAINER_PAUSED;
	}
	return !strcmp(said, "running") ? CONTAINER_RUNNING
	       : !strcmp(said, "created") ? CONTAINER_CREATED : CONTAINER_CREATING;
}

const char *container_status_name(enum container_status status)
{
	static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};

	return names[status];
}

json_t *container_oci_state(const struct container *c, const char *status)
{
	enum container_status now = container_status(c);
	json_t *annotations = json_object_get(c->state, "annotations");
	json_t *out = json_object();

	json_object_set_new(out, "ociVersion", json_string(OCI_VERSION));
	json_object_set_new(out, "id", json_string(c->id));
	json_object_set_new(out, "status", json_string(status ? status : container_status_name(now)));
	json_object_set_new(out, "pid", json_integer(now == CONTAINER_STOPPED ? 0 : container_number(c, "pid")));
	json_object_set_new(out, "bundle", json_string(container_text(c, "bundle")));
	if (json_object_size(annotations))
		json_object_set(out, "annotations", annotations);
	return out;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int container_list(struct arena *a, struct strings *ids, struct error *err)
{
	struct dirent *e;
	DIR *d;

	if (check_root(err))
		return -1;
	d = opendir(container_root());
	if (!d)
		return errno == ENOENT ? 0 : error_errno(err, "%s", container_root());
	while ((e = readdir(d)))
		if (*e->d_name != '.')
			strings_add(a, ids, e->d_name);
	closedir(d);
	if (ids->count)
		qsort(ids->items, ids->count, sizeof(*ids->items), by_text);
	return 0;
}

uint32_t container_in_pod(const struct container *c) { return (uint32_t)container_number(c, "podContainer"); }

/* The sandbox may be gone, and another one have its name. */
static int connect_sandbox(const struct container *c, struct error *err)
{
	const char *id = container_text(c, "sandbox");
	struct container sandbox;
	int fd;

	if (container_look(&sandbox, id, err))
		return error_set(err, "the sandbox %s of container %s does not exist", id, c->id);
	if (!container_pid(&sandbox) || container_number(&sandbox, "startTime") != container_number(c, "sandboxStartTime"))
		fd = error_set(err, "the sandbox %s of container %s is not running", id, c->id);
	else
		fd = container_connect(&sandbox, err);
	container_close(&sandbox);
	return fd;
}

int container_connect(const struct container *c, struct error *err)
{
	if (*container_text(c, "sandbox"))
		return connect_sandbox(c, err);

	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (fd < 0)
		return error_errno(err, "socket");
	/* The path itself may be too long for an address. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/socket", c->dir);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return error_errno(err, "cannot reach the supervisor of container %s", c->id);
	return steal_fd(&fd);
}

void container_cgroups(const struct container *c, struct cgroup *cg)
{
	const char *key;
	json_t *value;

	*cg = (struct cgroup){0};
	json_object_foreach(json_object_get(c->state, "cgroupPaths"), key, value) {
		strings_add(&cg->arena, &cg->controllers, key);
		strings_add(&cg->arena, &cg->paths, json_string_value(value) ? json_string_value(value) : "");
	}
}

const char *container_freezer(const struct container *c, bool *v2)
{
	struct container *arena = (struct container *)c;
	const char *v1dir = json_string_value(json_object_get(json_object_get(c->state, "cgroupPaths"), "freezer"));
	const char *v2dir = json_string_value(json_object_get(json_object_get(c->state, "cgroupPaths"), ""));

	*v2 = !v1dir;
	if (v1dir)
		return arena_printf(&arena->arena, "%s/freezer.state", v1dir);
	return v2dir ? arena_printf(&arena->arena, "%s/cgroup.freeze", v2dir) : NULL;
}

bool container_paused_inside(const struct container *c)
{
	return *container_text(c, "sandbox") || json_is_true(json_object_get(c->state, "pod"));
}

int container_freeze(const struct container *c, bool on, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	bool v2;
	const char *file = container_freezer(c, &v2);

	if (!file)
		return error_set(err, "container %s has no freezer control group", c->id);
	for (int tries = 0; tries < 1000; tries++) {
		cleanup_free char *text = NULL;

		if (write_file(AT_FDCWD, file, v2 ? on ? "1" : "0" : on ? "FROZEN" : "THAWED"))
			return error_errno(err, "cannot write %s", file);
		if (v2)
			return 0;
		text = read_file(AT_FDCWD, file);
		if (text && !strncmp(text, on ? "FROZEN" : "THAWED", 6))
			return 0;
		nanosleep(&pause, NULL);
	}
	if (on)
		write_file(AT_FDCWD, file, "THAWED");
	return error_set(err, "container %s does not freeze", c->id);
}

/* True when process pid is in the PID namespace that the link ours names. */
static bool in_namespace(pid_t pid, const char *ours)
{
	char path[64], theirs[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	n = readlink(path, theirs, sizeof(theirs) - 1);
	if (n <= 0)
		return false;
	theirs[n] = '\0';
	return !strcmp(ours, theirs);
}

/* All processes of the sandbox whose kserver this is, but that one. */
static int sandbox_processes(pid_t kernel, struct arena *a, pid_t **pids, size_t *count, struct error *err)
{
	char path[64], ours[64] = "";
	struct dirent *e;
	ssize_t n;
	DIR *d;

	*pids = NULL;
	*count = 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", kernel);
	n = readlink(path, ours, sizeof(ours) - 1);
	d = n > 0 ? opendir("/proc") : NULL;
	if (!d)
		return error_errno(err, "%s", path);
	while ((e = readdir(d))) {
		uint64_t pid;

		if (!parse_u64(e->d_name, INT_MAX, &pid) || (pid_t)pid == kernel || !in_namespace((pid_t)pid, ours))
			continue;
		*pids = array_add(a, *pids, count, sizeof(**pids));
		(*pids)[*count - 1] = (pid_t)pid;
	}
	closedir(d);
	return 0;
}

pid_t container_find_process(pid_t kernel, pid_t pid)
{
	struct error ignored;
	struct arena a = {0};
	size_t count = 0;
	pid_t *pids, found = 0;

	if (!sandbox_processes(kernel, &a, &pids, &count, &ignored))
		for (size_t i = 0; i < count && !found; i++) {
			cleanup_free char *text = NULL;
			char path[64], *line, *last;

			snprintf(path, sizeof(path), "/proc/%d/status", pids[i]);
			text = read_file(AT_FDCWD, path);
			line = text ? strstr(text, "\nNSpid:") : NULL;
			if (!line)
				continue;
			line[1 + strcspn(line + 1, "\n")] = '\0';
			last = strrchr(line, '\t');
			if (last && atoi(last + 1) == pid)
				found = pids[i];
		}
	arena_free(&a);
	return found;
}

static bool is_member(const char *procs, pid_t pid)
{
	for (const char *line = procs; *line; line += strcspn(line, "\n"), line += *line != '\0')
		if (atoi(line) == pid)
			return true;
	return false;
}

/* Leaves those that are in c's control group, where its own host process is: a pod's containers share the sandbox. */
static void keep_members(const struct container *c, const char *group, pid_t *pids, size_t *count)
{
	cleanup_free char *file = NULL, *text = NULL;
	size_t kept = 0;

	if (asprintf(&file, "%s/cgroup.procs", group) < 0)
		return;
	text = read_file(AT_FDCWD, file);
	if (!text || !is_member(text, container_pid(c)))
		return;
	for (size_t i = 0; i < *count; i++)
		if (is_member(text, pids[i]))
			pids[kept++] = pids[i];
	*count = kept;
}

int container_processes(const struct container *c, struct arena *a, pid_t **pids, size_t *count, struct error *err)
{
	bool joined = *container_text(c, "sandbox") != '\0';
	pid_t kernel = (pid_t)container_number(c, joined ? "sandboxKernelPid" : "kernelPid");
	const char *key;
	json_t *group;

	*pids = NULL;
	*count = 0;
	if (!process_alive(kernel, (uint64_t)container_number(c, joined ? "sandboxKernelStartTime" : "kernelStartTime")))
		return 0;
	if (sandbox_processes(kernel, a, pids, count, err))
		return -1;
	json_object_foreach(json_object_get(c->state, "cgroupPaths"), key, group) {
		keep_members(c, json_string_value(group), *pids, count);
		break;
	}
	return 0;
}
