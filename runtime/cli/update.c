/* `limpet update` and `limpet events`: the container's control groups. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "runtime/cli/command.h"
#include "runtime/container/create.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/setting.h"

enum {
	OPT_RESOURCES, OPT_MEMORY, OPT_MEMORY_RESERVATION, OPT_MEMORY_SWAP, OPT_CPU_QUOTA, OPT_CPU_PERIOD, OPT_CPU_SHARE,
	OPT_CPUSET_CPUS, OPT_CPUSET_MEMS, OPT_PIDS, OPT_CPU_BURST, OPT_CPU_IDLE, OPT_CPU_RT_PERIOD, OPT_CPU_RT_RUNTIME,
	OPT_BLKIO_WEIGHT, OPT_STATS, OPT_INTERVAL,
};

static const struct option_row update_options[] = {
	{"resources", 'r', "FILE", "Resources as JSON, as \"linux.resources\" of config.json; - is stdin.", OPT_RESOURCES},
	{"memory", 0, "BYTES", "Memory limit.", OPT_MEMORY},
	{"memory-reservation", 0, "BYTES", "Soft memory limit.", OPT_MEMORY_RESERVATION},
	{"memory-swap", 0, "BYTES", "Limit of memory and swap together; -1: none.", OPT_MEMORY_SWAP},
	{"cpu-quota", 0, "US", "Processor time in each period.", OPT_CPU_QUOTA},
	{"cpu-period", 0, "US", "The period.", OPT_CPU_PERIOD},
	{"cpu-share", 0, "N", "Weight beside other containers.", OPT_CPU_SHARE},
	{"cpu-burst", 0, "US", "Processor time that may be saved up and used beyond the quota.", OPT_CPU_BURST},
	{"cpu-idle", 0, "0|1", "1: runs only when nothing else wants to.", OPT_CPU_IDLE},
	{"cpu-rt-period", 0, "US", "The period of real-time scheduling; cgroup v1.", OPT_CPU_RT_PERIOD},
	{"cpu-rt-runtime", 0, "US", "Processor time of real-time scheduling in each of them; cgroup v1.", OPT_CPU_RT_RUNTIME},
	{"blkio-weight", 0, "N", "Weight of block I/O, from 10 to 1000.", OPT_BLKIO_WEIGHT},
	{"cpuset-cpus", 0, "LIST", "Processors to run on.", OPT_CPUSET_CPUS},
	{"cpuset-mems", 0, "LIST", "Memory nodes to use.", OPT_CPUSET_MEMS},
	{"pids-limit", 0, "N", "How many processes and threads there may be.", OPT_PIDS},
	{0},
};

static const char *resources_file;
static struct spec spec;
static bool stats;
static uint64_t interval = 5;

static int number(int id, const char *arg, int64_t *out, struct error *err)
{
	uint64_t n;

	if (!strcmp(arg, "-1")) {
		*out = -1;
		return 0;
	}
	if (!parse_size(arg, &n) || n > INT64_MAX)
		return error_set(err, "update: %s %s: is not a number", option_name(&command_update, id), arg);
	*out = (int64_t)n;
	return 0;
}

static int add_setting(int id, const char *arg, struct error *err)
{
	int64_t value;

	if (number(id, arg, &value, err))
		return -1;
	if (id == OPT_BLKIO_WEIGHT)
		setting_add_weight(&spec, value);
	else
		setting_add_number(&spec, id == OPT_CPU_BURST ? SETTING_CPU_BURST : id == OPT_CPU_IDLE ? SETTING_CPU_IDLE
					  : id == OPT_CPU_RT_PERIOD ? SETTING_CPU_RT_PERIOD : SETTING_CPU_RT_RUNTIME, value);
	return 0;
}

static int set_update(int id, const char *arg, struct error *err)
{
	struct spec_limits *l = &spec.limits;

	switch (id) {
	case OPT_RESOURCES:
		resources_file = arg;
		return 0;
	case OPT_MEMORY:
		return number(id, arg, &l->memory, err);
	case OPT_MEMORY_RESERVATION:
		return number(id, arg, &l->memory_low, err);
	case OPT_MEMORY_SWAP:
		return number(id, arg, &l->memory_swap, err);
	case OPT_CPU_QUOTA:
		return number(id, arg, &l->cpu_quota, err);
	case OPT_CPU_PERIOD:
		return number(id, arg, &l->cpu_period, err);
	case OPT_CPU_SHARE:
		return number(id, arg, &l->cpu_shares, err);
	case OPT_PIDS:
		return number(id, arg, &l->pids, err);
	case OPT_CPU_BURST:
	case OPT_CPU_IDLE:
	case OPT_CPU_RT_PERIOD:
	case OPT_CPU_RT_RUNTIME:
	case OPT_BLKIO_WEIGHT:
		return add_setting(id, arg, err);
	case OPT_CPUSET_CPUS:
		l->cpus = arg;
		return 0;
	}
	l->mems = arg;
	return 0;
}

static int load_resources(struct error *err)
{
	const char *file = strcmp(resources_file, "-") ? resources_file : "/proc/self/fd/0";
	cleanup_free char *text = read_file(AT_FDCWD, file);
	json_error_t why;
	json_t *doc;
	int rc;

	if (!text)
		return error_errno(err, "%s", resources_file);
	doc = json_loads(text, 0, &why);
	if (!doc)
		return error_set(err, "%s: line %d: %s", resources_file, why.line, why.text);
	rc = json_is_object(doc) ? config_load_resources(&spec, doc, resources_file, err)
				 : error_set(err, "%s: is not an object", resources_file);
	json_decref(doc);
	return rc;
}

static int run_update(int argc, char **argv, struct error *err)
{
	struct container c;
	struct cgroup cg;
	int rc;

	spec_init(&spec);
	rc = command_parse(&command_update, argc, argv, set_update, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if ((resources_file && load_resources(err)) || container_open_made(&c, argv[optind], err))
		return -1;
	container_cgroups(&c, &cg);
	spec.cgroup_known = true;
	if (container_status(&c) == CONTAINER_STOPPED)
		rc = error_set(err, "container not running");
	else
		rc = cgroup_update(&cg, &spec, err);
	if (!rc)
		container_show_limits(&c, &spec.limits);
	arena_free(&cg.arena);
	container_close(&c);
	spec_free(&spec);
	return rc;
}

/* --- events --- */

