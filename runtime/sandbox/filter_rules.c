/* The table: see filter_rules.h. What the guest kernel passes, and nothing else. */
#include "runtime/sandbox/filter_rules.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "abi/boot.h"
#include "abi/layout.h"
#include "runtime/lib/util.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#define MADV_GUARD_INSTALL_ 102
#define SO_BINDTOIFINDEX_ 62
#define KICK_SIGNAL 33 /* kernel/gate/internal.h */

/*
 * Conditions on argument n. The host takes most numbers as int and does not see their upper half; nor do these conditions
 * but those for long, which makes the programs shorter.
 */
#define INT(n, mask, value) {n, SCMP_CMP_MASKED_EQ, (uint32_t)(mask), (uint32_t)(value)}
#define IS(n, value) INT(n, -1, value)
#define FLAGS(n, allowed) INT(n, ~(uint32_t)(allowed), 0)
/* Flags of which some must be there. */
#define NEEDS(n, allowed, needed) INT(n, ~(uint32_t)(allowed) | (needed), needed)
#define AT_MOST(n, value) {n, SCMP_CMP_LE, value, 0}
/* A descriptor: not AT_FDCWD, nor anything else below 0. */
#define FD(n) INT(n, 0x80000000, 0)
#define LONG_IS(n, value) {n, SCMP_CMP_EQ, (uint64_t)(value), 0}
#define LONG_FLAGS(n, allowed) {n, SCMP_CMP_MASKED_EQ, ~(uint64_t)(allowed), 0}
#define LONG_NEEDS(n, allowed, needed) {n, SCMP_CMP_MASKED_EQ, ~(uint64_t)(allowed) | (needed), needed}
/* The address of kernel memory; nothing is ever mapped above it. */
#define KERNEL(n) {n, SCMP_CMP_GE, KERNEL_BASE, 0}

#define COUNT(...) (sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp))
#define RULE(call, ...) {SYS_##call, COUNT(__VA_ARGS__), {__VA_ARGS__}}

#define SOCKET(family, type, protocol)                                                                       \
	RULE(socket, IS(0, family), IS(1, (type) | SOCK_NONBLOCK | SOCK_CLOEXEC), IS(2, protocol))
/* Membership of groups on the namespace's interfaces: MCAST_JOIN_GROUP to MCAST_MSFILTER. */
#define GROUPS(level)                                                                                                   \
	OPTION(setsockopt, level, MCAST_JOIN_GROUP), OPTION(setsockopt, level, MCAST_BLOCK_SOURCE),                    \
		OPTION(setsockopt, level, MCAST_UNBLOCK_SOURCE), OPTION(setsockopt, level, MCAST_LEAVE_GROUP),         \
		OPTION(setsockopt, level, MCAST_JOIN_SOURCE_GROUP),                                                     \
		OPTION(setsockopt, level, MCAST_LEAVE_SOURCE_GROUP), OPTION(setsockopt, level, MCAST_MSFILTER)
#define OPTION(call, level, name) RULE(call, FD(0), IS(1, level), IS(2, name), KERNEL(3))

#define OPEN_FLAGS                                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW |           \
	 O_CLOEXEC | O_PATH | O_TMPFILE)
#define AT_PLACE (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

/* Exactly what kernel/gate/thread.c clones: processes by kserver, forks, threads. */
#define CLONE_ALWAYS (CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID)
#define CLONE_THREAD_ (CLONE_ALWAYS | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

#define SEND_FLAGS (MSG_OOB | MSG_DONTROUTE | MSG_DONTWAIT | MSG_EOR | MSG_CONFIRM | MSG_NOSIGNAL | MSG_MORE)
#define RECV_FLAGS                                                                                            \
	(MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_ERRQUEUE | MSG_NOSIGNAL |           \
	 MSG_CMSG_CLOEXEC)

#define FALLOC_MODES                                                                                          \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |        \
	 FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)

