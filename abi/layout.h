/*
 * Where things are in every process of a sandbox. The guest has everything below TASK_SIZE; the kernel all above.
 * Fixed for all processes: kernel pointers mean the same everywhere.
 */
#ifndef LIMPET_ABI_LAYOUT_H
#define LIMPET_ABI_LAYOUT_H

#define TASK_SIZE 0x7e0000000000ull /* first address that is not the guest's */
#define USER_MIN 0x10000ull /* nothing is ever mapped below */

#define KERNEL_BASE 0x7e0000000000ull /* the kernel's ELF image */
#define KERNEL_IMAGE_MAX 0x10000000ull

/*
 * What each process uses of the next three, besides the image, lies in one range of 1 GiB. The host has no page tables for it
 * to begin with: each such range costs a process a page.
 *
 * A shown page is a distance that fits a 32-bit displacement away from its scratch page. Negative, since a program can make
 * its GS base 0 by loading a selector: what the gate then takes for the shown page must be no address that a program can
 * map. Both are private to the host process, one page per slot.
 */
#define SHOWN_OFFSET (-0x4000000)
#define SHOWN_BASE (SCRATCH_BASE + SHOWN_OFFSET) /* key S */
#define SCRATCH_BASE 0x7e0014000000ull /* key 0 */

#define HEAP_BASE 0x7e0018000000ull /* shared: kernel heap; the busy part is 512 MiB further, see core/alloc.c */
#define HEAP_SIZE 0x1000000000ull /* 64 GiB of addresses */

#define THREADS_BASE 0x7e4000000000ull /* shared: kernel and signal stacks, one slot per host thread */
#define THREAD_SLOT_SIZE 0x10000ull
#define THREAD_SLOTS 16384ull

#define BOOT_BASE 0x7e7000000000ull /* shared, read-only: the boot block */
#define BOOT_SIZE_MAX 0x10000000ull

#define FILEMEM_BASE 0x7e8000000000ull /* shared: contents of files in memory */
#define FILEMEM_SIZE 0x10000000000ull /* 1 TiB of addresses */

#define VDSO_ADDR 0x7dffffff0000ull /* guest: where the host's vDSO is moved to, vvar pages in front of it */
#define STACK_TOP 0x7dfffff00000ull /* guest: initial stack ends here at the latest */

#endif
