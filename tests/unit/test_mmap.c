/*
 * The mmap family of kernel/mm against the host it runs on: random calls within a window of addresses, after each the
 * VMA list is compared with /proc/self/maps, and the contents of moved and kept pages with what was written.
 *
 * build: kernel/mm/vma.c kernel/mm/mmap.c kernel/mm/mremap.c kernel/mm/mprotect.c kernel/mm/protect.c kernel/mm/advise.c
 * build: kernel/mm/mm.c kernel/mm/mlock.c kernel/mm/fault.c kernel/mm/shmem.c kernel/mm/past_end.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

long syscall(long nr, ...);

#include "fs/file.h"
#include "fs/filemem.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "mm/code.h"
#include "mm/emulate.h"
#include "mm/image.h"
#include "mm/vma.h"
#include "proc/task.h"

#define WINDOW 0x200000000000ull
#define PAGES 256u
#define END (WINDOW + PAGES * PAGE_SIZE)

/* Stubs. */
static struct mm *mm;
static struct task me;
static int memfd = -1;
static u64 memfd_next;

struct task *gate_current(void) { return &me; }
void *kmalloc(size_t n) { return malloc(n); }
void *kzalloc(size_t n) { return calloc(1, n); }
void *krealloc(void *p, size_t n) { return realloc(p, n); }
void kfree(void *p) { free(p); }
char *kstrdup(const char *s) { return strdup(s); }
void mutex_init(struct mutex *m, enum lock_class c) { m->state = 0; }
void mutex_lock(struct mutex *m)
{
	assert_int_equal(m->state, 0);
	m->state = 1;
}
void mutex_unlock(struct mutex *m) { m->state = 0; }
void mutex_assert_held(const struct mutex *m) { assert_int_equal(m->state, 1); }
u64 rlimit(unsigned which) { return RLIM_INFINITY; }
bool capable(unsigned cap) { return true; }

/* No other task, no patched call sites, no code that writes to its own page. */
struct mutex tasklist_lock;
struct task *task_next_any(u64 from) { return NULL; }
u64 task_place(const struct task *t) { return 0; }
struct mm *task_get_mm(struct task *t) { return NULL; }
void task_set_work(struct task *t, u32 bits) {}
void task_put(struct task *t) {}
/* Host calls that a killed thread could be continued behind: here just calls. */
long gate_host_call(long nr, long a, long b, long c, long d, long e, long f) { return host_syscall(nr, a, b, c, d, e, f); }
/* Nothing is looked at before it runs: tests/security has that. */
bool code_scanned(void) { return false; }
bool code_copied(void) { return false; }
int code_enable(u64 addr, u64 len, int prot, const struct code_clean *clean) { return -1; }
int code_make_private(struct mm *m, u64 addr, u64 len) { return -1; }
void code_pieces_look(struct map_pieces *p, struct file *file, u64 offset, u32 prot, u32 flags) {}
u32 code_pieces_flags(const struct map_pieces *p, u32 prot) { return 0; }
int code_map_piece(const struct map_pieces *p, const struct map_source *s, u64 addr, u64 len, u32 prot, u32 flags)
{
	return mm_host_map(addr, len, map_source_beyond(s) ? prot & ~PROT_EXEC : prot, flags, s->host_fd, s->host_offset);
}
enum code_resolved code_resolve(struct mm *m, u64 page, u64 rip) { return CODE_REFUSED; }
void code_drop(struct mm *m, u64 addr, u64 len) {}
void code_restore(struct mm *m, u64 addr, u64 len) {}
int code_fixes_copy(struct mm *to, const struct mm *from) { return 0; }
void code_stubs_copy(struct mm *to, const struct mm *from) {}
void code_stubs_free(struct mm *m) {}
bool code_is_stub(const struct mm *m, u64 page) { return false; }
bool code_hides(const struct mm *m, u64 page) { return false; }
int code_show_traps(struct mm *m, u64 page) { return -1; }
static const struct gate_ops no_gate;
const struct gate_ops *gate = &no_gate;
void inode_write_allow(struct inode *i) {}
void image_look(struct map_pieces *p, struct file *file, u64 offset, u64 len, u32 prot, u32 flags) {}
void image_put(struct map_pieces *p) {}
void image_place(struct mm *m, struct map_pieces *p, u64 addr, u64 len) {}
u32 image_flags(const struct map_pieces *p) { return 0; }
int image_map(struct mm *m, struct patch_area *a, u64 addr, u64 len, u32 prot) { return -1; }
bool image_in(struct mm *m, u64 start, u64 end) { return false; }
int image_leave(struct mm *m, u64 start, u64 end) { return -1; }
void patch_copy(struct mm *to, const struct mm *from) {}
void patch_free(struct mm *mm) {}
void patch_drop_locked(struct mm *mm, u64 start, u64 end) {}
void stats_flip(void) {}
enum emulated mm_emulate_store(struct gate_regs *regs, u64 page) { return 0; }
enum emulated mm_emulate_read(struct gate_regs *regs) { return EMULATE_FAILED; }
u64 filemem_alloc(u64 pages)
{
	u64 at = memfd_next;

	memfd_next += pages << PAGE_SHIFT;
	return at;
}
static u64 live_pages;
void filemem_free(u64 offset, u64 pages) { live_pages -= pages; }
void filemem_punch(u64 offset, u64 pages) {}
int filemem_fd(void) { return memfd; }
static struct inode no_file = { .mode = S_IFCHR }; /* shared memory that is nobody's regular file */

