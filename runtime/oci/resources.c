/* See resources.h. What is a value in a file of a control group becomes a setting (sandbox/setting.h). */
#include "runtime/oci/resources.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "runtime/sandbox/setting.h"

#define USED(where, key) {where, key, FIELD_USED, NULL}
#define QUIET(where, key) {where, key, FIELD_QUIET, NULL}

static const struct field_row fields[] = {
	USED("linux.resources", "memory"), USED("linux.resources", "cpu"), USED("linux.resources", "pids"),
	QUIET("linux.resources", "devices"), /* no device of the host is in reach */
	USED("linux.resources", "blockIO"), USED("linux.resources", "hugepageLimits"), USED("linux.resources", "network"),
	USED("linux.resources", "rdma"), USED("linux.resources", "unified"),
	USED("linux.resources.memory", "limit"), USED("linux.resources.memory", "swap"),
	USED("linux.resources.memory", "reservation"), USED("linux.resources.memory", "checkBeforeUpdate"),
	QUIET("linux.resources.memory", "useHierarchy"),
	{"linux.resources.memory", "kernel", FIELD_WARN, "Linux has dropped it"},
	USED("linux.resources.memory", "kernelTCP"), USED("linux.resources.memory", "swappiness"),
	USED("linux.resources.memory", "disableOOMKiller"),
	USED("linux.resources.cpu", "shares"), USED("linux.resources.cpu", "quota"),
	USED("linux.resources.cpu", "period"), USED("linux.resources.cpu", "cpus"), USED("linux.resources.cpu", "mems"),
	USED("linux.resources.cpu", "burst"), USED("linux.resources.cpu", "idle"),
	USED("linux.resources.cpu", "realtimePeriod"), USED("linux.resources.cpu", "realtimeRuntime"),
	USED("linux.resources.pids", "limit"),
	USED("linux.resources.blockIO", "weight"), USED("linux.resources.blockIO", "leafWeight"),
	USED("linux.resources.blockIO", "weightDevice"), USED("linux.resources.blockIO", "throttleReadBpsDevice"),
	USED("linux.resources.blockIO", "throttleWriteBpsDevice"),
	USED("linux.resources.blockIO", "throttleReadIOPSDevice"),
	USED("linux.resources.blockIO", "throttleWriteIOPSDevice"),
	USED("linux.resources.blockIO[]", "major"), USED("linux.resources.blockIO[]", "minor"),
	USED("linux.resources.blockIO[]", "weight"), USED("linux.resources.blockIO[]", "leafWeight"),
	USED("linux.resources.blockIO[]", "rate"),
	USED("linux.resources.hugepageLimits[]", "pageSize"), USED("linux.resources.hugepageLimits[]", "limit"),
	USED("linux.resources.network", "classID"), USED("linux.resources.network", "priorities"),
	USED("linux.resources.network.priorities[]", "name"), USED("linux.resources.network.priorities[]", "priority"),
	USED("linux.resources.rdma[]", "hcaHandles"), USED("linux.resources.rdma[]", "hcaObjects"),
	{0},
};

static int load_unified(struct doc *d, const struct node *res)
{
	struct spec *spec = d->spec;
	struct node unified;
	const char *key;
	json_t *value;

	if (get_object(d, res, "unified", &unified))
		return -1;
	json_object_foreach(unified.json, key, value) {
		if (!*key || strchr(key, '/') || !json_is_string(value))
			return doc_error(d, unified.where, key, "is no file name with a text");
		strings_add(&spec->arena, &spec->limits.unified, key);
		strings_add(&spec->arena, &spec->limits.unified, json_string_value(value));
	}
	return 0;
}

/* A number for a file, when it says something: 0 is how some engines say nothing. */
static int load_number(struct doc *d, const struct node *n, const char *key, int64_t min, int64_t max, enum setting which)
{
	int64_t value = 0;

	if (get_int(d, n, key, min, max, &value))
		return -1;
	if (value)
		setting_add_number(d->spec, which, value);
	return 0;
}

