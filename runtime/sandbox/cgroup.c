/* See cgroup.h. Layout is found in mountinfo and /proc/self/cgroup, never assumed. */
#include "runtime/sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/sandbox/scope.h"
#include "runtime/sandbox/setting.h"

/* One mounted hierarchy and our own place in it. */
struct hierarchy {
	bool v2;
	const char *mount; /* mount point */
	const char *own; /* our cgroup, relative to the mount point: "/..." */
};

static bool word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

/* The path of a process (0 = ours) from /proc/PID/cgroup for a v1 controller, or for v2 (controller NULL). */
static const char *path_of(struct arena *a, pid_t pid, const char *controller)
{
	const char *file = pid ? arena_printf(a, "/proc/%d/cgroup", pid) : "/proc/self/cgroup";
	cleanup_free char *text = read_file(AT_FDCWD, file);
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		if (controller ? word_in(names, controller) : !*names)
			return arena_strdup(a, path);
	}
	return NULL;
}

/* Finds the hierarchy that has a v1 controller, or v2's (controller NULL), and the place of a process (0: us) in it. */
static bool find_place(struct arena *a, pid_t pid, const char *controller, struct hierarchy *h)
{
	cleanup_free char *text = read_file(AT_FDCWD, "/proc/self/mountinfo");
	const char *own = path_of(a, pid, controller);
	char *save = NULL;

	if (!text || !own)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char root[PATH_MAX], point[PATH_MAX], type[64], super[512];
		const char *tail = strstr(line, " - ");
		size_t len;

		if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2 ||
		    sscanf(tail, " - %63s %*s %511s", type, super) != 2)
			continue;
		if (strcmp(type, controller ? "cgroup" : "cgroup2") || (controller && !word_in(super, controller)))
			continue;
		len = strcmp(root, "/") ? strlen(root) : 0;
		if (len && (strncmp(own, root, len) || (own[len] && own[len] != '/')))
			continue;
		h->v2 = !controller;
		h->mount = arena_strdup(a, point);
		h->own = arena_strdup(a, own[len] ? own + len : "/");
		return true;
	}
	return false;
}

static bool find_hierarchy(struct arena *a, const char *controller, struct hierarchy *h)
{
	return find_place(a, 0, controller, h);
}

const char *cgroup_layout(void)
{
	struct arena a = {0};
	struct hierarchy h;
	bool v1 = find_hierarchy(&a, "memory", &h) || find_hierarchy(&a, "pids", &h) || find_hierarchy(&a, "cpu", &h);
	bool v2 = find_hierarchy(&a, NULL, &h);

	arena_free(&a);
	return v1 && v2 ? "hybrid" : v1 ? "v1" : v2 ? "v2" : "none";
}

/* v1 cpusets start empty and take no process until both files are set. */
static void fill_cpuset(const char *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	cleanup_close int here = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int above = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_free char *have = read_file(here, files[i]), *want = read_file(above, files[i]);

		if (have && want && strspn(have, "\n") == strlen(have))
			write_file(here, files[i], want);
	}
}

/* v2: what a directory hands on to those below it. */
static void hand_on_all(const char *dir)
{
	static const char *const words[] = {"+cpu", "+memory", "+pids", "+io", "+cpuset", "+hugetlb", "+rdma"};
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		write_file(fd, "cgroup.subtree_control", words[i]);
}

static bool is_empty(const char *group)
{
	cleanup_close int fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *procs = read_file(fd, "cgroup.procs");

	return procs && !*procs;
}

/* mkdir -p below the mount point; what is new is remembered. */
static int make_dirs(struct cgroup *cg, const char *mount, char *dir, bool full, struct error *err)
{
	for (char *p = dir + strlen(mount); *p; p++) {
		char saved;

		if (p[1] && p[1] != '/')
			continue;
		saved = p[1];
		p[1] = '\0';
		if (full && strrchr(dir, '/') > dir) {
			char *slash = strrchr(dir, '/');

			*slash = '\0';
			hand_on_all(dir);
			*slash = '/';
		}
		/* One that was there is removed with the container as well, if nobody is in it: perhaps a crash has left it. */
		if (!mkdir(dir, 0755) || (errno == EEXIST && full && !saved && is_empty(dir)))
			strings_add(&cg->arena, &cg->dirs, dir);
		else if (errno != EEXIST)
			return error_errno(err, "cannot make the control group %s", dir);
		if (full)
			fill_cpuset(dir);
		p[1] = saved;
	}
	return 0;
}

