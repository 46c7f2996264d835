/* Formatted output into a buffer. */
#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, alt, sign, is_signed;
	int width, precision; /* -1 = none */
	unsigned base;
	bool upper;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padded(struct out *o, const char *s, size_t len, const struct spec *sp)
{
	int pad = sp->width > (int)len ? sp->width - (int)len : 0;

	if (!sp->left)
		while (pad-- > 0)
			put(o, ' ');
	for (size_t i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		while (pad-- > 0)
			put(o, ' ');
}

static void put_number(struct out *o, u64 v, const struct spec *sp)
{
	const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24], prefix[3];
	int n = 0, np = 0, zeros;

	if (sp->is_signed && (s64)v < 0) {
		prefix[np++] = '-';
		v = -v;
	} else if (sp->is_signed && sp->sign) {
		prefix[np++] = '+';
	}
	if (sp->alt && sp->base == 16 && v) {
		prefix[np++] = '0';
		prefix[np++] = sp->upper ? 'X' : 'x';
	}
	do
		tmp[n++] = digits[v % sp->base];
	while (v /= sp->base);
	if (sp->alt && sp->base == 8 && tmp[n - 1] != '0')
		tmp[n++] = '0';
	zeros = sp->precision > n ? sp->precision - n : 0;
	if (sp->zero && !sp->left && sp->precision < 0 && sp->width > n + np)
		zeros = sp->width - n - np;
	int pad = sp->width - n - np - zeros;

	if (!sp->left)
		for (int i = 0; i < pad; i++)
			put(o, ' ');
	for (int i = 0; i < np; i++)
		put(o, prefix[i]);
	while (zeros-- > 0)
		put(o, '0');
	while (n)
		put(o, tmp[--n]);
	if (sp->left)
		for (int i = 0; i < pad; i++)
			put(o, ' ');
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };

	for (; *fmt; fmt++) {
		struct spec sp = { .precision = -1, .base = 10 };
		int longs = 0;
		char c;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		for (fmt++;; fmt++) {
			if (*fmt == '-')
				sp.left = true;
			else if (*fmt == '0')
				sp.zero = true;
			else if (*fmt == '#')
				sp.alt = true;
			else if (*fmt == '+')
				sp.sign = true;
			else
				break;
		}
		if (*fmt == '*') {
			sp.width = va_arg(ap, int);
			fmt++;
		} else {
			while (*fmt >= '0' && *fmt <= '9')
				sp.width = sp.width * 10 + (*fmt++ - '0');
		}
		if (*fmt == '.') {
			sp.precision = 0;
			if (*++fmt == '*') {
				sp.precision = va_arg(ap, int);
				fmt++;
			} else {
				while (*fmt >= '0' && *fmt <= '9')
					sp.precision = sp.precision * 10 + (*fmt++ - '0');
			}
		}
		for (;; fmt++) {
			if (*fmt == 'l')
				longs++;
			else if (*fmt == 'z')
				longs = 1;
			else if (*fmt == 'h')
				longs--;
			else
				break;
		}
		switch (c = *fmt) {
		case 'd':
		case 'i': {
			s64 v = longs > 0 ? va_arg(ap, long) : va_arg(ap, int);

			sp.is_signed = true;
			put_number(&o, (u64)v, &sp);
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o': {
			u64 v = longs > 0 ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);

			if (longs < -1)
				v = (u8)v;
			else if (longs < 0)
				v = (u16)v;
			sp.base = c == 'u' ? 10 : c == 'o' ? 8 : 16;
			sp.upper = c == 'X';
			put_number(&o, v, &sp);
			break;
		}
		case 'p':
			sp.base = 16;
			sp.alt = true;
			put_number(&o, (u64)va_arg(ap, void *), &sp);
			break;
		case 'c': {
			char ch = (char)va_arg(ap, int);

			put_padded(&o, &ch, 1, &sp);
			break;
		}
		case 's': {
			const char *s = va_arg(ap, const char *);

			if (!s)
				s = "(null)";
			put_padded(&o, s, strnlen(s, sp.precision < 0 ? SIZE_MAX : (size_t)sp.precision), &sp);
			break;
		}
		case '%':
			put(&o, '%');
			break;
		case 0:
			fmt--;
			break;
		default:
			put(&o, '%');
			put(&o, c);
		}
	}
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
