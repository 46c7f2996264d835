/*
 * What a sandbox shall be: filled by `limpet do` from its flags and by oci/config.c from config.json, then only read.
 * Strings and arrays live in the arena.
 */
#ifndef LIMPET_RUNTIME_SPEC_H
#define LIMPET_RUNTIME_SPEC_H

#include <linux/filter.h>

#include "runtime/lib/util.h"

enum spec_platform { SPEC_PLATFORM_AUTO, SPEC_PLATFORM_PKEY, SPEC_PLATFORM_PLAIN };

struct spec_idmap {
	uint32_t inside, outside, count;
};

struct spec_mount {
	const char *type; /* of the guest: "hostfs", "tmpfs", "proc", ... (abi/boot.h) */
	const char *target; /* absolute path in the guest */
	const char *source; /* hostfs: path on the host; else the text for /proc/mounts */
	const char *options; /* of the type; "" = none */
	unsigned like_below; /* tmpfs: enum boot_like_below */
	uint64_t flags; /* MS_* that the guest sees; MS_RDONLY also makes the host's tree read-only */
	/* hostfs: ids on the disk are shown, and stored, as the maps say; mount_setattr(2) */
	bool idmap, idmap_below; /* below: what is mounted below as well */
	struct spec_idmap *uid_map, *gid_map; /* inside: on the disk; outside: the host's id that it is shown as */
	size_t nuid_map, ngid_map;
	bool overlay; /* hostfs: the host's overlay with these options, not the source */
	int mapped_fd; /* the mapped tree or the overlay, once it is made, or -1; mounts_map */
};

struct spec_rlimit {
	uint32_t resource;
	uint64_t cur, max;
};

struct spec_node {
	const char *path;
	uint32_t mode, uid, gid, major, minor;
};

/* What is added to a clock of the host. */
struct spec_offset {
	int64_t secs;
	uint32_t nanosecs;
};
enum { SPEC_CLOCK_MONOTONIC, SPEC_CLOCK_BOOTTIME, SPEC_CLOCKS };

enum spec_network {
	SPEC_NETWORK_NONE, /* a namespace of its own that stays empty: loopback inside the guest kernel */
	SPEC_NETWORK_NEW, /* a namespace of its own that others (hooks, plug-ins) may furnish */
	SPEC_NETWORK_PATH, /* the namespace behind network_path */
	SPEC_NETWORK_HOST, /* the caller's */
};

struct spec_setting;

struct spec_limits {
	int64_t memory, memory_swap, memory_low; /* bytes; SPEC_UNSET, or -1 = no limit */
	int64_t cpu_quota, cpu_period; /* microseconds */
	int64_t cpu_shares; /* cgroup v1's scale, 2..262144 */
	int64_t pids;
	const char *cpus, *mems; /* cpuset lists, or NULL */
	struct strings unified; /* cgroup v2: file, value, file, value */
	struct spec_setting *settings; /* sandbox/setting.h; in order */
	size_t nsettings;
	bool memory_check; /* v2: no limit below what is used already */
};
#define SPEC_UNSET INT64_MIN

struct spec {
	struct arena arena;
	enum spec_platform platform;

