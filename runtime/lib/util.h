/* Small things every part of the runtime uses: cleanup attributes, an arena, string lists, file helpers. */
#ifndef LIMPET_RUNTIME_UTIL_H
#define LIMPET_RUNTIME_UTIL_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/lib/error.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}
static inline void cleanup_close_fn(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_fclose_fn(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_fn)))

/* Takes the descriptor out of a cleanup variable. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Memory that lives as long as what it describes, freed in one go. Allocations never fail: limpet ends instead. */
struct arena {
	struct arena_chunk *chunks;
};
void *arena_alloc(struct arena *a, size_t size); /* zeroed */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

/* A list of strings in an arena; items[count] is NULL. */
struct strings {
	char **items;
	size_t count, room;
};
void strings_add(struct arena *a, struct strings *list, const char *s);

/* Grows an array in an arena by one element and returns it, zeroed. */
void *array_add(struct arena *a, void *items, size_t *count, size_t size);

/* Writes text to a file that exists, in one write. 0 or -1 with errno. */
int write_file(int dirfd, const char *path, const char *text);
/* A whole small file, 0-terminated, to be freed; NULL with errno. */
char *read_file(int dirfd, const char *path);
/* All of it, or -1 with errno. */
int write_all(int fd, const void *buf, size_t len);

/* Absolute, with "." , ".." and double slashes resolved in the text (no symlinks looked at). */
char *path_clean(struct arena *a, const char *path);

/* A non-negative decimal number that fits; false when it is anything else. */
bool parse_u64(const char *text, uint64_t max, uint64_t *out);
/* Bytes with an optional suffix K, M, G or T. */
bool parse_size(const char *text, uint64_t *out);

#endif
