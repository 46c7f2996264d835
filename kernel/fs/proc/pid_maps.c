/*
 * What a program has mapped: maps, smaps, smaps_rollup, numa_maps, and the sums that stat and status show.
 *
 * The list is copied under mm.lock and written down without it. How much of a mapping is in memory the host tells for
 * the caller's own memory only (mincore); of others only the sum is known.
 */
#include "abi/linux/mman.h"
#include "fs/proc/proc.h"
#include "gate/host.h"
#include "mm/mm.h"

#define MINCORE_CHUNK 65536ul /* pages a host call */
#define MINCORE_LIMIT (64ull << 30) /* mappings beyond this size are reservations */
#define NAME_COLUMN 73

struct vma_copy {
	u64 start, end, offset;
	u32 prot, flags;
	struct file *file; /* reference */
	const char *name;
	char *anon_name; /* owned */
};

struct vma_list {
	struct vma_copy *v;
	u64 count;
	struct mm *mm; /* reference; NULL = no memory of its own any more */
};

static void list_put(struct vma_list *l)
{
	for (u64 i = 0; i < l->count; i++) {
		if (l->v[i].file)
			file_put(l->v[i].file);
		kfree(l->v[i].anon_name);
	}
	kfree(l->v);
	if (l->mm)
		mm_put(l->mm);
}

static void copy_one(struct vma_copy *c, struct vma *v)
{
	*c = (struct vma_copy){ v->start, v->end, v->offset, v->prot, v->flags, NULL, v->name, NULL };
	if (v->file)
		c->file = file_get(v->file);
	if (v->anon_name)
		c->anon_name = kstrdup(v->anon_name);
}

static int list_get(struct task *t, struct vma_list *l)
{
	u64 room;

	memset(l, 0, sizeof(*l));
	l->mm = task_get_mm(t);
	if (!l->mm)
		return 0;
	for (;;) {
		room = atomic_load_relaxed(&l->mm->vma_count) + 16;
		l->v = kcalloc(room, sizeof(*l->v));
		if (!l->v) {
			mm_put(l->mm);
			return -ENOMEM;
		}
		mutex_lock(&l->mm->lock);
		if (l->mm->vma_count <= room)
			break;
		mutex_unlock(&l->mm->lock);
		kfree(l->v);
	}
	for (struct vma *v = vma_first(l->mm); v && l->count < room; v = vma_next(v))
		copy_one(&l->v[l->count++], v);
	mutex_unlock(&l->mm->lock);
	return 0;
}

static void put_line(struct seq *s, const struct vma_copy *v)
{
	u64 offset = v->file ? v->offset : 0, dev = v->file ? v->file->inode->sb->dev : 0;
	size_t start = s->len;

	seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v->start, v->end, v->prot & PROT_READ ? 'r' : '-',
		   v->prot & PROT_WRITE ? 'w' : '-', v->prot & PROT_EXEC ? 'x' : '-',
		   v->flags & MAP_SHARED ? 's' : 'p', offset, MAJOR(dev), MINOR(dev),
		   v->file ? v->file->inode->ino : 0);
	if (v->file || v->name || v->anon_name)
		while (s->len < start + NAME_COLUMN && !s->err)
			seq_putc(s, ' ');
	if (v->file)
		seq_path(s, &v->file->path);
	else if (v->name)
		seq_puts(s, v->name);
	else if (v->anon_name)
		seq_printf(s, "[anon:%s]", v->anon_name);
	seq_putc(s, '\n');
}

int proc_show_maps(struct seq *s, const struct proc_ctx *c)
{
	struct vma_list l;
	int err = list_get(c->task, &l);

	if (err)
		return err;
	for (u64 i = 0; i < l.count; i++)
		put_line(s, &l.v[i]);
	list_put(&l);
	return 0;
}

