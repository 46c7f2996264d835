/* See setting.h. */
#include "runtime/sandbox/setting.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *field, *controller, *v1, *v2;
} numbers[] = {
	[SETTING_CPU_BURST] = {"cpu.burst", "cpu", "cpu.cfs_burst_us", "cpu.max.burst"},
	[SETTING_CPU_IDLE] = {"cpu.idle", "cpu", "cpu.idle", "cpu.idle"},
	[SETTING_CPU_RT_PERIOD] = {"cpu.realtimePeriod", "cpu", "cpu.rt_period_us", NULL},
	[SETTING_CPU_RT_RUNTIME] = {"cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", NULL},
	[SETTING_SWAPPINESS] = {"memory.swappiness", "memory", "memory.swappiness", NULL},
	[SETTING_NO_OOM_KILLER] = {"memory.disableOOMKiller", "memory", "memory.oom_control", NULL},
	[SETTING_KERNEL_TCP] = {"memory.kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes", NULL},
	[SETTING_CLASS_ID] = {"network.classID", "net_cls", "net_cls.classid", NULL},
	[SETTING_LEAF_WEIGHT] = {"blockIO.leafWeight", "blkio", "blkio.leaf_weight", NULL},
};

struct spec_setting *setting_add(struct spec *spec, const struct spec_setting *s)
{
	struct spec_limits *l = &spec->limits;

	l->settings = array_add(&spec->arena, l->settings, &l->nsettings, sizeof(*s));
	l->settings[l->nsettings - 1] = *s;
	return &l->settings[l->nsettings - 1];
}

void setting_add_number(struct spec *spec, enum setting which, int64_t value)
{
	const char *text = arena_printf(&spec->arena, "%" PRId64, value);

	setting_add(spec, &(struct spec_setting){
		.field = numbers[which].field,
		.controller = numbers[which].controller,
		.v1 = {{numbers[which].v1, text}},
		.v2 = {{numbers[which].v2, text}},
	});
}

/* v1's 10 to 1000 as v2's 1 to 10000. */
static int64_t v2_weight(int64_t weight)
{
	weight = weight < 10 ? 10 : weight > 1000 ? 1000 : weight;
	return 1 + (weight - 10) * 9999 / 990;
}

void setting_add_weight(struct spec *spec, int64_t weight)
{
	const char *text = arena_printf(&spec->arena, "%" PRId64, weight);

	setting_add(spec, &(struct spec_setting){
		.field = "blockIO.weight",
		.controller = "blkio",
		.v1 = {{"blkio.bfq.weight", text}, {"blkio.weight", text}},
		.v2 = {{"io.bfq.weight", text}, {"io.weight", arena_printf(&spec->arena, "%" PRId64, v2_weight(weight))}},
	});
}

void setting_add_weight_device(struct spec *spec, int64_t major, int64_t minor, int64_t weight, bool leaf)
{
	const char *text = arena_printf(&spec->arena, "%" PRId64 ":%" PRId64 " %" PRId64, major, minor, weight);

	if (leaf)
		setting_add(spec, &(struct spec_setting){
			.field = "blockIO.weightDevice", .controller = "blkio", .v1 = {{"blkio.leaf_weight_device", text}},
		});
	else
		setting_add(spec, &(struct spec_setting){
			.field = "blockIO.weightDevice",
			.controller = "blkio",
			.v1 = {{"blkio.bfq.weight_device", text}, {"blkio.weight_device", text}},
			.v2 = {{"io.bfq.weight", text},
			       {"io.weight", arena_printf(&spec->arena, "%" PRId64 ":%" PRId64 " %" PRId64, major, minor,
							  v2_weight(weight))}},
		});
}

const char *setting_v2_controller(const char *controller)
{
	if (!strcmp(controller, "blkio"))
		return "io";
	return !strcmp(controller, "net_cls") || !strcmp(controller, "net_prio") ? NULL : controller;
}
