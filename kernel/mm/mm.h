/*
 * Address spaces. The host holds page tables and does faults, copy-on-write and fork; the kernel keeps the list of
 * VMAs, chooses every address, and turns the mmap family into host calls on the calling process's own memory.
 *
 * One mm = one host process (struct hproc). Only tasks that run on that host process change it, under mm->lock.
 * Every change of host protection goes through mm/protect.c (mm_host_protect, mm_host_map), the one place where
 * writable and executable meet: the gate's scanner will stand there.
 */
#ifndef LIMPET_MM_MM_H
#define LIMPET_MM_MM_H

#include "abi/layout.h"
#include "abi/linux/mman.h"
#include "core/lock.h"
#include "lib/list.h"
#include "mm/uaccess.h"

struct file;
struct task;

struct vma {
	u64 start, end; /* page aligned, end exclusive */
	u32 prot; /* PROT_* as the program asked */
	u32 flags; /* MAP_SHARED/PRIVATE/STACK/GROWSDOWN/NORESERVE/LOCKED..., VMA_* */
	struct file *file; /* reference held; NULL = anonymous */
	u64 offset; /* in the file, bytes */
	const char *name; /* "[heap]", "[stack]", "[vdso]", or NULL; static */
	char *anon_name; /* PR_SET_VMA_ANON_NAME; owned */
	/* tree links: private to vma.c */
	struct { struct vma *left, *right, *parent; s32 height; u32 pad; u64 gap, lo, hi; } node;
};

/* vma.flags beyond the MAP_* of mmap(2): MAP_SHARED or MAP_PRIVATE, GROWSDOWN, LOCKED, NORESERVE, STACK. */
#define VMA_NOWRITE 0x01000000u /* mprotect may not give PROT_WRITE: a shared mapping of a file opened for reading */
#define VMA_NOEXEC 0x02000000u /* the mount says noexec */
#define VMA_SEALED 0x04000000u /* mseal(2), vDSO */
#define VMA_DONTFORK 0x08000000u
#define VMA_WIPEONFORK 0x10000000u
#define VMA_DONTDUMP 0x20000000u
#define VMA_LOCKONFAULT 0x40000000u
#define VMA_HUGE_MASK 0x00600000u
#define VMA_HUGEPAGE 0x00200000u
#define VMA_NOHUGEPAGE 0x00400000u
#define VMA_MERGEABLE 0x00800000u
#define VMA_IMAGE 0x00010000u /* the host has a patched text image here, mm/image.h; unchanged by the program */
#define VMA_TEXT 0x00008000u /* could become VMA_IMAGE: mapped executable, unchanged by the program */
#define VMA_STABLE 0x00040000u /* mapped executable: of a file that cannot change as long as this is mapped */
#define VMA_DENY 0x00080000u /* and this mapping sees to that: it counts in inode.write_count */
#define VMA_COPIED 0x00100000u /* the host has private memory with a copy of the file's contents here */
#define VMA_FILEMEM 0x80000000u /* of a regular file in file memory: pages behind its end are mapped from nowhere */

#define PATCH_AREAS 24
struct patch_area;
struct code_fix;
struct code_stubs;

struct mm {
	struct ref ref; /* tasks that use it, and lookers */
	u32 users; /* tasks that run in it; atomic */
	struct mutex lock; /* LOCK_MM; guards all below */
	struct vma *root;
	u64 vma_count;
	u64 mmap_base; /* search downwards from here */
	u64 brk_start, brk;
	u64 stack_top, stack_size;
	u64 arg_start, arg_end, env_start, env_end;
	u64 total_pages, data_pages, stack_pages, locked_pages; /* for limits and /proc */
	struct file *exe; /* reference held */
	char *cmdline; /* copy of the argument strings at exec, for other processes; arg_end - arg_start bytes (capped) */
	u32 cmdline_len;
	char *environ;
	u32 environ_len;
	u64 auxv[64]; /* pairs, for /proc/PID/auxv */
	u32 auxv_len; /* u64s used */
	u64 vdso;
	bool thp_disable;
	u64 def_flags; /* mlockall(MCL_FUTURE): MAP_LOCKED, VMA_LOCKONFAULT */
	u32 id; /* immutable; no other living mm's */
	struct patch_area *patch_area[PATCH_AREAS]; /* trampolines; set under lock, atomic */
	u64 patch_shift[PATCH_AREAS]; /* what lies how much above the area's own addresses here; set before it */
	u32 truncated; /* a file mapped here got shorter: mm_task_work looks; atomic */
	u64 retry_addr; /* mm_fault: the last fault that the list could not explain */
	u32 retry_count;
	u32 exec_seq; /* counts what made pages executable again: patching, flips */
	struct code_fix *fixes; /* mm/code_fix.c: instructions with a trap in their place, by address */
	u32 fix_count, fix_room;
	u64 fix_low, fix_high; /* all of them lie between; atomic */
	bool code_hidden; /* some page has, or had, the gate's code_key */
	struct code_stubs *stubs; /* mm/code_stub.c: NULL = none */
	u32 remote_users, remote_writers; /* calls of others on this memory that are under way, mm/remote.c; atomic */
	bool loading; /* exec is not done: its credentials are not in force yet; atomic */
	struct task *looking; /* holds the lock and reads the program's memory: its faults are not mended; atomic */
};

