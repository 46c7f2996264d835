/* kcmp(2): what tasks have in common, also when neither has it. */
#include "test.h"

#include <linux/kcmp.h>
#include <sys/sem.h>

static long compare(pid_t a, pid_t b, int type) { return syscall(SYS_kcmp, a, b, type, 0, 0); }

TEST(parent_and_child)
{
	int id = OK(semget(IPC_PRIVATE, 1, 0600)), go[2];
	struct sembuf op = { .sem_num = 0, .sem_op = 1, .sem_flg = SEM_UNDO };
	pid_t self = getpid(), child;

	OK(pipe(go));
	child = OK(fork());
	if (!child) {
		char c;

		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	EQ(compare(self, self, KCMP_VM), 0);
	CHECK(compare(self, child, KCMP_VM) > 0);
	CHECK(compare(self, child, KCMP_FILES) > 0);
	CHECK(compare(self, child, KCMP_FS) > 0);
	CHECK(compare(self, child, KCMP_SIGHAND) > 0);
	EQ(compare(self, child, KCMP_SYSVSEM), 0); /* neither has anything to undo */
	OK(semop(id, &op, 1));
	CHECK(compare(self, child, KCMP_SYSVSEM) > 0);
	EQ(compare(self, self, KCMP_SYSVSEM), 0);
	ERR(compare(self, child, 99), EINVAL);
	close(go[1]);
	reap(child);
	OK(semctl(id, 0, IPC_RMID));
}
