/*
 * See scope.h. A child talks to systemd over D-Bus: libsystemd is loaded there, when it is needed, and leaves no trace in
 * the supervisor. Its few functions that are used are declared here, so that building needs no more than running.
 */
#include "runtime/sandbox/scope.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/sandbox/cgroup.h"

struct bus_error {
	const char *name, *message;
	int need_free;
};

static struct {
	int (*open_system)(void **bus);
	int (*open_user)(void **bus);
	int (*new_method_call)(void *bus, void **message, const char *destination, const char *path, const char *interface,
			       const char *member);
	int (*append)(void *message, const char *types, ...);
	int (*open_container)(void *message, char type, const char *contents);
	int (*close_container)(void *message);
	int (*call)(void *bus, void *message, uint64_t usec, struct bus_error *error, void **reply);
} bus_api;

static int load_api(struct error *err)
{
	static const char *const names[] = {
		"sd_bus_open_system", "sd_bus_open_user", "sd_bus_message_new_method_call", "sd_bus_message_append",
		"sd_bus_message_open_container", "sd_bus_message_close_container", "sd_bus_call",
	};
	void **functions = (void **)&bus_api, *lib = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	_Static_assert(sizeof(bus_api) == ARRAY_SIZE(names) * sizeof(void *), "a name a function");
	if (!lib)
		return error_set(err, "--systemd-cgroup needs libsystemd.so.0: %s", dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		functions[i] = dlsym(lib, names[i]);
		if (!functions[i])
			return error_set(err, "--systemd-cgroup: libsystemd.so.0 has no %s", names[i]);
	}
	return 0;
}

static int add_text(void *m, const char *name, const char *value) { return bus_api.append(m, "(sv)", name, "s", value); }
static int add_true(void *m, const char *name) { return bus_api.append(m, "(sv)", name, "b", 1); }

/* systemd's own names for what is set in the files too: it writes them anew when it is reloaded. */
static int add_number(void *m, const char *name, int64_t value)
{
	return value == SPEC_UNSET ? 0 : bus_api.append(m, "(sv)", name, "t", value < 0 ? UINT64_MAX : (uint64_t)value);
}

static int add_limits(void *m, const struct spec_limits *l)
{
	int64_t period = l->cpu_period == SPEC_UNSET ? 100000 : l->cpu_period;
	int64_t swap = l->memory_swap;
	int rc = add_number(m, "MemoryMax", l->memory);

	if (swap >= 0 && l->memory > 0) /* OCI counts memory and swap together */
		swap = swap > l->memory ? swap - l->memory : 0;
	rc = rc < 0 ? rc : add_number(m, "MemorySwapMax", swap);
	rc = rc < 0 ? rc : add_number(m, "MemoryLow", l->memory_low);
	if (rc >= 0 && l->cpu_shares != SPEC_UNSET)
		rc = add_number(m, "CPUWeight", cgroup_weight(l->cpu_shares));
	rc = rc < 0 || l->pids == SPEC_UNSET ? rc : add_number(m, "TasksMax", l->pids <= 0 ? -1 : l->pids + PIDS_SLACK);
	if (rc >= 0 && l->cpu_quota != SPEC_UNSET) {
		rc = add_number(m, "CPUQuotaPerSecUSec",
				l->cpu_quota < 0 ? -1 : (int64_t)((double)l->cpu_quota * 1e6 / (double)period));
		rc = rc < 0 ? rc : add_number(m, "CPUQuotaPeriodUSec", period);
	}
	return rc;
}

static int fill(void *m, const struct spec *spec, const char *slice, const char *unit, pid_t pid)
{
	int rc = bus_api.append(m, "ss", unit, "replace");

	rc = rc < 0 ? rc : bus_api.open_container(m, 'a', "(sv)");
	rc = rc < 0 ? rc : add_text(m, "Description", "limpet container");
	rc = rc < 0 ? rc : add_text(m, "Slice", slice);
	rc = rc < 0 ? rc : add_text(m, "CollectMode", "inactive-or-failed");
	rc = rc < 0 ? rc : add_true(m, "Delegate");
	rc = rc < 0 ? rc : add_true(m, "MemoryAccounting");
	rc = rc < 0 ? rc : add_true(m, "CPUAccounting");
	rc = rc < 0 ? rc : add_true(m, "TasksAccounting");
	rc = rc < 0 ? rc : bus_api.append(m, "(sv)", "DefaultDependencies", "b", 0);
	rc = rc < 0 ? rc : bus_api.append(m, "(sv)", "PIDs", "au", 1, (uint32_t)pid);
	rc = rc < 0 ? rc : add_limits(m, &spec->limits);
	rc = rc < 0 ? rc : bus_api.close_container(m);
	return rc < 0 ? rc : bus_api.append(m, "a(sa(sv))", 0);
}

