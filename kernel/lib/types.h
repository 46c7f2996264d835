/* Basic types and compiler helpers of the freestanding kernel. */
#ifndef LIMPET_LIB_TYPES_H
#define LIMPET_LIB_TYPES_H

/* One image, linked once: no symbol needs a global offset table. */
#if !__STDC_HOSTED__ /* unit tests take parts of the kernel into hosted programs */
#pragma GCC visibility push(hidden)
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One spelling for fixed-width types, as in Linux; the only typedefs beside ssize_t and off_t. */
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef s64 ssize_t;
typedef s64 loff_t; /* byte offset in a file, never negative unless it carries an error */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN_UP(x) (((u64)(x) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGN_DOWN(x) ((u64)(x) & PAGE_MASK)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a) (((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
/* Each use has names of its own, so that they nest. */
#define cmp_(a, b, op, x, y)                                                                                 \
	({                                                                                                   \
		__typeof__(a) x = (a);                                                                       \
		__typeof__(b) y = (b);                                                                       \
		x op y ? x : y;                                                                              \
	})
#define cmp_named_(a, b, op, n) cmp_(a, b, op, cmp_paste_(x_, n), cmp_paste_(y_, n))
#define cmp_paste_(p, n) cmp_paste2_(p, n)
#define cmp_paste2_(p, n) p##n
#define min(a, b) cmp_named_(a, b, <, __COUNTER__)
#define max(a, b) cmp_named_(a, b, >, __COUNTER__)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __must_check __attribute__((warn_unused_result))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __noreturn __attribute__((noreturn))
#define __unused __attribute__((unused))
#define __packed __attribute__((packed))
/* For a global that boot writes last: see core/harden.h. */
#define __ro_after_init __attribute__((section(".ro_after_init")))
#define __no_stack_protector __attribute__((no_stack_protector))
/* A large local that need not be zeroed first: on hot paths, where it is plain that nothing unwritten is read. */
#define __uninitialized __attribute__((uninitialized))
#define __aligned(n) __attribute__((aligned(n)))
#define __big __attribute__((section(".bss.big"))) /* tables: behind what is used all the time */
#define __sparse __attribute__((section(".bss.sparse"))) /* of which little is used: last of all */

/* Errors travel in pointers as Linux does it: the last 4095 addresses are errnos. */
static inline void *err_ptr(long err) { return (void *)err; }
static inline long ptr_err(const void *p) { return (long)p; }
static inline bool is_err(const void *p) { return (unsigned long)p >= (unsigned long)-4095; }

/* True when a + b overflows; *r then holds nothing useful. */
#define add_overflow(a, b, r) __builtin_add_overflow(a, b, r)
#define mul_overflow(a, b, r) __builtin_mul_overflow(a, b, r)

#endif
