/* futex(2), futex_waitv(2), set_robust_list(2): numbers and structs. */
#ifndef LIMPET_ABI_LINUX_FUTEX_H
#define LIMPET_ABI_LINUX_FUTEX_H

#include <stdint.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_FD 2
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13

#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_CMD_MASK (~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))

#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_BITSET_MATCH_ANY 0xffffffffu

/* The argument of FUTEX_WAKE_OP: op:4 cmp:4 oparg:12 cmparg:12, from the top. */
#define FUTEX_OP_OPARG_SHIFT 8u
#define FUTEX_OP_CMP_EQ 0
#define FUTEX_OP_CMP_NE 1
#define FUTEX_OP_CMP_LT 2
#define FUTEX_OP_CMP_LE 3
#define FUTEX_OP_CMP_GT 4
#define FUTEX_OP_CMP_GE 5

/* futex_waitv and the calls beside it */
#define FUTEX2_SIZE_MASK 0x3u
#define FUTEX2_SIZE_U32 0x2u
#define FUTEX2_PRIVATE 128u
#define FUTEX_WAITV_MAX 128

struct futex_waitv {
	uint64_t val;
	uint64_t uaddr;
	uint32_t flags;
	uint32_t reserved;
};
_Static_assert(sizeof(struct futex_waitv) == 24, "futex_waitv layout");

#define ROBUST_LIST_LIMIT 2048
/* In the program's memory: a circular list; a bit 0 set in a pointer marks a PI futex. */
struct robust_list_head {
	uint64_t next;
	int64_t futex_offset;
	uint64_t list_op_pending;
};
_Static_assert(sizeof(struct robust_list_head) == 24, "robust_list_head layout");

#endif
