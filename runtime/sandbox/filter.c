/* Builds the seccomp programs and reads them back: see filter.h. */
#include "runtime/sandbox/filter.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi/layout.h"
#include "runtime/lib/util.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define X32_BIT 0x40000000u

enum host_who { HOST_GUEST, HOST_ASKED, HOST_NETWORK, HOST_SERVER, HOST_BOOT };

static const struct host_row {
	int nr;
	const char *name;
	enum host_who who;
} host_rows[] = {
#define HOST_CALL(name, who) {SYS_##name, #name, who},
#include "kernel/gate/host_calls.h"
#undef HOST_CALL
};

/*
 * Argument rules. A call that is named here is allowed only when one of its rules holds: (argument & mask) == value.
 * A second condition on another argument may follow, and a third.
 */
struct arg_rule {
	int nr;
	unsigned arg;
	uint64_t mask, value;
	int arg2; /* -1 = none */
	uint64_t value2;
	int arg3; /* 0 or -1 = none */
	uint64_t value3;
};
#define EXACT UINT64_MAX
#define ONE(call, arg, mask, value) {SYS_##call, arg, mask, value, -1, 0, -1, 0}

/* Everything that clone may be asked for: threads and processes of the sandbox, never a namespace. */
#define CLONE_ALLOWED                                                                                         \
	(0xffull | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |          \
	 CLONE_SETTLS | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |       \
	 CLONE_VFORK)

/* Sockets of a given network: TCP, UDP, ping, never blocking; and the namespace's tables. Nothing raw, no unix sockets. */
#define SOCKET(family, type, protocol)                                                                          \
	{SYS_socket, 0, EXACT, family, 1, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 2, protocol}
#define OPTION(call, level, name) {SYS_##call, 1, EXACT, level, 2, name, -1, 0}

#define WX (PROT_WRITE | PROT_EXEC)
#define NO_WX(call, arg) ONE(call, arg, WX, 0), ONE(call, arg, WX, PROT_WRITE), ONE(call, arg, WX, PROT_EXEC)

