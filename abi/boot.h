/*
 * The boot block: what the runtime tells the guest kernel. A memfd at descriptor BOOT_FD of kserver: this header, then
 * arrays and 0-terminated strings, addressed by offsets from its start (0 = absent). Written by the runtime
 * (trusted by the kernel); read once at boot. Both sides refuse another version.
 */
#ifndef LIMPET_ABI_BOOT_H
#define LIMPET_ABI_BOOT_H

#include <stdint.h>

#define BOOT_FD 3
#define BOOT_MAGIC 0x74706d6cu /* "lmpt" */
#define BOOT_VERSION 2u
#define BOOT_CODE_KEY 3 /* the protection key of code that is run and not read: the third that the pkey gate gets */

enum boot_platform { BOOT_PLATFORM_PKEY = 1, BOOT_PLATFORM_PLAIN = 2 };

/* Whose network the sandbox has. HOST: that of the host's network namespace in which kserver was started. */
enum boot_network { BOOT_NETWORK_NONE, BOOT_NETWORK_HOST };

/* What a test can switch off in a debug build, to see that its attack succeeds without it. */
enum boot_defence {
	DEFENCE_SCAN = 1 << 0, /* executable pages are looked at for forbidden instructions */
	DEFENCE_WX = 1 << 1, /* no page is writable and executable at once */
	DEFENCE_COPY = 1 << 2, /* executable pages that others could change are copied first */
	DEFENCE_FRAME = 1 << 3, /* signal entry believes one frame only */
	DEFENCE_RIGHTS = 1 << 4, /* the comparison behind the gate's WRPKRU and XRSTOR */
	DEFENCE_RANGE = 1 << 5, /* user pointers end below TASK_SIZE; memory calls keep to the program's part */
	DEFENCE_DISPATCH = 1 << 6, /* syscall user dispatch blocks in program mode */
	DEFENCE_FILTER = 1 << 7, /* seccomp */
	DEFENCE_KEYS = 1 << 8, /* program mode has no rights to the kernel's keys */
	DEFENCE_CALLS = 1 << 9, /* no program chooses a host call: off, sys/dispatch.h has DEBUG_HOST_CALL */
};
#define DEFENCE_NAMES "scan", "wx", "copy", "frame", "rights", "range", "dispatch", "filter", "keys", "calls"

enum boot_tree {
	BOOT_TREE_SHARED = 1, /* others may change it behind the sandbox: nothing is cached beyond a call */
	BOOT_TREE_ALONE = 2, /* nothing is mounted below: containers that mount the same have one instance of it */
};

/* A file tree or file of the host that the guest mounts, or a memory file system. In order of mounting. */
struct boot_mount {
	uint32_t type; /* offset of "overlay", "hostfs", "tmpfs", "proc", "sysfs", "devtmpfs", "devpts", "mqueue" */
	uint32_t target; /* offset of an absolute path in the guest; "/" first */
	uint32_t source; /* offset of the text shown in /proc/mounts */
	uint32_t options; /* offset of the type's options ("size=65536k,mode=1777") */
	int32_t host_fd; /* hostfs: O_PATH descriptor of the tree or file; overlay: of its lower tree; else -1 */
	int32_t host_upper_fd; /* overlay: -1 = upper layer in memory */
	uint64_t flags; /* MS_* of mount(2) */
	uint32_t shared; /* enum boot_tree bits */
	uint32_t create; /* 1 = make the target (directory or file) when it is missing */
	uint32_t like_below, pad; /* tmpfs: enum boot_like_below */
};

/* What a tmpfs has of the directory that it covers. */
enum boot_like_below {
	BOOT_EMPTY,
	BOOT_MODE, /* its mode, unless the options name one */
	BOOT_COPY, /* that, and a copy of what is in it */
};

/* A device file to make after mounting; one that no driver of the guest serves cannot be opened. */
struct boot_node {
	uint32_t path; /* offset of an absolute path in the guest */
	uint32_t mode; /* with the type */
	uint32_t uid, gid, major, minor;
};

struct boot_rlimit {
	uint32_t resource, pad;
	uint64_t cur, max;
};

struct boot_env {
	uint32_t value; /* offset of "NAME=value" */
};

/* Settings of a terminal, termios(3), with Linux's flags and character numbers. */
struct boot_termios {
	uint32_t known; /* 0 = use those of a fresh terminal */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t cc[19], pad;
};
_Static_assert(sizeof(struct boot_termios) == 40, "boot_termios layout");

