/*
 * The reader of config.json under the sanitizers: good files, broken ones, and a good one with every byte changed.
 *
 * build: runtime/oci/config.c runtime/oci/json.c runtime/oci/mounts.c runtime/oci/resources.c runtime/oci/seccomp.c
 * build: runtime/oci/task.c runtime/sandbox/setting.c
 * build: runtime/sandbox/spec.c runtime/lib/error.c runtime/lib/util.c -D_GNU_SOURCE -ljansson -lcap -lseccomp
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/oci/config.h"

static char dir[] = "/tmp/limpet-unit.XXXXXX";

static const char good[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":false,\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[7]},"
	"\"args\":[\"sh\",\"-c\",\"x\"],\"env\":[\"A=b\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],"
	"\"permitted\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":9,"
	"\"soft\":8}],\"noNewPrivileges\":true,"
	"\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":3,\"nice\":2,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":6},\"execCPUAffinity\":{\"final\":\"1-2,70\"}},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
	"\"mounts\":[{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"size=1m\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"time\"}],"
	"\"personality\":{\"domain\":\"LINUX32\"},\"timeOffsets\":{\"boottime\":{\"secs\":-4,\"nanosecs\":5}},"
	"\"resources\":{\"memory\":{\"limit\":1000000}}}}";

static int load(const char *text, size_t len, struct spec *spec)
{
	struct error err = { 0 };
	char path[64];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/config.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(text, 1, len, f);
	fclose(f);
	spec_init(spec);
	ret = config_load(spec, dir, &err);
	if (ret)
		assert_true(err.text[0] != 0);
	return ret;
}

static void reads_a_good_one(void **state)
{
	struct spec s;

	assert_int_equal(load(good, sizeof(good) - 1, &s), 0);
	assert_int_equal(s.uid, 5);
	assert_int_equal(s.gid, 6);
	assert_int_equal(s.sched_policy, 2);
	assert_int_equal(s.sched_priority, 3);
	assert_int_equal(s.nice, 0);
	assert_true(s.sched_reset_on_fork);
	assert_int_equal(s.ioprio, 2 << 13 | 6);
	assert_int_equal(s.exec_cpus, 6);
	assert_int_equal(s.personality, 8);
	assert_int_equal(s.clocks[SPEC_CLOCK_BOOTTIME].secs, -4);
	assert_int_equal(s.clocks[SPEC_CLOCK_BOOTTIME].nanosecs, 5);
	assert_int_equal(s.ngroups, 1);
	assert_int_equal(s.groups[0], 7);
	assert_int_equal(s.cap_permitted, 1u << 5);
	assert_true(s.no_new_privs && s.root_readonly);
	assert_int_equal(s.nrlimits, 1);
	assert_int_equal(s.rlimits[0].cur, 8);
	assert_int_equal(s.limits.memory, 1000000);
	assert_string_equal(s.hostname, "h");
	assert_string_equal(s.cwd, "/");
	assert_true(s.nmounts >= 1);
	spec_free(&s);
}

static void refuses_cut_ones(void **state)
{
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		struct spec s;

		assert_int_equal(load(good, n, &s), -1);
		spec_free(&s);
	}
}

static void survives_changed_ones(void **state)
{
	static const char with[] = "\0\"{}[]0-9x,:\\\xff";
	char text[sizeof(good)];

	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		struct spec s;

		memcpy(text, good, sizeof(good));
		text[at] = with[at % (sizeof(with) - 1)];
		(void)load(text, sizeof(good) - 1, &s);
		spec_free(&s);
	}
}

static void refuses_wrong_types(void **state)
{
	static const char *const bad[] = { "[]", "null", "5", "\"x\"", "{\"ociVersion\":5}", "{\"ociVersion\":\"1.0.0\",\"process\":[]}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[5],\"cwd\":\"/\",\"user\":{}},\"root\":{\"path\":\"rootfs\"}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"a\\u0000b\"],\"cwd\":\"/\",\"user\":{}},\"root\":{\"path\":\"rootfs\"}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":99999999999}},\"root\":{\"path\":\"rootfs\"}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"x\",\"user\":{\"uid\":0}},\"root\":{\"path\":\"rootfs\"}}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct spec s;

		if (load(bad[i], strlen(bad[i]), &s) != -1)
			fail_msg("took %s", bad[i]);
		spec_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_good_one), cmocka_unit_test(refuses_cut_ones), cmocka_unit_test(survives_changed_ones),
		cmocka_unit_test(refuses_wrong_types),
	};
	char path[64];
	int ret;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/rootfs", dir);
	mkdir(path, 0755);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	unlink(path);
	rmdir(dir);
	return ret;
}
