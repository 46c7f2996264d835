/* The VMA tree and the host side of mappings: inside mm/ only. Contracts at the definitions; mm->lock is held. */
#ifndef LIMPET_MM_VMA_H
#define LIMPET_MM_VMA_H

#include "mm/mm.h"

#define MAX_MAP_COUNT 65530u
#define STACK_GUARD_GAP (256 * PAGE_SIZE)
#define MM_TOP (VDSO_ADDR - 0x10000ull) /* programs map nothing from here on: vvar, vDSO, a guard */
#define HUGE_SIZE (2ull << 20)

/* vma.c */
struct vma *vma_alloc(u64 start, u64 end, u32 prot, u32 flags);
void vma_free(struct vma *v); /* no lock held */
void vma_share_file(struct vma *n, const struct vma *v, u64 offset);
void vma_free_chain(struct vma *dead); /* no lock held */
void vma_insert(struct mm *mm, struct vma *v);
void vma_touch(struct mm *mm, struct vma *v);
struct vma *vma_prev(struct vma *v);
struct vma *vma_overlap(struct mm *mm, u64 start, u64 end);
u64 vma_gap_top(struct mm *mm, u64 len, u64 low, u64 high);
bool vma_range_free(struct mm *mm, u64 start, u64 end);
int vma_isolate(struct mm *mm, u64 start, u64 end) __must_check;
void vma_remove_range(struct mm *mm, u64 start, u64 end, struct vma **dead);
void vma_merge_range(struct mm *mm, u64 start, u64 end, struct vma **dead);

/* mm.c */
void mm_account(struct mm *mm, u32 prot, u32 flags, s64 pages);
bool mm_is_data(u32 prot, u32 flags); /* counts for RLIMIT_DATA */
int mm_may_grow(struct mm *mm, u64 pages, u64 data_pages); /* RLIMIT_AS, RLIMIT_DATA, with what is to be added */
u64 mm_random(u32 bits); /* pages, as bytes */

/*
 * protect.c: every mapping call to the host. Ranges are checked to be the program's, so no mistake elsewhere can
 * touch the kernel's own. prot is what the program asked for; writable and executable at once becomes one of them.
 */
int mm_host_map(u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 offset) __must_check;
int mm_host_unmap(u64 addr, u64 len) __must_check;
int mm_host_protect(u64 addr, u64 len, u32 prot) __must_check;
int mm_host_flip(u64 page, bool exec) __must_check;
int mm_host_move(u64 from, u64 len, u64 to, u32 prot, bool keep) __must_check;
long mm_host_advise(u64 addr, u64 len, int advice);

/* mmap.c: pieces of a file for a mapping, fetched without mm->lock. */
struct map_source;
struct map_pieces {
	struct map_source *piece;
	u32 count;
	bool stable; /* wanted executable, and can be run as they are */
	struct inode *denied; /* writing to it is, until mm_pieces_put; NULL = none */
	const void *code; /* code_file.c's */
	/* image.h: what can be mapped instead. Only mm_mmap asks for it. */
	struct patch_area *image; /* reference held; NULL = none */
	void *image_of;
	bool image_fits, image_above;
};
int mm_pieces_get(struct file *file, u64 offset, u64 len, u32 prot, u32 flags, struct map_pieces *out) __must_check;
void mm_pieces_put(struct map_pieces *p);
int mm_pieces_map(const struct map_pieces *p, u64 addr, u64 len, u32 prot, u32 flags) __must_check;
u64 mm_find_free(struct mm *mm, u64 hint, u64 len, u32 flags, bool huge); /* 0 = none */
int mm_lock_allowed(struct mm *mm, u64 pages, int over) __must_check; /* RLIMIT_MEMLOCK; over = errno when beyond */
bool mm_sealed(struct mm *mm, u64 start, u64 end);
void mm_populate(u64 addr, u64 len, u32 prot); /* no lock held */

/* past_end.c */
bool map_source_beyond(const struct map_source *s);
u32 mm_pieces_flags(const struct map_pieces *p, struct file *file);
bool mm_fault_past_end(u64 addr); /* no lock held; true = the file has grown, try again */

/* fault.c */
bool mm_retries_used_up(struct mm *mm, u64 page); /* counts */

/* shmem.c */
struct file *mm_shared_anon(u64 len); /* a file of zeros behind MAP_SHARED|MAP_ANONYMOUS; err_ptr */

#endif
