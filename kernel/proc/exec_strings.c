/*
 * Arguments and environment: from the old program into kernel memory, from there onto the new stack.
 *
 * The stack, from its top down (System V ABI for x86-64, and what Linux adds):
 *   8 zero bytes; file name; environment strings; argument strings; (random gap); "x86_64"; 16 random bytes;
 *   auxiliary vector; envp[], NULL; argv[], NULL; argc  <- rsp, 16-byte aligned
 */
#include "abi/linux/auxv.h"
#include "abi/linux/elf.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/vma.h"
#include "proc/exec.h"

#define STRING_MAX (128 * 1024ull) /* one string */
#define STRINGS_MAX (6ull << 20) /* all of them with their pointers, where RLIMIT_STACK allows more */
#define STRINGS_MIN (128 * 1024ull)
#define STACK_MAPPED_MAX (64ull << 20) /* beyond that the stack grows by faults */
#define PROC_COPY_MAX (64 * 1024u) /* kept of arguments and environment for /proc */

static u64 strings_limit(void)
{
	u64 limit = min(rlimit(RLIMIT_STACK) / 4, STRINGS_MAX);

	return max(limit, STRINGS_MIN);
}

/* Is there room for the strings so far and their pointers? */
static bool within_limit(const struct exec_args *a)
{
	return a->used + 8 * ((u64)a->argc + a->envc) <= strings_limit();
}

static int grow(struct exec_args *a)
{
	u64 room = a->room ? a->room * 2 : 8192;
	char *p = krealloc(a->strings, room);

	if (!p)
		return -ENOMEM;
	a->strings = p;
	a->room = room;
	return 0;
}

static int add_kernel(struct exec_args *a, const char *s)
{
	size_t n = strlen(s) + 1;

	if (n > STRING_MAX)
		return -E2BIG;
	while (a->room - a->used < n) {
		int err = grow(a);

		if (err)
			return err;
	}
	memcpy(a->strings + a->used, s, n);
	a->used += n;
	return 0;
}

static int add_user(struct exec_args *a, struct uptr s)
{
	for (;;) {
		u64 room = min(a->room - a->used, STRING_MAX);
		ssize_t n = room ? copy_in_str(a->strings + a->used, s, room) : -ENAMETOOLONG;
		int err;

		if (n >= 0) {
			a->used += n + 1;
			return 0;
		}
		if (n != -ENAMETOOLONG)
			return (int)n;
		if (room == STRING_MAX)
			return -E2BIG;
		err = grow(a);
		if (err)
			return err;
	}
}

/* The vector's strings from index skip on; *count counts them. */
static int add_vector(struct exec_args *a, const struct exec_vector *v, u32 skip, u32 *count)
{
	for (u32 i = 0;; i++) {
		u64 p = 0;
		int err = 0;

		if (v->kernel) {
			if (i == v->count)
				return 0;
		} else {
			if (!uptr_null(v->user))
				err = get_user_u64(uptr_add(v->user, 8ull * i), &p);
			if (err || !p)
				return err;
		}
		if (i < skip)
			continue;
		err = v->kernel ? add_kernel(a, v->strings[i]) : add_user(a, uptr(p));
		if (err)
			return err;
		++*count;
		if (!within_limit(a))
			return -E2BIG;
		if (!(i & 1023) && fatal_pending_current())
			return -EINTR;
	}
}

int exec_copy_strings(struct exec_args *a, const struct exec_vector *argv, const struct exec_vector *envp)
{
	int err = 0;

	for (u32 i = 0; i < a->nlead && !err; i++) {
		err = add_kernel(a, a->lead[i]);
		a->argc++;
	}
	if (!err)
		err = add_vector(a, argv, a->nlead ? 1 : 0, &a->argc);
	/* No program starts without an argv[0]. */
	if (!err && !a->argc) {
		err = add_kernel(a, "");
		a->argc = 1;
	}
	if (err)
		return err;
	a->env_at = a->used;
	err = add_vector(a, envp, 0, &a->envc);
	return err ? err : within_limit(a) ? 0 : -E2BIG;
}

/* Maps the stack and notes its place; *top = its end. */
static int map_stack(struct exec_args *a, u64 *top)
{
	struct mm *mm = current->mm;
	u64 want = min(rlimit(RLIMIT_STACK), STACK_MAPPED_MAX), need, at;
	u32 prot = PROT_READ | PROT_WRITE | (a->image.exec_stack ? PROT_EXEC : 0);
	struct vma *v;
	s64 ret;

	need = a->used + strlen(a->filename) + 8 * ((u64)a->argc + a->envc) + 128 * 1024;
	want = PAGE_ALIGN_UP(max(want, need));
	*top = STACK_TOP - mm_random(22);
	at = *top - want;
	ret = mm_mmap(at, want, prot,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE | MAP_FIXED_NOREPLACE, NULL, 0);
	if (ret < 0)
		return (int)ret;
	mutex_lock(&mm->lock);
	v = vma_find(mm, at);
	v->name = "[stack]";
	mm->stack_top = *top;
	mm->stack_size = want;
	mutex_unlock(&mm->lock);
	return 0;
}

