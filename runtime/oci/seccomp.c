/*
 * See seccomp.h. libseccomp makes the program. As clients know it from other runtimes: names of calls that libseccomp
 * does not know are left out, a call that is newer than all that the profile names is ENOSYS rather than its default error
 * (libraries ask for new calls and fall back on ENOSYS only), and several conditions on one argument are alternatives.
 */
#include "runtime/oci/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32 /* Linux 5.19 */
#endif
#define ARGS_MAX 6
#define X32_BIT 0x40000000u

static const struct field_row fields[] = {
	{"seccomp", "defaultAction", FIELD_USED, NULL},
	{"seccomp", "defaultErrnoRet", FIELD_USED, NULL},
	{"seccomp", "architectures", FIELD_USED, NULL},
	{"seccomp", "flags", FIELD_USED, NULL},
	{"seccomp", "syscalls", FIELD_USED, NULL},
	{"seccomp", "listenerPath", FIELD_USED, NULL},
	{"seccomp", "listenerMetadata", FIELD_USED, NULL},
	{"seccomp.syscalls[]", "names", FIELD_USED, NULL},
	{"seccomp.syscalls[]", "action", FIELD_USED, NULL},
	{"seccomp.syscalls[]", "errnoRet", FIELD_USED, NULL},
	{"seccomp.syscalls[]", "args", FIELD_USED, NULL},
	{"seccomp.args[]", "index", FIELD_USED, NULL},
	{"seccomp.args[]", "value", FIELD_USED, NULL},
	{"seccomp.args[]", "valueTwo", FIELD_USED, NULL},
	{"seccomp.args[]", "op", FIELD_USED, NULL},
	{0},
};

struct named {
	const char *name;
	uint32_t value;
};

static const struct named actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW}, {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)}, {"SCMP_ACT_TRAP", SCMP_ACT_TRAP}, {0},
};