/*
 * A supervisor that was killed leaves its group behind, empty. Those beside a new one go, once they are so old that
 * nobody can be about to move into them; one with processes refuses to.
 */
static void sweep(const char *parent)
{
	const time_t age = 60;
	DIR *d = opendir(parent);
	struct dirent *e;
	struct stat st;
	char *end;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "limpet-", 7) || !strtoul(e->d_name + 7, &end, 10) || *end)
			continue;
		if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && st.st_mtime < time(NULL) - age)
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

static const char *parent_of(struct arena *a, const char *path)
{
	char *copy = arena_strdup(a, path), *slash = strrchr(copy, '/');

	if (slash == copy)
		slash++;
	*slash = '\0';
	return copy;
}

/* v2: a cgroup that has processes cannot hand controllers on, so the new one stands beside ours, not below. */
static int enable_v2(struct cgroup *cg, struct hierarchy *h, const char *controller, struct error *err)
{
	struct arena *a = &cg->arena;
	const char *name = setting_v2_controller(controller);
	const char *word = arena_printf(a, "+%s", name);

	if (!name)
		return error_set(err, "this machine has no %s control group mounted", controller);
	for (int up = 0; up < 2; up++) {
		const char *control = arena_printf(a, "%s%s/cgroup.subtree_control", h->mount, h->own);

		if (!write_file(AT_FDCWD, control, word))
			return 0;
		if (errno != EBUSY && errno != EOPNOTSUPP)
			return error_errno(err, "cannot hand the %s controller to a new control group in %s", controller,
					   h->own);
		h->own = parent_of(a, h->own);
	}
	return error_errno(err, "no control group near ours can hand on the %s controller", controller);
}

/* The directory for one controller, made and noted as kserver's. */
static const char *make_group(struct cgroup *cg, const struct spec *spec, const char *controller, bool *v2,
			      struct error *err)
{
	struct arena *a = &cg->arena;
	const char *known = cgroup_path(cg, controller, v2);
	struct hierarchy h;
	char *dir;

	if (known)
		return known;
	if (spec->cgroup_known || spec->cgroup_scope) {
		error_set(err, "the container has no %s control group", controller);
		return NULL;
	}
	if (!find_hierarchy(a, *controller ? controller : NULL, &h)) {
		if (!find_hierarchy(a, NULL, &h)) {
			error_set(err, "this machine has no %s control group mounted", controller);
			return NULL;
		}
		if (*controller && !spec->cgroup_full && enable_v2(cg, &h, controller, err))
			return NULL;
	}
	*v2 = h.v2;
	if (spec->cgroup && *spec->cgroup == '/')
		dir = arena_printf(a, "%s%s", h.mount, path_clean(a, spec->cgroup));
	else if (spec->cgroup)
		dir = arena_printf(a, "%s%s%s", h.mount, strcmp(h.own, "/") ? h.own : "", path_clean(a, spec->cgroup));
	else
		dir = arena_printf(a, "%s%s/limpet-%d", h.mount, strcmp(h.own, "/") ? h.own : "", getpid());
	if (!strcmp(dir + strlen(h.mount), "/") || !dir[strlen(h.mount)]) {
		error_set(err, "the control group may not be the root of its hierarchy");
		return NULL;
	}
	for (size_t i = 0; i < cg->members.count; i++)
		if (!strcmp(cg->members.items[i], dir))
			goto note;
	if (!spec->cgroup)
		sweep(parent_of(a, dir));
	if (make_dirs(cg, h.mount, dir, spec->cgroup_full, err))
		return NULL;
	strings_add(a, &cg->members, dir);
note:
	strings_add(a, &cg->controllers, h.v2 ? "" : controller);
	strings_add(a, &cg->paths, dir);
	return dir;
}