struct file *file_alloc_anon(const char *name, const struct file_ops *ops, void *priv, u32 flags, u32 mode)
{
	struct file *f = calloc(1, sizeof(*f));

	f->inode = &no_file;

	ref_init(&f->ref);
	f->ops = ops;
	f->priv = priv;
	return f;
}
void file_put(struct file *f)
{
	assert_int_equal(mm->lock.state, 0);
	if (!ref_put(&f->ref))
		return;
	f->ops->release(f);
	free(f);
}

static u32 host_prot_of(const char *s)
{
	return (s[0] == 'r' ? PROT_READ : 0) | (s[1] == 'w' ? PROT_WRITE : 0) | (s[2] == 'x' ? PROT_EXEC : 0);
}

/* What the host may show for prot: for both W and X, either. */
static bool prot_fits(u32 prot, u32 flags, u32 host)
{
	/* Pages behind the end of shared memory are never executable on the host. */
	if ((flags & MAP_SHARED) && host == (prot & ~(u32)PROT_EXEC))
		return true;
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return (host & PROT_READ) && (host & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC);
	return prot == host;
}

static void check(const char *what)
{
	static struct { u8 mapped, prot, shared; } host[PAGES];
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char perm[8], line[512];
	struct vma *v;

	memset(host, 0, sizeof(host));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, perm) != 3)
			continue;
		for (u64 a = from < WINDOW ? WINDOW : from; a < to && a < END; a += PAGE_SIZE) {
			host[(a - WINDOW) / PAGE_SIZE].mapped = 1;
			host[(a - WINDOW) / PAGE_SIZE].prot = host_prot_of(perm);
			host[(a - WINDOW) / PAGE_SIZE].shared = perm[3] == 's';
		}
	}
	fclose(f);
	for (u32 i = 0; i < PAGES; i++) {
		u64 a = WINDOW + i * PAGE_SIZE;

		v = vma_find(mm, a);
		if (!v || v->start > a) {
			if (host[i].mapped)
				fail_msg("%s: page %u is the host's alone", what, i);
			continue;
		}
		if (!host[i].mapped || !prot_fits(v->prot, v->flags, host[i].prot) || host[i].shared != !!(v->flags & MAP_SHARED))
			fail_msg("%s: page %u: list %x %x, host %d %x%s", what, i, v->prot, v->flags, host[i].mapped, host[i].prot,
				 host[i].shared ? " shared" : "");
	}
	u64 total = 0, data = 0, locked = 0;
	for (v = vma_first(mm); v; v = vma_next(v)) {
		u64 n = (v->end - v->start) >> PAGE_SHIFT;

		total += n;
		data += mm_is_data(v->prot, v->flags) ? n : 0;
		locked += v->flags & MAP_LOCKED ? n : 0;
	}
	assert_int_equal(total, mm->total_pages);
	assert_int_equal(data, mm->data_pages);
	assert_int_equal(locked, mm->locked_pages);
}

static void start(void)
{
	mm = mm_alloc();
	mm->mmap_base = END;
	me.mm = mm;
	if (memfd < 0) {
		memfd = host_memfd_create("test", 0);
		assert_int_equal(host_ftruncate(memfd, 1ll << 40), 0);
	}
}

static void stop(void)
{
	assert_int_equal(mm_munmap(WINDOW, 2 * PAGES * PAGE_SIZE), 0); /* mremap may have grown past the end */
	check("end");
	assert_int_equal(mm->vma_count, 0);
	mm_put(mm);
}

static u32 some_prot(void) { return rand() % 8 == 7 ? 7 : (u32[]){ 0, 1, 3, 3, 5, 7, 3 }[rand() % 7]; }

