/*
 * Boot: from the first instruction of kserver to the first guest process.
 *
 * boot_start runs on the host's initial stack, before any global may be written: it moves the vDSO away, lays out the
 * shared memory of abi/layout.h and turns .data and .bss into shared memory. boot_main then runs on the kernel stack of
 * slot 0: gate, file systems, service threads, the first process; at last it becomes the reaper.
 */
#include "core/boot.h"

#include "abi/control.h"
#include "abi/layout.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/prctl.h"
#include "core/alloc.h"
#include "core/harden.h"
#include "core/kserver.h"
#include "core/kserver_main.h"
#include "core/log.h"
#include "core/poller.h"
#include "core/program.h"
#include "core/service.h"
#include "core/stats.h"
#include "core/strace.h"
#include "core/world.h"
#include "fs/filemem.h"
#include "fs/fs.h"
#include "fs/tmpfs/tmpfs.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "ipc/futex.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "net/socket.h"
#include "proc/container.h"
#include "proc/sched.h"
#include "proc/task.h"

#define MFD_CLOEXEC 1
#define AT_CLKTCK 17
#define AT_HWCAP 16
#define AT_HWCAP2 26
#define AT_SYSINFO_EHDR 33
#define AT_MINSIGSTKSZ 51
#define VDSO_PAGES_MAX 16
#define HEAP_MIN (16ull << 20)
#define HUGE_PAGE (2ull << 20)
#define HOST_ADDR_END 0x7ffffffff000ull

extern char __data_start[], __bss_start[], __kernel_end[];

const struct boot_block *boot __ro_after_init;
struct boot_auxv boot_auxv __ro_after_init;
static int filemem_host_fd __ro_after_init;
static s64 boot_time __ro_after_init;

const char *boot_str(u32 offset) { return offset ? (const char *)boot + offset : NULL; }
s64 sandbox_uptime(void) { return ktime_get_boottime() - boot_time; }

struct control_head {
	u32 type, text_len;
	s64 arg[4];
	u32 container, pad;
};
_Static_assert(sizeof(struct control_head) == offsetof(struct control_msg, text), "control_msg");

static void control_put(const struct control_head *head, const void *text)
{
	struct iovec iov[2] = { { (u64)head, sizeof(*head) }, { (u64)text, head->text_len } };
	struct {
		u64 name;
		u64 namelen;
		struct iovec *iov;
		u64 iovlen, control, controllen, flags;
	} msg = { .iov = iov, .iovlen = 2 };

	if (!boot || boot->control_fd < 0)
		return;
	host_sendmsg(boot->control_fd, &msg, 0x4000 /* MSG_NOSIGNAL */);
}

void control_send(u32 type, s64 arg0, const char *text)
{
	const s64 args[4] = { arg0 };

	control_send_args(type, args, text);
}

void control_send_args(u32 type, const s64 args[4], const char *text)
{
	const struct control_head head = { type, text ? (u32)strnlen(text, CONTROL_TEXT_MAX) : 0,
					   { args[0], args[1], args[2], args[3] }, 0, 0 };

	control_put(&head, text);
}

void control_locate(s64 id, s64 at, s64 known, const void *code, u32 n)
{
	const struct control_head head = { CONTROL_LOCATE, n, { id, at, known }, 0, 0 };

	control_put(&head, code);
}

static __noreturn void boot_fail(const char *what, long err)
{
	char text[200];

	ksnprintf(text, sizeof(text), "%s: error %ld", what, err < 0 ? -err : err);
	control_send(CONTROL_BOOT_ERROR, err < 0 ? -err : err, text);
	for (;;)
		host_syscall(NR_exit_group, 125, 0, 0, 0, 0, 0);
}

/* A special mapping can only be moved whole, and nobody says how large it is: try sizes until one is taken. */
static u64 move_mapping(u64 from, bool downwards, u64 to)
{
	for (u64 n = 1; n <= VDSO_PAGES_MAX; n++) {
		u64 len = n * PAGE_SIZE;
		u64 src = downwards ? from - len : from;
		u64 dst = downwards ? to - len : to;

		if (host_mremap((void *)src, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)dst) == (long)dst)
			return len;
	}
	return 0;
}