/* Where the host's vDSO and its data pages stand in every host process; set once at boot, all 0 = none. */
struct mm_vdso {
	u64 vvar, start, end; /* vvar pages [vvar, start), vDSO [start, end) */
};
extern struct mm_vdso mm_vdso;

/* Life. mm_alloc: empty, ref and users 1 (CLONE_VM: mm_get and users + 1; exit: users - 1 and mm_put). mm_copy: for fork, VMAs copied and files referenced; the caller holds old->lock until the
 * host's clone is done, so that list and memory agree. NULL = no memory. */
struct mm *mm_alloc(void);
struct mm *mm_copy(struct mm *old);
static inline void mm_get(struct mm *mm) { ref_get(&mm->ref); }
void mm_put(struct mm *mm); /* last: frees the list (the host process's memory goes with that process) */

/* exec: unmaps everything of the guest in the calling host process but the vDSO and resets the lists. */
int mm_exec_reset(struct mm *mm);

/* mmap(2) & co. on current->mm; addresses as u64, -errno in the return value. */
s64 mm_mmap(u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset);
int mm_munmap(u64 addr, u64 len);
int mm_mprotect(u64 addr, u64 len, u32 prot);
s64 mm_mremap(u64 addr, u64 old_len, u64 new_len, u32 flags, u64 new_addr);
u64 mm_brk(u64 brk);
int mm_mseal(u64 addr, u64 len);
int mm_madvise(u64 addr, u64 len, int advice);
int mm_msync(u64 addr, u64 end, u32 flags); /* a checked range; MS_* */
int mm_mlock(u64 addr, u64 len, bool onfault);
int mm_munlock(u64 addr, u64 len);
int mm_mlockall(u32 flags); /* MCL_*; 0 = munlockall */
int mm_set_anon_name(u64 addr, u64 len, const char *name); /* PR_SET_VMA_ANON_NAME; NULL takes it away */
/* Is the range all the program's to map? For calls that go to the host as they are. */
bool mm_range_is_guests(u64 addr, u64 len);

/* VMA that contains or first follows addr; caller holds mm->lock. */
struct vma *vma_find(struct mm *mm, u64 addr);
struct vma *vma_first(struct mm *mm);
struct vma *vma_next(struct vma *v);

/*
 * A page fault of the program (or of a user copy, kernel == true) that the host could not resolve; *sig holds the
 * host's signal on entry. True = mended,
 * try again (W^X page flipped, stack grown). Else *sig, *code say which signal. err = the CPU's error code bits:
 * 2 write, 16 fetch. Takes mm->lock when it can; from a user copy no lock is held, by contract.
 */
bool mm_fault(u64 addr, u64 err, bool kernel, int *sig, int *code);

/* A file in file memory got shorter: mappings of it get SIGBUS behind its end. No lock held. */
struct inode;
void mm_file_truncated(struct inode *inode);
void mm_task_work(void); /* the current task's share of that, on its way to its program */

/*
 * What stays a while shall have what a fresh program gets (image.h): about to fork, addr 0; met traps at addr. Not when
 * other threads run. No lock held.
 */
void image_adopt(struct mm *mm, u64 addr);

/* Its host process, or -ESRCH when it has none now (exiting, or its host thread is lent to a vfork child). */
int mm_host_pid(struct task *t);
/*
 * The memory that task_may_access() speaks of, referenced: not that of a program which exec is still loading, for
 * which it waits. NULL = t has none; err_ptr(-EINTR): the caller must die. The second one asks, too: err_ptr(-EPERM).
 */
struct mm *mm_get_loaded(struct task *t);
struct mm *mm_get_allowed(struct task *t, bool fs_creds);
/*
 * mm as t's (process_vm_readv, /proc/PID/mem, ptrace): bytes done or -errno; -ESRCH when t has another program by now.
 * write != 0: into it.
 */
ssize_t mm_access_remote(struct task *t, struct mm *mm, u64 addr, void *buf, size_t len, bool write);
/* Nobody is at it any more, but for those who find out that it is not their task's. False = the task must die. */
bool mm_remote_wait(struct mm *mm);
/* Waits for a moment; false = the task must die. */
bool mm_pause_killable(void);
/* Is anybody writing to others' memory, in the whole sandbox? */
bool mm_remote_writing(void);

/* mm/elf.c: loads into the empty current->mm. */
struct elf_image {
	u64 entry; /* where to start: the interpreter's entry or the program's */
	u64 prog_entry, phdr, interp_base, load_bias, brk;
	u32 phnum;
	bool exec_stack;
};
int elf_load(struct file *exe, struct file *interp, struct elf_image *out);
/* The path in PT_INTERP, kmalloc'ed; NULL = none; err_ptr(-ENOEXEC, ...): not an ELF file that can be run. */
char *elf_interp_path(struct file *exe);

/* A file is opened for writing: what is known of its pages is not true any more. */
void code_forget(struct inode *inode);
/* The same for its text image; and the inode's end. No lock held that ranks with leaves. */
void image_forget(struct inode *inode);
void image_free(struct inode *inode);

/* ETXTBSY: counted in inode.write_count. Deny: -ETXTBSY while somebody has it open for writing. */
int exe_deny_write(struct file *f) __must_check;
void exe_allow_write(struct file *f);

#endif