static const struct arg_rule arg_rules[] = {
	NO_WX(mmap, 2),
	NO_WX(pkey_mprotect, 2),
	ONE(clone, 0, ~CLONE_ALLOWED, 0),
	ONE(mknodat, 2, S_IFMT, 0), /* no device nodes but overlay's whiteouts */
	{SYS_mknodat, 2, S_IFMT, S_IFCHR, 3, 0, -1, 0},
	{SYS_mknodat, 2, S_IFMT, S_IFBLK, 3, 0, -1, 0}, /* the host refuses it */
	ONE(mknodat, 2, S_IFMT, S_IFREG),
	ONE(mknodat, 2, S_IFMT, S_IFIFO),
	ONE(mknodat, 2, S_IFMT, S_IFSOCK),
	ONE(seccomp, 0, EXACT, SECCOMP_SET_MODE_FILTER),
	ONE(prctl, 0, EXACT, PR_SET_SYSCALL_USER_DISPATCH),
	ONE(prctl, 0, EXACT, PR_SET_NAME),
	{SYS_prctl, 0, EXACT, PR_SET_DUMPABLE, 1, 0, -1, 0},
	ONE(prctl, 0, EXACT, PR_SET_PDEATHSIG),
	ONE(prctl, 0, EXACT, PR_SET_NO_NEW_PRIVS),
	ONE(prctl, 0, EXACT, PR_SET_SECCOMP),
	ONE(prctl, 0, EXACT, PR_SET_THP_DISABLE),
	ONE(arch_prctl, 0, EXACT, ARCH_SET_GS),
	ONE(arch_prctl, 0, EXACT, ARCH_SET_FS),
	ONE(arch_prctl, 0, EXACT, ARCH_GET_FS),
	ONE(arch_prctl, 0, EXACT, ARCH_GET_GS),
	/* Terminals and regular files; above all not TIOCSTI and TIOCLINUX, which act on the caller's shell. */
	ONE(ioctl, 1, EXACT, TCGETS),
	ONE(ioctl, 1, EXACT, TCSETS),
	ONE(ioctl, 1, EXACT, TCSETSW),
	ONE(ioctl, 1, EXACT, TCSETSF),
	ONE(ioctl, 1, EXACT, TCSBRK),
	ONE(ioctl, 1, EXACT, TCXONC),
	ONE(ioctl, 1, EXACT, TCFLSH),
	ONE(ioctl, 1, EXACT, TIOCGWINSZ),
	ONE(ioctl, 1, EXACT, TIOCSWINSZ),
	ONE(ioctl, 1, EXACT, TIOCOUTQ),
	ONE(ioctl, 1, EXACT, FIONREAD),
	ONE(ioctl, 1, EXACT, FIONBIO),
	ONE(ioctl, 1, EXACT, 0x40049409), /* FICLONE */
	ONE(ioctl, 1, EXACT, 0x4020940d), /* FICLONERANGE */
	ONE(ioctl, 1, EXACT, 0x80086601), /* FS_IOC_GETFLAGS */
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	{SYS_socket, 0, EXACT, AF_NETLINK, 1, SOCK_RAW | SOCK_CLOEXEC, 2, NETLINK_ROUTE},
	ONE(accept4, 3, EXACT, SOCK_NONBLOCK | SOCK_CLOEXEC),
	OPTION(getsockopt, SOL_SOCKET, SO_ERROR),
	OPTION(getsockopt, IPPROTO_TCP, TCP_INFO),
	OPTION(setsockopt, SOL_SOCKET, SO_REUSEADDR),
	OPTION(setsockopt, SOL_SOCKET, SO_REUSEPORT),
	OPTION(setsockopt, SOL_SOCKET, SO_KEEPALIVE),
	OPTION(setsockopt, SOL_SOCKET, SO_BROADCAST),
	OPTION(setsockopt, SOL_SOCKET, SO_LINGER),
	OPTION(setsockopt, SOL_SOCKET, SO_OOBINLINE),
	OPTION(setsockopt, SOL_SOCKET, SO_SNDBUF),
	OPTION(setsockopt, SOL_SOCKET, SO_RCVBUF),
	OPTION(setsockopt, SOL_SOCKET, SO_RCVLOWAT),
	OPTION(setsockopt, SOL_SOCKET, SO_BINDTODEVICE),
	OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY),
	OPTION(setsockopt, IPPROTO_TCP, TCP_CORK),
	OPTION(setsockopt, IPPROTO_TCP, TCP_QUICKACK),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(setsockopt, IPPROTO_TCP, TCP_USER_TIMEOUT),
	OPTION(setsockopt, IPPROTO_TCP, TCP_DEFER_ACCEPT),
	OPTION(setsockopt, IPPROTO_TCP, TCP_MAXSEG),
	OPTION(setsockopt, IPPROTO_TCP, TCP_SYNCNT),
	OPTION(setsockopt, IPPROTO_TCP, TCP_NOTSENT_LOWAT),
	OPTION(setsockopt, IPPROTO_IP, IP_TOS),
	OPTION(setsockopt, IPPROTO_IP, IP_TTL),
	OPTION(setsockopt, IPPROTO_IP, IP_PKTINFO),
	OPTION(setsockopt, IPPROTO_IP, IP_RECVTTL),
	OPTION(setsockopt, IPPROTO_IP, IP_RECVTOS),
	OPTION(setsockopt, IPPROTO_IP, IP_RECVERR),
	OPTION(setsockopt, IPPROTO_IP, IP_MTU_DISCOVER),
	OPTION(setsockopt, IPPROTO_IP, IP_MULTICAST_TTL),
	OPTION(setsockopt, IPPROTO_IP, IP_MULTICAST_LOOP),
	OPTION(setsockopt, IPPROTO_IP, IP_MULTICAST_IF),
	OPTION(setsockopt, IPPROTO_IP, IP_ADD_MEMBERSHIP),
	OPTION(setsockopt, IPPROTO_IP, IP_DROP_MEMBERSHIP),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_V6ONLY),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_TCLASS),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_RECVPKTINFO),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_RECVTCLASS),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_RECVERR),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_MULTICAST_LOOP),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_MULTICAST_IF),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP),
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP),
};

static int add_row(scmp_filter_ctx ctx, const struct host_row *row)
{
	bool ruled = false;

	for (size_t i = 0; i < ARRAY_SIZE(arg_rules); i++) {
		const struct arg_rule *r = &arg_rules[i];
		struct scmp_arg_cmp cmp[3];
		unsigned n = 1;
		int rc;

		if (r->nr != row->nr)
			continue;
		ruled = true;
		cmp[0] = r->mask == EXACT ? SCMP_CMP64(r->arg, SCMP_CMP_EQ, r->value)
					  : SCMP_CMP64(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value);
		if (r->arg2 >= 0)
			cmp[n++] = SCMP_CMP64((unsigned)r->arg2, SCMP_CMP_EQ, r->value2);
		if (r->arg3 > 0)
			cmp[n++] = SCMP_CMP64((unsigned)r->arg3, SCMP_CMP_EQ, r->value3);
		rc = seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, row->nr, n, cmp);
		if (rc)
			return rc;
	}
	return ruled ? 0 : seccomp_rule_add_exact(ctx, SCMP_ACT_ALLOW, row->nr, 0);
}

