/*
 * System V IPC, sysvipc(7): shared memory (shm.c), semaphores (sem.c), message queues (msg.c) on common ground (sysv.c).
 *
 * An object lives in the table of its type until IPC_RMID; references (sleepers, attachments) keep its memory longer.
 * One lock, ipc_lock (LOCK_NOTIFY), guards tables and objects; nobody sleeps or touches user memory with it. One IPC
 * namespace for the sandbox.
 */
#ifndef LIMPET_IPC_SYSV_H
#define LIMPET_IPC_SYSV_H

#include "abi/linux/ipc.h"
#include "core/lock.h"
#include "lib/types.h"

struct process;

#define IPC_IDS_MAX 4096u

extern struct mutex ipc_lock;

struct ipc_obj {
	struct ref ref; /* the table's, and users' */
	int id; /* immutable */
	bool removed;
	s32 key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq;
};

struct ipc_table {
	struct ipc_obj *obj[IPC_IDS_MAX];
	u16 seq[IPC_IDS_MAX]; /* of the slot's next object */
	u32 count, top; /* in use; highest used index + 1 */
};

/* sysv.c; all with ipc_lock held unless said. */
struct ipc_obj *ipc_find_locked(struct ipc_table *t, int id); /* -EINVAL */
struct ipc_obj *ipc_at_locked(struct ipc_table *t, int index); /* -EINVAL; for *_STAT by index */
struct ipc_obj *ipc_find_key_locked(struct ipc_table *t, s32 key); /* NULL = none */
int ipc_may_locked(const struct ipc_obj *o, u32 mode) __must_check; /* mode: 0444, 0222 or both; -EACCES */
int ipc_owner_locked(const struct ipc_obj *o) __must_check; /* -EPERM */
int ipc_insert_locked(struct ipc_table *t, struct ipc_obj *o, s32 key, u32 flags) __must_check; /* id or -ENOSPC */
void ipc_remove_locked(struct ipc_table *t, struct ipc_obj *o); /* the table's reference goes to the caller */
void ipc_perm_out(const struct ipc_obj *o, struct ipc_perm64 *p);
int ipc_perm_set_locked(struct ipc_obj *o, const struct ipc_perm64 *p) __must_check;
/*
 * The *get calls: finds key or has make() build an object, of which only the part behind struct ipc_obj is filled.
 * check() looks at a found one (size too small...). No lock held. The id or -errno.
 */
struct ipc_new {
	struct ipc_table *table;
	struct ipc_obj *(*make)(const struct ipc_new *n); /* err_ptr */
	int (*check_locked)(const struct ipc_new *n, const struct ipc_obj *o);
	void (*destroy)(struct ipc_obj *o); /* the last reference is gone */
	s32 key;
	u32 flags;
	u64 size;
};
int ipc_get(const struct ipc_new *n) __must_check;

/* shm.c */
int shm_get(s32 key, u64 size, u32 flags) __must_check;
s64 shm_attach(int id, u64 addr, u32 flags) __must_check;
int shm_detach(u64 addr) __must_check;
int shm_stat(int id, int cmd, struct shmid_ds64 *out) __must_check; /* IPC_STAT, SHM_STAT, SHM_STAT_ANY: id for the last two */
int shm_set(int id, const struct ipc_perm64 *perm) __must_check;
int shm_remove(int id) __must_check;
int shm_info(struct shm_info *out); /* highest index in use */

/* sem.c */
#define SEM_OPS_MAX 500u
#define SEM_VALUE_MAX 32767
#define SEM_NUM_MAX 32000u
int sem_get(s32 key, u32 count, u32 flags) __must_check;
int sem_op(int id, const struct sembuf *ops, u32 count, s64 deadline) __must_check;
int sem_stat(int id, int cmd, struct semid_ds64 *out) __must_check;
int sem_set_perm(int id, const struct ipc_perm64 *perm) __must_check;
int sem_remove(int id) __must_check;
int sem_query(int id, u32 num, int cmd) __must_check; /* GETVAL, GETPID, GETNCNT, GETZCNT */
int sem_set_value(int id, u32 num, int value) __must_check;
bool sem_has_undo(struct process *p);
int sem_count(int id, u32 mode) __must_check; /* semaphores in the set, access checked */
int sem_get_all(int id, u16 *values, u32 count) __must_check; /* -EINVAL when count is not the set's */
int sem_set_all(int id, const u16 *values, u32 count) __must_check;
int sem_info(u32 *sets, u32 *sems); /* highest index in use */
/* Exit of a process: SEM_UNDO is undone. No lock held. */
void sem_exit(struct process *p);

/* msg.c */
struct msg;
int msg_get(s32 key, u32 flags) __must_check;
struct msg *msg_alloc(u32 len); /* NULL = no memory */
void msg_free(struct msg *m);
void *msg_text(struct msg *m, u32 *len, s64 *type);
int msg_send(int id, struct msg *m, s64 type, u32 flags) __must_check; /* takes m on success */
struct msg *msg_receive(int id, u64 size, s64 type, u32 flags); /* err_ptr */
int msg_stat(int id, int cmd, struct msqid_ds64 *out) __must_check;
int msg_set(int id, const struct msqid_ds64 *in) __must_check;
int msg_remove(int id) __must_check;
int msg_info(u32 *queues, u32 *msgs, u64 *bytes); /* highest index in use */

#endif