static int set(struct cgroup *cg, const char *dir, const char *file, bool optional, struct error *err,
	       const char *value)
{
	const char *path = arena_printf(&cg->arena, "%s/%s", dir, file);

	if (!write_file(AT_FDCWD, path, value) || (optional && (errno == ENOENT || errno == EOPNOTSUPP)))
		return 0;
	return error_errno(err, "cannot set %s to %s", path, value);
}

/* A v1 value; v2 says "max" for no limit. */
static const char *amount(struct cgroup *cg, int64_t value, bool v2)
{
	return value < 0 && v2 ? "max" : arena_printf(&cg->arena, "%" PRId64, value);
}

static int64_t used_memory(struct cgroup *cg, const char *dir)
{
	cleanup_free char *text = read_file(AT_FDCWD, arena_printf(&cg->arena, "%s/memory.current", dir));

	return text ? strtoll(text, NULL, 10) : 0;
}

static int set_memory(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	const struct spec_limits *l = &spec->limits;
	const char *dir;
	bool v2;

	if (l->memory == SPEC_UNSET && l->memory_swap == SPEC_UNSET && l->memory_low == SPEC_UNSET)
		return 0;
	dir = make_group(cg, spec, "memory", &v2, err);
	if (!dir)
		return -1;
	if (l->memory_check && v2 && l->memory > 0 && used_memory(cg, dir) > l->memory)
		return error_set(err, "linux.resources.memory.limit: %" PRId64 " is less than what is used already", l->memory);
	if (l->memory != SPEC_UNSET &&
	    set(cg, dir, v2 ? "memory.max" : "memory.limit_in_bytes", false, err, amount(cg, l->memory, v2)))
		return -1;
	if (l->memory_low != SPEC_UNSET &&
	    set(cg, dir, v2 ? "memory.low" : "memory.soft_limit_in_bytes", false, err, amount(cg, l->memory_low, v2)))
		return -1;
	if (l->memory_swap == SPEC_UNSET)
		return 0;
	if (v2) { /* swap alone, where v1 and the OCI text count memory and swap */
		int64_t swap = l->memory_swap;

		if (swap >= 0 && l->memory > 0)
			swap = swap > l->memory ? swap - l->memory : 0;
		return set(cg, dir, "memory.swap.max", true, err, amount(cg, swap, true));
	}
	return set(cg, dir, "memory.memsw.limit_in_bytes", true, err, amount(cg, l->memory_swap, false));
}

int64_t cgroup_weight(int64_t shares)
{
	shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
	return 1 + (shares - 2) * 9999 / 262142;
}

static int set_cpu(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	const struct spec_limits *l = &spec->limits;
	int64_t period = l->cpu_period == SPEC_UNSET ? 100000 : l->cpu_period;
	const char *dir;
	bool v2;

	if (l->cpu_quota == SPEC_UNSET && l->cpu_shares == SPEC_UNSET)
		return 0;
	dir = make_group(cg, spec, "cpu", &v2, err);
	if (!dir)
		return -1;
	if (l->cpu_shares != SPEC_UNSET) {
		int64_t shares = l->cpu_shares < 2 ? 2 : l->cpu_shares > 262144 ? 262144 : l->cpu_shares;
		int64_t weight = v2 ? cgroup_weight(shares) : shares;

		if (set(cg, dir, v2 ? "cpu.weight" : "cpu.shares", false, err, amount(cg, weight, v2)))
			return -1;
	}
	if (l->cpu_quota == SPEC_UNSET)
		return 0;
	if (v2)
		return set(cg, dir, "cpu.max", false, err,
			   arena_printf(&cg->arena, "%s %" PRId64, amount(cg, l->cpu_quota, true), period));
	if (set(cg, dir, "cpu.cfs_period_us", false, err, amount(cg, period, false)))
		return -1;
	return set(cg, dir, "cpu.cfs_quota_us", false, err, amount(cg, l->cpu_quota, false));
}

