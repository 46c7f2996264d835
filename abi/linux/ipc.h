/* System V IPC, sysvipc(7): shmget(2), semget(2), msgget(2): numbers and layouts of x86-64. */
#ifndef LIMPET_ABI_LINUX_IPC_H
#define LIMPET_ABI_LINUX_IPC_H

#include <stdint.h>

#define IPC_PRIVATE 0
#define IPC_CREAT 01000u
#define IPC_EXCL 02000u
#define IPC_NOWAIT 04000u

#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3
#define IPC_64 0x100 /* ignored: there is only one layout */

#define MSG_STAT 11
#define MSG_INFO 12
#define MSG_STAT_ANY 13
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15
#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17
#define SEM_STAT 18
#define SEM_INFO 19
#define SEM_STAT_ANY 20

#define SHM_RDONLY 010000u
#define SHM_RND 020000u
#define SHM_REMAP 040000u
#define SHM_EXEC 0100000u
#define SHM_DEST 01000u
#define SHM_HUGETLB 04000u
#define SEM_UNDO 0x1000
#define MSG_NOERROR 010000u
#define MSG_EXCEPT 020000u
#define MSG_COPY 040000u

struct ipc_perm64 {
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t seq, pad;
	uint32_t pad2;
	uint64_t unused[2];
};
_Static_assert(sizeof(struct ipc_perm64) == 48, "Linux's size");

struct shmid_ds64 {
	struct ipc_perm64 perm;
	uint64_t segsz;
	int64_t atime, dtime, ctime;
	int32_t cpid, lpid;
	uint64_t nattch, unused[2];
};
_Static_assert(sizeof(struct shmid_ds64) == 112, "Linux's size");

struct semid_ds64 {
	struct ipc_perm64 perm;
	int64_t otime, unused1, ctime, unused2;
	uint64_t nsems, unused[2];
};
_Static_assert(sizeof(struct semid_ds64) == 104, "Linux's size");

struct msqid_ds64 {
	struct ipc_perm64 perm;
	int64_t stime, rtime, ctime;
	uint64_t cbytes, qnum, qbytes;
	int32_t lspid, lrpid;
	uint64_t unused[2];
};
_Static_assert(sizeof(struct msqid_ds64) == 120, "Linux's size");

struct sembuf {
	uint16_t num;
	int16_t op, flg;
};

struct shminfo64 {
	uint64_t shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};
struct shm_info {
	int32_t used_ids, pad;
	uint64_t tot, rss, swp, swap_attempts, swap_successes;
};
struct seminfo {
	int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};
struct msginfo {
	int32_t pool, map, max, mnb, mni, ssz, tql;
	uint16_t seg;
};

#endif
