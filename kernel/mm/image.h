/*
 * Patched text images: what call-site patching (patch.h) would make of a file's executable pages, made once for all
 * who execute it. mm/ only.
 *
 * A file that was mapped executable some times, always the same range of it, gets an image: a copy of the range in file
 * memory in which every system call that is certain to be one has its jump, and an area of trampolines at a fixed
 * distance. The next mapping of that range is served from it, private, with the trampolines beside it, by two host
 * calls each. So a short program does not begin with traps, and what the scan (code.h) found is kept with the image.
 *
 * Certain is a system call by the bytes around it alone, "mov $nr,%eax; syscall" and "syscall; cmp $-4096,%rax": that a
 * program trapped somewhere proves nothing for others, who may have data there. But it is a reason to ask the supervisor,
 * who decodes what stands in front (code_ask.c): after a while the image is made anew with the sites that it
 * confirms.
 *
 * A program that mapped the file before there was an image gets it when it forks: its children would never be done
 * with their traps. So a shell that was there first runs patched code like all others.
 *
 * An image never changes once it is made, and no mapping of it can be written to. A program that is about to change
 * the mapping (mprotect, mremap) gets the file itself there first (image_leave). An image ends with its inode, when
 * the file was opened for writing, when stat says that it is another one now, or when the memory is wanted for others;
 * who has it mapped keeps it.
 *
 * Images are made of files only that nobody in the sandbox can change while they are mapped, by struct map_source.
 */
#ifndef LIMPET_MM_IMAGE_H
#define LIMPET_MM_IMAGE_H

#include "mm/trampoline.h"

struct file;
struct map_pieces;

#define IMAGE_TEXT_MAX 0x1000000ull /* bytes; the trampolines' distance is good for so many */
#define IMAGE_AREA_SIZE 0x10000ull
#define IMAGE_STUBS (IMAGE_AREA_SIZE - PAGE_SIZE) /* the last page of the area: XRSTOR with a test behind it */
#define IMAGE_SLOTS ((u32)(IMAGE_STUBS / SLOT_SIZE))
#define IMAGE_TEXT_AT 0x1000000000ull /* nominal address of the text; mm->patch_shift is from here */

#define IMAGE_MOVED 8u /* more of them in one file stay traps */

struct text_image {
	u64 text; /* in file memory */
	u64 pages;
	u64 stubs; /* bytes used of the page of stubs */
	u32 nr_moved; /* instructions that run in stubs */
	struct {
		u64 at; /* offset in the text */
		u32 len;
		u8 bytes[16];
	} moved[IMAGE_MOVED];
	bool counted; /* among what images may take */
	u64 *clean; /* a bit each page: of the text, then of the area; NULL = nobody asks */
};

/* A file's range is about to be mapped: p->image becomes its image, if there is one. May make it. No lock held. */
void image_look(struct map_pieces *p, struct file *file, u64 offset, u64 len, u32 prot, u32 flags);
void image_put(struct map_pieces *p); /* the reference; no lock held */
/* The text is to be at addr: is there room for the trampolines (p->image_fits)? mm->lock held, as below. */
void image_place(struct mm *mm, struct map_pieces *p, u64 addr, u64 len);
u32 image_flags(const struct map_pieces *p); /* of the VMA, behind that */
int image_map(struct mm *mm, struct patch_area *a, u64 addr, u64 len, u32 prot) __must_check;
/* Is there any of an image's text in the range? */
bool image_in(struct mm *mm, u64 start, u64 end);
/* Instead of images the range shows their files. No lock held; another thread may map one anew at once. */
int image_leave(struct mm *mm, u64 start, u64 end) __must_check;
/* In a copy of n bytes of a text, from offset at on: the program's own, where stubs are. */
void image_unshow(const struct text_image *t, u64 at, u8 *buf, size_t n);
/* A page whose bytes are forbidden but for where they stand. */
bool image_is_stub(const struct mm *mm, u64 page);
void text_image_free(struct text_image *t);

/* Where in an image programs met traps all the same. */
#define IMAGE_MET 48u
struct image_met {
	u32 count;
	u32 at[IMAGE_MET]; /* offset in the text */
};
/* A trap at addr, the first of this program there. No lock held. */
void image_trapped(struct mm *mm, u64 addr);

/*
 * image_make.c: of the range [offset, offset + len) of the file; above: the area lies behind the text, not in front.
 * NULL = none. No lock held.
 */
struct patch_area *image_make(int fd, u64 offset, u64 len, bool above, const struct image_met *met) __must_check;
/* Has the sandbox lived for so long that it does not matter what images cost? (image.c) */
bool image_affordable(void);
/* Is there anything to patch? */
bool image_worthwhile(int fd, u64 offset, u64 len);

#endif
