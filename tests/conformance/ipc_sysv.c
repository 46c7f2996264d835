/* System V shared memory, semaphores, message queues; POSIX message queues; shm_open; memfd seals. */
#include "test.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun { int val; struct semid_ds *buf; unsigned short *array; };

TEST(shared_memory)
{
	int id = OK(shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600));
	struct shmid_ds ds;
	char *p, *q;
	pid_t pid;

	NEED(id >= 0);
	p = OK(shmat(id, 0, 0));
	q = OK(shmat(id, 0, SHM_RDONLY));
	CHECK(p != q);
	strcpy(p + 2 * PAGE, "hello");
	STR(q + 2 * PAGE, "hello");
	EQ(shmctl(id, IPC_STAT, &ds), 0);
	EQ(ds.shm_nattch, 2);
	EQ(ds.shm_segsz, 3 * PAGE);
	pid = fork();
	if (!pid) {
		strcpy(p, "child");
		done();
	}
	reap(pid);
	STR(q, "child");
	EQ(shmctl(id, IPC_RMID, 0), 0);
	EQ(shmdt(q), 0);
	STR(p, "child"); /* lives until the last detach */
	EQ(shmdt(p), 0);
	ERR(shmdt(p), EINVAL);
	ERR(shmat(id, 0, 0), EINVAL);
	ERR(shmget(0x77123, 10, 0), ENOENT);
	ERR(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
}

TEST(semaphores)
{
	int id = OK(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600));
	struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 }, zero = { 0, 0, IPC_NOWAIT }, undo = { 1, 5, SEM_UNDO };
	pid_t pid;

	NEED(id >= 0);
	EQ(semctl(id, 0, SETVAL, (union semun){ .val = 1 }), 0);
	EQ(semctl(id, 0, GETVAL), 1);
	EQ(semop(id, &down, 1), 0);
	EQ(semop(id, &zero, 1), 0);
	down.sem_flg = IPC_NOWAIT;
	ERR(semop(id, &down, 1), EAGAIN);
	down.sem_flg = 0;
	pid = fork();
	if (!pid) {
		EQ(semop(id, &undo, 1), 0);
		msleep(50);
		EQ(semop(id, &up, 1), 0);
		done();
	}
	EQ(semop(id, &down, 1), 0);
	reap(pid);
	EQ(semctl(id, 1, GETVAL), 0); /* undone at exit */
	EQ(semtimedop(id, &down, 1, &(struct timespec){ 0, 20 * MS }) == -1 && errno == EAGAIN, 1);
	if (!fork()) {
		msleep(50);
		semctl(id, 0, IPC_RMID);
		_exit(0);
	}
	ERR(semop(id, &down, 1), EIDRM);
	wait(0);
}

TEST(messages)
{
	int id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	struct { long type; char text[64]; } m = { 5, "five" }, n;

	NEED(id >= 0);
	EQ(msgsnd(id, &m, 5, 0), 0);
	m.type = 3;
	strcpy(m.text, "three");
	EQ(msgsnd(id, &m, 6, 0), 0);
	EQ(msgrcv(id, &n, 64, 3, 0), 6);
	STR(n.text, "three");
	ERR(msgrcv(id, &n, 64, 9, IPC_NOWAIT), ENOMSG);
	ERR(msgrcv(id, &n, 2, 0, 0), E2BIG);
	EQ(msgrcv(id, &n, 64, -10, 0), 5);
	EQ(n.type, 5);
	m.type = 0;
	ERR(msgsnd(id, &m, 5, 0), EINVAL);
	EQ(msgctl(id, IPC_RMID, 0), 0);
}

TEST(posix_queues)
{
	struct mq_attr at = { .mq_maxmsg = 3, .mq_msgsize = 32 };
	char name[64], buf[64];
	unsigned int prio;
	mqd_t q;

	sprintf(name, "/limpet-test-%d", getpid());
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &at);
	if (q == -1 && errno == ENOSYS) {
		test_fail(__LINE__, "no POSIX message queues");
		return;
	}
	NEED(q != -1);
	EQ(mq_send(q, "low", 4, 1), 0);
	EQ(mq_send(q, "high", 5, 9), 0);
	EQ(mq_send(q, "low2", 5, 1), 0);
	ERR(mq_send(q, "x", 1, 1), EAGAIN);
	ERR(mq_receive(q, buf, 10, &prio), EMSGSIZE);
	EQ(mq_receive(q, buf, 64, &prio), 5);
	STR(buf, "high");
	EQ(prio, 9);
	EQ(mq_receive(q, buf, 64, &prio), 4);
	STR(buf, "low");
	EQ(mq_getattr(q, &at), 0);
	EQ(at.mq_curmsgs, 1);
	EQ(mq_unlink(name), 0);
	ERR(mq_unlink(name), ENOENT);
	mq_close(q);
}

TEST(posix_shared_memory)
{
	char name[64], *p;
	int fd;
	pid_t pid;

	sprintf(name, "/limpet-test-%d", getpid());
	fd = OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	EQ(ftruncate(fd, PAGE), 0);
	p = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = fork();
	if (!pid) {
		int f2 = shm_open(name, O_RDWR, 0);

		strcpy(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f2, 0), "shared");
		done();
	}
	reap(pid);
	STR(p, "shared");
	EQ(shm_unlink(name), 0);
}

TEST(memfd_seals)
{
	int fd = OK(memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	char buf[PATH_MAX] = "", path[64];

	EQ(ftruncate(fd, PAGE), 0);
	EQ(write(fd, "abc", 3), 3);
	sprintf(path, "/proc/self/fd/%d", fd);
	CHECK(readlink(path, buf, sizeof buf - 1) > 0);
	STR(buf, "/memfd:name (deleted)");
	EQ(fcntl(fd, F_GET_SEALS), 0);
	EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	ERR(ftruncate(fd, 0), EPERM);
	ERR(ftruncate(fd, 2 * PAGE), EPERM);
	ERR(pwrite(fd, "x", 1, PAGE), EPERM);
	EQ(pwrite(fd, "x", 1, 0), 1);
	char *p = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	munmap(p, PAGE);
	EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	ERR(write(fd, "x", 1), EPERM);
	ERR(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	fd = memfd_create("plain", 0);
	ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	ERR(memfd_create("x", 0x100), EINVAL);
}
