/* `limpet do`: a command in a fresh sandbox over a directory of the host, by default its own root. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "abi/boot.h"
#include "runtime/cli/command.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/supervisor/supervisor.h"

#define ALL_CAPS 0x1ffffffffffull /* capabilities(7): 0 to 40 */

extern char **environ;

enum {
	OPT_ROOTFS, OPT_RW, OPT_RO, OPT_BIND, OPT_CWD, OPT_ENV, OPT_USER, OPT_HOSTNAME, OPT_PLATFORM, OPT_STRACE,
	OPT_DEBUG_LOG, OPT_STATS, OPT_MEMORY, OPT_CPUS, OPT_NETWORK, OPT_FAIL_ALLOC,
	OPT_DEFENCE_OFF, OPT_DEFENCE_ON, OPT_PRESERVE_FDS,
};

static const struct option_row options[] = {
	{"rootfs", 0, "DIR", "Use DIR as the root directory instead of the machine's own. Changes stay in memory as well.",
	 OPT_ROOTFS},
	{"rw", 0, "DIR", "Let the sandbox write to DIR of the host, at the same path. May be repeated.", OPT_RW},
	{"ro", 0, "DIR", "Show DIR of the host as it is, read-only, at the same path. May be repeated.", OPT_RO},
	{"bind", 0, "SRC:DST[:ro]", "Show SRC of the host as DST, writable unless ro is said. May be repeated.", OPT_BIND},
	{"cwd", 0, "DIR", "Start in DIR; default: the current directory, with --rootfs the root.", OPT_CWD},
	{"env", 'e', "NAME=VALUE", "Set an environment variable; all others are passed on. May be repeated.", OPT_ENV},
	{"user", 'u', "UID[:GID]", "Run as this user; default: the caller.", OPT_USER},
	{"hostname", 0, "NAME", "Host name inside; default: the machine's.", OPT_HOSTNAME},
	{"platform", 0, "pkey|plain", "The gate between program and guest kernel; default: pkey where the machine can, else "
	 "plain.", OPT_PLATFORM},
	{"strace", 0, "[FILE]", "Print every system call of the programs to FILE, or to stderr.", OPT_STRACE},
	{"debug-log", 0, "FILE", "Write the guest kernel's log to FILE.", OPT_DEBUG_LOG},
	{"stats", 0, "[FILE]", "At the end print counts to FILE, or to stderr: system calls by the call gate and by trap, page "
	 "flips, patched call sites, and which could not be patched and why.", OPT_STATS},
	{"memory", 'm', "SIZE", "Limit memory to SIZE bytes (suffixes K, M, G, T), with a control group.", OPT_MEMORY},
	{"cpus", 0, "N", "Limit processor time to that of N processors (1.5 is possible), with a control group.", OPT_CPUS},
	{"network", 0, "none|host", "The network: none is a loopback of its own; host is this machine's, without any right to "
	 "change it. Default: none.", OPT_NETWORK},
	{"preserve-fds", 0, "N", "Pass on descriptors 3 to N + 2 besides 0, 1 and 2.", OPT_PRESERVE_FDS},
	{"fail-alloc-every", 0, "N", NULL, OPT_FAIL_ALLOC},
	{"defence-off", 0, "NAME", NULL, OPT_DEFENCE_OFF},
	{"defence-on", 0, "NAME", NULL, OPT_DEFENCE_ON},
	{0},
};

static int set_platform(struct spec *spec, const char *arg, struct error *err)
{
	if (!strcmp(arg, "pkey"))
		spec->platform = SPEC_PLATFORM_PKEY;
	else if (!strcmp(arg, "plain"))
		spec->platform = SPEC_PLATFORM_PLAIN;
	else
		return error_set(err, "do: --platform %s: pkey or plain is possible", arg);
	return 0;
}

static int set_network(struct spec *spec, const char *arg, struct error *err)
{
	if (!strcmp(arg, "none"))
		spec->network = SPEC_NETWORK_NONE;
	else if (!strcmp(arg, "host"))
		spec->network = SPEC_NETWORK_HOST;
	else
		return error_set(err, "do: --network %s: none or host is possible", arg);
	return 0;
}

