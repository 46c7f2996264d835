/*
 * What went wrong, as one sentence made where it happened. A function that can fail takes a struct error *, fills it
 * and returns -1; callers pass both on untouched. Only cli/main.c prints it.
 */
#ifndef LIMPET_RUNTIME_ERROR_H
#define LIMPET_RUNTIME_ERROR_H

#define STATUS_FAILURE 125 /* limpet itself failed */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

struct error {
	int status; /* of the limpet process; 0 = STATUS_FAILURE */
	char text[1024];
};

/* Always -1, so that `return error_set(...)` reads well. */
int error_set(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
/* The same with ": " and the text of errno at the end. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/*
 * From now on failures and warnings go to a file as well (--log): a line each, as text or as a JSON object. Warnings
 * only with debug: engines take what is in there for the reason of a failure.
 */
int log_open(const char *path, int json, int debug, struct error *err);
/* Without a log, no warning is printed from now on: the stream may be the container's. */
void warnings_off(void);
/* The failure that a command ends with; true when there is a log. */
int log_failure(const char *text);

/* One line "limpet: warning: ..." for the user; the work goes on. */
void warning(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

#endif