static void random_calls(void **state)
{
	srand(11);
	start();
	for (int i = 0; i < 20000; i++) {
		u64 a = WINDOW + rand() % PAGES * PAGE_SIZE, n = (1 + rand() % 20) * PAGE_SIZE, m;
		char what[80];
		s64 ret = 0;

		if (a + n > END)
			n = END - a;
		int op = rand() % 12;

		snprintf(what, sizeof(what), "%d: op %d %lx+%lx", i, op, a, n);
		switch (op) {
		case 0:
		case 1:
		case 2:
			ret = mm_mmap(a, n, some_prot(),
				      (rand() % 3 ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED | MAP_ANONYMOUS, NULL, 0);
			assert_int_equal(ret, a);
			break;
		case 3:
			ret = mm_mmap(0, n, some_prot(), MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
			if (ret < (s64)WINDOW || ret >= (s64)END) { /* full: it went elsewhere */
				assert_true(ret > 0);
				assert_int_equal(mm_munmap(ret, n), 0);
			}
			break;
		case 4:
		case 5:
			ret = mm_munmap(a, n);
			assert_int_equal(ret, 0);
			break;
		case 6:
		case 7:
			ret = mm_mprotect(a, n, some_prot());
			assert_true(ret == 0 || ret == -ENOMEM);
			break;
		case 8:
			m = (1 + rand() % 20) * PAGE_SIZE;
			ret = mm_mremap(a, n, m, 0, 0);
			assert_true(ret == (s64)a || ret == -EFAULT || ret == -ENOMEM);
			break;
		case 9:
			m = WINDOW + rand() % (PAGES - 20) * PAGE_SIZE;
			ret = mm_mremap(a, n, (1 + rand() % 20) * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, m);
			assert_true(ret == (s64)m || ret == -EFAULT || ret == -EINVAL || ret == -ENOMEM);
			break;
		case 10:
			ret = mm_madvise(a, n, (int[]){ MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK,
							MADV_NOHUGEPAGE, MADV_DONTDUMP }[rand() % 6]);
			assert_true(ret == 0 || ret == -ENOMEM || ret == -EINVAL);
			break;
		case 11:
			ret = rand() & 1 ? mm_mlock(a, n, true) : mm_munlock(a, n);
			assert_true(ret == 0 || ret == -ENOMEM);
			break;
		}
		check(what);
	}
	stop();
}

/* Contents survive moves, pages flipped one by one too. */
static void move_contents(void **state)
{
	int sig, code;
	s64 a, b;

	start();
	a = mm_mmap(0, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	assert_true(a > 0);
	for (int i = 0; i < 8; i++)
		*(volatile u32 *)(a + i * PAGE_SIZE) = 100 + i;
	sig = 11;
	assert_true(mm_fault(a + 3 * PAGE_SIZE, 16, false, &sig, &code));
	check("flip");
	b = mm_mremap(a, 8 * PAGE_SIZE, 12 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, WINDOW);
	assert_int_equal(b, WINDOW);
	for (int i = 0; i < 8; i++)
		assert_int_equal(*(volatile u32 *)(b + i * PAGE_SIZE), 100 + i);
	assert_int_equal(*(volatile u32 *)(b + 9 * PAGE_SIZE), 0);
	check("moved");
	/* Faults with nothing to mend. */
	sig = 11;
	assert_false(mm_fault(WINDOW + 50 * PAGE_SIZE, 2, false, &sig, &code));
	assert_int_equal(code, SEGV_MAPERR);
	assert_int_equal(mm_mprotect(b, PAGE_SIZE, PROT_READ), 0);
	assert_false(mm_fault(b, 2, false, &sig, &code));
	assert_int_equal(code, SEGV_ACCERR);
	stop();
}

/* Nothing of what lies outside a program's range can be named. */
static void range(void **state)
{
	const u64 bad[] = { 0, 0x1000, 0xf000, MM_TOP, MM_TOP - PAGE_SIZE, TASK_SIZE, KERNEL_BASE, HEAP_BASE,
			    FILEMEM_BASE, 0x7fffffffe000ull, ~0ull << 12 };

	start();
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		u64 a = bad[i], n = 2 * PAGE_SIZE;

		assert_true(mm_mmap(a, n, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) < 0);
		if (a >= MM_TOP)
			assert_true(mm_madvise(a, n, MADV_DONTNEED) < 0);
		assert_true(mm_mprotect(a, n, 3) < 0);
		assert_true(mm_mremap(a, n, n, MREMAP_MAYMOVE, 0) < 0);
		assert_true(mm_mlock(a, n, false) < 0);
		assert_false(mm_range_is_guests(a, n));
	}
	assert_int_equal(mm_munmap(0, TASK_SIZE), 0);
	assert_int_equal(mm_munmap(0, TASK_SIZE + PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_munmap(PAGE_SIZE, ~0ull), -EINVAL);
	assert_int_equal(mm_mmap(0, ~0ull, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), -ENOMEM);
	assert_int_equal(mm_mmap(0, TASK_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), -ENOMEM);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_calls),
		cmocka_unit_test(move_contents),
		cmocka_unit_test(range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