static int load_memory(struct doc *d, const struct node *res)
{
	struct spec_limits *l = &d->spec->limits;
	int64_t swappiness = -1;
	bool no_killer = false;
	struct node memory;
	json_t *value;

	if (get_object(d, res, "memory", &memory) || check_fields(d, &memory, "linux.resources.memory", fields) ||
	    get_int(d, &memory, "limit", -1, INT64_MAX, &l->memory) ||
	    get_int(d, &memory, "swap", -1, INT64_MAX, &l->memory_swap) ||
	    get_int(d, &memory, "reservation", -1, INT64_MAX, &l->memory_low) ||
	    get_bool(d, &memory, "checkBeforeUpdate", &l->memory_check) ||
	    get_bool(d, &memory, "disableOOMKiller", &no_killer) ||
	    load_number(d, &memory, "kernelTCP", -1, INT64_MAX, SETTING_KERNEL_TCP))
		return -1;
	/* -1, as a number without a sign: "as it is". */
	value = memory.json ? json_object_get(memory.json, "swappiness") : NULL;
	if (!(json_is_real(value) && json_real_value(value) >= 1.8e19) &&
	    get_int(d, &memory, "swappiness", -1, 100, &swappiness))
		return -1;
	if (swappiness >= 0)
		setting_add_number(d->spec, SETTING_SWAPPINESS, swappiness);
	if (no_killer)
		setting_add_number(d->spec, SETTING_NO_OOM_KILLER, 1);
	return 0;
}

static int load_cpu(struct doc *d, const struct node *res)
{
	struct spec_limits *l = &d->spec->limits;
	int64_t burst = -1, idle = -1;
	struct node cpu;

	if (get_object(d, res, "cpu", &cpu) || check_fields(d, &cpu, "linux.resources.cpu", fields) ||
	    get_int(d, &cpu, "shares", 0, INT64_MAX, &l->cpu_shares) ||
	    get_int(d, &cpu, "quota", INT64_MIN + 1, INT64_MAX, &l->cpu_quota) ||
	    get_int(d, &cpu, "period", 0, INT64_MAX, &l->cpu_period) || get_string(d, &cpu, "cpus", &l->cpus) ||
	    get_string(d, &cpu, "mems", &l->mems) || get_int(d, &cpu, "burst", 0, INT64_MAX, &burst) ||
	    get_int(d, &cpu, "idle", 0, 1, &idle) ||
	    load_number(d, &cpu, "realtimePeriod", 0, INT64_MAX, SETTING_CPU_RT_PERIOD) ||
	    load_number(d, &cpu, "realtimeRuntime", -1, INT64_MAX, SETTING_CPU_RT_RUNTIME))
		return -1;
	if (burst >= 0)
		setting_add_number(d->spec, SETTING_CPU_BURST, burst);
	if (idle >= 0)
		setting_add_number(d->spec, SETTING_CPU_IDLE, idle);
	return 0;
}

static int get_device(struct doc *d, const struct node *n, int64_t *major, int64_t *minor)
{
	*major = *minor = -1;
	if (check_fields(d, n, "linux.resources.blockIO[]", fields) || get_int(d, n, "major", 0, 4095, major) ||
	    get_int(d, n, "minor", 0, 1048575, minor))
		return -1;
	return *major < 0 || *minor < 0 ? doc_error(d, n->where, *major < 0 ? "major" : "minor", "is missing") : 0;
}

