/*
 * The dynamic linker's XRSTOR, which runs at the first call of each function, without a trap: a jump to a stub with the
 * same instruction and, behind it, a test of the mask that it used. A program that goes there with a mask that has the
 * rights register in it, from wherever, ends in the stub's invalid opcode before it can do anything with the rights, and
 * the signal takes them away. The test spoils the flags, so nobody may want them (code_ask.c says).
 *
 * Stubs lie in a page of file memory, mapped for the program, which it can neither change nor unmap, and written by the
 * kernel through its own mapping. A stub once written never changes: forks share the page.
 */
#include "core/alloc.h"
#include "fs/filemem.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/image.h"
#include "mm/insn.h"
#include "mm/vma.h"

#define STUBS (PAGE_SIZE / CODE_STUB_SIZE)
#define REACH 0x7fff0000ull
#define INT3 0xcc
#define XRSTOR_MAX 9u

struct code_stubs {
	struct ref ref; /* one each mm */
	u64 addr, offset; /* immutable: in the program, in file memory */
	struct mutex lock; /* LOCK_LEAF; for writing */
	u32 used;
};

static struct code_stubs *make(struct mm *mm, u64 site)
{
	u64 low = site > REACH ? PAGE_ALIGN_UP(site - REACH) : USER_MIN;
	u64 addr = vma_gap_top(mm, PAGE_SIZE, max(low, USER_MIN), min(PAGE_ALIGN_DOWN(site + REACH), MM_TOP));
	struct code_stubs *s;
	struct vma *v;

	if (!addr || mm->vma_count >= MAX_MAP_COUNT)
		return NULL;
	s = kzalloc(sizeof(*s));
	v = vma_alloc(addr, addr + PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | VMA_SEALED | VMA_NOWRITE | VMA_DONTDUMP);
	if (!s || !v)
		goto fail;
	s->offset = filemem_alloc(1);
	if (s->offset == FILEMEM_NONE)
		goto fail;
	ref_init(&s->ref);
	mutex_init(&s->lock, LOCK_LEAF);
	s->addr = addr;
	s->used = 1; /* nothing of ours is beside what belongs to others */
	memset(filemem_ptr(s->offset), INT3, PAGE_SIZE);
	if (mm_host_map(addr, PAGE_SIZE, v->prot, MAP_SHARED, filemem_fd(), s->offset)) {
		(void)!mm_host_unmap(addr, PAGE_SIZE);
		filemem_free(s->offset, 1);
		goto fail;
	}
	v->name = "[limpet]";
	vma_insert(mm, v);
	mm_account(mm, v->prot, v->flags, 1);
	mm->stubs = s;
	return s;
fail:
	kfree(s);
	kfree(v);
	return NULL;
}

void code_stubs_copy(struct mm *to, const struct mm *from)
{
	to->stubs = from->stubs;
	if (to->stubs)
		ref_get(&to->stubs->ref);
}

void code_stubs_free(struct mm *mm)
{
	struct code_stubs *s = mm->stubs;

	if (!s || !ref_put(&s->ref))
		return;
	filemem_free(s->offset, 1);
	kfree(s);
}

bool code_is_stub(const struct mm *mm, u64 page)
{
	return (mm->stubs && mm->stubs->addr == page) || image_is_stub(mm, page);
}

static u8 *emit(u8 *p, const void *bytes, u32 n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static void emit_jump(u8 *p, u64 from, u64 to)
{
	s32 disp = (s32)(to - (from + CODE_JUMP));

	*p = 0xe9;
	memcpy(p + 1, &disp, sizeof(disp));
}

bool code_stub_compose(u8 *text, u64 at, u64 site, const u8 *insn, u32 len)
{
	struct gate_regs regs = { 0 };
	struct scan_hit hit;
	struct insn in;
	u8 *p = text;

	insn_begin(&in, &regs, insn, len);
	insn_modrm(&in);
	if (len < CODE_JUMP || len > XRSTOR_MAX || in.bad || in.mod == 3 || in.rip_rel || in.pos != len)
		return false;
	memset(text, INT3, CODE_STUB_SIZE);
	p = emit(p, insn, len);
	p = emit(p, "\xa9\x00\x02\x00\x00", 5); /* test $XFEATURE_PKRU,%eax */
	p = emit(p, "\x75\x05", 2); /* jnz over the jump */
	emit_jump(p, at + (u64)(p - text), site + len);
	emit(p + CODE_JUMP, "\x0f\x0b", 2);
	return scan_next(text, CODE_STUB_SIZE, 0, &hit) && hit.kind == SCAN_XRSTOR && hit.at < len &&
	       !scan_next(text, CODE_STUB_SIZE, hit.at + 1, &hit);
}

bool code_stub(struct mm *mm, u64 site, const u8 *insn, u32 len, u8 jump[CODE_JUMP])
{
	struct code_stubs *s = mm->stubs;
	u8 text[CODE_STUB_SIZE];
	bool done = false;

	if (!code_stub_compose(text, site, site, insn, len))
		return false;
	if (!s)
		s = make(mm, site);
	if (!s || (s->addr > site ? s->addr - site : site - s->addr) >= REACH)
		return false;
	mutex_lock(&s->lock);
	for (u32 i = 1; i < STUBS - 1 && !done; i++) {
		u64 at = s->addr + i * CODE_STUB_SIZE;
		u8 *slot = (u8 *)filemem_ptr(s->offset) + i * CODE_STUB_SIZE;

		if (!code_stub_compose(text, at, site, insn, len))
			continue;
		if (i >= s->used) {
			memcpy(slot, text, CODE_STUB_SIZE);
			s->used = i + 1;
		}
		/* Or a relative's. */
		done = !memcmp(slot, text, CODE_STUB_SIZE);
		if (done)
			emit_jump(jump, site, at);
	}
	mutex_unlock(&s->lock);
	return done;
}
