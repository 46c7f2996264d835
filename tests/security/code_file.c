/*
 * Forbidden instructions in a file that is mapped executable: privately, shared, by mprotect, from memory files.
 *
 * defence: scan
 */
#include "code.h"

#include <sys/shm.h>

static void one(enum gadget g, int fd, size_t at, size_t entry, int flags, const char *what)
{
	unsigned char *p = map(2, PROT_READ | PROT_EXEC, flags, fd);

	if (p) {
		run(g, p + entry, p + at, what);
		run(g, p + entry, p + at, what);
		munmap(p, 2 * PAGE);
	}
	p = map(2, PROT_READ, flags, fd);
	if (p && !mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC))
		run(g, p + entry, p + at, what);
	munmap(p, 2 * PAGE);
}

static void shm(enum gadget g)
{
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700);
	unsigned char *w, *x;

	if (id < 0)
		return;
	w = shmat(id, NULL, 0);
	memcpy(w, gadget_bytes[g], GADGET_LEN);
	x = shmat(id, NULL, SHM_EXEC | SHM_RDONLY);
	if (x != (void *)-1)
		run(g, x, x, "System V memory");
	shmctl(id, IPC_RMID, NULL);
}

int main(void)
{
	code_begin();
	for (int g = 0; g < GADGETS; g++) {
		for (size_t at = 100; at < 2 * PAGE - 8; at = at == 100 ? PAGE - 1 : at == PAGE - 1 ? PAGE - 2 : 2 * PAGE) {
			int fd = file_with(2, at, gadget_bytes[g], GADGET_LEN);
			int mem = memfd_create("code", 0);

			one(g, fd, at, at, MAP_PRIVATE, "private file mapping");
			one(g, fd, at, at > 40 ? at - 40 : 0, MAP_PRIVATE, "private file mapping, run into");
			one(g, fd, at, at, MAP_SHARED, "shared file mapping");
			if (mem >= 0 && !ftruncate(mem, 2 * PAGE) && pwrite(mem, gadget_bytes[g], GADGET_LEN, (off_t)at) > 0) {
				one(g, mem, at, at, MAP_PRIVATE, "private memfd");
				one(g, mem, at, at, MAP_SHARED, "shared memfd");
			}
			close(fd);
			close(mem);
		}
		shm(g);
	}
	return code_result("forbidden instructions in files");
}