/* The vDSO and the data pages in front of it go where programs will find them. All 0 when there is none. */
static struct mm_vdso move_vdso(u64 vdso)
{
	u64 len, from = vdso, to = VDSO_ADDR;

	if (!vdso)
		return (struct mm_vdso){ 0 };
	while ((len = move_mapping(from, true, to))) {
		from -= len;
		to -= len;
	}
	len = to != VDSO_ADDR ? move_mapping(vdso, false, VDSO_ADDR) : 0;
	return len ? (struct mm_vdso){ to, VDSO_ADDR, VDSO_ADDR + len } : (struct mm_vdso){ 0 };
}

static void map_or_die(u64 addr, u64 len, int prot, int flags, int fd)
{
	if (host_mmap((void *)addr, len, prot, flags | MAP_FIXED, fd, 0) != (long)addr)
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
}

/*
 * A page for each slot, of which a process touches its own only: a huge page would be cleared for it in every child.
 * Of no use to a child, which has a slot of its own: not copied, nor made copy-on-write for the parent.
 */
static void slot_pages(u64 base)
{
	const u64 len = THREAD_SLOTS * PAGE_SIZE;

	map_or_die(base, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	host_syscall(NR_madvise, base, len, MADV_NOHUGEPAGE, 0, 0, 0);
	host_syscall(NR_madvise, base, len, MADV_WIPEONFORK, 0, 0, 0);
}

static int shared_memory(const char *name, u64 addr, u64 len)
{
	int fd = (int)host_memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || host_ftruncate(fd, (loff_t)len))
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
	if (addr)
		map_or_die(addr, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd);
	return fd;
}

/* .data and .bss become shared, in place, with their contents. */
static void share_globals(void)
{
	u64 start = (u64)__data_start, len = (u64)__kernel_end - start, init = (u64)__bss_start - start;
	u64 lead = start & (HUGE_PAGE - 1); /* offset and address go together, for kmem_collapse */
	int fd = shared_memory("limpet-data", 0, lead + len);

	if (host_syscall(NR_lseek, fd, (long)lead, 0, 0, 0, 0) != (long)lead)
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
	for (u64 done = 0; done < init;) {
		long n = host_write(fd, (void *)(start + done), init - done);

		if (n <= 0)
			host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
		done += (u64)n;
	}
	if (host_mmap((void *)start, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, lead) != (long)start)
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
	host_close(fd);
}

static void map_boot_block(void)
{
	long size = host_syscall(NR_lseek, BOOT_FD, 0, SEEK_END, 0, 0, 0);

	if (size < (long)sizeof(struct boot_block) || size > (long)BOOT_SIZE_MAX)
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
	map_or_die(BOOT_BASE, (u64)size, PROT_READ, MAP_SHARED, BOOT_FD);
	boot = (const struct boot_block *)BOOT_BASE;
	if (boot->magic != BOOT_MAGIC || boot->version != BOOT_VERSION || boot->size > (u64)size)
		host_syscall(NR_exit_group, 124, 0, 0, 0, 0, 0);
	host_close(BOOT_FD);
}

static void boot_main(void *arg);
void boot_start(const u64 *sp);

