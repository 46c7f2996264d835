/*
 * Limits that are a value in a file of a control group and nothing more: blockIO, hugepageLimits, cpu.burst and others.
 * oci/resources.c and `limpet update` make them, cgroup.c writes them.
 */
#ifndef LIMPET_RUNTIME_SETTING_H
#define LIMPET_RUNTIME_SETTING_H

#include "runtime/sandbox/spec.h"

struct setting_file {
	const char *file, *value; /* NULL = there is none */
};

/* Of each version the first file that exists is written, or, when none does, an error names the field. */
struct spec_setting {
	const char *field; /* below linux.resources: "cpu.burst" */
	const char *controller; /* v1's name of it */
	struct setting_file v1[2], v2[2]; /* v2 has none: it is ignored there with a warning */
	bool may_lack; /* the file: then nothing is said */
};

enum setting {
	SETTING_CPU_BURST, SETTING_CPU_IDLE, SETTING_CPU_RT_PERIOD, SETTING_CPU_RT_RUNTIME, SETTING_SWAPPINESS,
	SETTING_NO_OOM_KILLER, SETTING_KERNEL_TCP, SETTING_CLASS_ID, SETTING_LEAF_WEIGHT,
};

struct spec_setting *setting_add(struct spec *spec, const struct spec_setting *s);
void setting_add_number(struct spec *spec, enum setting which, int64_t value);
void setting_add_weight(struct spec *spec, int64_t weight);
/* "MAJOR:MINOR WEIGHT". */
void setting_add_weight_device(struct spec *spec, int64_t major, int64_t minor, int64_t weight, bool leaf);

/* What v2 calls a controller of v1; NULL = it has none such. */
const char *setting_v2_controller(const char *controller);

#endif
