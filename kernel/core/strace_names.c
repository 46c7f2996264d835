/* Names for the strace: numbers from the man pages, spelled as strace(1) spells them. */
#include "core/strace_names.h"

#include "lib/string.h"

static const struct name n_open[] = {
	{ 0, "O_RDONLY" }, { 1, "O_WRONLY" }, { 2, "O_RDWR" }, { 3, "O_ACCMODE" }, { 0x40, "O_CREAT" },
	{ 0x80, "O_EXCL" }, { 0x100, "O_NOCTTY" }, { 0x200, "O_TRUNC" }, { 0x400, "O_APPEND" },
	{ 0x800, "O_NONBLOCK" }, { 0x101000, "O_SYNC" }, { 0x1000, "O_DSYNC" }, { 0x2000, "O_ASYNC" },
	{ 0x4000, "O_DIRECT" }, { 0x8000, "O_LARGEFILE" }, { 0x410000, "O_TMPFILE" },
	{ 0x10000, "O_DIRECTORY" }, { 0x20000, "O_NOFOLLOW" }, { 0x40000, "O_NOATIME" },
	{ 0x80000, "O_CLOEXEC" }, { 0x200000, "O_PATH" },
};
static const struct name n_prot[] = {
	{ 0, "PROT_NONE" }, { 1, "PROT_READ" }, { 2, "PROT_WRITE" }, { 4, "PROT_EXEC" }, { 8, "PROT_SEM" },
	{ 0x1000000, "PROT_GROWSDOWN" }, { 0x2000000, "PROT_GROWSUP" },
};
static const struct name n_map[] = {
	{ 0, "MAP_FILE" }, { 1, "MAP_SHARED" }, { 2, "MAP_PRIVATE" }, { 3, "MAP_SHARED_VALIDATE" },
	{ 0x10, "MAP_FIXED" }, { 0x20, "MAP_ANONYMOUS" }, { 0x40, "MAP_32BIT" }, { 0x100, "MAP_GROWSDOWN" },
	{ 0x800, "MAP_DENYWRITE" }, { 0x1000, "MAP_EXECUTABLE" }, { 0x2000, "MAP_LOCKED" },
	{ 0x4000, "MAP_NORESERVE" }, { 0x8000, "MAP_POPULATE" }, { 0x10000, "MAP_NONBLOCK" },
	{ 0x20000, "MAP_STACK" }, { 0x40000, "MAP_HUGETLB" }, { 0x80000, "MAP_SYNC" },
	{ 0x100000, "MAP_FIXED_NOREPLACE" },
};
static const struct name n_mremap[] = {
	{ 0, "0" }, { 1, "MREMAP_MAYMOVE" }, { 2, "MREMAP_FIXED" }, { 4, "MREMAP_DONTUNMAP" },
};
static const struct name n_madv[] = {
	{ 0, "MADV_NORMAL" }, { 1, "MADV_RANDOM" }, { 2, "MADV_SEQUENTIAL" }, { 3, "MADV_WILLNEED" },
	{ 4, "MADV_DONTNEED" }, { 8, "MADV_FREE" }, { 9, "MADV_REMOVE" }, { 0xa, "MADV_DONTFORK" },
	{ 0xb, "MADV_DOFORK" }, { 0xc, "MADV_MERGEABLE" }, { 0xd, "MADV_UNMERGEABLE" },
	{ 0xe, "MADV_HUGEPAGE" }, { 0xf, "MADV_NOHUGEPAGE" }, { 0x10, "MADV_DONTDUMP" },
	{ 0x11, "MADV_DODUMP" }, { 0x12, "MADV_WIPEONFORK" }, { 0x13, "MADV_KEEPONFORK" },
	{ 0x14, "MADV_COLD" }, { 0x15, "MADV_PAGEOUT" }, { 0x16, "MADV_POPULATE_READ" },
	{ 0x17, "MADV_POPULATE_WRITE" }, { 0x18, "MADV_DONTNEED_LOCKED" }, { 0x19, "MADV_COLLAPSE" },
};
static const struct name n_clone[] = {
	{ 0, "0" }, { 0x11, "SIGCHLD" }, { 0x100, "CLONE_VM" }, { 0x200, "CLONE_FS" },
	{ 0x400, "CLONE_FILES" }, { 0x800, "CLONE_SIGHAND" }, { 0x1000, "CLONE_PIDFD" },
	{ 0x2000, "CLONE_PTRACE" }, { 0x4000, "CLONE_VFORK" }, { 0x8000, "CLONE_PARENT" },
	{ 0x10000, "CLONE_THREAD" }, { 0x20000, "CLONE_NEWNS" }, { 0x40000, "CLONE_SYSVSEM" },
	{ 0x80000, "CLONE_SETTLS" }, { 0x100000, "CLONE_PARENT_SETTID" },
	{ 0x200000, "CLONE_CHILD_CLEARTID" }, { 0x400000, "CLONE_DETACHED" }, { 0x800000, "CLONE_UNTRACED" },
	{ 0x1000000, "CLONE_CHILD_SETTID" }, { 0x2000000, "CLONE_NEWCGROUP" }, { 0x4000000, "CLONE_NEWUTS" },
	{ 0x8000000, "CLONE_NEWIPC" }, { 0x10000000, "CLONE_NEWUSER" }, { 0x20000000, "CLONE_NEWPID" },
	{ 0x40000000, "CLONE_NEWNET" }, { 0x80000000, "CLONE_IO" }, { 0x100000000, "CLONE_CLEAR_SIGHAND" },
};
static const struct name n_fcntl[] = {
	{ 0, "F_DUPFD" }, { 1, "F_GETFD" }, { 2, "F_SETFD" }, { 3, "F_GETFL" }, { 4, "F_SETFL" },
	{ 5, "F_GETLK" }, { 6, "F_SETLK" }, { 7, "F_SETLKW" }, { 8, "F_SETOWN" }, { 9, "F_GETOWN" },
	{ 0xa, "F_SETSIG" }, { 0xb, "F_GETSIG" }, { 0xf, "F_SETOWN_EX" }, { 0x10, "F_GETOWN_EX" },
	{ 0x24, "F_OFD_GETLK" }, { 0x25, "F_OFD_SETLK" }, { 0x26, "F_OFD_SETLKW" }, { 0x400, "F_SETLEASE" },
	{ 0x401, "F_GETLEASE" }, { 0x402, "F_NOTIFY" }, { 0x406, "F_DUPFD_CLOEXEC" },
	{ 0x407, "F_SETPIPE_SZ" }, { 0x408, "F_GETPIPE_SZ" }, { 0x409, "F_ADD_SEALS" },
	{ 0x40a, "F_GET_SEALS" },
};
static const struct name n_whence[] = {
	{ 0, "SEEK_SET" }, { 1, "SEEK_CUR" }, { 2, "SEEK_END" }, { 3, "SEEK_DATA" }, { 4, "SEEK_HOLE" },
};
static const struct name n_access[] = {
	{ 0, "F_OK" }, { 4, "R_OK" }, { 2, "W_OK" }, { 1, "X_OK" },
};
static const struct name n_at[] = {
	{ 0, "0" }, { 0x100, "AT_SYMLINK_NOFOLLOW" }, { 0x200, "AT_REMOVEDIR" },
	{ 0x400, "AT_SYMLINK_FOLLOW" }, { 0x800, "AT_NO_AUTOMOUNT" }, { 0x1000, "AT_EMPTY_PATH" },
	{ 0x2000, "AT_STATX_FORCE_SYNC" }, { 0x4000, "AT_STATX_DONT_SYNC" },
};
static const struct name n_flock[] = {
	{ 0, "0" }, { 1, "LOCK_SH" }, { 2, "LOCK_EX" }, { 8, "LOCK_UN" }, { 4, "LOCK_NB" },
};
static const struct name n_af[] = {
	{ 0, "AF_UNSPEC" }, { 1, "AF_UNIX" }, { 2, "AF_INET" }, { 0xa, "AF_INET6" }, { 0x10, "AF_NETLINK" },
	{ 0x11, "AF_PACKET" }, { 0x28, "AF_VSOCK" },
};
static const struct name n_socktype[] = {
	{ 0, "0" }, { 1, "SOCK_STREAM" }, { 2, "SOCK_DGRAM" }, { 3, "SOCK_RAW" }, { 4, "SOCK_RDM" },
	{ 5, "SOCK_SEQPACKET" }, { 0x800, "SOCK_NONBLOCK" }, { 0x80000, "SOCK_CLOEXEC" },
};
static const struct name n_msg[] = {
	{ 0, "0" }, { 1, "MSG_OOB" }, { 2, "MSG_PEEK" }, { 4, "MSG_DONTROUTE" }, { 8, "MSG_CTRUNC" },
	{ 0x20, "MSG_TRUNC" }, { 0x40, "MSG_DONTWAIT" }, { 0x80, "MSG_EOR" }, { 0x100, "MSG_WAITALL" },
	{ 0x4000, "MSG_NOSIGNAL" }, { 0x8000, "MSG_MORE" }, { 0x40000000, "MSG_CMSG_CLOEXEC" },
};
static const struct name n_sol[] = {
	{ 0, "SOL_IP" }, { 1, "SOL_SOCKET" }, { 6, "SOL_TCP" }, { 0x11, "SOL_UDP" }, { 0x29, "SOL_IPV6" },
	{ 0x10e, "SOL_NETLINK" },
};
static const struct name n_shut[] = {
	{ 0, "SHUT_RD" }, { 1, "SHUT_WR" }, { 2, "SHUT_RDWR" },
};
static const struct name n_poll[] = {
	{ 0, "0" }, { 1, "POLLIN" }, { 2, "POLLPRI" }, { 4, "POLLOUT" }, { 8, "POLLERR" },
	{ 0x10, "POLLHUP" }, { 0x20, "POLLNVAL" }, { 0x40, "POLLRDNORM" }, { 0x80, "POLLRDBAND" },
	{ 0x100, "POLLWRNORM" }, { 0x200, "POLLWRBAND" }, { 0x2000, "POLLRDHUP" },
};
static const struct name n_epoll[] = {
	{ 0, "0" }, { 1, "EPOLLIN" }, { 2, "EPOLLPRI" }, { 4, "EPOLLOUT" }, { 8, "EPOLLERR" },
	{ 0x10, "EPOLLHUP" }, { 0x40, "EPOLLRDNORM" }, { 0x100, "EPOLLWRNORM" }, { 0x2000, "EPOLLRDHUP" },
	{ 0x10000000, "EPOLLEXCLUSIVE" }, { 0x20000000, "EPOLLWAKEUP" }, { 0x40000000, "EPOLLONESHOT" },
	{ 0x80000000, "EPOLLET" },
};
static const struct name n_epollctl[] = {
	{ 1, "EPOLL_CTL_ADD" }, { 2, "EPOLL_CTL_DEL" }, { 3, "EPOLL_CTL_MOD" },
};
static const struct name n_wait[] = {
	{ 0, "0" }, { 1, "WNOHANG" }, { 2, "WUNTRACED" }, { 4, "WEXITED" }, { 8, "WCONTINUED" },
	{ 0x1000000, "WNOWAIT" }, { 0x20000000, "__WNOTHREAD" }, { 0x40000000, "__WALL" },
	{ 0x80000000, "__WCLONE" },
};
static const struct name n_idtype[] = {
	{ 0, "P_ALL" }, { 1, "P_PID" }, { 2, "P_PGID" }, { 3, "P_PIDFD" },
};
static const struct name n_sighow[] = {
	{ 0, "SIG_BLOCK" }, { 1, "SIG_UNBLOCK" }, { 2, "SIG_SETMASK" },
};
static const struct name n_sa[] = {
	{ 0, "0" }, { 1, "SA_NOCLDSTOP" }, { 2, "SA_NOCLDWAIT" }, { 4, "SA_SIGINFO" },
	{ 0x4000000, "SA_RESTORER" }, { 0x8000000, "SA_ONSTACK" }, { 0x10000000, "SA_RESTART" },
	{ 0x40000000, "SA_NODEFER" }, { 0x80000000, "SA_RESETHAND" },
};
static const struct name n_futexop[] = {
	{ 0, "FUTEX_WAIT" }, { 1, "FUTEX_WAKE" }, { 2, "FUTEX_FD" }, { 3, "FUTEX_REQUEUE" },
	{ 4, "FUTEX_CMP_REQUEUE" }, { 5, "FUTEX_WAKE_OP" }, { 6, "FUTEX_LOCK_PI" }, { 7, "FUTEX_UNLOCK_PI" },
	{ 8, "FUTEX_TRYLOCK_PI" }, { 9, "FUTEX_WAIT_BITSET" }, { 0xa, "FUTEX_WAKE_BITSET" },
	{ 0xb, "FUTEX_WAIT_REQUEUE_PI" }, { 0xc, "FUTEX_CMP_REQUEUE_PI" }, { 0xd, "FUTEX_LOCK_PI2" },
	{ 0x80, "FUTEX_PRIVATE_FLAG" }, { 0x100, "FUTEX_CLOCK_REALTIME" },
};
static const struct name n_clockid[] = {
	{ 0, "CLOCK_REALTIME" }, { 1, "CLOCK_MONOTONIC" }, { 2, "CLOCK_PROCESS_CPUTIME_ID" },
	{ 3, "CLOCK_THREAD_CPUTIME_ID" }, { 4, "CLOCK_MONOTONIC_RAW" }, { 5, "CLOCK_REALTIME_COARSE" },
	{ 6, "CLOCK_MONOTONIC_COARSE" }, { 7, "CLOCK_BOOTTIME" }, { 8, "CLOCK_REALTIME_ALARM" },
	{ 9, "CLOCK_BOOTTIME_ALARM" }, { 0xb, "CLOCK_TAI" },
};
static const struct name n_timerflags[] = {
	{ 0, "0" }, { 1, "TIMER_ABSTIME" },
};
static const struct name n_itimer[] = {
	{ 0, "ITIMER_REAL" }, { 1, "ITIMER_VIRTUAL" }, { 2, "ITIMER_PROF" },
};
static const struct name n_rlimit[] = {
	{ 0, "RLIMIT_CPU" }, { 1, "RLIMIT_FSIZE" }, { 2, "RLIMIT_DATA" }, { 3, "RLIMIT_STACK" },
	{ 4, "RLIMIT_CORE" }, { 5, "RLIMIT_RSS" }, { 6, "RLIMIT_NPROC" }, { 7, "RLIMIT_NOFILE" },
	{ 8, "RLIMIT_MEMLOCK" }, { 9, "RLIMIT_AS" }, { 0xa, "RLIMIT_LOCKS" }, { 0xb, "RLIMIT_SIGPENDING" },
	{ 0xc, "RLIMIT_MSGQUEUE" }, { 0xd, "RLIMIT_NICE" }, { 0xe, "RLIMIT_RTPRIO" },
	{ 0xf, "RLIMIT_RTTIME" },
};
static const struct name n_sched[] = {
	{ 0, "SCHED_OTHER" }, { 1, "SCHED_FIFO" }, { 2, "SCHED_RR" }, { 3, "SCHED_BATCH" },
	{ 5, "SCHED_IDLE" }, { 6, "SCHED_DEADLINE" }, { 0x40000000, "SCHED_RESET_ON_FORK" },
};
static const struct name n_grnd[] = {
	{ 0, "0" }, { 1, "GRND_NONBLOCK" }, { 2, "GRND_RANDOM" }, { 4, "GRND_INSECURE" },
};
static const struct name n_prctl[] = {
	{ 1, "PR_SET_PDEATHSIG" }, { 2, "PR_GET_PDEATHSIG" }, { 3, "PR_GET_DUMPABLE" },
	{ 4, "PR_SET_DUMPABLE" }, { 7, "PR_GET_KEEPCAPS" }, { 8, "PR_SET_KEEPCAPS" }, { 0xf, "PR_SET_NAME" },
	{ 0x10, "PR_GET_NAME" }, { 0x15, "PR_GET_SECCOMP" }, { 0x16, "PR_SET_SECCOMP" },
	{ 0x17, "PR_CAPBSET_READ" }, { 0x18, "PR_CAPBSET_DROP" }, { 0x19, "PR_GET_TSC" },
	{ 0x1a, "PR_SET_TSC" }, { 0x1b, "PR_GET_SECUREBITS" }, { 0x1c, "PR_SET_SECUREBITS" },
	{ 0x1d, "PR_SET_TIMERSLACK" }, { 0x1e, "PR_GET_TIMERSLACK" }, { 0x21, "PR_MCE_KILL" },
	{ 0x22, "PR_MCE_KILL_GET" }, { 0x23, "PR_SET_MM" }, { 0x24, "PR_SET_CHILD_SUBREAPER" },
	{ 0x25, "PR_GET_CHILD_SUBREAPER" }, { 0x26, "PR_SET_NO_NEW_PRIVS" }, { 0x27, "PR_GET_NO_NEW_PRIVS" },
	{ 0x28, "PR_GET_TID_ADDRESS" }, { 0x29, "PR_SET_THP_DISABLE" }, { 0x2a, "PR_GET_THP_DISABLE" },
	{ 0x2f, "PR_CAP_AMBIENT" }, { 0x34, "PR_GET_SPECULATION_CTRL" }, { 0x35, "PR_SET_SPECULATION_CTRL" },
	{ 0x39, "PR_SET_IO_FLUSHER" }, { 0x3a, "PR_GET_IO_FLUSHER" },
	{ 0x3b, "PR_SET_SYSCALL_USER_DISPATCH" }, { 0x3e, "PR_SCHED_CORE" }, { 0x41, "PR_SET_MDWE" },
	{ 0x42, "PR_GET_MDWE" }, { 0x53564d41, "PR_SET_VMA" }, { 0x59616d61, "PR_SET_PTRACER" },
	{ 0x41555856, "PR_GET_AUXV" },
};
static const struct name n_archprctl[] = {
	{ 0x1001, "ARCH_SET_GS" }, { 0x1002, "ARCH_SET_FS" }, { 0x1003, "ARCH_GET_FS" },
	{ 0x1004, "ARCH_GET_GS" }, { 0x1011, "ARCH_GET_CPUID" }, { 0x1012, "ARCH_SET_CPUID" },
	{ 0x1021, "ARCH_GET_XCOMP_SUPP" }, { 0x1022, "ARCH_GET_XCOMP_PERM" },
	{ 0x1023, "ARCH_REQ_XCOMP_PERM" }, { 0x5001, "ARCH_SHSTK_ENABLE" },
};
static const struct name n_ioctl[] = {
	{ 0x5401, "TCGETS" }, { 0x5402, "TCSETS" }, { 0x5403, "TCSETSW" }, { 0x5404, "TCSETSF" },
	{ 0x5409, "TCSBRK" }, { 0x540b, "TCFLSH" }, { 0x540e, "TIOCSCTTY" }, { 0x540f, "TIOCGPGRP" },
	{ 0x5410, "TIOCSPGRP" }, { 0x5411, "TIOCOUTQ" }, { 0x5412, "TIOCSTI" }, { 0x5413, "TIOCGWINSZ" },
	{ 0x5414, "TIOCSWINSZ" }, { 0x541b, "FIONREAD" }, { 0x5421, "FIONBIO" }, { 0x5422, "TIOCNOTTY" },
	{ 0x5429, "TIOCGSID" }, { 0x5450, "FIONCLEX" }, { 0x5451, "FIOCLEX" }, { 0x5452, "FIOASYNC" },
	{ 0xc0502100, "SECCOMP_IOCTL_NOTIF_RECV" }, { 0xc0182101, "SECCOMP_IOCTL_NOTIF_SEND" },
	{ 0x40082102, "SECCOMP_IOCTL_NOTIF_ID_VALID" }, { 0x40182103, "SECCOMP_IOCTL_NOTIF_ADDFD" },
	{ 0x80045430, "TIOCGPTN" }, { 0x40045431, "TIOCSPTLCK" }, { 0x5441, "TIOCGPTPEER" },
	{ 0x8912, "SIOCGIFCONF" }, { 0x8913, "SIOCGIFFLAGS" }, { 0x8927, "SIOCGIFHWADDR" },
	{ 0x8933, "SIOCGIFINDEX" }, { 0x40049409, "FICLONE" }, { 0x80086601, "FS_IOC_GETFLAGS" },
};
static const struct name n_mount[] = {
	{ 0, "0" }, { 1, "MS_RDONLY" }, { 2, "MS_NOSUID" }, { 4, "MS_NODEV" }, { 8, "MS_NOEXEC" },
	{ 0x10, "MS_SYNCHRONOUS" }, { 0x20, "MS_REMOUNT" }, { 0x400, "MS_NOATIME" },
	{ 0x800, "MS_NODIRATIME" }, { 0x1000, "MS_BIND" }, { 0x2000, "MS_MOVE" }, { 0x4000, "MS_REC" },
	{ 0x8000, "MS_SILENT" }, { 0x20000, "MS_UNBINDABLE" }, { 0x40000, "MS_PRIVATE" },
	{ 0x80000, "MS_SLAVE" }, { 0x100000, "MS_SHARED" }, { 0x200000, "MS_RELATIME" },
	{ 0x1000000, "MS_STRICTATIME" },
};
static const struct name n_umount[] = {
	{ 0, "0" }, { 1, "MNT_FORCE" }, { 2, "MNT_DETACH" }, { 4, "MNT_EXPIRE" }, { 8, "UMOUNT_NOFOLLOW" },
};
static const struct name n_memfd[] = {
	{ 0, "0" }, { 1, "MFD_CLOEXEC" }, { 2, "MFD_ALLOW_SEALING" }, { 4, "MFD_HUGETLB" },
	{ 8, "MFD_NOEXEC_SEAL" }, { 0x10, "MFD_EXEC" },
};
static const struct name n_rename[] = {
	{ 0, "0" }, { 1, "RENAME_NOREPLACE" }, { 2, "RENAME_EXCHANGE" }, { 4, "RENAME_WHITEOUT" },
};
static const struct name n_who[] = {
	{ 0, "RUSAGE_SELF" }, { 0xffffffff, "RUSAGE_CHILDREN" }, { 1, "RUSAGE_THREAD" },
};
static const struct name n_clexec[] = {
	{ 0, "0" }, { 0x800, "O_NONBLOCK" }, { 0x80000, "O_CLOEXEC" },
};