__no_stack_protector void boot_start(const u64 *sp)
{
	const u64 *p = sp + 1 + sp[0] + 1;
	struct boot_auxv aux = { .minsigstksz = 2048, .clktck = 100 };
	u64 vdso = 0;

	while (*p++)
		;
	for (; p[0]; p += 2) {
		switch (p[0]) {
		case AT_HWCAP:
			aux.hwcap = p[1];
			break;
		case AT_HWCAP2:
			aux.hwcap2 = p[1];
			break;
		case AT_SYSINFO_EHDR:
			vdso = p[1];
			break;
		case AT_MINSIGSTKSZ:
			aux.minsigstksz = p[1];
			break;
		case AT_CLKTCK:
			aux.clktck = p[1];
			break;
		}
	}
	/* First of all: the host may have put it where our own memory goes. */
	struct mm_vdso moved = move_vdso(vdso);

	share_globals();
	host_close(shared_memory("limpet-heap", HEAP_BASE, HEAP_SIZE));
	host_close(shared_memory("limpet-threads", THREADS_BASE, THREAD_SLOTS * THREAD_SLOT_SIZE));
	filemem_host_fd = shared_memory("limpet-files", FILEMEM_BASE, FILEMEM_SIZE);
	slot_pages(SCRATCH_BASE);
	slot_pages(SHOWN_BASE);
	map_boot_block();
	harden_stack_guard(boot->random_seed[0]);
	boot_auxv = aux;
	mm_vdso = moved;
	strace_fd = boot->strace_fd;
	boot_time = ktime_get_boottime();

#ifndef LIMPET_DEBUG
	if (boot->defences_off | boot->defences_on)
		boot_fail("defences can be switched in a debug build only", EINVAL);
#endif
	int err = gate_init();

	if (err)
		boot_fail("the gate could not be set up", err);
	gate_handlers_init();
	struct task *t = service_task("kserver");

	if (!t || hthread_adopt_boot(t))
		boot_fail("no memory for the first thread", ENOMEM);
#ifdef LIMPET_DEBUG
	lock_debug_ready = true;
#endif
	gate_on_stack(hthread_kstack_top(t->ht), boot_main, NULL);
}

static void unmap_rest(void)
{
	u64 vdso_start = VDSO_ADDR - VDSO_PAGES_MAX * PAGE_SIZE;
	u64 end = FILEMEM_BASE + FILEMEM_SIZE;

	host_munmap((void *)USER_MIN, (mm_vdso.start ? vdso_start : TASK_SIZE) - USER_MIN);
	host_munmap((void *)end, HOST_ADDR_END - end);
}

static void start_thread(const char *name, void (*fn)(void *), void *arg)
{
	int err = kserver_thread(name, fn, arg);

	if (err)
		boot_fail(name, err);
}

static void boot_main(void *arg __unused)
{
	int err;

	host_prctl(PR_SET_NAME, (u64)"limpet-kernel", 0, 0, 0); /* what the host's ps shows until a program is run */
	unmap_rest();
	sched_init();
	container_boot();
	struct control_msg *m = kmalloc(sizeof(*m));

	if (!m)
		boot_fail("no memory", ENOMEM);
	start_thread("timer", timer_main, NULL);
	stats_init();
	err = poller_init();
	if (err)
		boot_fail("poller", err);
	start_thread("poller", poller_main, NULL);
	filemem_init(filemem_host_fd);
	err = futex_init();
	if (!err)
		err = fs_init();
	if (err)
		boot_fail("file systems", err);
	kmem_set_limit(max(tmpfs_total_memory() / 4, HEAP_MIN));
	net_init();
	world_boot();
	err = harden_seal();
	if (err)
		boot_fail("read-only globals", err);
	start_thread("spawner", spawner_main, NULL);
	start_thread("service", service_main, NULL);
	program_start_first();
	start_thread("control", control_main, m);
	if (boot->server_filter_len && defence(DEFENCE_FILTER)) {
		struct {
			u16 len;
			u8 pad[6];
			const void *filter;
		} prog = { (u16)boot->server_filter_len, { 0 }, (const u8 *)boot + boot->server_filter };

		/* SECCOMP_SET_MODE_FILTER for all threads (TSYNC). */
		err = (int)host_seccomp(1, 1, &prog);
		if (err)
			boot_fail("seccomp filter of the kernel's server", err);
	}
	/* Boot itself may fail for want of memory and say so; what is tried here is the kernel at work. */
	if (boot->fail_alloc_every)
		kmem_fail_every(boot->fail_alloc_every);
	reaper_main();
}