static const char *parent_value(struct cgroup *cg, const char *dir, const char *file)
{
	const char *path = arena_printf(&cg->arena, "%s/%s", parent_of(&cg->arena, dir), file);
	cleanup_free char *text = read_file(AT_FDCWD, path);

	if (!text)
		return "0";
	text[strcspn(text, "\n")] = '\0';
	return arena_strdup(&cg->arena, text);
}

static int set_cpuset(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	const struct spec_limits *l = &spec->limits;
	const char *dir;
	bool v2;

	if (!l->cpus && !l->mems)
		return 0;
	dir = make_group(cg, spec, "cpuset", &v2, err);
	if (!dir)
		return -1;
	if ((l->cpus || !v2) &&
	    set(cg, dir, "cpuset.cpus", false, err, l->cpus ? l->cpus : parent_value(cg, dir, "cpuset.cpus")))
		return -1;
	if ((l->mems || !v2) &&
	    set(cg, dir, "cpuset.mems", false, err, l->mems ? l->mems : parent_value(cg, dir, "cpuset.mems")))
		return -1;
	return 0;
}

static int set_pids(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	int64_t max = spec->limits.pids;
	const char *dir;
	bool v2;

	if (max == SPEC_UNSET)
		return 0;
	dir = make_group(cg, spec, "pids", &v2, err);
	if (!dir)
		return -1;
	return set(cg, dir, "pids.max", false, err,
		   max <= 0 ? "max" : arena_printf(&cg->arena, "%" PRId64, max + PIDS_SLACK));
}

/* Files of v2 by name. */
static int set_unified(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	const char *dir;
	bool v2;

	if (!spec->limits.unified.count)
		return 0;
	dir = make_group(cg, spec, "", &v2, err);
	if (!dir)
		return -1;
	for (size_t i = 0; i + 1 < spec->limits.unified.count; i += 2)
		if (set(cg, dir, spec->limits.unified.items[i], false, err, spec->limits.unified.items[i + 1]))
			return -1;
	return 0;
}

/* The first of the files that the group has. */
static int set_first(struct cgroup *cg, const struct spec_setting *s, const char *dir, const struct setting_file files[2],
		     struct error *err)
{
	for (int i = 0; i < 2 && files[i].file; i++) {
		const char *path = arena_printf(&cg->arena, "%s/%s", dir, files[i].file);

		if (!access(path, F_OK))
			return write_file(AT_FDCWD, path, files[i].value) && !(s->may_lack && errno == EOPNOTSUPP)
				       ? error_errno(err, "linux.resources.%s: cannot set %s to %s", s->field, path, files[i].value)
				       : 0;
	}
	return s->may_lack ? 0
			   : error_set(err, "linux.resources.%s: this machine's control groups have no %s", s->field,
				       files[1].file ? files[1].file : files[0].file);
}

static int set_settings(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	const struct spec_limits *l = &spec->limits;

	for (size_t i = 0; i < l->nsettings; i++) {
		const struct spec_setting *s = &l->settings[i];
		struct error why = {0};
		const char *dir;
		bool v2;

		if (!s->v2[0].file && !strcmp(cgroup_layout(), "v2")) {
			warning("linux.resources.%s is ignored: cgroup v2 has nothing like it", s->field);
			continue;
		}
		dir = make_group(cg, spec, s->controller, &v2, &why);
		if (!dir)
			return error_set(err, "linux.resources.%s: %s", s->field, why.text);
		if (v2 && !s->v2[0].file)
			return error_set(err, "linux.resources.%s: this machine has no %s control group mounted", s->field,
					 s->controller);
		if (set_first(cg, s, dir, v2 ? s->v2 : s->v1, err))
			return -1;
	}
	return 0;
}

/* A group in every hierarchy, as container engines expect: they read, freeze and limit by it. */
static int make_all(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	cleanup_free char *text = read_file(AT_FDCWD, "/proc/self/cgroup");
	struct error why = {0};
	char *save = NULL;
	bool v2;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *end = names ? strchr(names + 1, ':') : NULL;
		struct hierarchy h;

		if (!end)
			continue;
		*end = '\0';
		names[1 + strcspn(names + 1, ",")] = '\0';
		if (!find_hierarchy(&cg->arena, names[1] ? names + 1 : NULL, &h))
			continue;
		/* Without the right to make one, limits that need it are refused later by name. */
		errno = 0;
		if (!make_group(cg, spec, names + 1, &v2, &why) && geteuid() == 0 && errno != EROFS && errno != EACCES &&
		    errno != EPERM) {
			*err = why;
			return -1;
		}
	}
	return 0;
}