#define NAMES(kind_, type_, list_, low_) { kind_, type_, list_, ARRAY_SIZE(list_), low_ }
static const struct names all_names[] = {
	NAMES("open", NAMES_LOW, n_open, 0x3),
	NAMES("openflags", NAMES_LOW, n_open, 0x3),
	NAMES("prot", NAMES_BITS, n_prot, 0x0),
	NAMES("map", NAMES_LOW, n_map, 0x3),
	NAMES("mmap", NAMES_LOW, n_map, 0x3),
	NAMES("mremap", NAMES_BITS, n_mremap, 0x0),
	NAMES("madv", NAMES_ENUM, n_madv, 0x0),
	NAMES("clone", NAMES_LOW, n_clone, 0xff),
	NAMES("fcntl", NAMES_ENUM, n_fcntl, 0x0),
	NAMES("whence", NAMES_ENUM, n_whence, 0x0),
	NAMES("access", NAMES_BITS, n_access, 0x0),
	NAMES("at", NAMES_BITS, n_at, 0x0),
	NAMES("atflags", NAMES_BITS, n_at, 0x0),
	NAMES("flock", NAMES_LOW, n_flock, 0xb),
	NAMES("af", NAMES_ENUM, n_af, 0x0),
	NAMES("domain", NAMES_ENUM, n_af, 0x0),
	NAMES("socktype", NAMES_LOW, n_socktype, 0xf),
	NAMES("msg", NAMES_BITS, n_msg, 0x0),
	NAMES("msgflags", NAMES_BITS, n_msg, 0x0),
	NAMES("sol", NAMES_ENUM, n_sol, 0x0),
	NAMES("shut", NAMES_ENUM, n_shut, 0x0),
	NAMES("poll", NAMES_BITS, n_poll, 0x0),
	NAMES("epoll", NAMES_BITS, n_epoll, 0x0),
	NAMES("epollctl", NAMES_ENUM, n_epollctl, 0x0),
	NAMES("wait", NAMES_BITS, n_wait, 0x0),
	NAMES("waitoptions", NAMES_BITS, n_wait, 0x0),
	NAMES("idtype", NAMES_ENUM, n_idtype, 0x0),
	NAMES("sighow", NAMES_ENUM, n_sighow, 0x0),
	NAMES("how", NAMES_ENUM, n_sighow, 0x0),
	NAMES("sa", NAMES_BITS, n_sa, 0x0),
	NAMES("futexop", NAMES_LOW, n_futexop, 0x7f),
	NAMES("clockid", NAMES_ENUM, n_clockid, 0x0),
	NAMES("timerflags", NAMES_BITS, n_timerflags, 0x0),
	NAMES("itimer", NAMES_ENUM, n_itimer, 0x0),
	NAMES("rlimit", NAMES_ENUM, n_rlimit, 0x0),
	NAMES("sched", NAMES_LOW, n_sched, 0xff),
	NAMES("grnd", NAMES_BITS, n_grnd, 0x0),
	NAMES("prctl", NAMES_ENUM, n_prctl, 0x0),
	NAMES("archprctl", NAMES_ENUM, n_archprctl, 0x0),
	NAMES("ioctl", NAMES_ENUM, n_ioctl, 0x0),
	NAMES("mount", NAMES_BITS, n_mount, 0x0),
	NAMES("umount", NAMES_BITS, n_umount, 0x0),
	NAMES("memfd", NAMES_BITS, n_memfd, 0x0),
	NAMES("rename", NAMES_BITS, n_rename, 0x0),
	NAMES("who", NAMES_ENUM, n_who, 0x0),
	NAMES("clexec", NAMES_BITS, n_clexec, 0x0),
};