static char *dup_part(const char *from, u64 len, u32 *out_len)
{
	char *p;

	len = min(len, PROC_COPY_MAX);
	p = len ? kmalloc(len) : NULL;
	if (p)
		memcpy(p, from, len);
	*out_len = p ? len : 0;
	return p;
}

/* The texts at the top. *sp moves down; *strings, *name = their addresses. */
static int put_strings(struct exec_args *a, u64 *sp, u64 *strings, u64 *name)
{
	struct mm *mm = current->mm;
	u64 len = strlen(a->filename) + 1;

	*name = *sp - 8 - len;
	*strings = *name - a->used;
	*sp = *strings;
	mutex_lock(&mm->lock);
	mm->arg_start = *strings;
	mm->arg_end = mm->env_start = *strings + a->env_at;
	mm->env_end = *strings + a->used;
	mm->cmdline = dup_part(a->strings, a->env_at, &mm->cmdline_len);
	mm->environ = dup_part(a->strings + a->env_at, a->used - a->env_at, &mm->environ_len);
	mutex_unlock(&mm->lock);
	if (copy_out(uptr(*name), a->filename, len))
		return -EFAULT;
	return copy_out(uptr(*strings), a->strings, a->used);
}

static u32 fill_auxv(const struct exec_args *a, u64 *v, u64 random, u64 platform, u64 name)
{
	const struct elf_image *im = &a->image;
	const struct cred *c = a->cred;
	u64 list[] = {
		AT_SYSINFO_EHDR, current->mm->vdso,
		AT_MINSIGSTKSZ, boot_auxv.minsigstksz,
		AT_HWCAP, boot_auxv.hwcap,
		AT_PAGESZ, PAGE_SIZE,
		AT_CLKTCK, boot_auxv.clktck,
		AT_PHDR, im->phdr,
		AT_PHENT, sizeof(struct elf64_phdr),
		AT_PHNUM, im->phnum,
		AT_BASE, im->interp_base,
		AT_FLAGS, 0,
		AT_ENTRY, im->prog_entry,
		AT_UID, c->uid,
		AT_EUID, c->euid,
		AT_GID, c->gid,
		AT_EGID, c->egid,
		AT_SECURE, a->secure,
		AT_RANDOM, random,
		AT_HWCAP2, boot_auxv.hwcap2,
		AT_EXECFN, name,
		AT_PLATFORM, platform,
		AT_NULL, 0,
	};
	u32 n = 0;

	_Static_assert(sizeof(list) <= sizeof(((struct mm *)0)->auxv), "mm.auxv holds it");
	for (u32 i = 0; i < ARRAY_SIZE(list); i += 2) {
		if (list[i] == AT_SYSINFO_EHDR && !list[i + 1])
			continue;
		v[n++] = list[i];
		v[n++] = list[i + 1];
	}
	return n;
}

/* Pointers to count strings that stand one behind the other, in the blob from *at; then NULL. In pieces. */
static int put_pointers(const struct exec_args *a, u64 *sp, u64 base, u64 *at, u32 count)
{
	u64 chunk[64];
	u32 n = 0;

	for (u32 i = 0; i <= count; i++) {
		chunk[n] = 0;
		if (i < count) {
			chunk[n] = base + *at;
			*at += strlen(a->strings + *at) + 1;
		}
		if (++n < ARRAY_SIZE(chunk) && i < count)
			continue;
		if (copy_out(uptr(*sp), chunk, n * 8))
			return -EFAULT;
		*sp += n * 8;
		n = 0;
	}
	return 0;
}

int exec_build_stack(struct exec_args *a, u64 *out)
{
	struct mm *mm = current->mm;
	u64 p, strings, name, random, platform, sp, at = 0, argc = a->argc, seed[3] = { 0 };
	int err = map_stack(a, &p);

	if (!err)
		err = put_strings(a, &p, &strings, &name);
	if (err)
		return err;
	if (host_getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	p = (p - (seed[2] & 0x1fff)) & ~15ull;
	platform = p - 16;
	random = platform - 16;
	if (copy_out(uptr(platform), "x86_64", 7) || copy_out(uptr(random), seed, 16))
		return -EFAULT;
	mm->auxv_len = fill_auxv(a, mm->auxv, random, platform, name);
	sp = (random - 8 * (1 + argc + 1 + a->envc + 1 + mm->auxv_len)) & ~15ull;
	*out = sp;
	if (put_user_u64(uptr(sp), argc))
		return -EFAULT;
	sp += 8;
	err = put_pointers(a, &sp, strings, &at, a->argc);
	if (!err)
		err = put_pointers(a, &sp, strings, &at, a->envc);
	if (err)
		return err;
	return copy_out(uptr(sp), mm->auxv, mm->auxv_len * 8);
}