static int set_user(struct spec *spec, const char *arg, struct error *err)
{
	cleanup_free char *text = strdup(arg);
	char *colon = text ? strchr(text, ':') : NULL;
	struct passwd *pw;
	uint64_t id;

	if (colon)
		*colon++ = '\0';
	if (!text || !parse_u64(text, UINT32_MAX - 1, &id))
		return error_set(err, "do: --user %s: is not UID[:GID]", arg);
	spec->uid = (uint32_t)id;
	if (!colon) {
		pw = getpwuid(spec->uid);
		id = pw ? pw->pw_gid : spec->uid;
	} else if (!parse_u64(colon, UINT32_MAX - 1, &id)) {
		return error_set(err, "do: --user %s: is not UID[:GID]", arg);
	}
	spec->gid = (uint32_t)id;
	spec->ngroups = 0;
	return 0;
}

static int set_env(struct spec *spec, const char *arg, struct error *err)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) + 1 : 0;

	if (len < 2)
		return error_set(err, "do: --env %s: is not NAME=VALUE", arg);
	for (size_t i = 0; i < spec->env.count; i++) {
		if (!strncmp(spec->env.items[i], arg, len)) {
			spec->env.items[i] = arena_strdup(&spec->arena, arg);
			return 0;
		}
	}
	strings_add(&spec->arena, &spec->env, arg);
	return 0;
}

static int set_defence(unsigned *set, const char *name, struct error *err)
{
	static const char *const names[] = {DEFENCE_NAMES};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(names[i], name)) {
			*set |= 1u << i;
			return 0;
		}
	}
	return error_set(err, "do: %s: no defence has this name; abi/boot.h has them", name);
}

static int set_memory(struct spec *spec, const char *arg, struct error *err)
{
	uint64_t size;

	if (!parse_size(arg, &size) || size < 1 << 20)
		return error_set(err, "do: --memory %s: is not a size of at least 1M", arg);
	spec->limits.memory = (int64_t)size;
	return 0;
}

static int set_cpus(struct spec *spec, const char *arg, struct error *err)
{
	char *end;
	double n = strtod(arg, &end);

	if (end == arg || *end || !isfinite(n) || n < 0.01 || n > 4096)
		return error_set(err, "do: --cpus %s: is not a number of processors", arg);
	spec->limits.cpu_period = 100000;
	spec->limits.cpu_quota = (int64_t)(n * 100000);
	spec->cpus = (unsigned)n + ((unsigned)n < n);
	return 0;
}

/* A directory or file of the host, by an absolute path that later changes of directory do not matter to. */
static int add_host(struct spec *spec, const char *option, const char *source, const char *target, bool readonly,
		    struct error *err)
{
	cleanup_free char *real = realpath(source, NULL);

	if (!real)
		return error_errno(err, "do: %s %s", option, source);
	if (!target[strspn(target, "/.")] || (strcmp(option, "--bind") && !strcmp(real, "/")))
		return error_set(err, "do: %s %s: the root itself cannot be replaced; name directories below it", option,
				 source);
	spec_add_mount(spec, "hostfs", target, real, "", readonly ? MS_RDONLY : 0);
	return 0;
}

static int add_bind(struct spec *spec, const char *arg, struct error *err)
{
	cleanup_free char *text = strdup(arg);
	char *target = text ? strchr(text, ':') : NULL, *mode = NULL;

	if (target) {
		*target++ = '\0';
		mode = strchr(target, ':');
		if (mode)
			*mode++ = '\0';
	}
	if (!target || *target != '/' || (mode && strcmp(mode, "ro") && strcmp(mode, "rw")))
		return error_set(err, "do: --bind %s: is not SRC:DST[:ro] with an absolute DST", arg);
	return add_host(spec, "--bind", text, target, mode && !strcmp(mode, "ro"), err);
}

