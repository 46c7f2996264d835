/* System V IPC: decoding of shmget(2), semop(2), msgsnd(2) and their relatives. */
#include "core/alloc.h"
#include "core/time.h"
#include "fs/filemem.h"
#include "abi/layout.h"
#include "abi/linux/capability.h"
#include "ipc/ipc_sysctl.h"
#include "ipc/sysv.h"
#include "proc/cred.h"
#include "sys/syscall.h"

SYSCALL3(shmget, s32, key, u64, size, u32, flags) { return shm_get(key, size, flags); }
SYSCALL3(shmat, int, id, u64, addr, u32, flags) { return shm_attach(id, addr, flags); }
SYSCALL1(shmdt, u64, addr) { return shm_detach(addr); }

static long shm_ipc_info(struct uptr buf)
{
	struct shm_info used;
	struct shminfo64 info = { .shmmax = FILEMEM_SIZE / 4, .shmmin = 1, .shmmni = IPC_IDS_MAX, .shmseg = IPC_IDS_MAX,
				  .shmall = FILEMEM_SIZE / PAGE_SIZE };
	int top = shm_info(&used);

	return copy_out(buf, &info, sizeof(info)) ? -EFAULT : top;
}

SYSCALL3(shmctl, int, id, int, cmd, struct uptr, buf)
{
	struct shmid_ds64 ds;
	struct shm_info used;
	int ret;

	cmd &= ~IPC_64;
	switch (cmd) {
	case IPC_RMID:
		return shm_remove(id);
	case IPC_SET:
		return copy_in(&ds, buf, sizeof(ds)) ? -EFAULT : shm_set(id, &ds.perm);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		ret = shm_stat(id, cmd, &ds);
		return ret >= 0 && copy_out(buf, &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_INFO:
		return shm_ipc_info(buf);
	case SHM_INFO:
		ret = shm_info(&used);
		return copy_out(buf, &used, sizeof(used)) ? -EFAULT : ret;
	case SHM_LOCK:
	case SHM_UNLOCK:
		return -EPERM; /* file memory cannot be locked by one program */
	}
	return -EINVAL;
}

SYSCALL3(semget, s32, key, int, count, u32, flags)
{
	return count < 0 ? -EINVAL : sem_get(key, (u32)count, flags);
}

static long do_semop(int id, struct uptr user_ops, u64 count, s64 deadline)
{
	struct sembuf fast[16], *ops = fast;
	long ret;

	if (!count || id < 0)
		return -EINVAL;
	if (count > SEM_OPS_MAX)
		return -E2BIG;
	if (count > ARRAY_SIZE(fast)) {
		ops = kmalloc(count * sizeof(*ops));
		if (!ops)
			return -ENOMEM;
	}
	if (copy_in(ops, user_ops, count * sizeof(*ops)))
		ret = -EFAULT;
	else
		ret = sem_op(id, ops, (u32)count, deadline);
	if (ops != fast)
		kfree(ops);
	return ret;
}

SYSCALL3(semop, int, id, struct uptr, ops, u64, count) { return do_semop(id, ops, count, KTIME_MAX); }

SYSCALL4(semtimedop, int, id, struct uptr, ops, u64, count, struct uptr, timeout)
{
	s64 deadline = KTIME_MAX;
	struct timespec64 ts;

	if (!uptr_null(timeout)) {
		if (copy_in(&ts, timeout, sizeof(ts)))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		deadline = ktime_add_sat(ktime_get(), timespec64_to_ns(&ts));
	}
	return do_semop(id, ops, count, deadline);
}

static long semctl_all(int id, int cmd, struct uptr buf)
{
	int n = sem_count(id, cmd == SETALL ? 0222 : 0444), err;
	u16 *values;

	if (n < 0)
		return n;
	values = kcalloc((size_t)n, sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (cmd == SETALL) {
		err = copy_in(values, buf, (size_t)n * sizeof(*values));
		if (!err)
			err = sem_set_all(id, values, (u32)n);
	} else {
		err = sem_get_all(id, values, (u32)n);
		if (!err)
			err = copy_out(buf, values, (size_t)n * sizeof(*values));
	}
	kfree(values);
	return err;
}

static long semctl_info(int cmd, struct uptr buf)
{
	struct seminfo info = { .semmap = 1024000000, .semmni = IPC_IDS_MAX, .semmns = 1024000000, .semmnu = 1024000000,
				.semmsl = SEM_NUM_MAX, .semopm = SEM_OPS_MAX, .semume = SEM_OPS_MAX, .semusz = 20,
				.semvmx = SEM_VALUE_MAX, .semaem = SEM_VALUE_MAX };
	u32 sets, sems;
	int top = sem_info(&sets, &sems);

	if (cmd == SEM_INFO) {
		info.semusz = (s32)sets;
		info.semaem = (s32)sems;
	}
	return copy_out(buf, &info, sizeof(info)) ? -EFAULT : top;
}

SYSCALL4(semctl, int, id, int, num, int, cmd, u64, arg)
{
	struct semid_ds64 ds;
	int ret;

	cmd &= ~IPC_64;
	switch (cmd) {
	case IPC_RMID:
		return sem_remove(id);
	case IPC_SET:
		return copy_in(&ds, uptr(arg), sizeof(ds)) ? -EFAULT : sem_set_perm(id, &ds.perm);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		ret = sem_stat(id, cmd, &ds);
		return ret >= 0 && copy_out(uptr(arg), &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_INFO:
	case SEM_INFO:
		return semctl_info(cmd, uptr(arg));
	case GETALL:
	case SETALL:
		return semctl_all(id, cmd, uptr(arg));
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return num < 0 ? -EINVAL : sem_query(id, (u32)num, cmd);
	case SETVAL:
		return num < 0 ? -EINVAL : sem_set_value(id, (u32)num, (int)arg);
	}
	return -EINVAL;
}

SYSCALL2(msgget, s32, key, u32, flags) { return msg_get(key, flags); }

SYSCALL4(msgsnd, int, id, struct uptr, buf, u64, size, u32, flags)
{
	struct msg *m;
	s64 type, ignored;
	u32 len;
	int err;

	if (size > atomic_load_relaxed(&ipc_sysctl.msgmax) || id < 0)
		return -EINVAL;
	if (copy_in(&type, buf, sizeof(type)))
		return -EFAULT;
	if (type < 1)
		return -EINVAL;
	m = msg_alloc((u32)size);
	if (!m)
		return -ENOMEM;
	err = copy_in(msg_text(m, &len, &ignored), uptr_add(buf, sizeof(type)), size);
	if (!err)
		err = msg_send(id, m, type, flags);
	if (err)
		msg_free(m);
	return err;
}

SYSCALL5(msgrcv, int, id, struct uptr, buf, u64, size, s64, type, u32, flags)
{
	struct msg *m;
	s64 got_type;
	void *text;
	u32 len;
	long ret;

	if (id < 0 || (s64)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY)
		return -ENOSYS; /* as a kernel without checkpoint support */
	m = msg_receive(id, size, type, flags);
	if (is_err(m))
		return ptr_err(m);
	text = msg_text(m, &len, &got_type);
	len = (u32)min((u64)len, size);
	ret = len;
	if (copy_out(buf, &got_type, sizeof(got_type)) || copy_out(uptr_add(buf, sizeof(got_type)), text, len))
		ret = -EFAULT;
	msg_free(m);
	return ret;
}

static long msgctl_info(int cmd, struct uptr buf)
{
	struct msginfo info = { .pool = 0x7d000, .map = 0x7d00, .max = atomic_load_relaxed(&ipc_sysctl.msgmax), .mnb = atomic_load_relaxed(&ipc_sysctl.msgmnb), .mni = IPC_IDS_MAX,
				.ssz = 16, .tql = 0x7d00, .seg = 0xffff };
	u32 queues, msgs;
	u64 bytes;
	int top = msg_info(&queues, &msgs, &bytes);

	if (cmd == MSG_INFO) {
		info.pool = (s32)queues;
		info.map = (s32)msgs;
		info.tql = (s32)bytes;
	}
	return copy_out(buf, &info, sizeof(info)) ? -EFAULT : top;
}

SYSCALL3(msgctl, int, id, int, cmd, struct uptr, buf)
{
	struct msqid_ds64 ds;
	int ret;

	cmd &= ~IPC_64;
	switch (cmd) {
	case IPC_RMID:
		return msg_remove(id);
	case IPC_SET:
		return copy_in(&ds, buf, sizeof(ds)) ? -EFAULT : msg_set(id, &ds);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		ret = msg_stat(id, cmd, &ds);
		return ret >= 0 && copy_out(buf, &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_INFO:
	case MSG_INFO:
		return msgctl_info(cmd, buf);
	}
	return -EINVAL;
}
