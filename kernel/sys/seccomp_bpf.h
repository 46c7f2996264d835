/*
 * Classic BPF as seccomp filters use it: a checker and an interpreter. They know nothing of tasks, so that hosted tests
 * can take them.
 */
#ifndef LIMPET_SYS_SECCOMP_BPF_H
#define LIMPET_SYS_SECCOMP_BPF_H

#include "abi/linux/seccomp.h"
#include "lib/types.h"

/*
 * 0, or -EINVAL for what Linux would not take: too long or empty, an instruction that filters do not have, a jump out
 * of it, a load outside seccomp_data, a word of memory read that no path has written, no RET at the end.
 * words: len u16 of scratch memory.
 */
int bpf_check(const struct sock_filter *code, u32 len, u16 *words) __must_check;
/* Of a checked program: SECCOMP_RET_* with its data. Ends after at most len steps: jumps go forward only. */
u32 bpf_run(const struct sock_filter *code, const struct seccomp_data *data);

#endif