static const struct named operators[] = {
	{"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_LE", SCMP_CMP_LE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{"SCMP_CMP_NE", SCMP_CMP_NE}, {0},
};

static const struct named archs[] = {
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64}, {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
	{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS}, {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32}, {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64}, {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC}, {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
	{"SCMP_ARCH_PPC", SCMP_ARCH_PPC}, {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE}, {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
	{"SCMP_ARCH_S390", SCMP_ARCH_S390}, {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32}, {"SCMP_ARCH_X86", SCMP_ARCH_X86}, {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64}, {0},
};

static const struct named flags[] = {
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV}, {0},
};

const char *oci_seccomp_action(size_t i) { return actions[i].name; }
const char *oci_seccomp_arch(size_t i) { return archs[i].name; }
const char *oci_seccomp_operator(size_t i) { return operators[i].name; }
const char *oci_seccomp_flag(size_t i) { return flags[i].name; }

static const struct named *find(const struct named *table, const char *name)
{
	while (table->name && strcmp(table->name, name))
		table++;
	return table->name ? table : NULL;
}

static int get_named(struct doc *d, const struct node *n, const char *key, const struct named *table, uint32_t *out)
{
	const char *name = NULL;
	const struct named *row;

	if (get_string(d, n, key, &name))
		return -1;
	if (!name)
		return doc_error(d, n->where, key, "is missing");
	row = find(table, name);
	if (!row)
		return doc_error(d, n->where, key, "%s is not supported", name);
	*out = row->value;
	return 0;
}

static int get_action(struct doc *d, const struct node *n, const char *key, const char *errno_key, uint32_t *out)
{
	int64_t value = EPERM;

	if (get_named(d, n, key, actions, out) || get_int(d, n, errno_key, 0, 0xffff, &value))
		return -1;
	if (*out == SCMP_ACT_ERRNO(0) || *out == SCMP_ACT_TRACE(0))
		*out |= (uint32_t)value;
	return 0;
}

/* All 64 bits; a document with a number past 2^63 has reals in its place, which are exact up to 2^53 only. */
static int get_u64(struct doc *d, const struct node *n, const char *key, uint64_t *out)
{
	json_t *value = json_object_get(n->json, key);
	int64_t number = 0;

	if (json_is_real(value) && json_real_value(value) == 18446744073709551616.0) {
		*out = UINT64_MAX;
		return 0;
	}
	if (json_is_real(value) && json_real_value(value) > 9007199254740992.0)
		return doc_error(d, n->where, key, "is too large for what stands in the same file");
	if (get_int(d, n, key, 0, INT64_MAX, &number))
		return -1;
	*out = (uint64_t)number;
	return 0;
}

struct conditions {
	struct scmp_arg_cmp cmp[64];
	unsigned count;
	bool alternatives; /* two are about the same argument */
};

static int load_conditions(struct doc *d, const struct node *rule, struct conditions *c)
{
	unsigned seen = 0;
	json_t *array;

	*c = (struct conditions){0};
	if (get_array(d, rule, "args", &array))
		return -1;
	if (json_array_size(array) > ARRAY_SIZE(c->cmp))
		return doc_error(d, rule->where, "args", "has more than %zu conditions", ARRAY_SIZE(c->cmp));
	for (size_t i = 0; i < json_array_size(array); i++) {
		uint64_t value = 0, two = 0;
		int64_t index = -1;
		uint32_t op;
		struct node n;

		if (get_element(d, rule, "args", array, i, &n) || check_fields(d, &n, "seccomp.args[]", fields) ||
		    get_int(d, &n, "index", 0, ARGS_MAX - 1, &index) || get_u64(d, &n, "value", &value) ||
		    get_u64(d, &n, "valueTwo", &two) || get_named(d, &n, "op", operators, &op))
			return -1;
		if (index < 0)
			return doc_error(d, n.where, "index", "is missing");
		c->alternatives |= seen >> index & 1;
		seen |= 1u << index;
		c->cmp[c->count++] = (struct scmp_arg_cmp){
			.arg = (unsigned)index, .op = (enum scmp_compare)op, .datum_a = value, .datum_b = two,
		};
	}
	return 0;
}

static int add_call(scmp_filter_ctx ctx, uint32_t action, int nr, const struct conditions *c)
{
	int rc = 0;

	if (!c->alternatives)
		return seccomp_rule_add_array(ctx, action, nr, c->count, c->cmp);
	for (unsigned i = 0; i < c->count && !rc; i++)
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &c->cmp[i]);
	return rc;
}

static int load_rule(struct doc *d, scmp_filter_ctx ctx, const struct node *n, uint32_t standard, int *newest)
{
	struct strings names = {0};
	struct conditions c;
	uint32_t action;

	if (check_fields(d, n, "seccomp.syscalls[]", fields) || get_strings(d, n, "names", &names) ||
	    get_action(d, n, "action", "errnoRet", &action) || load_conditions(d, n, &c))
		return -1;
	if (!names.count)
		return doc_error(d, n->where, "names", "names no system call");
	for (size_t i = 0; i < names.count; i++) {
		int nr = seccomp_syscall_resolve_name(names.items[i]), rc;

		if (nr == __NR_SCMP_ERROR)
			continue;
		if (nr > *newest)
			*newest = nr;
		rc = action == standard ? 0 : add_call(ctx, action, nr, &c);
		if (rc)
			return doc_error(d, n->where, "names", "no rule for %s can be made: %s", names.items[i], strerror(-rc));
	}
	return 0;
}

static int load_rules(struct doc *d, scmp_filter_ctx ctx, const struct node *n, uint32_t standard, int *newest)
{
	json_t *array;
	struct node rule;

	if (get_array(d, n, "syscalls", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++)
		if (get_element(d, n, "syscalls", array, i, &rule) || load_rule(d, ctx, &rule, standard, newest))
			return -1;
	return 0;
}

static int load_archs(struct doc *d, scmp_filter_ctx ctx, const struct node *n)
{
	struct strings names = {0};

	if (get_strings(d, n, "architectures", &names))
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		const struct named *row = find(archs, names.items[i]);
		int rc;

		if (!row)
			return doc_error(d, n->where, "architectures", "%s is not supported", names.items[i]);
		/* Those of other machines: a profile may list them, and no call is ever theirs. */
		if (row->value != SCMP_ARCH_X86 && row->value != SCMP_ARCH_X32)
			continue;
		rc = seccomp_arch_add(ctx, row->value);
		if (rc && rc != -EEXIST)
			return doc_error(d, n->where, "architectures", "%s: %s", row->name, strerror(-rc));
	}
	return 0;
}

static int load_flags(struct doc *d, const struct node *n)
{
	struct strings names = {0};

	if (get_strings(d, n, "flags", &names))
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		const struct named *row = find(flags, names.items[i]);

		if (!row)
			return doc_error(d, n->where, "flags", "%s is not supported", names.items[i]);
		/* The others mean nothing for a filter that is there before the first instruction. */
		d->spec->seccomp_flags |=
			row->value & (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	}
	return 0;
}

/* In front of libseccomp's: ENOSYS for what is newer than the profile. Returns the number of instructions. */
static size_t put_newer(struct sock_filter *to, int newest)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)newest, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(to, code, sizeof(code));
	return ARRAY_SIZE(code);
}

