/*
 * Memory and string basics, number parsing and formatted output. Meanings as in C and POSIX unless said.
 * Formats of kvsnprintf: %d %i %u %x %X %o %c %s %p %% with flags 0 - #, width, precision, *, and lengths h l ll z.
 */
#ifndef LIMPET_LIB_STRING_H
#define LIMPET_LIB_STRING_H

#include "lib/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copies at most size - 1 bytes and always terminates (size > 0). Returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);

/* Writes at most size bytes with the terminating 0; returns what the whole text would take without it. */
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* Parses the whole of s as an unsigned number in the base (10, 16, 8; 0 = by prefix). 0, -EINVAL or -ERANGE. */
int kstrtou64(const char *s, unsigned base, u64 *out) __must_check;

/* FNV-1a, for hash tables; not for hostile-collision resistance beyond a per-boot seed in h. */
u32 hash_bytes(u32 h, const void *p, size_t n);
static inline u32 hash_u64(u64 v)
{
	v *= 0x9e3779b97f4a7c15ull;
	return (u32)(v >> 32);
}

#endif