static const struct option_row events_options[] = {
	{"stats", 0, NULL, "Print once and exit.", OPT_STATS},
	{"interval", 0, "TIME", "Between two lines: seconds, or with a suffix ms, s, m; default: 5s.", OPT_INTERVAL},
	{0},
};
static uint64_t interval_ms = 5000;

static int set_events(int id, const char *arg, struct error *err)
{
	char *end;

	if (id == OPT_STATS) {
		stats = true;
		return 0;
	}
	interval = strtoull(arg, &end, 10);
	if (end == arg || !interval || interval > 1000000)
		return error_set(err, "events: duration interval must be greater than 0");
	interval_ms = !strcmp(end, "ms") ? interval : !strcmp(end, "m") ? interval * 60000 : interval * 1000;
	return *end && strcmp(end, "ms") && strcmp(end, "s") && strcmp(end, "m") ? error_set(err, "events: --interval %s: is no time", arg) : 0;
}

static char *read_stat(const struct cgroup *cg, const char *controller, const char *v1file, const char *v2file)
{
	bool v2;
	const char *dir = cgroup_path(cg, controller, &v2);
	cleanup_free char *path = NULL;

	if (!dir || !(v2 ? v2file : v1file) || asprintf(&path, "%s/%s", dir, v2 ? v2file : v1file) < 0)
		return NULL;
	return read_file(AT_FDCWD, path);
}

static json_int_t one_number(const struct cgroup *cg, const char *controller, const char *v1file, const char *v2file)
{
	cleanup_free char *text = read_stat(cg, controller, v1file, v2file);

	return text ? (json_int_t)strtoull(text, NULL, 10) : 0; /* "max": 0, as others print it */
}

static json_t *stat_table(char *text)
{
	json_t *out = json_object();
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *blank = strchr(line, ' ');

		if (!blank)
			continue;
		*blank = '\0';
		json_object_set_new(out, line, json_integer((json_int_t)strtoull(blank + 1, NULL, 10)));
	}
	return out;
}

static json_t *cpu_usage(const struct cgroup *cg)
{
	cleanup_free char *v2text = NULL;
	json_int_t total;
	json_t *table;
	bool v2;

	if (!cgroup_path(cg, "cpuacct", &v2) || v2) {
		v2text = read_stat(cg, "", NULL, "cpu.stat");
		table = stat_table(v2text);
		total = json_integer_value(json_object_get(table, "usage_usec")) * 1000;
		json_decref(table);
	} else {
		total = one_number(cg, "cpuacct", "cpuacct.usage", NULL);
	}
	return json_pack("{s{sI}}", "usage", "total", total);
}

static json_t *measure(const struct container *c)
{
	cleanup_free char *memory = NULL;
	struct cgroup cg;
	json_t *out;

	container_cgroups(c, &cg);
	memory = read_stat(&cg, "memory", "memory.stat", "memory.stat");
	out = json_pack("{ss ss s{so s{s{sI sI sI sI} so} s{sI sI}}}", "type", "stats", "id", c->id, "data", "cpu",
			cpu_usage(&cg), "memory", "usage", "limit",
			one_number(&cg, "memory", "memory.limit_in_bytes", "memory.max"), "usage",
			one_number(&cg, "memory", "memory.usage_in_bytes", "memory.current"), "max",
			one_number(&cg, "memory", "memory.max_usage_in_bytes", "memory.peak"), "failcnt",
			one_number(&cg, "memory", "memory.failcnt", NULL), "raw", stat_table(memory), "pids", "current",
			one_number(&cg, "pids", "pids.current", "pids.current"), "limit",
			one_number(&cg, "pids", "pids.max", "pids.max"));
	arena_free(&cg.arena);
	return out;
}

static int run_events(int argc, char **argv, struct error *err)
{
	int rc = command_parse(&command_events, argc, argv, set_events, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	for (bool first = true;; first = false) {
		const struct timespec pause = {(time_t)(interval_ms / 1000), (long)(interval_ms % 1000) * 1000000};
		struct container c;
		json_t *line;

		if (!first && nanosleep(&pause, NULL))
			return 0;
		if (container_look(&c, argv[optind], err))
			return first ? -1 : 0;
		if (container_status(&c) == CONTAINER_STOPPED) {
			container_close(&c);
			return first ? error_set(err, "container with id %s is not running", argv[optind]) : 0;
		}
		line = measure(&c);
		container_close(&c);
		json_dumpf(line, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(line);
		if (stats)
			return 0;
		if (fflush(stdout))
			return 0;
	}
}

const struct command command_update = {
	.name = "update", .synopsis = "[OPTION...] ID", .summary = "change a container's limits",
	.description = "Changes the limits of a container's control groups. What is not named stays as it is.",
	.options = update_options, .failure = 1, .run = run_update,
};
const struct command command_events = {
	.name = "events", .synopsis = "[OPTION...] ID", .summary = "print what a container uses",
	.description = "Prints a line of JSON now and then with the use of processor, memory and processes, from the "
		"container's control groups.",
	.options = events_options, .failure = 1, .run = run_events,
};
