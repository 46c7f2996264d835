/* Typed access to fields of a JSON document, with errors that name file and field. For oci/ only. */
#ifndef LIMPET_RUNTIME_JSON_H
#define LIMPET_RUNTIME_JSON_H

#include <jansson.h>

#include "runtime/sandbox/spec.h"

/* An object of the document and where it stands: "process.user". The top has "". */
struct node {
	json_t *json; /* NULL = absent */
	char where[128];
};

struct doc {
	struct spec *spec;
	const char *file;
	struct error *err;
};

/* "FILE: WHERE.KEY: ..."; always -1. */
int doc_error(struct doc *d, const char *where, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void doc_warning(struct doc *d, const char *where, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Each: 0, with *out as it was when the field is absent; -1 when it has another type or is out of range. */
int get_object(struct doc *d, const struct node *n, const char *key, struct node *out); /* out->json NULL: absent */
int get_array(struct doc *d, const struct node *n, const char *key, json_t **out); /* NULL: absent */
int get_string(struct doc *d, const struct node *n, const char *key, const char **out);
int get_bool(struct doc *d, const struct node *n, const char *key, bool *out);
int get_int(struct doc *d, const struct node *n, const char *key, int64_t min, int64_t max, int64_t *out);
/* A whole number that fits, however the parser holds it. */
bool json_whole(const json_t *value, int64_t *out);
int get_u32(struct doc *d, const struct node *n, const char *key, uint32_t *out);
int get_strings(struct doc *d, const struct node *n, const char *key, struct strings *out);
/* The i-th element of an array of objects. */
int get_element(struct doc *d, const struct node *n, const char *key, json_t *array, size_t i, struct node *out);

enum field_use { FIELD_USED, FIELD_QUIET, FIELD_WARN, FIELD_REFUSE };

/* What is done about a field that a table lists; where ends the table with NULL. */
struct field_row {
	const char *where; /* of its object, element numbers left out: "mounts[]" */
	const char *key;
	enum field_use use;
	const char *why;
};

/* Warns of or refuses the fields of an object by the table; unknown ones are warned of. `where` as in the table. */
int check_fields(struct doc *d, const struct node *n, const char *where, const struct field_row *table);

#endif