	/* the program */
	struct strings argv, env;
	const char *exec_path; /* NULL: argv[0], looked for in PATH */
	const char *cwd;
	uint32_t uid, gid, umask;
	uint64_t ignored_signals; /* bit = signal: ignored from the start */
	int nice;
	uint32_t sched_policy, sched_priority; /* sched(7) */
	bool sched_reset_on_fork;
	uint32_t ioprio; /* ioprio_set(2); 0 = by nice */
	uint32_t personality; /* personality(2) */
	uint64_t exec_cpus; /* programs of exec: bit = CPU; 0 = all */
	uint32_t *groups;
	size_t ngroups;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_ambient, cap_bounding;
	bool no_new_privs;
	struct sock_filter *seccomp; /* what the guest kernel makes of the program's calls; oci/seccomp.c */
	size_t seccomp_len;
	uint32_t seccomp_flags; /* SECCOMP_FILTER_FLAG_LOG, WAIT_KILLABLE_RECV */
	const char *seccomp_listener, *seccomp_metadata; /* socket of whom it asks, or NULL; what that one is told besides */
	int seccomp_fd; /* the guest kernel's end of abi/notify.h, once container/notify.c has made it, or -1 */
	const char *apparmor, *selinux; /* of the host processes; sandbox/lsm.h */
	unsigned stdio_closed; /* bit = one of 0, 1, 2 that the program gets closed */
	unsigned preserve_fds; /* descriptors 3 to this + 2 of ours go to the program */
	bool init_mortal; /* signals end the first process like any other, not as a PID 1 */
	unsigned rows, cols; /* of a terminal that is made for it; 0 = as it comes */
	bool want_terminal; /* refuse to start when stdin is none */
	struct spec_rlimit *rlimits;
	size_t nrlimits;
	bool has_oom_score_adj;
	int oom_score_adj;

	/* its world */
	const char *rootfs; /* directory on the host */
	bool root_overlay; /* rootfs is only read; changes stay in memory */
	bool root_readonly;
	struct spec_mount *mounts; /* in order, without "/" */
	size_t nmounts;
	const char *hostname, *domainname;
	enum spec_network network;
	const char *network_path;
	bool pid_shared; /* no PID namespace of its own is listed */
	const char *pid_path; /* the one to join, or NULL */
	struct strings own_names; /* warnings: namespaces that it has of its own, unless it joins a pod's sandbox */
	bool new_time_ns; /* asked for; it makes a difference with clocks */
	bool has_clocks; /* one of clocks is not 0 */
	struct spec_offset clocks[SPEC_CLOCKS];
	bool pod; /* other containers will join the sandbox */
	struct strings masked, readonly;
	struct strings sysctls; /* path below /proc/sys, value, path, value */
	struct spec_node *nodes;
	size_t nnodes;

	/* on the host */
	bool new_user_ns; /* asked for; limpet adds one when it has no privileges */
	const char *user_path; /* the namespace whose ids it is to have (userns_like), or NULL */
	struct spec_idmap *uid_map, *gid_map;
	size_t nuid_map, ngid_map;
	const char *own_uid_map, *own_gid_map; /* without new_user_ns: texts of the one an engine made for us, or NULL */
	struct spec_limits limits;
	const char *cgroup; /* path below the hierarchies' roots, or, relative, our own; NULL: a fresh one beside our own */
	bool cgroup_full; /* a group in every hierarchy, limits or not */
	bool cgroup_scope; /* systemd makes the group: cgroup is slice:prefix:name */
	bool cgroup_known; /* update: only groups that exist */
	unsigned cpus; /* CPUs the guest sees; 0 = the host's */
	bool wait_go; /* the first program waits for CONTROL_START */
	bool plain_stdio; /* a terminal as stdin is handed on as it is */

	/* debugging */
	bool strace;
	const char *strace_file; /* NULL = stderr */
	const char *debug_log; /* file, or NULL */
	bool stats;
	const char *stats_file; /* NULL = stderr */
	unsigned fail_alloc_every;
	unsigned defences_off, defences_on; /* enum boot_defence */
};

void spec_init(struct spec *spec);
void spec_free(struct spec *spec);
struct spec_mount *spec_add_mount(struct spec *spec, const char *type, const char *target, const char *source,
				  const char *options, uint64_t flags);
#define SPEC_PRESERVE_MAX 256
/* Takes the number of --preserve-fds: each of those has to be open, and something that a program can be given. */
int spec_preserve_fds(struct spec *spec, unsigned count, struct error *err);
/* Ours, once the sandbox has them. */
void spec_close_preserved(const struct spec *spec);
/* True when a limit is set that only a cgroup can keep. */
bool spec_wants_cgroup(const struct spec *spec);

#endif