/* One property at least, or systemd says no. */
static int fill_change(void *m, const struct spec *spec, const char *unit)
{
	int rc = bus_api.append(m, "sb", unit, 1);

	rc = rc < 0 ? rc : bus_api.open_container(m, 'a', "(sv)");
	rc = rc < 0 ? rc : add_true(m, "MemoryAccounting");
	rc = rc < 0 ? rc : add_limits(m, &spec->limits);
	return rc < 0 ? rc : bus_api.close_container(m);
}

/* slice: NULL = the unit is there. That of an earlier container of its name may be about to go. */
static int call(void *bus, const struct spec *spec, const char *slice, const char *unit, pid_t pid, struct bus_error *why)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	void *m, *reply;
	int rc;

	for (int tries = 0;; tries++) {
		*why = (struct bus_error){0};
		rc = bus_api.new_method_call(bus, &m, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
					     "org.freedesktop.systemd1.Manager",
					     slice ? "StartTransientUnit" : "SetUnitProperties");
		rc = rc < 0 ? rc : slice ? fill(m, spec, slice, unit, pid) : fill_change(m, spec, unit);
		rc = rc < 0 ? rc : bus_api.call(bus, m, 25000000, why, &reply);
		if (rc >= 0 || tries == 100 || !why->name || strcmp(why->name, "org.freedesktop.systemd1.UnitExists"))
			return rc;
		nanosleep(&pause, NULL);
	}
}

static int ask(const struct spec *spec, const char *slice, const char *unit, pid_t pid, struct error *err)
{
	bool user = geteuid() || spec->own_uid_map;
	struct bus_error why = {0};
	void *bus;
	int rc;

	if (load_api(err))
		return -1;
	rc = user ? bus_api.open_user(&bus) : bus_api.open_system(&bus);
	if (rc < 0) {
		errno = -rc;
		return error_errno(err, "--systemd-cgroup: cannot reach the %s bus", user ? "user's" : "system");
	}
	rc = call(bus, spec, slice, unit, pid, &why);
	return rc >= 0 ? 0
		       : error_set(err, "--systemd-cgroup: systemd does not %s %s: %s", slice ? "start" : "change", unit,
				   why.message ? why.message : strerror(-rc));
}

/* "slice:prefix:name" */
static int parse_names(struct arena *a, const char *text, const char **slice, const char **unit, struct error *err)
{
	char *copy = arena_strdup(a, text), *prefix = strchr(copy, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;

	if (!name || strchr(name + 1, ':') || !name[1])
		return error_set(err, "linux.cgroupsPath: %s: is not slice:prefix:name, as --systemd-cgroup wants it", text);
	*prefix++ = *name++ = '\0';
	*slice = *copy ? copy : "system.slice";
	*unit = arena_printf(a, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	return 0;
}

/* In a child. */
static int ask_apart(const struct spec *spec, const char *slice, const char *unit, pid_t pid, struct error *err)
{
	struct error theirs;
	int report[2];
	ssize_t n;
	pid_t child;

	if (pipe2(report, O_CLOEXEC))
		return error_errno(err, "pipe");
	child = fork();
	if (child == 0) {
		struct error why = {0};

		if (ask(spec, slice, unit, pid, &why))
			(void)!write(report[1], &why, sizeof(why));
		else
			(void)!write(report[1], "", 1);
		_exit(0);
	}
	close(report[1]);
	do {
		n = child < 0 ? 0 : read(report[0], &theirs, sizeof(theirs));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (n == 1)
		return 0;
	if (n != (ssize_t)sizeof(theirs))
		return error_set(err, "--systemd-cgroup: asking systemd failed");
	*err = theirs;
	return -1;
}

int scope_start(struct arena *a, const struct spec *spec, pid_t pid, const char **unit, struct error *err)
{
	const char *slice;

	return parse_names(a, spec->cgroup, &slice, unit, err) || ask_apart(spec, slice, *unit, pid, err) ? -1 : 0;
}

int scope_change(const struct spec *spec, const char *unit, struct error *err)
{
	return ask_apart(spec, NULL, unit, 0, err);
}