static const char *const signals[] = {
	[1] = "SIGHUP", [2] = "SIGINT", [3] = "SIGQUIT", [4] = "SIGILL", [5] = "SIGTRAP", [6] = "SIGABRT",
	[7] = "SIGBUS", [8] = "SIGFPE", [9] = "SIGKILL", [10] = "SIGUSR1", [11] = "SIGSEGV", [12] = "SIGUSR2",
	[13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM", [16] = "SIGSTKFLT", [17] = "SIGCHLD",
	[18] = "SIGCONT", [19] = "SIGSTOP", [20] = "SIGTSTP", [21] = "SIGTTIN", [22] = "SIGTTOU",
	[23] = "SIGURG", [24] = "SIGXCPU", [25] = "SIGXFSZ", [26] = "SIGVTALRM", [27] = "SIGPROF",
	[28] = "SIGWINCH", [29] = "SIGIO", [30] = "SIGPWR", [31] = "SIGSYS",
};

static const struct {
	const char *name, *text;
} errors[] = {
	[1] = { "EPERM", "Operation not permitted" },
	[2] = { "ENOENT", "No such file or directory" },
	[3] = { "ESRCH", "No such process" },
	[4] = { "EINTR", "Interrupted system call" },
	[5] = { "EIO", "Input/output error" },
	[6] = { "ENXIO", "No such device or address" },
	[7] = { "E2BIG", "Argument list too long" },
	[8] = { "ENOEXEC", "Exec format error" },
	[9] = { "EBADF", "Bad file descriptor" },
	[10] = { "ECHILD", "No child processes" },
	[11] = { "EAGAIN", "Resource temporarily unavailable" },
	[12] = { "ENOMEM", "Cannot allocate memory" },
	[13] = { "EACCES", "Permission denied" },
	[14] = { "EFAULT", "Bad address" },
	[15] = { "ENOTBLK", "Block device required" },
	[16] = { "EBUSY", "Device or resource busy" },
	[17] = { "EEXIST", "File exists" },
	[18] = { "EXDEV", "Invalid cross-device link" },
	[19] = { "ENODEV", "No such device" },
	[20] = { "ENOTDIR", "Not a directory" },
	[21] = { "EISDIR", "Is a directory" },
	[22] = { "EINVAL", "Invalid argument" },
	[23] = { "ENFILE", "Too many open files in system" },
	[24] = { "EMFILE", "Too many open files" },
	[25] = { "ENOTTY", "Inappropriate ioctl for device" },
	[26] = { "ETXTBSY", "Text file busy" },
	[27] = { "EFBIG", "File too large" },
	[28] = { "ENOSPC", "No space left on device" },
	[29] = { "ESPIPE", "Illegal seek" },
	[30] = { "EROFS", "Read-only file system" },
	[31] = { "EMLINK", "Too many links" },
	[32] = { "EPIPE", "Broken pipe" },
	[33] = { "EDOM", "Numerical argument out of domain" },
	[34] = { "ERANGE", "Numerical result out of range" },
	[35] = { "EDEADLK", "Resource deadlock avoided" },
	[36] = { "ENAMETOOLONG", "File name too long" },
	[37] = { "ENOLCK", "No locks available" },
	[38] = { "ENOSYS", "Function not implemented" },
	[39] = { "ENOTEMPTY", "Directory not empty" },
	[40] = { "ELOOP", "Too many levels of symbolic links" },
	[42] = { "ENOMSG", "No message of desired type" },
	[43] = { "EIDRM", "Identifier removed" },
	[44] = { "ECHRNG", "Channel number out of range" },
	[45] = { "EL2NSYNC", "Level 2 not synchronized" },
	[46] = { "EL3HLT", "Level 3 halted" },
	[47] = { "EL3RST", "Level 3 reset" },
	[48] = { "ELNRNG", "Link number out of range" },
	[49] = { "EUNATCH", "Protocol driver not attached" },
	[50] = { "ENOCSI", "No CSI structure available" },
	[51] = { "EL2HLT", "Level 2 halted" },
	[52] = { "EBADE", "Invalid exchange" },
	[53] = { "EBADR", "Invalid request descriptor" },
	[54] = { "EXFULL", "Exchange full" },
	[55] = { "ENOANO", "No anode" },
	[56] = { "EBADRQC", "Invalid request code" },
	[57] = { "EBADSLT", "Invalid slot" },
	[59] = { "EBFONT", "Bad font file format" },
	[60] = { "ENOSTR", "Device not a stream" },
	[61] = { "ENODATA", "No data available" },
	[62] = { "ETIME", "Timer expired" },
	[63] = { "ENOSR", "Out of streams resources" },
	[64] = { "ENONET", "Machine is not on the network" },
	[65] = { "ENOPKG", "Package not installed" },
	[66] = { "EREMOTE", "Object is remote" },
	[67] = { "ENOLINK", "Link has been severed" },
	[68] = { "EADV", "Advertise error" },
	[69] = { "ESRMNT", "Srmount error" },
	[70] = { "ECOMM", "Communication error on send" },
	[71] = { "EPROTO", "Protocol error" },
	[72] = { "EMULTIHOP", "Multihop attempted" },
	[73] = { "EDOTDOT", "RFS specific error" },
	[74] = { "EBADMSG", "Bad message" },
	[75] = { "EOVERFLOW", "Value too large for defined data type" },
	[76] = { "ENOTUNIQ", "Name not unique on network" },
	[77] = { "EBADFD", "File descriptor in bad state" },
	[78] = { "EREMCHG", "Remote address changed" },
	[79] = { "ELIBACC", "Can not access a needed shared library" },
	[80] = { "ELIBBAD", "Accessing a corrupted shared library" },
	[81] = { "ELIBSCN", ".lib section in a.out corrupted" },
	[82] = { "ELIBMAX", "Attempting to link in too many shared libraries" },
	[83] = { "ELIBEXEC", "Cannot exec a shared library directly" },
	[84] = { "EILSEQ", "Invalid or incomplete multibyte or wide character" },
	[85] = { "ERESTART", "Interrupted system call should be restarted" },
	[86] = { "ESTRPIPE", "Streams pipe error" },
	[87] = { "EUSERS", "Too many users" },
	[88] = { "ENOTSOCK", "Socket operation on non-socket" },
	[89] = { "EDESTADDRREQ", "Destination address required" },
	[90] = { "EMSGSIZE", "Message too long" },
	[91] = { "EPROTOTYPE", "Protocol wrong type for socket" },
	[92] = { "ENOPROTOOPT", "Protocol not available" },
	[93] = { "EPROTONOSUPPORT", "Protocol not supported" },
	[94] = { "ESOCKTNOSUPPORT", "Socket type not supported" },
	[95] = { "EOPNOTSUPP", "Operation not supported" },
	[96] = { "EPFNOSUPPORT", "Protocol family not supported" },
	[97] = { "EAFNOSUPPORT", "Address family not supported by protocol" },
	[98] = { "EADDRINUSE", "Address already in use" },
	[99] = { "EADDRNOTAVAIL", "Cannot assign requested address" },
	[100] = { "ENETDOWN", "Network is down" },
	[101] = { "ENETUNREACH", "Network is unreachable" },
	[102] = { "ENETRESET", "Network dropped connection on reset" },
	[103] = { "ECONNABORTED", "Software caused connection abort" },
	[104] = { "ECONNRESET", "Connection reset by peer" },
	[105] = { "ENOBUFS", "No buffer space available" },
	[106] = { "EISCONN", "Transport endpoint is already connected" },
	[107] = { "ENOTCONN", "Transport endpoint is not connected" },
	[108] = { "ESHUTDOWN", "Cannot send after transport endpoint shutdown" },
	[109] = { "ETOOMANYREFS", "Too many references: cannot splice" },
	[110] = { "ETIMEDOUT", "Connection timed out" },
	[111] = { "ECONNREFUSED", "Connection refused" },
	[112] = { "EHOSTDOWN", "Host is down" },
	[113] = { "EHOSTUNREACH", "No route to host" },
	[114] = { "EALREADY", "Operation already in progress" },
	[115] = { "EINPROGRESS", "Operation now in progress" },
	[116] = { "ESTALE", "Stale file handle" },
	[117] = { "EUCLEAN", "Structure needs cleaning" },
	[118] = { "ENOTNAM", "Not a XENIX named type file" },
	[119] = { "ENAVAIL", "No XENIX semaphores available" },
	[120] = { "EISNAM", "Is a named type file" },
	[121] = { "EREMOTEIO", "Remote I/O error" },
	[122] = { "EDQUOT", "Disk quota exceeded" },
	[123] = { "ENOMEDIUM", "No medium found" },
	[124] = { "EMEDIUMTYPE", "Wrong medium type" },
	[125] = { "ECANCELED", "Operation canceled" },
	[126] = { "ENOKEY", "Required key not available" },
	[127] = { "EKEYEXPIRED", "Key has expired" },
	[128] = { "EKEYREVOKED", "Key has been revoked" },
	[129] = { "EKEYREJECTED", "Key was rejected by service" },
	[130] = { "EOWNERDEAD", "Owner died" },
	[131] = { "ENOTRECOVERABLE", "State not recoverable" },
	[132] = { "ERFKILL", "Operation not possible due to RF-kill" },
};

/* Rows of the system call tables describe arguments for readers; here is what the strace can do better with. */
static const struct {
	const char *call;
	u32 index;
	const char *kind;
} better[] = {
	{ "accept", 1, "out_sockaddr" }, { "accept4", 1, "out_sockaddr" }, { "accept4", 3, "clexec" },
	{ "access", 1, "access" }, { "bind", 1, "sockaddr" }, { "clone", 0, "clone" },
	{ "connect", 1, "sockaddr" }, { "dup3", 2, "clexec" }, { "epoll_create1", 0, "clexec" },
	{ "epoll_ctl", 1, "epollctl" }, { "epoll_ctl", 3, "epollevent" }, { "eventfd2", 1, "clexec" },
	{ "execve", 0, "path" }, { "execve", 1, "argv" }, { "execve", 2, "envp" }, { "execveat", 2, "argv" },
	{ "execveat", 3, "envp" }, { "execveat", 4, "at" }, { "exit", 0, "int" }, { "exit_group", 0, "int" },
	{ "faccessat", 2, "access" }, { "faccessat2", 2, "access" }, { "faccessat2", 3, "at" },
	{ "fchownat", 4, "at" }, { "fcntl", 1, "fcntl" }, { "flock", 1, "flock" }, { "fstat", 1, "stat" },
	{ "futex", 1, "futexop" }, { "getcwd", 0, "out" }, { "getpeername", 1, "out_sockaddr" },
	{ "getrusage", 0, "who" }, { "getsockname", 1, "out_sockaddr" }, { "getsockopt", 1, "sol" },
	{ "inotify_init1", 0, "clexec" }, { "kill", 1, "sig" }, { "linkat", 4, "at" },
	{ "lseek", 2, "whence" }, { "lstat", 1, "stat" }, { "madvise", 2, "madv" },
	{ "memfd_create", 1, "memfd" }, { "mount", 3, "mount" }, { "mremap", 3, "mremap" },
	{ "newfstatat", 2, "stat" }, { "newfstatat", 3, "at" }, { "pidfd_send_signal", 1, "sig" },
	{ "pipe", 0, "fdpair" }, { "pipe2", 0, "fdpair" }, { "pipe2", 1, "open" }, { "poll", 0, "pollfd" },
	{ "ppoll", 0, "pollfd" }, { "readlink", 1, "out" }, { "readlinkat", 2, "out" },
	{ "recvfrom", 3, "msg" }, { "recvmsg", 2, "msg" }, { "renameat2", 4, "rename" },
	{ "rt_sigaction", 0, "sig" }, { "rt_sigaction", 1, "sigaction" },
	{ "rt_sigaction", 2, "out_sigaction" }, { "rt_sigprocmask", 0, "sighow" },
	{ "rt_sigprocmask", 1, "sigset" }, { "rt_sigprocmask", 2, "out_sigset" }, { "sendmsg", 2, "msg" },
	{ "sendto", 3, "msg" }, { "setsockopt", 1, "sol" }, { "shutdown", 1, "shut" },
	{ "signalfd4", 3, "clexec" }, { "socket", 0, "af" }, { "socket", 1, "socktype" },
	{ "socketpair", 0, "af" }, { "socketpair", 1, "socktype" }, { "socketpair", 3, "fdpair" },
	{ "stat", 1, "stat" }, { "statx", 2, "at" }, { "tgkill", 2, "sig" },
	{ "timerfd_create", 0, "clockid" }, { "timerfd_create", 1, "clexec" }, { "tkill", 1, "sig" },
	{ "umount2", 1, "umount" }, { "unlinkat", 2, "at" }, { "utimensat", 3, "at" },
	{ "wait4", 1, "wstatus" }, { "wait4", 2, "wait" }, { "waitid", 0, "idtype" }, { "waitid", 3, "wait" },
};

static bool kind_equal(const char *kind, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		/* Rows write PROT and MAP as well as open. */
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != kind[i])
			return false;
	}
	return !kind[len];
}

const struct names *strace_names(const char *kind, size_t len)
{
	for (u32 i = 0; i < ARRAY_SIZE(all_names); i++) {
		if (kind_equal(all_names[i].kind, kind, len))
			return &all_names[i];
	}
	return NULL;
}

const char *strace_name_of(const struct names *n, u64 value)
{
	for (u32 i = 0; i < n->count; i++) {
		if (n->list[i].value == value)
			return n->list[i].text;
	}
	return NULL;
}

const char *strace_errno(int err, const char **text)
{
	if (err <= 0 || (u32)err >= ARRAY_SIZE(errors) || !errors[err].name)
		return NULL;
	*text = errors[err].text;
	return errors[err].name;
}

const char *strace_sig(int sig)
{
	return sig > 0 && (u32)sig < ARRAY_SIZE(signals) ? signals[sig] : NULL;
}

const char *strace_better_kind(const char *call, u32 index)
{
	for (u32 i = 0; i < ARRAY_SIZE(better); i++) {
		if (better[i].index == index && !strcmp(better[i].call, call))
			return better[i].kind;
	}
	return NULL;
}