/* --rw and --ro appear inside at the path that was given, made absolute. */
static int add_same_path(struct spec *spec, const char *option, const char *arg, bool readonly, struct error *err)
{
	cleanup_free char *cwd = *arg == '/' ? NULL : getcwd(NULL, 0);

	if (*arg != '/' && !cwd)
		return error_errno(err, "do: the current directory");
	return add_host(spec, option, arg, cwd ? arena_printf(&spec->arena, "%s/%s", cwd, arg) : arg, readonly, err);
}

static int set_option(struct spec *spec, int id, const char *arg, struct error *err)
{
	uint64_t n;

	switch (id) {
	case OPT_ROOTFS:
		spec->rootfs = arena_strdup(&spec->arena, arg);
		return 0;
	case OPT_RW:
		return add_same_path(spec, "--rw", arg, false, err);
	case OPT_RO:
		return add_same_path(spec, "--ro", arg, true, err);
	case OPT_BIND:
		return add_bind(spec, arg, err);
	case OPT_CWD:
		if (*arg != '/')
			return error_set(err, "do: --cwd %s: is not an absolute path", arg);
		spec->cwd = arena_strdup(&spec->arena, arg);
		return 0;
	case OPT_ENV:
		return set_env(spec, arg, err);
	case OPT_USER:
		return set_user(spec, arg, err);
	case OPT_HOSTNAME:
		if (!*arg || strlen(arg) > 64)
			return error_set(err, "do: --hostname %s: is empty or longer than 64 bytes", arg);
		spec->hostname = arena_strdup(&spec->arena, arg);
		return 0;
	case OPT_PLATFORM:
		return set_platform(spec, arg, err);
	case OPT_STRACE:
		spec->strace = true;
		spec->strace_file = arg ? arena_strdup(&spec->arena, arg) : NULL;
		return 0;
	case OPT_DEBUG_LOG:
		spec->debug_log = arena_strdup(&spec->arena, arg);
		return 0;
	case OPT_STATS:
		spec->stats = true;
		spec->stats_file = arg ? arena_strdup(&spec->arena, arg) : NULL;
		return 0;
	case OPT_MEMORY:
		return set_memory(spec, arg, err);
	case OPT_CPUS:
		return set_cpus(spec, arg, err);
	case OPT_NETWORK:
		return set_network(spec, arg, err);
	case OPT_PRESERVE_FDS:
		if (!parse_u64(arg, 65536, &n))
			return error_set(err, "do: --preserve-fds %s: is not a number", arg);
		return spec_preserve_fds(spec, (unsigned)n, err);
	case OPT_FAIL_ALLOC:
		if (!parse_u64(arg, UINT_MAX, &n))
			return error_set(err, "do: --fail-alloc-every %s: is not a number", arg);
		spec->fail_alloc_every = (unsigned)n;
		return 0;
	case OPT_DEFENCE_OFF:
		return set_defence(&spec->defences_off, arg, err);
	case OPT_DEFENCE_ON:
		return set_defence(&spec->defences_on, arg, err);
	}
	return error_set(err, "do: %s is not handled", option_name(&command_do, id));
}

/* What the caller is and has, before flags change it. */
static int inherit(struct spec *spec, struct error *err)
{
	char name[HOST_NAME_MAX + 1] = "limpet", domain[65] = "(none)";
	int n = getgroups(0, NULL);

	for (char **e = environ; *e; e++)
		strings_add(&spec->arena, &spec->env, *e);
	spec->uid = getuid();
	spec->gid = getgid();
	spec->umask = umask(0);
	umask(spec->umask);
	if (n > 0) {
		spec->groups = arena_alloc(&spec->arena, (size_t)n * sizeof(*spec->groups));
		n = getgroups(n, spec->groups);
	}
	if (n < 0)
		return error_errno(err, "getgroups");
	spec->ngroups = (size_t)n;
	for (uint32_t r = 0; r < RLIMIT_NLIMITS; r++) {
		struct rlimit rl;

		if (getrlimit((int)r, &rl))
			continue;
		spec->rlimits = array_add(&spec->arena, spec->rlimits, &spec->nrlimits, sizeof(*spec->rlimits));
		spec->rlimits[spec->nrlimits - 1] = (struct spec_rlimit){r, rl.rlim_cur, rl.rlim_max};
	}
	for (int sig = 1; sig < 64; sig++) {
		struct sigaction sa;

		if (!sigaction(sig, NULL, &sa) && sa.sa_handler == SIG_IGN)
			spec->ignored_signals |= 1ull << sig;
	}
	spec->nice = getpriority(PRIO_PROCESS, 0);
	gethostname(name, sizeof(name) - 1);
	(void)!getdomainname(domain, sizeof(domain) - 1);
	spec->hostname = arena_strdup(&spec->arena, name);
	spec->domainname = arena_strdup(&spec->arena, domain);
	return 0;
}

