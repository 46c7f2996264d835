/* See boot.h. */
#include "runtime/sandbox/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>

#include "runtime/sandbox/cgroup.h"

#define BOOT_BLOCK_MAX (64u << 20)

/* The block while it grows. Once something was refused it stays as it is. */
struct blob {
	char *data;
	size_t len, room;
	bool failed;
};

/* Room for size bytes, zeroed, 8-aligned when size is; returns the offset. The block may move. */
static uint32_t blob_reserve(struct blob *b, size_t size, size_t align)
{
	size_t at = (b->len + align - 1) & ~(align - 1);

	if (b->failed || size > BOOT_BLOCK_MAX - at) {
		b->failed = true;
		return 0;
	}
	if (at + size > b->room) {
		size_t room = (at + size) * 2;
		char *data = realloc(b->data, room);

		if (!data) {
			b->failed = true;
			return 0;
		}
		b->data = data;
		b->room = room;
	}
	memset(b->data + b->len, 0, at + size - b->len);
	b->len = at + size;
	return (uint32_t)at;
}

static uint32_t blob_put(struct blob *b, const void *data, size_t size, size_t align)
{
	uint32_t at = blob_reserve(b, size, align);

	if (at && size)
		memcpy(b->data + at, data, size);
	return at;
}

static uint32_t blob_string(struct blob *b, const char *s)
{
	return s ? blob_put(b, s, strlen(s) + 1, 1) : 0;
}

/* An array of string offsets; its own offset, or 0 for an empty list. */
static uint32_t blob_strings(struct blob *b, const struct strings *list)
{
	uint32_t at;

	if (!list->count)
		return 0;
	at = blob_reserve(b, list->count * sizeof(uint32_t), 8);
	for (size_t i = 0; i < list->count; i++) {
		uint32_t s = blob_string(b, list->items[i]);

		if (at && s)
			memcpy(b->data + at + i * sizeof(s), &s, sizeof(s));
	}
	return at;
}

static struct boot_mount root_mount(struct blob *b, const struct spec *spec, const struct mount_tree *tree)
{
	return (struct boot_mount){
		.type = blob_string(b, spec->root_overlay ? "overlay" : "hostfs"),
		.target = blob_string(b, "/"),
		.source = blob_string(b, spec->root_overlay ? "overlay" : "rootfs"),
		.options = blob_string(b, ""),
		.host_fd = tree->fd,
		.host_upper_fd = -1,
		.flags = spec->root_readonly ? MS_RDONLY : 0,
	};
}

static uint32_t put_mounts(struct blob *b, const struct spec *spec, const struct boot_facts *facts)
{
	uint32_t at = blob_reserve(b, (spec->nmounts + 1) * sizeof(struct boot_mount), 8);
	const struct mount_tree *tree = facts->trees;

	for (size_t i = 0; i <= spec->nmounts; i++) {
		struct boot_mount bm;

		if (i == 0) {
			bm = root_mount(b, spec, tree++);
		} else {
			const struct spec_mount *m = &spec->mounts[i - 1];
			bool hostfs = !strcmp(m->type, "hostfs"), alone = hostfs && tree->alone;

			bm = (struct boot_mount){
				.type = blob_string(b, m->type),
				.target = blob_string(b, m->target),
				.source = blob_string(b, m->source),
				.options = blob_string(b, m->options),
				.host_fd = hostfs ? tree++->fd : -1,
				.host_upper_fd = -1,
				.flags = m->flags,
				.shared = hostfs ? BOOT_TREE_SHARED | (alone ? BOOT_TREE_ALONE : 0) : 0,
				.create = 1,
				.like_below = m->like_below,
			};
		}
		if (!b->failed)
			memcpy(b->data + at + i * sizeof(bm), &bm, sizeof(bm));
	}
	return at;
}