int proc_show_numa_maps(struct seq *s, const struct proc_ctx *c)
{
	struct vma_list l;
	int err = list_get(c->task, &l);

	if (err)
		return err;
	for (u64 i = 0; i < l.count; i++) {
		seq_printf(s, "%08lx default", l.v[i].start);
		if (l.v[i].file) {
			seq_puts(s, " file=");
			seq_path(s, &l.v[i].file->path);
		} else if (l.v[i].name && !strcmp(l.v[i].name, "[heap]")) {
			seq_puts(s, " heap");
		} else if (l.v[i].name && !strcmp(l.v[i].name, "[stack]")) {
			seq_puts(s, " stack");
		}
		seq_putc(s, '\n');
	}
	list_put(&l);
	return 0;
}

/* Resident bytes of a mapping of the caller; vec of MINCORE_CHUNK bytes. */
static u64 resident(const struct vma_copy *v, u8 *vec)
{
	u64 pages = 0, at = v->start, n;

	if (!v->prot || v->end - v->start > MINCORE_LIMIT)
		return 0;
	for (; at < v->end; at += n * PAGE_SIZE) {
		n = min((v->end - at) / PAGE_SIZE, MINCORE_CHUNK);
		if (host_mincore((void *)at, n * PAGE_SIZE, vec))
			continue;
		for (u64 i = 0; i < n; i++)
			pages += vec[i] & 1;
	}
	return pages * PAGE_SIZE;
}

/* Of one mapping or a process, bytes. */
struct smap {
	u64 rss, shared, anon, locked;
};