static int set_limits(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	return set_memory(cg, spec, err) || set_cpu(cg, spec, err) || set_cpuset(cg, spec, err) ||
	       set_pids(cg, spec, err) || set_settings(cg, spec, err) || set_unified(cg, spec, err) ? -1 : 0;
}

/* The process's path in v2's hierarchy, once it is in that unit. */
static const char *path_in_unit(struct arena *a, pid_t pid, const char *unit)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	char file[40];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	for (int tries = 0; tries < 4000; tries++) {
		cleanup_free char *text = read_file(AT_FDCWD, file);
		char *at = text ? strstr(text, "0::") : NULL, *name;

		if (!at)
			return NULL;
		at[strcspn(at, "\n")] = '\0';
		name = strrchr(at, '/');
		if (name && !strcmp(name + 1, unit))
			return arena_strdup(a, at + 3);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int cgroup_scope(struct cgroup *cg, const struct spec *spec, pid_t pid, struct error *err)
{
	struct arena *a = &cg->arena;
	const char *unit, *path;
	struct hierarchy h;

	*cg = (struct cgroup){0};
	if (strcmp(cgroup_layout(), "v2") || !find_hierarchy(a, NULL, &h))
		return error_set(err, "--systemd-cgroup needs a machine with cgroup v2 alone; choose the cgroupfs manager");
	if (scope_start(a, spec, pid, &unit, err))
		return -1;
	path = path_in_unit(a, pid, unit);
	if (!path)
		return error_set(err, "--systemd-cgroup: systemd did not move process %d to %s", pid, unit);
	path = arena_printf(a, "%s%s", h.mount, path);
	strings_add(a, &cg->dirs, path);
	strings_add(a, &cg->members, path);
	strings_add(a, &cg->controllers, "");
	strings_add(a, &cg->paths, path);
	return set_limits(cg, spec, err);
}

/* Whoever goes into a frozen group is frozen, and nobody hears of it. */
static int check_thawed(struct cgroup *cg, struct error *err)
{
	bool v2;
	const char *dir = cgroup_path(cg, "freezer", &v2);
	cleanup_free char *text = dir ? read_file(AT_FDCWD, arena_printf(&cg->arena, "%s/%s", dir, v2 ? "cgroup.freeze"
													: "freezer.state")) : NULL;

	if (!text || (v2 ? *text == '0' : !strncmp(text, "THAWED", 6)))
		return 0;
	return error_set(err, "the container's control group %s is frozen", dir);
}

int cgroup_create(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	if (spec->cgroup_scope)
		return cgroup_scope(cg, spec, getpid(), err);
	*cg = (struct cgroup){0};
	if ((spec->cgroup_full && make_all(cg, spec, err)) || check_thawed(cg, err) || set_limits(cg, spec, err)) {
		cgroup_remove(cg);
		return -1;
	}
	return 0;
}

static bool is_scope(const char *dir)
{
	size_t len = strlen(dir);

	return len > 6 && !strcmp(dir + len - 6, ".scope");
}

int cgroup_update(struct cgroup *cg, const struct spec *spec, struct error *err)
{
	struct error why = {0};
	bool v2;
	const char *dir = cgroup_path(cg, "", &v2);

	if (set_limits(cg, spec, err))
		return -1;
	if (dir && is_scope(dir) && !strcmp(cgroup_layout(), "v2") && scope_change(spec, strrchr(dir, '/') + 1, &why))
		warning("%s", why.text);
	return 0;
}

/* Of a list separated by blanks; either may be NULL. */
static bool has_word(const char *list, const char *word)
{
	size_t len = word ? strlen(word) : 0;

	for (const char *at = list; word && at && (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && strchr(" \n", at[len]))
			return true;
	return false;
}

const char *cgroup_path(const struct cgroup *cg, const char *controller, bool *v2)
{
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < cg->controllers.count; i++) {
			if (strcmp(cg->controllers.items[i], round ? "" : controller))
				continue;
			*v2 = !*cg->controllers.items[i];
			/* A hybrid machine has most controllers in v1 and an empty v2 beside them. */
			if (*v2 && *controller) {
				cleanup_free char *text = NULL;
				cleanup_close int dir = open(cg->paths.items[i], O_PATH | O_CLOEXEC);

				text = read_file(dir, "cgroup.controllers");
				if (strcmp(controller, "freezer") && !has_word(text, setting_v2_controller(controller)))
					return NULL;
			}
			return cg->paths.items[i];
		}
	}
	return NULL;
}

