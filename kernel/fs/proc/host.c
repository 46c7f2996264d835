/*
 * What only the host knows of a process: resident memory, page faults, context switches. Its own procfs tells, through
 * the descriptor in the boot block; without one these figures are 0. A host process may end at any moment and its
 * number be used again: then a figure is wrong once.
 */
#include "core/boot.h"
#include "fs/proc/proc.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "mm/mm.h"

static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd;
	long n;
	size_t len = 0;

	if (boot->host_proc_fd < 0)
		return -ENOENT;
	fd = host_openat(boot->host_proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	do {
		n = host_pread64(fd, buf + len, size - 1 - len, (loff_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size - 1) || n == -EINTR);
	host_close(fd);
	buf[len] = 0;
	return n < 0 ? n : (ssize_t)len;
}

ssize_t proc_host_read(struct task *t, const char *name, char *buf, size_t size)
{
	int pid = mm_host_pid(t);
	char path[64];

	if (pid < 0)
		return pid;
	ksnprintf(path, sizeof(path), "%d/%s", pid, name);
	return read_file(path, buf, size);
}

ssize_t proc_host_read_thread(struct task *t, const char *name, char *buf, size_t size)
{
	int pid = mm_host_pid(t);
	struct hthread *ht = atomic_load(&t->ht);
	u32 tid = ht ? atomic_load(&ht->host_tid) : 0;
	char path[80];

	if (pid < 0 || !tid)
		return -ESRCH;
	ksnprintf(path, sizeof(path), "%d/task/%u/%s", pid, tid, name);
	return read_file(path, buf, size);
}

ssize_t proc_host_read_system(const char *name, char *buf, size_t size) { return read_file(name, buf, size); }

static u64 number_at(const char **p)
{
	u64 v = 0;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	while (**p >= '0' && **p <= '9')
		v = v * 10 + (u64)(*(*p)++ - '0');
	return v;
}

u64 proc_host_value(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, n) && text[n] == ':') {
			text += n + 1;
			return number_at(&text);
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return 0;
}

/* The n-th field of /proc/PID/stat, counted from 1 as in its man page, n > 2. */
static u64 stat_field(const char *text, u32 n)
{
	const char *p = strrchr(text, ')');

	for (u32 i = 2; p && i < n; i++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? number_at(&p) : 0;
}

void proc_usage(struct task *t, struct proc_usage *u)
{
	char buf[640];
	const char *p = buf;

	memset(u, 0, sizeof(*u));
	if (proc_host_read(t, "stat", buf, sizeof(buf)) <= 0)
		return;
	u->minflt = stat_field(buf, 10);
	u->majflt = stat_field(buf, 12);
	u->cpu = (u32)stat_field(buf, 39);
	if (proc_host_read(t, "statm", buf, sizeof(buf)) <= 0)
		return;
	number_at(&p);
	u->rss = number_at(&p);
	u->shared = min(number_at(&p), u->rss);
}