static int load_weights(struct doc *d, const struct node *io)
{
	json_t *array;

	if (get_array(d, io, "weightDevice", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		int64_t major, minor, weight = 0, leaf = 0;
		struct node n;

		if (get_element(d, io, "weightDevice", array, i, &n) || get_device(d, &n, &major, &minor) ||
		    get_int(d, &n, "weight", 0, 1000, &weight) || get_int(d, &n, "leafWeight", 0, 1000, &leaf))
			return -1;
		if (weight)
			setting_add_weight_device(d->spec, major, minor, weight, false);
		if (leaf)
			setting_add_weight_device(d->spec, major, minor, leaf, true);
	}
	return 0;
}

static const struct {
	const char *key, *field, *v1, *v2;
} throttles[] = {
	{"throttleReadBpsDevice", "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
	{"throttleWriteBpsDevice", "blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
	{"throttleReadIOPSDevice", "blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
	{"throttleWriteIOPSDevice", "blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"},
};

static int load_throttle(struct doc *d, const struct node *io, size_t kind)
{
	struct arena *a = &d->spec->arena;
	json_t *array;

	if (get_array(d, io, throttles[kind].key, &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		int64_t major, minor, rate = -1;
		const char *limit;
		struct node n;

		if (get_element(d, io, throttles[kind].key, array, i, &n) || get_device(d, &n, &major, &minor) ||
		    get_int(d, &n, "rate", 0, INT64_MAX, &rate))
			return -1;
		if (rate < 0)
			return doc_error(d, n.where, "rate", "is missing");
		limit = rate ? arena_printf(a, "%" PRId64, rate) : "max"; /* v1's 0 is no limit */
		setting_add(d->spec, &(struct spec_setting){
			.field = throttles[kind].field,
			.controller = "blkio",
			.v1 = {{throttles[kind].v1, arena_printf(a, "%" PRId64 ":%" PRId64 " %" PRId64, major, minor, rate)}},
			.v2 = {{"io.max", arena_printf(a, "%" PRId64 ":%" PRId64 " %s=%s", major, minor, throttles[kind].v2, limit)}},
		});
	}
	return 0;
}

static int load_block_io(struct doc *d, const struct node *res)
{
	int64_t weight = 0;
	struct node io;

	if (get_object(d, res, "blockIO", &io) || check_fields(d, &io, "linux.resources.blockIO", fields) ||
	    get_int(d, &io, "weight", 0, 1000, &weight) ||
	    load_number(d, &io, "leafWeight", 0, 1000, SETTING_LEAF_WEIGHT) || load_weights(d, &io))
		return -1;
	if (weight)
		setting_add_weight(d->spec, weight);
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++)
		if (load_throttle(d, &io, i))
			return -1;
	return 0;
}

/* "2MB", as the kernel's files have it in their names. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits < 8 && *text != '0' && strchr("KMG", text[digits]) && text[digits] &&
	       !strcmp(text + digits + 1, "B");
}

static int load_huge_pages(struct doc *d, const struct node *res)
{
	struct arena *a = &d->spec->arena;
	json_t *array;

	if (get_array(d, res, "hugepageLimits", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *size = NULL, *value, *v1[2], *v2[2];
		int64_t limit = -1;
		struct node n;

		if (get_element(d, res, "hugepageLimits", array, i, &n) ||
		    check_fields(d, &n, "linux.resources.hugepageLimits[]", fields) || get_string(d, &n, "pageSize", &size) ||
		    get_int(d, &n, "limit", 0, INT64_MAX, &limit))
			return -1;
		if (!size || !is_page_size(size))
			return doc_error(d, n.where, "pageSize", "%.40s is no size of a page such as 2MB", size ? size : "(nothing)");
		if (limit < 0)
			return doc_error(d, n.where, "limit", "is missing");
		value = arena_printf(a, "%" PRId64, limit);
		for (int rsvd = 0; rsvd < 2; rsvd++) {
			v1[rsvd] = arena_printf(a, "hugetlb.%s%s.limit_in_bytes", size, rsvd ? ".rsvd" : "");
			v2[rsvd] = arena_printf(a, "hugetlb.%s%s.max", size, rsvd ? ".rsvd" : "");
			setting_add(d->spec, &(struct spec_setting){
				.field = "hugepageLimits", .controller = "hugetlb", .v1 = {{v1[rsvd], value}},
				.v2 = {{v2[rsvd], value}}, .may_lack = rsvd, /* reservations: Linux 5.7 */
			});
		}
	}
	return 0;
}

