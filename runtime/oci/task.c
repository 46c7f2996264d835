/* See task.h. What the guest kernel's sched_setattr(2) and ioprio_set(2) would not take is refused here already. */
#include "runtime/oci/task.h"

#include <ctype.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/personality.h>

struct name {
	const char *name;
	uint32_t value;
};

static const struct name policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR}, {"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_IDLE", SCHED_IDLE}, {0},
};
static const struct name sched_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK}, {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	/* For SCHED_DEADLINE alone: Linux takes them with other policies, to no effect. */
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM}, {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN}, {0},
};
static const struct name io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT}, {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE}, {0},
};
static const struct name domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}, {0}};

static int look_up(struct doc *d, const struct node *n, const char *key, const char *name, const struct name *names,
		   uint32_t *out)
{
	if (!name)
		return doc_error(d, n->where, key, "is missing");
	while (names->name && strcmp(names->name, name))
		names++;
	if (!names->name)
		return doc_error(d, n->where, key, "the guest kernel has no %.100s", name);
	*out = names->value;
	return 0;
}

/* An object that is there and says something. */
static bool says_something(const struct node *n) { return n->json && json_object_size(n->json); }

static int load_flags(struct doc *d, const struct node *s, uint32_t *out)
{
	struct strings names = {0};

	if (get_strings(d, s, "flags", &names))
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		uint32_t flag;

		if (look_up(d, s, "flags", names.items[i], sched_flags, &flag))
			return -1;
		*out |= flag;
	}
	return 0;
}

static int load_scheduler(struct doc *d, const struct node *process, const struct field_row *fields)
{
	struct spec *spec = d->spec;
	int64_t nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0;
	const char *policy = NULL;
	uint32_t flags = 0;
	struct node s;
	bool real_time;

	if (get_object(d, process, "scheduler", &s))
		return -1;
	if (!says_something(&s))
		return 0;
	if (check_fields(d, &s, "process.scheduler", fields) || get_string(d, &s, "policy", &policy) ||
	    look_up(d, &s, "policy", policy, policies, &spec->sched_policy) || get_int(d, &s, "nice", -20, 19, &nice) ||
	    get_int(d, &s, "priority", 0, 99, &priority) || load_flags(d, &s, &flags) ||
	    get_int(d, &s, "runtime", 0, 0, &runtime) || get_int(d, &s, "deadline", 0, 0, &deadline) ||
	    get_int(d, &s, "period", 0, 0, &period))
		return -1;
	/* What is kept is what every program begins with. */
	if (flags & SCHED_FLAG_KEEP_POLICY)
		spec->sched_policy = SCHED_NORMAL;
	if (flags & SCHED_FLAG_KEEP_PARAMS)
		nice = priority = 0;
	real_time = spec->sched_policy == SCHED_FIFO || spec->sched_policy == SCHED_RR;
	if (real_time != (priority != 0))
		return doc_error(d, s.where, "priority", real_time ? "is missing" : "is for SCHED_FIFO and SCHED_RR alone");
	spec->sched_priority = (uint32_t)priority;
	spec->sched_reset_on_fork = flags & SCHED_FLAG_RESET_ON_FORK;
	if (!real_time)
		spec->nice = (int)nice;
	return 0;
}

static int load_io_priority(struct doc *d, const struct node *process, const struct field_row *fields)
{
	const char *class = NULL;
	int64_t priority = 0;
	uint32_t value = 0;
	struct node io;

	if (get_object(d, process, "ioPriority", &io))
		return -1;
	if (!says_something(&io))
		return 0;
	if (check_fields(d, &io, "process.ioPriority", fields) || get_string(d, &io, "class", &class) ||
	    look_up(d, &io, "class", class, io_classes, &value) || get_int(d, &io, "priority", 0, 7, &priority))
		return -1;
	d->spec->ioprio = value << IOPRIO_CLASS_SHIFT | (uint32_t)priority;
	return 0;
}

/* "0-3,7" as a mask of the first 64; false when it is no such list. Others are no CPUs that the guest kernel sees. */
static bool parse_cpus(const char *text, uint64_t *mask)
{
	*mask = 0;
	for (const char *p = text;; p++) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*p))
			return false;
		first = last = strtoul(p, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last > 1000000)
			return false;
		for (unsigned long cpu = first; cpu <= last && cpu < 64; cpu++)
			*mask |= 1ull << cpu;
		p = end;
		if (!*p)
			return true;
		if (*p != ',')
			return false;
	}
}

static int load_cpus(struct doc *d, const struct node *process, const struct field_row *fields)
{
	static const char *const keys[] = {"initial", "final"};
	struct node cpus;

	if (get_object(d, process, "execCPUAffinity", &cpus) || check_fields(d, &cpus, "process.execCPUAffinity", fields))
		return -1;
	/* No code of ours runs in the container before the program does: the first is checked, and has no effect. */
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text = NULL;
		uint64_t mask = 0;

		if (get_string(d, &cpus, keys[i], &text))
			return -1;
		if (!text || !*text)
			continue;
		if (!parse_cpus(text, &mask))
			return doc_error(d, cpus.where, keys[i], "%.100s is no list of CPUs", text);
		if (!mask)
			return doc_error(d, cpus.where, keys[i], "%.100s: the guest kernel has no such CPU", text);
		d->spec->exec_cpus = i ? mask : 0;
	}
	return 0;
}

int oci_task_load(struct doc *d, const struct node *process, const struct field_row *fields)
{
	if (load_scheduler(d, process, fields) || load_io_priority(d, process, fields))
		return -1;
	return load_cpus(d, process, fields);
}

int oci_personality_load(struct doc *d, const struct node *linux_, const struct field_row *fields)
{
	const char *domain = NULL;
	struct strings flags = {0};
	struct node n;

	if (get_object(d, linux_, "personality", &n))
		return -1;
	if (!says_something(&n))
		return 0;
	if (check_fields(d, &n, "linux.personality", fields) || get_string(d, &n, "domain", &domain) ||
	    look_up(d, &n, "domain", domain, domains, &d->spec->personality) || get_strings(d, &n, "flags", &flags))
		return -1;
	return flags.count ? doc_error(d, n.where, "flags", "%.100s: the specification knows no flags", flags.items[0]) : 0;
}
