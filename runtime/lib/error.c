/* Errors and warnings: see error.h. */
#include "runtime/lib/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int error_set(struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t used;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

static int log_fd = -1, log_json, log_debug, quiet;

void warnings_off(void) { quiet = !log_debug; }

int log_open(const char *path, int json, int debug, struct error *err)
{
	log_json = json;
	log_debug = debug;
	if (!path || !*path)
		return 0;
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	return log_fd < 0 ? error_errno(err, "%s", path) : 0;
}

static void quote(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < ' ') {
			n += (size_t)snprintf(out + n, size - n, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
}

static void log_line(const char *level, const char *text)
{
	char quoted[3000], stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (log_fd < 0)
		return;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	quote(quoted, sizeof(quoted), text);
	dprintf(log_fd, log_json ? "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"}\n"
				 : "level=%s msg=\"%s\" time=\"%s\"\n", level, quoted, stamp);
}

int log_failure(const char *text)
{
	log_line("error", text);
	return log_fd >= 0;
}

void warning(const char *fmt, ...)
{
	va_list ap;

	if (log_fd >= 0) {
		char text[1200];

		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		if (log_debug)
			log_line("warning", text);
		return;
	}

	if (quiet)
		return;
	fputs("limpet: warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
