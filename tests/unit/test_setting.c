/*
 * What resources of config.json become in the files of cgroup v1 and v2.
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
#include <string.h>

#include <cmocka.h>

#include "runtime/oci/config.h"
#include "runtime/sandbox/setting.h"

static struct spec spec;

static int load(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);
	struct error err = { 0 };
	int rc;

	assert_non_null(doc);
	spec_init(&spec);
	rc = config_load_resources(&spec, doc, "test", &err);
	json_decref(doc);
	assert_true(!rc == !err.text[0]);
	return rc;
}

/* "FIELD CONTROLLER v1 FILE=VALUE ... v2 FILE=VALUE ..." of each setting. */
static void shows(const char *text, const char *const *expected)
{
	size_t i = 0;

	assert_int_equal(load(text), 0);
	for (; expected[i]; i++) {
		const struct spec_setting *s = &spec.limits.settings[i];
		char line[400];
		int n;

		assert_true(i < spec.limits.nsettings);
		n = snprintf(line, sizeof(line), "%s %s v1", s->field, s->controller);
		for (int k = 0; k < 2 && s->v1[k].file; k++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%s", s->v1[k].file, s->v1[k].value);
		n += snprintf(line + n, sizeof(line) - (size_t)n, " v2");
		for (int k = 0; k < 2 && s->v2[k].file; k++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%s", s->v2[k].file, s->v2[k].value);
		if (s->may_lack)
			snprintf(line + n, sizeof(line) - (size_t)n, " ?");
		assert_string_equal(line, expected[i]);
	}
	assert_int_equal(spec.limits.nsettings, i);
	spec_free(&spec);
}
#define SHOWS(text, ...) shows(text, (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

static void block_io(void **state)
{
	SHOWS("{\"blockIO\": {\"weight\": 10, \"leafWeight\": 20}}", "blockIO.leafWeight blkio v1 blkio.leaf_weight=20 v2",
	      "blockIO.weight blkio v1 blkio.bfq.weight=10 blkio.weight=10 v2 io.bfq.weight=10 io.weight=1");
	SHOWS("{\"blockIO\": {\"weight\": 1000}}",
	      "blockIO.weight blkio v1 blkio.bfq.weight=1000 blkio.weight=1000 v2 io.bfq.weight=1000 io.weight=10000");
	SHOWS("{\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"minor\": 1, \"weight\": 100, \"leafWeight\": 7}]}}",
	      "blockIO.weightDevice blkio v1 blkio.bfq.weight_device=8:1 100 blkio.weight_device=8:1 100 "
	      "v2 io.bfq.weight=8:1 100 io.weight=8:1 910",
	      "blockIO.weightDevice blkio v1 blkio.leaf_weight_device=8:1 7 v2");
	SHOWS("{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": 8, \"minor\": 0, \"rate\": 9000000000}],"
	      "\"throttleWriteIOPSDevice\": [{\"major\": 8, \"minor\": 0, \"rate\": 0}]}}",
	      "blockIO.throttleReadBpsDevice blkio v1 blkio.throttle.read_bps_device=8:0 9000000000 v2 io.max=8:0 rbps=9000000000",
	      "blockIO.throttleWriteIOPSDevice blkio v1 blkio.throttle.write_iops_device=8:0 0 v2 io.max=8:0 wiops=max");
	assert_int_equal(load("{\"blockIO\": {\"weight\": -1}}"), -1);
	spec_free(&spec);
}

static void memory_and_cpu(void **state)
{
	SHOWS("{\"memory\": {\"swappiness\": 0, \"disableOOMKiller\": true, \"kernelTCP\": 4096}}",
	      "memory.kernelTCP memory v1 memory.kmem.tcp.limit_in_bytes=4096 v2",
	      "memory.swappiness memory v1 memory.swappiness=0 v2", "memory.disableOOMKiller memory v1 memory.oom_control=1 v2");
	SHOWS("{\"memory\": {\"swappiness\": -1, \"disableOOMKiller\": false, \"kernelTCP\": 0}}");
	SHOWS("{\"cpu\": {\"burst\": 0, \"idle\": 0, \"realtimePeriod\": 1000000, \"realtimeRuntime\": 950000}}",
	      "cpu.realtimePeriod cpu v1 cpu.rt_period_us=1000000 v2", "cpu.realtimeRuntime cpu v1 cpu.rt_runtime_us=950000 v2",
	      "cpu.burst cpu v1 cpu.cfs_burst_us=0 v2 cpu.max.burst=0", "cpu.idle cpu v1 cpu.idle=0 v2 cpu.idle=0");
	assert_int_equal(load("{\"cpu\": {\"idle\": 2}}"), -1);
	spec_free(&spec);
}

static void others(void **state)
{
	SHOWS("{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}]}",
	      "hugepageLimits hugetlb v1 hugetlb.2MB.limit_in_bytes=4194304 v2 hugetlb.2MB.max=4194304",
	      "hugepageLimits hugetlb v1 hugetlb.2MB.rsvd.limit_in_bytes=4194304 v2 hugetlb.2MB.rsvd.max=4194304 ?");
	SHOWS("{\"network\": {\"classID\": 1048577, \"priorities\": [{\"name\": \"eth0\", \"priority\": 5}]}}",
	      "network.classID net_cls v1 net_cls.classid=1048577 v2", "network.priorities net_prio v1 net_prio.ifpriomap=eth0 5 v2");
	SHOWS("{\"rdma\": {\"mlx5_0\": {\"hcaHandles\": 3, \"hcaObjects\": 10000}, \"mlx4_0\": {\"hcaObjects\": 1}}}",
	      "rdma rdma v1 rdma.max=mlx5_0 hca_handle=3 hca_object=10000 v2 rdma.max=mlx5_0 hca_handle=3 hca_object=10000",
	      "rdma rdma v1 rdma.max=mlx4_0 hca_object=1 v2 rdma.max=mlx4_0 hca_object=1");
	assert_string_equal(setting_v2_controller("blkio"), "io");
	assert_string_equal(setting_v2_controller("cpu"), "cpu");
	assert_null(setting_v2_controller("net_cls"));
	static const char *const bad[] = { "2M", "0MB", "MB", "2MBx", "2TB", "../2MB", "" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{\"hugepageLimits\": [{\"pageSize\": \"%s\", \"limit\": 1}]}", bad[i]);
		assert_int_equal(load(text), -1);
		spec_free(&spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_io), cmocka_unit_test(memory_and_cpu), cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
