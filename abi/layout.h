/*
 * Where things are in every process of a sandbox. The guest has everything below TASK_SIZE; the kernel all above.
 * Fixed for all processes: kernel pointers mean the same everywhere.
 *
 * How much a process costs depends on these numbers. The host has one page of entries for each range of 1 GiB (and each of
 * 512 GiB) in which a process has touched anything, and when the process ends it looks at every entry that a mapping
 * covers, 512 in 5 us. So what all processes use lies in few such ranges, and large mappings, of which the low end is
 * used most, begin shortly before the next range does.
 */
#ifndef LIMPET_ABI_LAYOUT_H
#define LIMPET_ABI_LAYOUT_H

#define TASK_SIZE 0x7e0000000000ull /* first address that is not the guest's */
#define USER_MIN 0x10000ull /* nothing is ever mapped below */

#define KERNEL_BASE 0x7e0000000000ull /* the kernel's text */
#define KERNEL_IMAGE_MAX 0x10000000ull

/*
 * A shown page is a distance that fits a 32-bit displacement away from its scratch page. Negative, since a program can make
 * its GS base 0 by loading a selector: what the gate then takes for the shown page must be no address that a program can
 * map. Both are private to the host process, one page per slot.
 */
#define SHOWN_OFFSET (-0x4000000)
#define SHOWN_BASE (SCRATCH_BASE + SHOWN_OFFSET) /* key S */
#define SCRATCH_BASE 0x7e0014000000ull /* key 0 */

/* Shared, and one mapping, from here to the last slot: the kernel's constants and data (kernel.lds), heap, slots. */
#define KERNEL_SHARED 0x7e003ba00000ull

#define HEAP_BASE 0x7e003c000000ull
#define HEAP_SIZE 0x1000000000ull /* 64 GiB of addresses */

#define THREADS_BASE (HEAP_BASE + HEAP_SIZE) /* kernel and signal stacks, one slot per host thread */
#define THREAD_SLOT_SIZE 0x10000ull
#define THREAD_SLOTS 16384ull
#define THREADS_END (THREADS_BASE + THREAD_SLOTS * THREAD_SLOT_SIZE)

#define BOOT_BASE 0x7e7000000000ull /* shared, read-only: the boot block */
#define BOOT_SIZE_MAX 0x10000000ull

#define FILEMEM_BASE 0x7e7ffc000000ull /* shared: contents of files in memory */
#define FILEMEM_SIZE 0x10000000000ull /* 1 TiB of addresses */

#define VDSO_ADDR 0x7dffffff0000ull /* guest: where the host's vDSO is moved to, vvar pages in front of it */
#define STACK_TOP 0x7dfffff00000ull /* guest: initial stack ends here at the latest */

#endif