struct boot_block {
	uint32_t magic, version, size, platform;

	/* descriptors in kserver; -1 = none */
	int32_t control_fd; /* SOCK_SEQPACKET, see abi/control.h */
	int32_t log_fd; /* --debug-log */
	int32_t strace_fd; /* --strace */
	int32_t stdio_fd[3]; /* become the program's 0, 1, 2 */
	int32_t host_proc_fd; /* O_PATH of a procfs of the sandbox's PID namespace, for accounting; or -1 */
	uint32_t init_mortal; /* 1 = signals end the first process like any other, as the user of a command expects */

	/* the program */
	uint32_t argc, argv; /* count, offset of uint32_t[argc] string offsets */
	uint32_t envc, envp;
	uint32_t cwd;
	uint32_t exec_path; /* 0 = search argv[0] in PATH of envp */
	uint32_t uid, gid, umask;
	uint32_t ngroups, groups; /* offset of uint32_t[ngroups] */
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_ambient, cap_bounding;
	uint32_t no_new_privs;
	uint32_t terminal; /* 1 = stdio_fd[0] is a terminal in raw mode: make it the controlling terminal */
	uint32_t rows, cols;
	struct boot_termios termios;
	uint32_t nrlimits, rlimits; /* offset of struct boot_rlimit[] */
	uint64_t ignored_signals; /* bit = signal: ignored from the start, as inherited over exec(2) */
	int32_t nice;
	int32_t oom_score_adj;
	uint32_t sched_policy, sched_priority, sched_reset_on_fork; /* sched(7) */
	uint32_t ioprio; /* as ioprio_set(2) takes it; 0 = by nice */
	uint32_t personality; /* personality(2) */
	uint32_t pad1;
	uint64_t affinity; /* CPUs it may run on: bit = number; 0 = all that the guest sees */
	uint32_t cpus; /* CPUs the guest sees; 0 = as the host */
	uint32_t wait_go; /* 1 = the first program waits for CONTROL_START */
	/* seccomp filter that the program begins with (struct sock_filter[]): instructions, offset; flags of seccomp(2) */
	uint32_t seccomp_len, seccomp, seccomp_flags;
	int32_t seccomp_fd; /* SECCOMP_FILTER_FLAG_NEW_LISTENER: a socket, abi/notify.h; else -1 */
	uint32_t npreserved, preserved; /* offset of int32_t[]: become its 3, 4, ...; -1 = stays closed */

	/* the world */
	uint32_t hostname, domainname;
	uint32_t nmounts, mounts; /* offset of struct boot_mount[] */
	uint64_t memory_limit; /* bytes shown as total memory; 0 = the host's */
	uint32_t nmasked, masked; /* offset of uint32_t[] path offsets: hidden after mounting */
	uint32_t nreadonly, readonly;
	uint32_t nnodes, nodes; /* offset of struct boot_node[] */
	uint32_t uid_map, gid_map; /* offsets of the texts of /proc/PID/uid_map, gid_map; 0 = every id is itself */
	/* The container's own limits, as cgroupfs shows them: bytes, microseconds, v1's shares. Below 0 = none. */
	int64_t group_memory, group_swap, group_quota, group_period, group_shares, group_pids;
	uint32_t group_v1, pad2; /* 1 = the host's controllers are v1's: their directories are shown as well */
	uint32_t network; /* enum boot_network */
	uint32_t nsysctls, sysctls; /* offset of uint32_t[] offsets: path below /proc/sys, value, path, value */
	uint32_t pad0;

	/* seccomp programs (struct sock_filter[]), installed by the kernel itself */
	uint32_t guest_filter_len, guest_filter; /* instructions, offset: for processes that run programs */
	uint32_t server_filter_len, server_filter; /* for kserver */

	/* debugging */
	uint32_t fail_alloc_every; /* debug builds */
	uint32_t defences_off; /* debug builds: enum boot_defence; others refuse to boot */
	uint32_t defences_on; /* debug builds: those that the platform does not need by itself */
	uint32_t stats; /* 1 = CONTROL_STATS at the end */
	uint32_t pad3;
	uint64_t random_seed[4];
};
_Static_assert(sizeof(struct boot_mount) == 48, "boot_mount layout");
_Static_assert(sizeof(struct boot_block) % 8 == 0, "boot_block layout");

#endif
