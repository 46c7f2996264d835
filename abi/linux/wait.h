/* wait4(2), waitid(2): options and what to wait for. */
#ifndef LIMPET_ABI_LINUX_WAIT_H
#define LIMPET_ABI_LINUX_WAIT_H

#define WNOHANG 0x1u
#define WUNTRACED 0x2u
#define WSTOPPED WUNTRACED
#define WEXITED 0x4u
#define WCONTINUED 0x8u
#define WNOWAIT 0x01000000u
#define __WNOTHREAD 0x20000000u
#define __WALL 0x40000000u
#define __WCLONE 0x80000000u

#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3

/* The status word: how a process ended, or stopped with a signal, or was continued. */
#define W_EXITCODE(code, sig) (((code) & 0xff) << 8 | (sig))
#define W_STOPCODE(sig) ((sig) << 8 | 0x7f)
#define W_CONTINUED 0xffff

#endif
