/* `limpet check`: what this machine has, and what a sandbox may ask of its kernel. */
#include <getopt.h>
#include <string.h>

#include "runtime/cli/command.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/filter.h"
#include "runtime/sandbox/kernel_image.h"
#include "runtime/sandbox/machine.h"
#include "runtime/sandbox/privileges.h"
#include "runtime/supervisor/confine.h"

enum { OPT_HOST_SYSCALLS };

static const struct option_row options[] = {
	{"host-syscalls", 0, "[WHOSE]",
	 "Instead print the names of the host system calls that the processes which run programs may make, one a line, read "
	 "back from the seccomp program that they get. WHOSE is guest for these, server for the sandbox's first process, which "
	 "runs no program and makes some rare calls for the others, network for that process in a sandbox that was given a "
	 "network, or supervisor for the limpet that waits outside.",
	 OPT_HOST_SYSCALLS},
	{0},
};

static int print_host_syscalls(const char *whose, struct error *err)
{
	enum filter_kind kind = FILTER_GUEST;
	struct filter filter;
	bool supervisor = !strcmp(whose, "supervisor");
	uint64_t text_size;

	if (!strcmp(whose, "server"))
		kind = FILTER_SERVER;
	else if (!strcmp(whose, "network"))
		kind = FILTER_SERVER_NETWORK;
	else if (!supervisor && strcmp(whose, "guest"))
		return error_set(err, "check: --host-syscalls of guest, server, network or supervisor, not of %s", whose);
	if (supervisor ? confine_export(&filter, err) :
			 (kernel_image_text_size(&text_size, err) || filter_build(&filter, kind, text_size, err)))
		return -1;
	for (uint32_t nr = 0; nr < FILTER_NR_END; nr++) {
		cleanup_free char *name = NULL;

		if (!filter_allows(&filter, nr))
			continue;
		name = filter_call_name(nr);
		if (name)
			puts(name);
		else
			printf("%u\n", nr);
	}
	filter_free(&filter);
	return 0;
}

static void row(const char *name, bool has)
{
	printf("%-22s %s\n", name, has ? "yes" : "no");
}

static int print_machine(struct error *err)
{
	enum boot_platform platform;
	struct machine m;
	const char *why;

	machine_probe(&m);
	printf("%-22s %s\n", "kernel", m.release);
	row("protection keys (PKU)", m.pku);
	row("FSGSBASE", m.fsgsbase);
	row("syscall user dispatch", m.sud);
	row("seccomp filter", m.seccomp);
	printf("%-22s%s%s%s%s%s%s%s\n", "namespaces", m.user_ns ? " user" : "", m.mount_ns ? " mount" : "",
	       m.pid_ns ? " pid" : "", m.net_ns ? " net" : "", m.ipc_ns ? " ipc" : "", m.uts_ns ? " uts" : "",
	       m.cgroup_ns ? " cgroup" : "");
	printf("%-22s %s\n", "cgroups", cgroup_layout());
	printf("%-22s %s\n", "started as", privileges_is_admin() ? "administrator" : "user (in a user namespace)");
	if (machine_platform(&m, SPEC_PLATFORM_AUTO, &platform, &why, err))
		return -1;
	if (platform == BOOT_PLATFORM_PKEY)
		printf("%-22s pkey\n", "gate");
	else
		printf("%-22s plain: %s\n", "gate", why);
	if (!m.mount_ns || !m.pid_ns || !m.net_ns || !m.ipc_ns || !m.uts_ns || (!m.user_ns && !privileges_is_admin()))
		return error_set(err, "check: this kernel lacks namespaces that a sandbox needs");
	return 0;
}

static int run(int argc, char **argv, struct error *err)
{
	const char *host_syscalls = NULL;
	const char *arg;
	int id;

	optind = 0;
	while ((id = option_next(&command_check, argc, argv, &arg, err)) != OPTION_END) {
		if (id == OPTION_ERROR)
			return -1;
		if (id == OPTION_HELP)
			return 0;
		host_syscalls = arg ? arg : "guest";
	}
	if (optind < argc)
		return error_set(err, "check: unexpected argument %s", argv[optind]);
	return host_syscalls ? print_host_syscalls(host_syscalls, err) : print_machine(err);
}

const struct command command_check = {
	.name = "check",
	.synopsis = "[OPTION...]",
	.summary = "say what this machine has of what limpet uses",
	.description =
		"Prints the kernel's version, the features that limpet uses, and which gate a sandbox will get: pkey, where "
		"memory protection keys keep programs out of the guest kernel in their address space, or plain, where the "
		"seccomp filter and the namespaces alone stand between the sandbox and the host.",
	.options = options,
	.run = run,
};