/* Groups that programs' managers made below ours go first; all are empty by now. */
static int remove_tree(int parent, const char *name, int depth)
{
	cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const struct timespec pause = {.tv_nsec = 5000000};
	DIR *d = fd >= 0 && depth < 32 ? fdopendir(dup(fd)) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_tree(fd, e->d_name, depth + 1);
	if (d)
		closedir(d);
	for (int tries = 0; unlinkat(parent, name, AT_REMOVEDIR); tries++) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || tries == 200)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * systemd removes a scope's group when it sees it empty. One that is removed before it looks stays a unit for ever, and
 * blocks the next of that name.
 */
static void await_systemd(const char *dir)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (int tries = 0; is_scope(dir) && tries < 1000 && !access(dir, F_OK); tries++)
		nanosleep(&pause, NULL);
}

void cgroup_dirs_of(struct arena *a, pid_t pid, struct strings *dirs)
{
	cleanup_free char *text = read_file(AT_FDCWD, arena_printf(a, "/proc/%d/cgroup", pid));
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *end = names ? strchr(names + 1, ':') : NULL;
		struct hierarchy ours, theirs;

		if (!end)
			continue;
		*end = '\0';
		names[1 + strcspn(names + 1, ",")] = '\0';
		if (find_place(a, 0, names[1] ? names + 1 : NULL, &ours) &&
		    find_place(a, pid, names[1] ? names + 1 : NULL, &theirs) && strcmp(ours.own, theirs.own))
			strings_add(a, dirs, arena_printf(a, "%s%s", theirs.mount, theirs.own));
	}
}

int cgroup_remove_dirs(const struct strings *dirs, struct error *err)
{
	int rc = 0;

	for (size_t i = dirs->count; i-- > 0;) {
		await_systemd(dirs->items[i]);
		if (remove_tree(AT_FDCWD, dirs->items[i], 0))
			rc = error_errno(err, "cannot remove the control group %s", dirs->items[i]);
	}
	return rc;
}

int cgroup_attach(struct cgroup *cg, pid_t pid, struct error *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < cg->members.count; i++)
		if (set(cg, cg->members.items[i], "cgroup.procs", false, err, text))
			return -1;
	return 0;
}

int cgroup_open_oom(const struct cgroup *cg)
{
	bool v2;
	const char *dir = cgroup_path(cg, "memory", &v2);
	cleanup_close int at = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return at < 0 ? -1 : openat(at, v2 ? "memory.events" : "memory.oom_control", O_RDONLY | O_CLOEXEC);
}

bool cgroup_oom_killed(int fd)
{
	static const char name[] = "\noom_kill ";
	char text[512];
	const char *at;
	ssize_t n;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, name);
	return at && at[sizeof(name) - 1] != '0';
}

void cgroup_remove(struct cgroup *cg)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (size_t i = cg->kept ? 0 : cg->dirs.count; i-- > 0;) {
		await_systemd(cg->dirs.items[i]);
		/* Zombies that nobody has seen to yet keep a group busy for a moment. */
		for (int tries = 0; rmdir(cg->dirs.items[i]) && errno == EBUSY && tries < 200; tries++)
			nanosleep(&pause, NULL);
	}
	arena_free(&cg->arena);
	*cg = (struct cgroup){0};
}
