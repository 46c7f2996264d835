/* Linux's seccomp(2) and the classic BPF that its filters are written in. */
#ifndef LIMPET_ABI_LINUX_SECCOMP_H
#define LIMPET_ABI_LINUX_SECCOMP_H

#include <stdint.h>

#define SECCOMP_MODE_DISABLED 0
#define SECCOMP_MODE_STRICT 1
#define SECCOMP_MODE_FILTER 2

#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_GET_ACTION_AVAIL 2
#define SECCOMP_GET_NOTIF_SIZES 3

#define SECCOMP_FILTER_FLAG_TSYNC 1u
#define SECCOMP_FILTER_FLAG_LOG 2u
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4u
#define SECCOMP_FILTER_FLAG_NEW_LISTENER 8u
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH 16u
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32u

#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#define SECCOMP_RET_KILL_THREAD 0u
#define SECCOMP_RET_TRAP 0x30000u
#define SECCOMP_RET_ERRNO 0x50000u
#define SECCOMP_RET_USER_NOTIF 0x7fc00000u
#define SECCOMP_RET_TRACE 0x7ff00000u
#define SECCOMP_RET_LOG 0x7ffc0000u
#define SECCOMP_RET_ALLOW 0x7fff0000u
#define SECCOMP_RET_ACTION_FULL 0xffff0000u
#define SECCOMP_RET_DATA 0xffffu

/* What a filter reads. */
struct seccomp_data {
	int32_t nr;
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t instruction_pointer;
	uint64_t args[6];
};
_Static_assert(sizeof(struct seccomp_data) == 64, "Linux's size");

struct seccomp_notif_sizes {
	uint16_t notif, resp, data;
};

/* seccomp_unotify(2): what a listener is told, answers, and may give the caller. */
struct seccomp_notif {
	uint64_t id;
	uint32_t pid, flags;
	struct seccomp_data data;
};
_Static_assert(sizeof(struct seccomp_notif) == 80, "Linux's size");

#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1u

struct seccomp_notif_resp {
	uint64_t id;
	int64_t val;
	int32_t error;
	uint32_t flags;
};
_Static_assert(sizeof(struct seccomp_notif_resp) == 24, "Linux's size");

#define SECCOMP_ADDFD_FLAG_SETFD 1u
#define SECCOMP_ADDFD_FLAG_SEND 2u

struct seccomp_notif_addfd {
	uint64_t id;
	uint32_t flags, srcfd, newfd, newfd_flags;
};
_Static_assert(sizeof(struct seccomp_notif_addfd) == 24, "Linux's size");

#define SECCOMP_IOCTL_NOTIF_RECV 0xc0502100u
#define SECCOMP_IOCTL_NOTIF_SEND 0xc0182101u
#define SECCOMP_IOCTL_NOTIF_ID_VALID 0x40082102u
#define SECCOMP_IOCTL_NOTIF_ID_VALID_OLD 0x80082102u /* as it was first, with the wrong direction */
#define SECCOMP_IOCTL_NOTIF_ADDFD 0x40002103u /* without its size, which says how much of the struct is passed */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS 0x40082104u
#define SECCOMP_IOCTL_SIZE(cmd) ((cmd) >> 16 & 0x3fffu)
#define SECCOMP_IOCTL_SIZE_MASK 0x3fff0000u
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1u

struct sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
_Static_assert(sizeof(struct sock_filter) == 8, "Linux's size");

/* As a program passes it. */
struct sock_fprog {
	uint16_t len;
	uint16_t pad[3];
	uint64_t filter;
};
_Static_assert(sizeof(struct sock_fprog) == 16, "Linux's size");

#define BPF_MAXINSNS 4096
#define BPF_MEMWORDS 16

#define BPF_LD 0x00
#define BPF_LDX 0x01
#define BPF_ST 0x02
#define BPF_STX 0x03
#define BPF_ALU 0x04
#define BPF_JMP 0x05
#define BPF_RET 0x06
#define BPF_MISC 0x07
#define BPF_W 0x00
#define BPF_IMM 0x00
#define BPF_ABS 0x20
#define BPF_MEM 0x60
#define BPF_LEN 0x80
#define BPF_ADD 0x00
#define BPF_SUB 0x10
#define BPF_MUL 0x20
#define BPF_DIV 0x30
#define BPF_OR 0x40
#define BPF_AND 0x50
#define BPF_LSH 0x60
#define BPF_RSH 0x70
#define BPF_NEG 0x80
#define BPF_XOR 0xa0
#define BPF_JA 0x00
#define BPF_JEQ 0x10
#define BPF_JGT 0x20
#define BPF_JGE 0x30
#define BPF_JSET 0x40
#define BPF_K 0x00
#define BPF_X 0x08
#define BPF_A 0x10
#define BPF_TAX 0x00
#define BPF_TXA 0x80

#endif