/* What libseccomp makes of the rows, with `front` empty instructions before it. */
static int export_rows(scmp_filter_ctx ctx, struct filter *filter, size_t front, struct error *err)
{
	cleanup_close int fd = memfd_create("limpet-filter", MFD_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0)
		return error_errno(err, "memfd_create for the seccomp filter");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc) {
		errno = -rc;
		return error_errno(err, "libseccomp cannot export the filter");
	}
	if (fstat(fd, &st))
		return error_errno(err, "fstat of the seccomp filter");
	filter->len = front + (size_t)st.st_size / sizeof(*filter->code);
	filter->code = calloc(filter->len, sizeof(*filter->code));
	if (!filter->code || filter->len > BPF_MAXINSNS)
		return error_set(err, "the seccomp filter is too long (%zu instructions)", filter->len);
	if (pread(fd, filter->code + front, (size_t)st.st_size, 0) != st.st_size)
		return error_errno(err, "reading the seccomp filter back");
	return 0;
}

static bool has_row(const struct host_row *row, enum filter_kind kind)
{
	switch (row->who) {
	case HOST_GUEST:
		return true;
	case HOST_NETWORK:
		return kind == FILTER_SERVER_NETWORK;
	case HOST_BOOT:
		return false;
	default:
		return kind != FILTER_GUEST;
	}
}

int filter_build(struct filter *filter, enum filter_kind kind, uint64_t text_size, struct error *err)
{
	/* instruction_pointer is the address behind the syscall instruction: the text's end itself is possible. */
	const struct sock_filter prologue[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KERNEL_BASE >> 32, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(KERNEL_BASE + text_size), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)KERNEL_BASE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	_Static_assert((KERNEL_BASE >> 32) == ((KERNEL_BASE + KERNEL_IMAGE_MAX) >> 32), "one high half");
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -ENOMEM;

	*filter = (struct filter){0};
	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(host_rows); i++) {
		if (!has_row(&host_rows[i], kind))
			continue;
		rc = add_row(ctx, &host_rows[i]);
		if (rc) {
			errno = -rc;
			error_errno(err, "libseccomp refuses the rule for %s", host_rows[i].name);
			seccomp_release(ctx);
			return -1;
		}
	}
	if (rc) {
		errno = -rc;
		error_errno(err, "libseccomp cannot make a filter");
	} else {
		rc = export_rows(ctx, filter, ARRAY_SIZE(prologue), err);
	}
	if (ctx)
		seccomp_release(ctx);
	if (rc) {
		filter_free(filter);
		return -1;
	}
	memcpy(filter->code, prologue, sizeof(prologue));
	return 0;
}

void filter_free(struct filter *filter)
{
	free(filter->code);
	*filter = (struct filter){0};
}

/*
 * A walk over the program with the call number, architecture and caller known and the arguments unknown. Each
 * (instruction, is A known) is visited once; A's value, when known, is a function of the path's loads, and every
 * load of a known field precedes its tests, so that two visits with A known can differ only in value: keep one
 * mark for each of the four fields that A can hold.
 */
struct walk {
	const struct filter *filter;
	struct seccomp_data data;
	unsigned char *seen; /* bit = field that A holds, by instruction */
};

#define FIELD_UNKNOWN 7u

static bool walk_from(struct walk *w, size_t pc, uint32_t a, unsigned field)
{
	while (pc < w->filter->len) {
		const struct sock_filter *in = &w->filter->code[pc];
		bool taken;

		if (w->seen[pc] & 1u << field)
			return false;
		w->seen[pc] |= (unsigned char)(1u << field);
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k < offsetof(struct seccomp_data, args)) {
				memcpy(&a, (const char *)&w->data + in->k, sizeof(a));
				field = in->k / 4;
			} else {
				field = FIELD_UNKNOWN;
			}
			pc++;
			continue;
		case BPF_RET | BPF_K:
			return (in->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA:
			pc += 1 + in->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = a == in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = a > in->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = a >= in->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			taken = a & in->k;
			break;
		default: /* arithmetic, scratch memory: the result is not followed */
			field = FIELD_UNKNOWN;
			pc++;
			continue;
		}
		if (field != FIELD_UNKNOWN) {
			pc += 1 + (taken ? in->jt : in->jf);
			continue;
		}
		if (walk_from(w, pc + 1 + in->jt, a, field))
			return true;
		pc += 1 + in->jf;
	}
	return false;
}

bool filter_allows(const struct filter *filter, uint32_t nr)
{
	cleanup_free unsigned char *seen = calloc(filter->len, 1);
	struct walk w = {
		.filter = filter,
		.data = {.nr = (int)nr, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = KERNEL_BASE + 2},
		.seen = seen,
	};

	return seen && walk_from(&w, 0, 0, FIELD_UNKNOWN);
}

char *filter_call_name(uint32_t nr)
{
	return seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr);
}
