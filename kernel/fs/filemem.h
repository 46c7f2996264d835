/*
 * File memory: pages that both the kernel and, when mapped, programs see. One sparse memfd, mapped at FILEMEM_BASE
 * in every process of the sandbox; an offset in it is also what a program's mmap uses (host_fd, host_offset).
 * Address space in it is plentiful (FILEMEM_SIZE), memory is taken by the host on first touch: allocate ahead
 * in large runs. Freed runs are given back to the host and read as zeros when allocated again.
 */
#ifndef LIMPET_FS_FILEMEM_H
#define LIMPET_FS_FILEMEM_H

#include "abi/layout.h"
#include "lib/types.h"

/* Boot: the memfd, FILEMEM_SIZE long and mapped at FILEMEM_BASE already. */
void filemem_init(int fd);
#define FILEMEM_NONE (~0ull)
/* A run of pages (count), zeroed; its offset in bytes or FILEMEM_NONE. */
u64 filemem_alloc(u64 pages) __must_check;
void filemem_free(u64 offset, u64 pages); /* a run or any part of one */
/* Returns memory to the host, keeps the run: it reads as zeros. */
void filemem_punch(u64 offset, u64 pages);
void *filemem_ptr(u64 offset); /* kernel address of a byte; touching it may take a host page fault */
int filemem_fd(void);
/* For a mapping of what lies behind a file's end: an offset behind the memfd's own, where the host raises SIGBUS. */
static inline u64 filemem_beyond(u64 file_offset) { return FILEMEM_SIZE + file_offset; }
u64 filemem_resident(void); /* bytes the host holds for all file memory, roughly */

#endif
