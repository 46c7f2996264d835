/* See json.h. */
#include "runtime/oci/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static void describe(char *out, size_t size, struct doc *d, const char *where, const char *key, const char *text)
{
	snprintf(out, size, "%s: %s%s%s: %s", d->file, where, *where && *key ? "." : "", key, text);
}

int doc_error(struct doc *d, const char *where, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	describe(d->err->text, sizeof(d->err->text), d, where, key, text);
	return -1;
}

void doc_warning(struct doc *d, const char *where, const char *key, const char *fmt, ...)
{
	char text[512], all[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	describe(all, sizeof(all), d, where, key, text);
	warning("%s", all);
}

static json_t *find(const struct node *n, const char *key)
{
	json_t *value = n->json ? json_object_get(n->json, key) : NULL;

	return json_is_null(value) ? NULL : value;
}

int get_object(struct doc *d, const struct node *n, const char *key, struct node *out)
{
	out->json = find(n, key);
	if (snprintf(out->where, sizeof(out->where), "%s%s%s", n->where, *n->where ? "." : "", key) >=
	    (int)sizeof(out->where))
		return doc_error(d, n->where, key, "is nested too deeply");
	return !out->json || json_is_object(out->json) ? 0 : doc_error(d, n->where, key, "is not an object");
}

int get_array(struct doc *d, const struct node *n, const char *key, json_t **out)
{
	*out = find(n, key);
	return !*out || json_is_array(*out) ? 0 : doc_error(d, n->where, key, "is not an array");
}

int get_string(struct doc *d, const struct node *n, const char *key, const char **out)
{
	json_t *value = find(n, key);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return doc_error(d, n->where, key, "is not a string");
	*out = arena_strdup(&d->spec->arena, json_string_value(value));
	return 0;
}

int get_bool(struct doc *d, const struct node *n, const char *key, bool *out)
{
	json_t *value = find(n, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return doc_error(d, n->where, key, "is neither true nor false");
	*out = json_is_true(value);
	return 0;
}

bool json_whole(const json_t *value, int64_t *out)
{
	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	/* A document with a number past 2^63 is read with all numbers as reals. */
	if (!json_is_real(value) || !(json_real_value(value) > -9.2e18 && json_real_value(value) < 9.2e18))
		return false;
	*out = (int64_t)json_real_value(value);
	return (double)*out == json_real_value(value);
}

int get_int(struct doc *d, const struct node *n, const char *key, int64_t min, int64_t max, int64_t *out)
{
	json_t *value = find(n, key);
	int64_t number = 0;

	if (!value)
		return 0;
	if (!json_whole(value, &number))
		return doc_error(d, n->where, key, "is not a whole number");
	if (number < min || number > max)
		return doc_error(d, n->where, key, "%" PRId64 " is out of range", number);
	*out = number;
	return 0;
}

int get_u32(struct doc *d, const struct node *n, const char *key, uint32_t *out)
{
	int64_t number = *out;

	if (get_int(d, n, key, 0, UINT32_MAX, &number))
		return -1;
	*out = (uint32_t)number;
	return 0;
}

int get_strings(struct doc *d, const struct node *n, const char *key, struct strings *out)
{
	json_t *array, *item;
	size_t i;

	if (get_array(d, n, key, &array))
		return -1;
	json_array_foreach(array, i, item) {
		if (!json_is_string(item))
			return doc_error(d, n->where, key, "element %zu is not a string", i);
		strings_add(&d->spec->arena, out, json_string_value(item));
	}
	return 0;
}

int get_element(struct doc *d, const struct node *n, const char *key, json_t *array, size_t i, struct node *out)
{
	out->json = json_array_get(array, i);
	if (snprintf(out->where, sizeof(out->where), "%s%s%s[%zu]", n->where, *n->where ? "." : "", key, i) >=
	    (int)sizeof(out->where))
		return doc_error(d, n->where, key, "is nested too deeply");
	return json_is_object(out->json) ? 0 : doc_error(d, out->where, "", "is not an object");
}

int check_fields(struct doc *d, const struct node *n, const char *where, const struct field_row *table)
{
	const char *key;
	json_t *value;

	json_object_foreach(n->json, key, value) {
		const struct field_row *row = table;

		while (row->where && (strcmp(row->where, where) || strcmp(row->key, key)))
			row++;
		if (json_is_null(value) || ((json_is_array(value) || json_is_object(value)) && !json_array_size(value) &&
					    !json_object_size(value)))
			continue; /* says nothing */
		if (!row->where)
			doc_warning(d, n->where, key, "is not known to limpet and ignored");
		else if (row->use == FIELD_WARN)
			doc_warning(d, n->where, key, "is ignored: %s", row->why);
		else if (row->use == FIELD_REFUSE)
			return doc_error(d, n->where, key, "%s", row->why);
	}
	return 0;
}