static int load_network(struct doc *d, const struct node *res)
{
	struct node network;
	json_t *array;

	if (get_object(d, res, "network", &network) || check_fields(d, &network, "linux.resources.network", fields) ||
	    load_number(d, &network, "classID", 0, UINT32_MAX, SETTING_CLASS_ID) ||
	    get_array(d, &network, "priorities", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = NULL;
		uint32_t priority = 0;
		struct node n;

		if (get_element(d, &network, "priorities", array, i, &n) ||
		    check_fields(d, &n, "linux.resources.network.priorities[]", fields) || get_string(d, &n, "name", &name) ||
		    get_u32(d, &n, "priority", &priority))
			return -1;
		if (!name || !*name || strlen(name) > 15 || strpbrk(name, " /\n\t"))
			return doc_error(d, n.where, "name", "is no name of a network interface");
		setting_add(d->spec, &(struct spec_setting){
			.field = "network.priorities", .controller = "net_prio",
			.v1 = {{"net_prio.ifpriomap", arena_printf(&d->spec->arena, "%s %u", name, priority)}},
		});
	}
	return 0;
}

static int load_rdma(struct doc *d, const struct node *res)
{
	struct node rdma;
	const char *key;
	json_t *value;

	if (get_object(d, res, "rdma", &rdma))
		return -1;
	json_object_foreach(rdma.json, key, value) {
		int64_t handles = -1, objects = -1;
		struct node n = {.json = value};
		const char *text;

		if (strlen(key) > 64 || !*key || strpbrk(key, " /\n\t") || !json_is_object(value))
			return doc_error(d, rdma.where, "", "%.64s is no RDMA device with limits", key);
		snprintf(n.where, sizeof(n.where), "%.60s.%.64s", rdma.where, key);
		if (check_fields(d, &n, "linux.resources.rdma[]", fields) ||
		    get_int(d, &n, "hcaHandles", 0, UINT32_MAX, &handles) ||
		    get_int(d, &n, "hcaObjects", 0, UINT32_MAX, &objects))
			return -1;
		if (handles < 0 && objects < 0)
			continue;
		text = arena_printf(&d->spec->arena, "%s", key);
		if (handles >= 0)
			text = arena_printf(&d->spec->arena, "%s hca_handle=%" PRId64, text, handles);
		if (objects >= 0)
			text = arena_printf(&d->spec->arena, "%s hca_object=%" PRId64, text, objects);
		setting_add(d->spec, &(struct spec_setting){
			.field = "rdma", .controller = "rdma", .v1 = {{"rdma.max", text}}, .v2 = {{"rdma.max", text}},
		});
	}
	return 0;
}

int oci_resources_load(struct doc *d, const struct node *linux_)
{
	struct spec_limits *l = &d->spec->limits;
	struct node res, pids;

	if (get_object(d, linux_, "resources", &res) || load_unified(d, &res) ||
	    check_fields(d, &res, "linux.resources", fields) || load_memory(d, &res) || load_cpu(d, &res) ||
	    load_block_io(d, &res) || load_huge_pages(d, &res) || load_network(d, &res) || load_rdma(d, &res) ||
	    get_object(d, &res, "pids", &pids) || check_fields(d, &pids, "linux.resources.pids", fields) ||
	    get_int(d, &pids, "limit", INT64_MIN + 1, INT_MAX, &l->pids))
		return -1;
	/* 0 and "" are how some engines say nothing. */
	int64_t *const zero_is_unset[] = {&l->memory, &l->memory_swap, &l->memory_low, &l->cpu_shares, &l->cpu_quota,
					  &l->cpu_period};
	for (size_t i = 0; i < ARRAY_SIZE(zero_is_unset); i++)
		if (*zero_is_unset[i] == 0)
			*zero_is_unset[i] = SPEC_UNSET;
	if (l->cpus && !*l->cpus)
		l->cpus = NULL;
	if (l->mems && !*l->mems)
		l->mems = NULL;
	if (l->cpu_quota != SPEC_UNSET && l->cpu_quota < 0)
		l->cpu_quota = -1;
	return 0;
}
