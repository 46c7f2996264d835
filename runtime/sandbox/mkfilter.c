/*
 * Runs at build time: lets libseccomp make programs of the rows in kernel/gate/host_calls.h and the rules in filter_rules.c,
 * and prints them for filter.c. Making them takes a millisecond, which no start of a sandbox need spend.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/lib/util.h"
#include "runtime/sandbox/filter_rules.h"

enum host_who { HOST_GUEST, HOST_ASKED, HOST_SERVER, HOST_BOOT };

static const struct host_row {
	int nr;
	const char *name;
	enum host_who who;
} host_rows[] = {
#define HOST_CALL(name, who) {SYS_##name, #name, who},
#include "kernel/gate/host_calls.h"
#undef HOST_CALL
};

static int add_row(scmp_filter_ctx ctx, const struct host_row *row)
{
	bool ruled = false;

	for (size_t i = 0; i < arg_rule_count; i++) {
		const struct arg_rule *r = &arg_rules[i];
		int rc;

		if (r->nr != row->nr)
			continue;
		ruled = true;
		rc = seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, row->nr, r->count, r->cmp);
		if (rc)
			return rc;
	}
	return ruled ? 0 : seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, row->nr, 0);
}

static int add_rows(scmp_filter_ctx ctx, bool server)
{
	int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(host_rows); i++) {
		if (host_rows[i].who == HOST_BOOT || (host_rows[i].who != HOST_GUEST && !server))
			continue;
		rc = add_row(ctx, &host_rows[i]);
		if (rc)
			fprintf(stderr, "mkfilter: libseccomp refuses the rule for %s\n", host_rows[i].name);
	}
	return rc;
}

static int print_program(const char *name, bool server)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int fd = memfd_create("filter", MFD_CLOEXEC), rc = ctx && fd >= 0 ? 0 : -ENOMEM;
	struct sock_filter in;

	if (!rc)
		rc = add_rows(ctx, server);
	if (!rc)
		rc = seccomp_export_bpf(ctx, fd);
	if (rc) {
		fprintf(stderr, "mkfilter: %s: %s\n", name, strerror(-rc));
		return 1;
	}
	printf("static const struct sock_filter %s[] = {\n", name);
	lseek(fd, 0, SEEK_SET);
	while (read(fd, &in, sizeof(in)) == (ssize_t)sizeof(in))
		printf("\t{%#x, %u, %u, %#x},\n", in.code, in.jt, in.jf, in.k);
	puts("};");
	seccomp_release(ctx);
	close(fd);
	return 0;
}

int main(void)
{
	return print_program("guest_rows", false) || print_program("server_rows", true) || fflush(stdout);
}