static void fill_program(struct boot_block *bb, struct blob *b, const struct spec *spec)
{
	bb->argc = (uint32_t)spec->argv.count;
	bb->argv = blob_strings(b, &spec->argv);
	bb->envc = (uint32_t)spec->env.count;
	bb->envp = blob_strings(b, &spec->env);
	bb->exec_path = spec->exec_path ? blob_string(b, spec->exec_path) : 0;
	bb->cwd = blob_string(b, spec->cwd);
	bb->uid = spec->uid;
	bb->gid = spec->gid;
	bb->umask = spec->umask;
	bb->ngroups = (uint32_t)spec->ngroups;
	if (spec->ngroups)
		bb->groups = blob_put(b, spec->groups, spec->ngroups * sizeof(*spec->groups), 8);
	bb->cap_permitted = spec->cap_permitted;
	bb->cap_effective = spec->cap_effective;
	bb->cap_inheritable = spec->cap_inheritable;
	bb->cap_ambient = spec->cap_ambient;
	bb->cap_bounding = spec->cap_bounding;
	bb->no_new_privs = spec->no_new_privs;
	bb->ignored_signals = spec->ignored_signals;
	bb->nice = spec->nice;
	bb->sched_policy = spec->sched_policy;
	bb->sched_priority = spec->sched_priority;
	bb->sched_reset_on_fork = spec->sched_reset_on_fork;
	bb->ioprio = spec->ioprio;
	bb->personality = spec->personality;
	bb->oom_score_adj = spec->oom_score_adj;
	bb->seccomp_len = (uint32_t)spec->seccomp_len;
	bb->seccomp_flags = spec->seccomp_flags;
	bb->seccomp_fd = -1;
	if (spec->seccomp_len)
		bb->seccomp = blob_put(b, spec->seccomp, spec->seccomp_len * sizeof(*spec->seccomp), 8);
	bb->nrlimits = (uint32_t)spec->nrlimits;
	if (!spec->nrlimits)
		return;
	bb->rlimits = blob_reserve(b, spec->nrlimits * sizeof(struct boot_rlimit), 8);
	for (size_t i = 0; bb->rlimits && i < spec->nrlimits; i++) {
		const struct spec_rlimit *r = &spec->rlimits[i];
		struct boot_rlimit out = {.resource = r->resource, .cur = r->cur, .max = r->max};

		memcpy(b->data + bb->rlimits + i * sizeof(out), &out, sizeof(out));
	}
}

static void put_nodes(struct boot_block *bb, struct blob *b, const struct spec *spec)
{
	bb->nnodes = (uint32_t)spec->nnodes;
	if (!spec->nnodes)
		return;
	bb->nodes = blob_reserve(b, spec->nnodes * sizeof(struct boot_node), 8);
	for (size_t i = 0; i < spec->nnodes; i++) {
		const struct spec_node *n = &spec->nodes[i];
		struct boot_node out = {
			.path = blob_string(b, n->path), .mode = n->mode, .uid = n->uid, .gid = n->gid, .major = n->major,
			.minor = n->minor,
		};

		if (!b->failed)
			memcpy(b->data + bb->nodes + i * sizeof(out), &out, sizeof(out));
	}
}

/* As /proc/PID/uid_map shows it; nothing of a user namespace that was only limpet's own need. */
static uint32_t put_map(struct blob *b, const struct spec *spec, const struct spec_idmap *map, size_t n,
			const char *own)
{
	char text[4096];
	size_t used = 0;

	if (!spec->new_user_ns)
		return own ? blob_put(b, own, strlen(own) + 1, 1) : 0;
	for (size_t i = 0; i < n && used < sizeof(text) - 40; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%10u %10u %10u\n", map[i].inside, map[i].outside,
					 map[i].count);
	return n ? blob_put(b, text, used + 1, 1) : 0;
}

static int64_t or_none(int64_t value) { return value == SPEC_UNSET || value < 0 ? -1 : value; }

static void fill_group(struct boot_block *bb, const struct spec *spec)
{
	const struct spec_limits *l = &spec->limits;

	bb->group_memory = or_none(l->memory);
	bb->group_swap = or_none(l->memory_swap);
	bb->group_quota = or_none(l->cpu_quota);
	bb->group_period = l->cpu_period > 0 ? l->cpu_period : 100000;
	bb->group_shares = or_none(l->cpu_shares);
	bb->group_pids = l->pids > 0 ? l->pids : -1;
	bb->group_v1 = strcmp(cgroup_layout(), "v2") != 0;
}

static void fill_world(struct boot_block *bb, struct blob *b, const struct spec *spec, const struct boot_facts *facts)
{
	bb->cpus = spec->cpus;
	bb->hostname = blob_string(b, spec->hostname);
	bb->domainname = blob_string(b, spec->domainname);
	bb->nmounts = (uint32_t)spec->nmounts + 1;
	bb->mounts = put_mounts(b, spec, facts);
	bb->memory_limit = spec->limits.memory > 0 ? (uint64_t)spec->limits.memory : 0;
	bb->nmasked = (uint32_t)spec->masked.count;
	bb->masked = blob_strings(b, &spec->masked);
	bb->nreadonly = (uint32_t)spec->readonly.count;
	bb->readonly = blob_strings(b, &spec->readonly);
	bb->nsysctls = (uint32_t)spec->sysctls.count;
	bb->sysctls = blob_strings(b, &spec->sysctls);
	put_nodes(bb, b, spec);
	bb->uid_map = put_map(b, spec, spec->uid_map, spec->nuid_map, spec->own_uid_map);
	bb->gid_map = put_map(b, spec, spec->gid_map, spec->ngid_map, spec->own_gid_map);
	fill_group(bb, spec);
}

