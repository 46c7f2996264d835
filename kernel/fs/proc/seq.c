/* Texts of generated files. */
#include "fs/internal.h"
#include "fs/proc/proc.h"

#define SEQ_MAX (64ul << 20) /* no file of /proc is longer */

static bool room(struct seq *s, size_t more)
{
	size_t size = s->size ? s->size : 512;
	char *buf;

	if (s->err)
		return false;
	if (s->size - s->len > more)
		return true;
	while (size - s->len <= more && size < SEQ_MAX)
		size *= 2;
	buf = size - s->len > more ? krealloc(s->buf, size) : NULL;
	if (!buf) {
		s->err = -ENOMEM;
		return false;
	}
	s->buf = buf;
	s->size = size;
	return true;
}

void seq_write(struct seq *s, const void *data, size_t len)
{
	if (len > SEQ_MAX || !room(s, len))
		return;
	memcpy(s->buf + s->len, data, len);
	s->len += len;
}

void seq_puts(struct seq *s, const char *text) { seq_write(s, text, strlen(text)); }
void seq_putc(struct seq *s, char c) { seq_write(s, &c, 1); }

void seq_printf(struct seq *s, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	if (!room(s, 128))
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = kvsnprintf(s->buf + s->len, s->size - s->len, fmt, ap);
	if (n > 0 && (size_t)n >= s->size - s->len) {
		if (room(s, (size_t)n))
			kvsnprintf(s->buf + s->len, s->size - s->len, fmt, again);
		else
			n = 0;
	}
	if (n > 0)
		s->len += (size_t)n;
	va_end(again);
	va_end(ap);
}

void seq_cpumask(struct seq *s, u64 mask)
{
	if (mask >> 32)
		seq_printf(s, "%x,%08x", (u32)(mask >> 32), (u32)mask);
	else
		seq_printf(s, "%x", (u32)mask);
}

void seq_cpulist(struct seq *s, u64 mask)
{
	const char *comma = "";
	u32 from, to;

	for (from = 0; from < 64; from = to + 1) {
		to = from;
		if (!(mask >> from & 1))
			continue;
		while (to + 1 < 64 && (mask >> (to + 1) & 1))
			to++;
		if (from == to)
			seq_printf(s, "%s%u", comma, from);
		else
			seq_printf(s, "%s%u-%u", comma, from, to);
		comma = ",";
	}
}

void seq_path(struct seq *s, const struct path *p)
{
	char *buf = kmalloc(PATH_MAX), *text;
	struct path root;

	if (!buf) {
		s->err = -ENOMEM;
		return;
	}
	current_root(&root);
	text = path_text(p, &root, buf, PATH_MAX);
	path_put(&root);
	if (!is_err(text))
		for (; *text; text++) {
			if (*text == '\n')
				seq_puts(s, "\\012");
			else
				seq_putc(s, *text);
		}
	kfree(buf);
}