const struct arg_rule arg_rules[] = {
	/* Data. */
	RULE(preadv2, FD(0), FLAGS(5, RWF_NOWAIT)),
	RULE(pwritev2, FD(0), FLAGS(5, RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND)),
	RULE(getdents64, FD(0)),
	RULE(ftruncate, FD(0)),
	RULE(fdatasync, FD(0)),
	RULE(sendmsg, FD(0), FLAGS(2, SEND_FLAGS)),
	RULE(recvmsg, FD(0), FLAGS(2, RECV_FLAGS)),
	RULE(ppoll, AT_MOST(1, 64), LONG_IS(3, 0)),
	RULE(epoll_ctl, FD(0), FLAGS(1, EPOLL_CTL_ADD | EPOLL_CTL_DEL | EPOLL_CTL_MOD), FD(2)),

	/* Names: always from a directory that the kernel holds. */
	RULE(openat, FD(0), NEEDS(2, OPEN_FLAGS, O_CLOEXEC)),
	RULE(statx, FD(0), FLAGS(2, AT_PLACE | AT_NO_AUTOMOUNT)),
	RULE(readlinkat, FD(0)),
	RULE(unlinkat, FD(0), FLAGS(2, AT_REMOVEDIR)),
	RULE(renameat2, FD(0), FD(2), FLAGS(4, RENAME_NOREPLACE | RENAME_EXCHANGE)),
	RULE(utimensat, FD(0), FLAGS(3, AT_PLACE)),

	/* Memory; where it may be: see filter.c. Only pkey_mprotect makes it executable, and then not writable. */
	RULE(mmap, LONG_FLAGS(2, PROT_READ | PROT_WRITE),
	     LONG_NEEDS(3, MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, MAP_FIXED)),
	RULE(pkey_mprotect, LONG_FLAGS(2, PROT_READ | PROT_WRITE), IS(3, -1)),
	RULE(pkey_mprotect, LONG_FLAGS(2, PROT_READ | PROT_EXEC), IS(3, -1)),
	RULE(pkey_mprotect, LONG_FLAGS(2, PROT_READ | PROT_WRITE), IS(3, 0)),
	RULE(pkey_mprotect, IS(2, PROT_READ), IS(3, BOOT_CODE_KEY)),
	RULE(mremap, LONG_NEEDS(3, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, MREMAP_MAYMOVE | MREMAP_FIXED)),
	/* Runs of numbers by their common bits: no poisoning of pages, no merging, nothing that is unknown. */
	RULE(madvise, INT(2, ~3, MADV_NORMAL)), /* RANDOM, SEQUENTIAL, WILLNEED */
	RULE(madvise, IS(2, MADV_DONTNEED)),
	RULE(madvise, INT(2, ~3, MADV_FREE)), /* REMOVE, DONTFORK, DOFORK */
	RULE(madvise, INT(2, ~1, MADV_HUGEPAGE)), /* NOHUGEPAGE */
	RULE(madvise, INT(2, ~1, MADV_WIPEONFORK)), /* KEEPONFORK */
	RULE(madvise, INT(2, ~3, MADV_COLD)), /* PAGEOUT, POPULATE_READ, POPULATE_WRITE */
	RULE(madvise, INT(2, ~1, MADV_DONTNEED_LOCKED)), /* COLLAPSE */
	RULE(madvise, INT(2, ~1, MADV_GUARD_INSTALL_)), /* MADV_GUARD_REMOVE */
	RULE(mlock2, FLAGS(2, MLOCK_ONFAULT)),
	RULE(membarrier,
	     FLAGS(0, MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			      MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
			      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
			      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE),
	     IS(1, 0)),

	/* Threads. */
	RULE(futex, KERNEL(0), IS(1, FUTEX_WAIT)),
	RULE(futex, KERNEL(0), IS(1, FUTEX_WAKE)),
	RULE(futex, KERNEL(0), IS(1, FUTEX_WAIT_BITSET)),
	RULE(clone, LONG_IS(0, CLONE_ALWAYS | SIGCHLD), KERNEL(1), KERNEL(2)),
	RULE(clone, LONG_IS(0, CLONE_ALWAYS | CLONE_PARENT | SIGCHLD), KERNEL(1), KERNEL(2)),
	RULE(clone, LONG_IS(0, CLONE_THREAD_), KERNEL(1), KERNEL(2)),
	RULE(rt_sigprocmask, IS(0, SIG_SETMASK)),
	RULE(sigaltstack, KERNEL(0), LONG_IS(1, 0)),
	RULE(arch_prctl, IS(0, ARCH_SET_GS), KERNEL(1)),
	RULE(prctl, IS(0, PR_SET_SYSCALL_USER_DISPATCH), LONG_IS(1, 0), LONG_IS(2, 0), LONG_IS(3, 0), LONG_IS(4, 0)),
	RULE(prctl, IS(0, PR_SET_SYSCALL_USER_DISPATCH), LONG_IS(1, 1), LONG_IS(2, 0), LONG_IS(3, 0), KERNEL(4)),
	RULE(prctl, IS(0, PR_SET_THP_DISABLE), AT_MOST(1, 1), LONG_IS(2, 0), LONG_IS(3, 0), LONG_IS(4, 0)),
	RULE(prctl, IS(0, PR_SET_NAME), KERNEL(1)),
	RULE(tgkill, FD(0), FD(1), IS(2, KICK_SIGNAL)),
	RULE(getrandom, IS(2, 0)),
	RULE(getrusage, FLAGS(0, RUSAGE_SELF | RUSAGE_THREAD)),

	/* kserver's own. */
	RULE(lseek, FD(0), AT_MOST(2, SEEK_HOLE)),
	RULE(mkdirat, FD(0)),
	/* No device nodes but overlay's whiteouts. */
	RULE(mknodat, FD(0), INT(2, ~07777, S_IFIFO)),
	RULE(mknodat, FD(0), INT(2, ~07777, S_IFSOCK)),
	RULE(mknodat, FD(0), INT(2, ~07777, S_IFCHR), IS(3, 0)),
	RULE(fchmodat, FD(0), FLAGS(2, 07777)),
	RULE(symlinkat, FD(1)),
	RULE(linkat, FD(0), FD(2), FLAGS(4, AT_EMPTY_PATH | AT_SYMLINK_FOLLOW)),
	RULE(fchownat, FD(0), FLAGS(4, AT_PLACE)),
	RULE(fallocate, FD(0), FLAGS(1, FALLOC_MODES)),
	RULE(fsetxattr, FD(0), AT_MOST(4, 2)), /* XATTR_CREATE, XATTR_REPLACE */
	RULE(fcntl, FD(0), IS(1, F_GETFL)),
	/* Above all not TIOCSTI and TIOCLINUX, which act on the caller's shell. */
	RULE(ioctl, FD(0), IS(1, TCGETS)),
	RULE(ioctl, FD(0), IS(1, TIOCGWINSZ)),
	RULE(ioctl, FD(0), IS(1, FIONREAD)),
	RULE(ioctl, FD(0), IS(1, TIOCOUTQ)), /* SIOCOUTQ */
	RULE(process_vm_readv, AT_MOST(2, 1), AT_MOST(4, 1), LONG_IS(5, 0)),
	RULE(process_vm_writev, AT_MOST(2, 1), AT_MOST(4, 1), LONG_IS(5, 0)),
	RULE(setpriority, IS(0, PRIO_PROCESS), FD(1)),
	RULE(sched_setaffinity, FD(0)),
	RULE(epoll_pwait, FD(0), LONG_IS(4, 0)),
	RULE(seccomp, IS(0, SECCOMP_SET_MODE_FILTER), IS(1, 0)),

	/* With a network: TCP, UDP and ping, never blocking, and the namespace's tables. Nothing raw, no unix sockets. */
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	RULE(socket, IS(0, AF_NETLINK), IS(1, SOCK_RAW | SOCK_CLOEXEC), IS(2, NETLINK_ROUTE)),
	RULE(bind, FD(0), KERNEL(1), AT_MOST(2, 128)),
	RULE(connect, FD(0), KERNEL(1), AT_MOST(2, 128)),
	RULE(listen, FD(0), AT_MOST(1, 4096)),
	RULE(accept4, FD(0), KERNEL(1), KERNEL(2), IS(3, SOCK_NONBLOCK | SOCK_CLOEXEC)),
	RULE(getsockname, FD(0), KERNEL(1), KERNEL(2)),
	RULE(shutdown, FD(0), AT_MOST(1, SHUT_RDWR)),
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
	OPTION(setsockopt, SOL_SOCKET, SO_PEEK_OFF),
	OPTION(setsockopt, SOL_SOCKET, SO_BINDTOIFINDEX_),
	OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY),
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
	OPTION(setsockopt, IPPROTO_IP, IP_MULTICAST_ALL),
	GROUPS(IPPROTO_IP),
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
	OPTION(setsockopt, IPPROTO_IPV6, IPV6_MULTICAST_ALL),
	GROUPS(IPPROTO_IPV6),
};
const size_t arg_rule_count = ARRAY_SIZE(arg_rules);

/* What kernel/fs/hostfile/hostdev.c asks of serial lines besides: settings, modem lines, discarding. Nothing that waits. */
const struct arg_rule device_rules[] = {
	RULE(ioctl, FD(0), IS(1, TCSETS)),
	RULE(ioctl, FD(0), IS(1, TCFLSH), AT_MOST(2, TCIOFLUSH)),
	RULE(ioctl, FD(0), IS(1, TIOCMGET), KERNEL(2)),
	RULE(ioctl, FD(0), IS(1, TIOCMSET), KERNEL(2)),
	RULE(ioctl, FD(0), IS(1, TIOCMBIS), KERNEL(2)),
	RULE(ioctl, FD(0), IS(1, TIOCMBIC), KERNEL(2)),
};
const size_t device_rule_count = ARRAY_SIZE(device_rules);