static void fill_filters(struct boot_block *bb, struct blob *b, const struct boot_facts *facts)
{
	bb->guest_filter_len = (uint32_t)facts->guest_filter->len;
	bb->guest_filter = blob_put(b, facts->guest_filter->code,
				    facts->guest_filter->len * sizeof(struct sock_filter), 8);
	bb->server_filter_len = (uint32_t)facts->server_filter->len;
	bb->server_filter = blob_put(b, facts->server_filter->code,
				     facts->server_filter->len * sizeof(struct sock_filter), 8);
}

/* The finished block as a sealed memfd. */
static int seal_block(struct blob *b, struct boot_block *bb, struct error *err)
{
	cleanup_close int fd = -1;

	blob_reserve(b, 1, 1); /* the block ends in a 0 whatever comes last */
	if (b->failed)
		return error_set(err, "arguments and environment are too long");
	bb->size = (uint32_t)b->len;
	memcpy(b->data, bb, sizeof(*bb));
	fd = memfd_create("limpet-boot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || write_all(fd, b->data, b->len) || lseek(fd, 0, SEEK_SET) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK))
		return error_errno(err, "writing the boot block");
	return steal_fd(&fd);
}

int boot_program_memfd(const struct spec *spec, bool terminal, unsigned rows, unsigned cols, size_t *size,
		       struct error *err)
{
	struct boot_block bb = {
		.magic = BOOT_MAGIC,
		.version = BOOT_VERSION,
		.terminal = terminal,
		.rows = rows,
		.cols = cols,
		.affinity = spec->exec_cpus,
	};
	struct blob b = {0};
	int fd;

	blob_reserve(&b, sizeof(bb), 8);
	fill_program(&bb, &b, spec);
	bb.npreserved = spec->preserve_fds;
	if (spec->preserve_fds) {
		int32_t later[SPEC_PRESERVE_MAX]; /* their numbers are known where they arrive */

		memset(later, -1, sizeof(later));
		bb.preserved = blob_put(&b, later, spec->preserve_fds * sizeof(*later), 8);
	}
	fd = seal_block(&b, &bb, err);
	*size = b.len;
	free(b.data);
	return fd;
}

int boot_block_memfd(const struct spec *spec, const struct boot_facts *facts, struct error *err)
{
	struct boot_block bb = {
		.magic = BOOT_MAGIC,
		.version = BOOT_VERSION,
		.platform = facts->platform,
		.control_fd = facts->control_fd,
		.log_fd = facts->log_fd,
		.strace_fd = facts->strace_fd,
		.stdio_fd = {0, 1, 2},
		.host_proc_fd = facts->host_proc_fd,
		.terminal = facts->terminal,
		.init_mortal = spec->init_mortal,
		.wait_go = spec->wait_go,
		.rows = facts->rows,
		.cols = facts->cols,
		.termios = facts->termios,
		.fail_alloc_every = spec->fail_alloc_every,
		.stats = spec->stats,
		.network = spec->network == SPEC_NETWORK_NONE ? BOOT_NETWORK_NONE : BOOT_NETWORK_HOST,
		.defences_off = spec->defences_off,
		.defences_on = spec->defences_on,
	};
	struct blob b = {0};
	int rc;

	for (int i = 0; i <= 2; i++)
		if (spec->stdio_closed & 1u << i)
			bb.stdio_fd[i] = -1;
	if (getrandom(bb.random_seed, sizeof(bb.random_seed), 0) != sizeof(bb.random_seed))
		return error_errno(err, "getrandom");
	blob_reserve(&b, sizeof(bb), 8);
	fill_program(&bb, &b, spec);
	bb.seccomp_fd = facts->seccomp_fd;
	bb.npreserved = spec->preserve_fds;
	if (spec->preserve_fds)
		bb.preserved = blob_put(&b, facts->preserved, spec->preserve_fds * sizeof(int32_t), 8);
	fill_world(&bb, &b, spec, facts);
	fill_filters(&bb, &b, facts);
	rc = seal_block(&b, &bb, err);
	free(b.data);
	return rc;
}

int boot_container_memfd(const struct spec *spec, const struct boot_facts *facts, size_t ntrees, size_t *size,
			 struct error *err)
{
	cleanup_free struct mount_tree *numbered = calloc(ntrees, sizeof(*numbered));
	struct boot_facts own = *facts;
	struct boot_block bb = {
		.magic = BOOT_MAGIC,
		.version = BOOT_VERSION,
		.terminal = facts->terminal,
		.rows = facts->rows,
		.cols = facts->cols,
		.wait_go = 1,
	};
	struct blob b = {0};
	int fd;

	if (!numbered)
		return error_errno(err, "allocating mounts");
	for (size_t i = 0; i < ntrees; i++)
		numbered[i] = (struct mount_tree){.fd = (int)i, .alone = facts->trees[i].alone};
	own.trees = numbered;
	blob_reserve(&b, sizeof(bb), 8);
	fill_program(&bb, &b, spec);
	fill_world(&bb, &b, spec, &own);
	fd = seal_block(&b, &bb, err);
	*size = b.len;
	free(b.data);
	return fd;
}