#define NEWER_LEN 6

/* The program of ctx, into the spec. */
static int export(struct doc *d, scmp_filter_ctx ctx, const struct node *n, bool newer, int newest)
{
	cleanup_close int fd = memfd_create("limpet-seccomp", MFD_CLOEXEC);
	struct spec *spec = d->spec;
	int rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	size_t head = newer ? NEWER_LEN : 0, len;
	struct stat st;

	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (rc)
		return doc_error(d, n->where, "syscalls", "no filter can be made: %s", strerror(-rc));
	len = (size_t)st.st_size / sizeof(struct sock_filter);
	if (!len || len + head > BPF_MAXINSNS)
		return doc_error(d, n->where, "syscalls", "make a filter of %zu instructions, more than %d", len + head,
				 BPF_MAXINSNS);
	spec->seccomp = arena_alloc(&spec->arena, (len + head) * sizeof(*spec->seccomp));
	if (head)
		put_newer(spec->seccomp, newest);
	if (pread(fd, spec->seccomp + head, (size_t)st.st_size, 0) != st.st_size)
		return doc_error(d, n->where, "syscalls", "the filter cannot be read back");
	spec->seccomp_len = len + head;
	return 0;
}

/* Whom SCMP_ACT_NOTIFY asks; without a rule that does, nobody. */
static int load_listener(struct doc *d, const struct node *n)
{
	struct spec *spec = d->spec;
	const char *path = NULL, *metadata = NULL;
	bool asks = false;

	if (get_string(d, n, "listenerPath", &path) || get_string(d, n, "listenerMetadata", &metadata))
		return -1;
	for (size_t i = 0; i < spec->seccomp_len; i++)
		asks |= spec->seccomp[i].code == (BPF_RET | BPF_K) &&
			(spec->seccomp[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
	if (!path || !*path) {
		if (metadata && *metadata)
			return doc_error(d, n->where, "listenerMetadata", "is given without listenerPath");
		return asks ? doc_error(d, n->where, "listenerPath", "is missing: SCMP_ACT_NOTIFY asks who listens there") : 0;
	}
	if (*path != '/')
		return doc_error(d, n->where, "listenerPath", "is not an absolute path");
	spec->seccomp_listener = asks ? path : NULL;
	spec->seccomp_metadata = metadata;
	return 0;
}

static int make(struct doc *d, scmp_filter_ctx ctx, const struct node *n, uint32_t standard)
{
	bool newer = (standard & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	int newest = -1;

	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2))
		return doc_error(d, n->where, "syscalls", "libseccomp cannot order them");
	if (load_archs(d, ctx, n) || load_flags(d, n) || load_rules(d, ctx, n, standard, &newest))
		return -1;
	return export(d, ctx, n, newer && newest >= 0, newest) || load_listener(d, n) ? -1 : 0;
}

int oci_seccomp_load(struct doc *d, const struct node *linux_)
{
	scmp_filter_ctx ctx;
	uint32_t standard;
	struct node n;
	int rc;

	if (get_object(d, linux_, "seccomp", &n))
		return -1;
	if (!n.json)
		return 0;
	if (check_fields(d, &n, "seccomp", fields) || get_action(d, &n, "defaultAction", "defaultErrnoRet", &standard))
		return -1;
	ctx = seccomp_init(standard);
	if (!ctx)
		return doc_error(d, n.where, "defaultAction", "libseccomp refuses it");
	rc = make(d, ctx, &n, standard);
	seccomp_release(ctx);
	return rc;
}
