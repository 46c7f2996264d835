/*
 * Code that was clean when it turned executable, and is changed behind that: by write(2), through another mapping,
 * /proc/self/mem, process_vm_writev, a child, truncation, madvise, a copy of a file that could not be changed.
 *
 * defence: copy
 */
#include "code.h"

#include <sys/prctl.h>
#include <sys/uio.h>

static const unsigned char clean[8] = { 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3 };

/* One page of returns, executable, that ran once. */
static unsigned char *begin(int *fd, int flags)
{
	unsigned char *p;

	*fd = file_with(1, 0, clean, sizeof(clean));
	p = map(1, PROT_READ | PROT_EXEC, flags, *fd);
	if (!p) {
		/* Then turned executable later. */
		p = map(1, PROT_READ, flags, *fd);
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	}
	if (attempt(call_gadget, p))
		printf("a clean page does not run\n");
	return p;
}

static void end(enum gadget g, unsigned char *p, int fd, const char *what)
{
	run(g, p, p, what);
	munmap(p, PAGE);
	close(fd);
}

static void through_file(enum gadget g, int flags)
{
	unsigned char *p, *w;
	int fd;

	p = begin(&fd, flags);
	(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, 0);
	end(g, p, fd, "write(2)");

	p = begin(&fd, flags);
	w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w != MAP_FAILED)
		memcpy(w, gadget_bytes[g], GADGET_LEN);
	end(g, p, fd, "a second mapping");

	p = begin(&fd, flags);
	(void)!ftruncate(fd, 0);
	(void)!ftruncate(fd, PAGE);
	(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, 0);
	end(g, p, fd, "truncation and write(2)");

	p = begin(&fd, flags);
	(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, 0);
	madvise(p, PAGE, MADV_DONTNEED);
	end(g, p, fd, "write(2) and MADV_DONTNEED");

	p = begin(&fd, flags);
	(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, 0);
	w = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (w != MAP_FAILED) {
		run(g, w, w, "MREMAP_DONTUNMAP, the new place");
		munmap(w, PAGE);
	}
	end(g, p, fd, "MREMAP_DONTUNMAP, the old place");

	p = begin(&fd, flags);
	if (fork() == 0) {
		(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, 0);
		w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		memcpy(w, gadget_bytes[g], GADGET_LEN);
		run(g, p, p, "a child for itself");
		_exit(harms);
	}
	int status = 0;

	wait(&status);
	if (status)
		harms++;
	end(g, p, fd, "a child");
}

/* A page that changes from run to run: the trap is in it, its file comes back. */
static void reread(enum gadget g)
{
	int fd = file_with(1, 0, gadget_bytes[g], GADGET_LEN);
	unsigned char *p = map(1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);

	run(g, p, p, "a file");
	madvise(p, PAGE, MADV_DONTNEED);
	run(g, p, p, "a file, read again");
	if (fork() == 0) {
		run(g, p, p, "a file, in a child");
		madvise(p, PAGE, MADV_DONTNEED);
		run(g, p, p, "a file, read again in a child");
		_exit(harms);
	}
	int status = 0;

	wait(&status);
	if (status)
		harms++;
	close(fd);
}

/*
 * A file of the lower layer cannot change, and is run as it is. What a mapping of it grows by is of the upper layer's
 * copy, once there is one.
 */
static void grown(enum gadget g, bool before)
{
	static const char *const files[] = { "GPL-2", "GPL-3", "LGPL-2.1", "GFDL-1.3" };
	char name[64];
	unsigned char *p;
	int fd, w;

	snprintf(name, sizeof(name), "/usr/share/common-licenses/%s", files[g * 2 + before]);
	fd = open(name, O_RDONLY);
	if (fd < 0 || !getenv("PLATFORM"))
		return;
	p = map(1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	mprotect(p, PAGE, PROT_READ);
	w = open(name, O_RDWR);
	if (w < 0)
		return;
	p = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	if (p != MAP_FAILED) {
		if (before)
			attempt(load, p + PAGE);
		mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC);
		attempt(call_gadget, p + PAGE);
		(void)!pwrite(w, gadget_bytes[g], GADGET_LEN, PAGE);
		run(g, p + PAGE, p + PAGE, "the upper layer's part of a mapping of a lower file");
		munmap(p, 2 * PAGE);
	}
	close(w);
	close(fd);
}

static void remote(enum gadget g, pid_t pid, unsigned char *p, const char *what)
{
	struct iovec l = { (void *)gadget_bytes[g], GADGET_LEN }, r = { p, GADGET_LEN };
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd >= 0) {
		(void)!pwrite(fd, gadget_bytes[g], GADGET_LEN, (off_t)p);
		close(fd);
	}
	(void)!process_vm_writev(pid, &l, 1, &r, 1, 0);
	(void)what;
}

static void memory(enum gadget g, int prot)
{
	unsigned char *p = anon(1, PROT_READ | PROT_WRITE);
	pid_t me = getpid();

	memset(p, 0xc3, PAGE);
	mprotect(p, PAGE, prot);
	attempt(call_gadget, p);
	remote(g, me, p, "own");
	run(g, p, p, "/proc/self/mem, process_vm_writev");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (fork() == 0) {
		remote(g, me, p, "parent's");
		_exit(0);
	}
	wait(NULL);
	run(g, p, p, "/proc/PID/mem, process_vm_writev from a child");
	munmap(p, PAGE);
}

int main(void)
{
	code_begin();
	for (int g = 0; g < GADGETS; g++) {
		through_file(g, MAP_PRIVATE);
		through_file(g, MAP_SHARED);
		reread(g);
		grown(g, true);
		grown(g, false);
		memory(g, PROT_READ | PROT_EXEC);
		memory(g, PROT_READ | PROT_WRITE | PROT_EXEC);
	}
	return code_result("code changed behind the scan");
}