static void add_default_mounts(struct spec *spec)
{
	spec_add_mount(spec, "proc", "/proc", "proc", "", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	spec_add_mount(spec, "sysfs", "/sys", "sysfs", "", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	spec_add_mount(spec, "devtmpfs", "/dev", "devtmpfs", "mode=0755", MS_NOSUID);
	spec_add_mount(spec, "devpts", "/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5",
		       MS_NOSUID | MS_NOEXEC);
	spec_add_mount(spec, "tmpfs", "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV);
	spec_add_mount(spec, "mqueue", "/dev/mqueue", "mqueue", "", MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

static int complete(struct spec *spec, struct error *err)
{
	cleanup_free char *cwd = NULL;

	if (!spec->cwd && spec->rootfs)
		spec->cwd = "/";
	if (!spec->cwd) {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return error_errno(err, "do: the current directory");
		spec->cwd = arena_strdup(&spec->arena, cwd);
	}
	spec->root_overlay = true;
	spec->init_mortal = true;
	spec->stdio_closed = stdio_closed;
	if (!spec->rootfs)
		spec->rootfs = "/";
	spec->cap_bounding = ALL_CAPS;
	if (spec->uid == 0)
		spec->cap_permitted = spec->cap_effective = ALL_CAPS;
	return 0;
}

static int parse(struct spec *spec, int argc, char **argv, struct error *err)
{
	const char *arg;
	int id;

	optind = 0;
	while ((id = option_next(&command_do, argc, argv, &arg, err)) >= 0)
		if (set_option(spec, id, arg, err))
			return -1;
	if (id == OPTION_ERROR)
		return -1;
	if (id == OPTION_HELP)
		return 1;
	if (optind == argc)
		return error_set(err, "do: no program given (see `limpet do --help`)");
	for (int i = optind; i < argc; i++)
		strings_add(&spec->arena, &spec->argv, argv[i]);
	return 0;
}

static int run(int argc, char **argv, struct error *err)
{
	struct sandbox sandbox;
	struct spec spec;
	int rc;

	spec_init(&spec);
	add_default_mounts(&spec);
	rc = inherit(&spec, err);
	if (!rc)
		rc = parse(&spec, argc, argv, err);
	if (rc) {
		spec_free(&spec);
		return rc < 0 ? -1 : 0;
	}
	if (complete(&spec, err) || supervisor_prepare(err) || sandbox_start(&sandbox, &spec, err)) {
		rc = -1;
	} else {
		spec_close_preserved(&spec);
		rc = supervisor_run(&sandbox, err);
	}
	spec_free(&spec);
	return rc;
}

const struct command command_do = {
	.name = "do",
	.synopsis = "[OPTION...] [--] COMMAND [ARG...]",
	.summary = "run a command in a fresh sandbox over this machine's files",
	.description =
		"Runs COMMAND in a sandbox of its own. It sees this machine's files; what it changes stays in memory and is "
		"gone afterwards, except below directories given with --rw or --bind. It has no network but its own loopback, "
		"unless --network says otherwise. "
		"Current directory, environment, user and terminal are the caller's.",
	.options = options,
	.run = run,
};
