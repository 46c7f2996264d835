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

enum host_who { HOST_GUEST, HOST_ASKED, HOST_NETWORK, HOST_SERVER, HOST_BOOT };
enum whose { GUEST, SERVER, NETWORK }; /* NETWORK: kserver of a sandbox that was given one */

static bool devices; /* kserver of a sandbox that was given some */

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
	for (size_t i = 0; devices && i < device_rule_count; i++) {
		const struct arg_rule *r = &device_rules[i];
		int rc = r->nr == row->nr ? seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, row->nr, r->count, r->cmp) : 0;

		if (rc)
			return rc;
	}
	return ruled ? 0 : seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, row->nr, 0);
}

static bool has_row(enum host_who who, enum whose whose)
{
	switch (who) {
	case HOST_GUEST:
		return true;
	case HOST_NETWORK:
		return whose == NETWORK;
	case HOST_BOOT:
		return false;
	default:
		return whose != GUEST;
	}
}

static int add_rows(scmp_filter_ctx ctx, enum whose whose)
{
	int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(host_rows); i++) {
		if (!has_row(host_rows[i].who, whose))
			continue;
		rc = add_row(ctx, &host_rows[i]);
		if (rc)
			fprintf(stderr, "mkfilter: libseccomp refuses the rule for %s\n", host_rows[i].name);
	}
	return rc;
}

/*
 * For a condition on the lower half of an argument libseccomp asks about the upper half too: load, and with 0, is it 0?
 * These three go; a shorter program is installed and run faster. Only where nobody jumps into them, and what follows
 * begins with a load of its own.
 */
static bool is_void(const struct sock_filter *in, size_t len, size_t at, const bool *target)
{
	const struct sock_filter *p = in + at;

	return at + 3 < len && p[0].code == (BPF_LD | BPF_W | BPF_ABS) && p[1].code == (BPF_ALU | BPF_AND | BPF_K) &&
	       !p[1].k && p[2].code == (BPF_JMP | BPF_JEQ | BPF_K) && !p[2].k && !p[2].jt && !target[at + 1] &&
	       !target[at + 2] && p[3].code == (BPF_LD | BPF_W | BPF_ABS);
}

static size_t shorten(struct sock_filter *in, size_t len)
{
	static bool target[BPF_MAXINSNS + 256];
	static size_t place[BPF_MAXINSNS + 256]; /* where an instruction, or the next one that stays, will be */
	static bool goes[BPF_MAXINSNS];
	size_t kept = 0;

	memset(target, 0, sizeof(target));
	memset(goes, 0, sizeof(goes));
	for (size_t i = 0; i < len; i++)
		if (in[i].code == (BPF_JMP | BPF_JA))
			target[i + 1 + in[i].k] = true;
		else if (BPF_CLASS(in[i].code) == BPF_JMP)
			target[i + 1 + in[i].jt] = target[i + 1 + in[i].jf] = true;
	for (size_t i = 0; i < len; i++)
		if (is_void(in, len, i, target))
			goes[i] = goes[i + 1] = goes[i + 2] = true;
	for (size_t i = 0; i < len; i++) {
		place[i] = kept;
		kept += !goes[i];
	}
	for (size_t i = 0; i < len; i++) {
		if (goes[i])
			continue;
		if (in[i].code == (BPF_JMP | BPF_JA)) {
			in[i].k = (uint32_t)(place[i + 1 + in[i].k] - place[i] - 1);
		} else if (BPF_CLASS(in[i].code) == BPF_JMP) {
			in[i].jt = (uint8_t)(place[i + 1 + in[i].jt] - place[i] - 1);
			in[i].jf = (uint8_t)(place[i + 1 + in[i].jf] - place[i] - 1);
		}
		in[place[i]] = in[i];
	}
	return kept;
}

static int print_program(const char *name, enum whose whose)
{
	static struct sock_filter code[BPF_MAXINSNS];

	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int fd = memfd_create("filter", MFD_CLOEXEC), rc = ctx && fd >= 0 ? 0 : -ENOMEM;
	ssize_t size;

	if (!rc)
		rc = add_rows(ctx, whose);
	if (!rc)
		rc = seccomp_export_bpf(ctx, fd);
	if (rc) {
		fprintf(stderr, "mkfilter: %s: %s\n", name, strerror(-rc));
		return 1;
	}
	printf("static const struct sock_filter %s[] = {\n", name);
	size = pread(fd, code, sizeof(code), 0);
	if (size <= 0 || size == (ssize_t)sizeof(code))
		return 1;
	size = (ssize_t)shorten(code, (size_t)size / sizeof(*code));
	for (ssize_t i = 0; i < size; i++)
		printf("\t{%#x, %u, %u, %#x},\n", code[i].code, code[i].jt, code[i].jf, code[i].k);
	puts("};");
	seccomp_release(ctx);
	close(fd);
	return 0;
}

int main(void)
{
	if (print_program("guest_rows", GUEST) || print_program("server_rows", SERVER) ||
	    print_program("network_rows", NETWORK))
		return 1;
	devices = true;
	return print_program("server_device_rows", SERVER) || print_program("network_device_rows", NETWORK) || fflush(stdout);
}
