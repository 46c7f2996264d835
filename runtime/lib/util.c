/* See util.h. */
#include "runtime/lib/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

struct arena_chunk {
	struct arena_chunk *next;
	max_align_t data[];
};

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "limpet: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(STATUS_FAILURE);
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *chunk;

	if (size > PTRDIFF_MAX - sizeof(*chunk))
		out_of_memory();
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		out_of_memory();
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk->data;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(arena_alloc(a, size), s, size);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		out_of_memory();
	}
	return arena_strdup(a, text);
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *chunk = a->chunks;

		a->chunks = chunk->next;
		free(chunk);
	}
}

void strings_add(struct arena *a, struct strings *list, const char *s)
{
	if (list->count + 1 >= list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		char **items = arena_alloc(a, room * sizeof(*items));

		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = arena_strdup(a, s);
	list->items[list->count] = NULL;
}

void *array_add(struct arena *a, void *items, size_t *count, size_t size)
{
	/* Arrays here are short: room grows at powers of two, so no field for it is needed. */
	if ((*count & (*count - 1)) == 0) {
		void *grown = arena_alloc(a, (*count ? *count * 2 : 1) * size);

		if (*count)
			memcpy(grown, items, *count * size);
		items = grown;
	}
	(*count)++;
	return items;
}

int write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int write_file(int dirfd, const char *path, const char *text)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

char *read_file(int dirfd, const char *path)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *buf = NULL;
	size_t len = 0, room = 0;

	if (fd < 0)
		return NULL;
	for (;;) {
		ssize_t n;

		if (len + 4096 > room) {
			char *grown = realloc(buf, room = len + 16384);

			if (!grown)
				out_of_memory();
			buf = grown;
		}
		n = read(fd, buf + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	char *text = buf;
	buf = NULL;
	return text;
}

char *path_clean(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t len = 0;

	while (*path) {
		size_t part;

		while (*path == '/')
			path++;
		part = strcspn(path, "/");
		if (part == 2 && path[0] == '.' && path[1] == '.') {
			while (len && out[--len] != '/')
				;
		} else if (part && !(part == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, part);
			len += part;
		}
		path += part;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

bool parse_u64(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end && *out <= max;
}

bool parse_size(const char *text, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	unsigned shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		const char *at = strchr(suffixes, *end >= 'a' && *end <= 'z' ? *end - 32 : *end);

		if (!at || !*at)
			return false;
		shift = 10 * (unsigned)(at - suffixes + 1);
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B' || *end == 'b')
			end++;
	}
	if (*end || *out > (UINT64_MAX >> 1) >> shift)
		return false;
	*out <<= shift;
	return true;
}
