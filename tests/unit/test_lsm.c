/*
 * What is asked of the host's security modules, with files in the place of theirs: no machine has all of them.
 *
 * build: runtime/sandbox/lsm.c runtime/sandbox/spec.c runtime/lib/error.c runtime/lib/util.c -D_GNU_SOURCE
 */
#include <fcntl.h>
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

#include "runtime/sandbox/lsm.h"

static char dir[] = "/tmp/limpet-unit.XXXXXX";
static struct error err;

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void is(const char *name, const char *text)
{
	char got[200] = { 0 };
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	if (!fread(got, 1, sizeof(got) - 1, f))
		got[0] = 0;
	fclose(f);
	assert_string_equal(got, text);
}

static struct spec with(const char *profile, const char *label)
{
	struct spec spec = { 0 };

	spec.apparmor = profile;
	spec.selinux = label;
	return spec;
}

static void needs_the_module(void **state)
{
	struct spec none = with("", NULL), open = with("unconfined", ""), profile = with("p", NULL), label = with(NULL, "l");

	assert_int_equal(lsm_check_at("nothing", &none, &err), 0);
	assert_int_equal(lsm_check_at("nothing", &open, &err), 0);
	assert_int_equal(lsm_check_at("nothing", &profile, &err), -1);
	assert_non_null(strstr(err.text, "process.apparmorProfile: this machine has no AppArmor"));
	assert_int_equal(lsm_check_at("nothing", &label, &err), -1);
	assert_non_null(strstr(err.text, "process.selinuxLabel: this machine has no SELinux"));
	assert_int_equal(system("mkdir -p sys/module/apparmor/parameters sys/fs/selinux"), 0);
	put("sys/module/apparmor/parameters/enabled", "N\n");
	assert_int_equal(lsm_check_at("sys", &profile, &err), -1);
	put("sys/module/apparmor/parameters/enabled", "Y\n");
	assert_int_equal(lsm_check_at("sys", &profile, &err), 0);
	assert_int_equal(lsm_check_at("sys", &label, &err), -1);
	put("sys/fs/selinux/enforce", "1");
	assert_int_equal(lsm_check_at("sys", &label, &err), 0);
}

static void asks(void **state)
{
	struct spec none = with("unconfined", NULL), profile = with("docker-default", NULL);
	struct spec label = with(NULL, "system_u:system_r:container_t:s0:c1,c2");

	assert_int_equal(mkdir("attr", 0755), 0);
	assert_int_equal(lsm_apply_at("attr", &none, &err), 0);
	assert_int_equal(lsm_apply_at("attr", &profile, &err), -1);
	assert_non_null(strstr(err.text, "AppArmor does not take docker-default"));
	put("attr/exec", "");
	assert_int_equal(lsm_apply_at("attr", &none, &err), 0);
	is("attr/exec", "");
	assert_int_equal(lsm_apply_at("attr", &profile, &err), 0);
	is("attr/exec", "exec docker-default");
	put("attr/exec", "");
	assert_int_equal(mkdir("attr/apparmor", 0755), 0);
	put("attr/apparmor/exec", "");
	assert_int_equal(lsm_apply_at("attr", &profile, &err), 0);
	is("attr/apparmor/exec", "exec docker-default");
	is("attr/exec", "");
	assert_int_equal(lsm_apply_at("attr", &label, &err), 0);
	is("attr/exec", "system_u:system_r:container_t:s0:c1,c2");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(needs_the_module), cmocka_unit_test(asks) };
	char command[100];
	int ret;

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) || ret;
}