static void put_smap(struct seq *s, const struct smap *m, bool rollup)
{
	u64 rss = m->rss / 1024, shared = m->shared / 1024, own = rss - shared, anon = m->anon / 1024;
	/* The host does not tell who else has a shared page: as if nobody did. */
	struct {
		const char *name;
		u64 kib;
		bool only_rollup;
	} lines[] = {
		{ "Rss:", rss, false },
		{ "Pss:", rss, false },
		{ "Pss_Dirty:", anon, false },
		{ "Pss_Anon:", anon, true },
		{ "Pss_File:", rss - anon, true },
		{ "Pss_Shmem:", 0, true },
		{ "Shared_Clean:", shared, false },
		{ "Shared_Dirty:", 0, false },
		{ "Private_Clean:", own > anon ? own - anon : 0, false },
		{ "Private_Dirty:", min(anon, own), false },
		{ "Referenced:", rss, false },
		{ "Anonymous:", anon, false },
		{ "LazyFree:", 0, false },
		{ "AnonHugePages:", 0, false },
		{ "ShmemPmdMapped:", 0, false },
		{ "FilePmdMapped:", 0, false },
		{ "Shared_Hugetlb:", 0, false },
		{ "Private_Hugetlb:", 0, false },
		{ "Swap:", 0, false },
		{ "SwapPss:", 0, false },
		{ "Locked:", m->locked / 1024, false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		if (rollup || !lines[i].only_rollup)
			seq_printf(s, "%-16s %8lu kB\n", lines[i].name, lines[i].kib);
}

static void put_vm_flags(struct seq *s, const struct vma_copy *v)
{
	static const struct {
		u32 bit;
		const char *text;
	} flags[] = {
		{ MAP_GROWSDOWN, "gd " },    { MAP_LOCKED, "lo " },	     { VMA_DONTFORK, "dc " },
		{ MAP_NORESERVE, "nr " },    { VMA_WIPEONFORK, "wf " },    { VMA_DONTDUMP, "dd " },
		{ VMA_HUGEPAGE, "hg " },     { VMA_NOHUGEPAGE, "nh " },    { VMA_MERGEABLE, "mg " },
	};

	seq_puts(s, "VmFlags: ");
	if (v->prot & PROT_READ)
		seq_puts(s, "rd ");
	if (v->prot & PROT_WRITE)
		seq_puts(s, "wr ");
	if (v->prot & PROT_EXEC)
		seq_puts(s, "ex ");
	if (v->flags & MAP_SHARED)
		seq_puts(s, "sh ");
	seq_puts(s, "mr ");
	if (!(v->flags & VMA_NOWRITE))
		seq_puts(s, "mw ");
	if (!(v->flags & VMA_NOEXEC))
		seq_puts(s, "me ");
	if (v->flags & MAP_SHARED)
		seq_puts(s, "ms ");
	if (!(v->flags & MAP_SHARED) && (v->prot & PROT_WRITE))
		seq_puts(s, "ac ");
	for (u32 i = 0; i < ARRAY_SIZE(flags); i++)
		if (v->flags & flags[i].bit)
			seq_puts(s, flags[i].text);
	seq_putc(s, '\n');
}

static void measure(const struct vma_copy *v, u8 *vec, struct smap *m)
{
	memset(m, 0, sizeof(*m));
	m->rss = vec ? resident(v, vec) : 0;
	if (v->flags & MAP_SHARED)
		m->shared = m->rss;
	if (!v->file)
		m->anon = m->rss;
	if (v->flags & MAP_LOCKED)
		m->locked = m->rss;
}

int proc_show_smaps(struct seq *s, const struct proc_ctx *c)
{
	struct vma_list l;
	struct smap m;
	u8 *vec = NULL;
	int err = list_get(c->task, &l);

	if (err)
		return err;
	if (l.mm && l.mm == current->mm) {
		vec = kmalloc(MINCORE_CHUNK);
		err = vec ? 0 : -ENOMEM;
	}
	for (u64 i = 0; !err && i < l.count; i++) {
		put_line(s, &l.v[i]);
		seq_printf(s, "Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
			   (l.v[i].end - l.v[i].start) / 1024);
		measure(&l.v[i], vec, &m);
		put_smap(s, &m, false);
		seq_puts(s, "THPeligible:    0\n");
		put_vm_flags(s, &l.v[i]);
	}
	kfree(vec);
	list_put(&l);
	return err;
}

int proc_show_smaps_rollup(struct seq *s, const struct proc_ctx *c)
{
	struct proc_usage u;
	struct proc_mm_sums sums;
	struct smap m = { 0 };
	struct vma_list l;
	int err = list_get(c->task, &l);

	if (err)
		return err;
	if (!l.count) {
		list_put(&l);
		return -ESRCH;
	}
	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0                          [rollup]\n", l.v[0].start,
		   l.v[l.count - 1].end);
	list_put(&l);
	proc_usage(c->task, &u);
	m.rss = u.rss * PAGE_SIZE;
	m.shared = u.shared * PAGE_SIZE;
	m.anon = m.rss - m.shared;
	if (proc_mm_sums(c->task, &sums))
		m.locked = min(sums.locked * PAGE_SIZE, m.rss);
	put_smap(s, &m, true);
	return 0;
}

static void sum_one(struct proc_mm_sums *o, struct vma *v, const struct inode *exe)
{
	bool own = exe && v->file && v->file->inode == exe;

	if ((v->prot & PROT_EXEC) && v->file) {
		if (own)
			o->exec += v->end - v->start;
		else
			o->lib += v->end - v->start;
	}
	if (!own)
		return;
	if (v->prot & PROT_EXEC) {
		if (!o->start_code)
			o->start_code = v->start;
		o->end_code = v->end;
	} else if (v->prot & PROT_WRITE) {
		if (!o->start_data)
			o->start_data = v->start;
		o->end_data = v->end;
	}
}

bool proc_mm_sums(struct task *t, struct proc_mm_sums *o)
{
	struct mm *mm = task_get_mm(t);

	memset(o, 0, sizeof(*o));
	if (!mm)
		return false;
	mutex_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v))
		sum_one(o, v, mm->exe ? mm->exe->inode : NULL);
	o->total = mm->total_pages;
	o->data = mm->data_pages;
	o->stack = mm->stack_pages;
	o->locked = mm->locked_pages;
	o->start_brk = mm->brk_start;
	o->start_stack = mm->stack_top;
	o->arg_start = mm->arg_start;
	o->arg_end = mm->arg_end;
	o->env_start = mm->env_start;
	o->env_end = mm->env_end;
	o->thp_disable = mm->thp_disable;
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return true;
}
