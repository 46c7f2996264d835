/*
 * Lengths, kinds and targets of instructions against objdump's, over all the code of some libraries and programs.
 *
 * build: kernel/mm/insn_len.c
 */
#include "mm/insn_len.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long known, unknown, wrong;

static void mismatch(const char *line, const struct insn_info *info)
{
	if (wrong++ < 20)
		fprintf(stderr, "length %u kind %u: %s", info->len, info->kind, line);
}

static bool starts(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* What the text of a disassembled instruction says of its kind. */
static bool kind_agrees(const char *text, const struct insn_info *info, unsigned long at)
{
	const char *word = text, *arg;
	bool jump;

	for (;;) {
		if (starts(word, "bnd ") || starts(word, "lock ") || starts(word, "rep ") || starts(word, "repz ") ||
		    starts(word, "repnz ") || starts(word, "notrack ") || starts(word, "cs ") || starts(word, "ds ") || starts(word, "fs ") ||
		    starts(word, "rex"))
			word = strchr(word, ' ') + 1;
		else
			break;
	}
	jump = (*word == 'j' || starts(word, "call")) && !strstr(word, " *");
	if (jump != (info->kind == INSN_JCC || info->kind == INSN_JMP || info->kind == INSN_CALL))
		return false;
	if (!!strstr(word, "(%rip)") != !!info->rip_disp)
		return false;
	if (starts(word, "ret") || starts(word, "ud2") || (starts(word, "jmp") && strstr(word, " *")))
		return info->kind == INSN_END;
	if (!jump)
		return info->kind == INSN_PLAIN;
	arg = word + strcspn(word, " ");
	arg += strspn(arg, " ");
	if (starts(word, "call") != (info->kind == INSN_CALL) || starts(word, "jmp") != (info->kind == INSN_JMP))
		return false;
	return strtoul(arg, NULL, 16) == at + (unsigned long)info->target;
}

static void check_line(const char *line)
{
	u8 *bytes = malloc(16), *exact;
	struct insn_info info;
	unsigned long at;
	const char *p;
	char *end;
	u32 n = 0;

	at = strtoul(line, &end, 16);
	if (*end != ':' || end[1] != '\t')
		goto out;
	for (p = end + 2; n < 15 && p[0] != ' ' && p[0] != '\t'; p += 3)
		bytes[n++] = (u8)strtoul(p, NULL, 16);
	while (*p == ' ')
		p++;
	/* Data between code, and prefixes that objdump takes for instructions. */
	if (*p++ != '\t' || strstr(p, "(bad)") || starts(p, ".byte") || starts(p, "rex") || starts(p, "data16") || n == 15)
		goto out;
	if (starts(p, "lock \n") || starts(p, "rep\n") || starts(p, "fs\n") || starts(p, "cs\n") || starts(p, "ds\n") ||
	    starts(p, "ss") || starts(p, "repz\n") || starts(p, "repnz\n") || starts(p, "lock\n") || starts(p, "es"))
		goto out;
	exact = malloc(n);
	memcpy(exact, bytes, n);
	if (!insn_info(exact, n, &info))
		unknown++;
	else if (info.len != n || !kind_agrees(p, &info, at))
		mismatch(line, &info);
	else
		known++;
	/* Cut off it is no instruction. */
	for (u32 i = 0; i < n; i++) {
		u8 *cut = malloc(i ? i : 1);

		memcpy(cut, bytes, i);
		if (insn_info(cut, i, &info) && info.len > i)
			mismatch(line, &info);
		free(cut);
	}
	free(exact);
out:
	free(bytes);
}

static void check_file(const char *path)
{
	char command[256], line[512];
	FILE *f;

	if (access(path, R_OK))
		return;
	snprintf(command, sizeof(command), "objdump -d -w --insn-width=15 %s 2>/dev/null | head -n 300000", path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		check_line(line + strspn(line, " "));
	pclose(f);
}

static void libraries(void **state)
{
	static const char *const files[] = {
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libm.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/lib/musl/lib/libc.so", "/bin/bash",
	};

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_file(files[i]);
	printf("%lu agree, %lu not known, %lu wrong\n", known, unknown, wrong);
	if (!known && system("objdump --version >/dev/null 2>&1"))
		skip();
	assert_true(wrong == 0);
	assert_true(known > 10 * unknown);
}

/* The instructions that system calls are followed by, by hand. */
static void samples(void **state)
{
	static const struct {
		u8 b[12];
		u8 len, kind;
		s64 target;
	} s[] = {
		{ { 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff }, 6, INSN_PLAIN, 0 },
		{ { 0x85, 0xc0 }, 2, INSN_PLAIN, 0 },
		{ { 0x76, 0xfe }, 2, INSN_JCC, 0 },
		{ { 0x0f, 0x83, 1, 0, 0, 0 }, 6, INSN_JCC, 7 },
		{ { 0xe8, 0xfb, 0xff, 0xff, 0xff }, 5, INSN_CALL, 0 },
		{ { 0xeb, 0x10 }, 2, INSN_JMP, 18 },
		{ { 0xc3 }, 1, INSN_END, 0 },
		{ { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }, 10, INSN_PLAIN, 0 },
		{ { 0x64, 0x8b, 0x04, 0x25, 1, 2, 3, 4 }, 8, INSN_PLAIN, 0 },
		{ { 0x0f, 0x01, 0xef }, 0, INSN_UNKNOWN, 0 },
		{ { 0x0f, 0x05 }, 0, INSN_UNKNOWN, 0 },
		{ { 0x0f, 0xae, 0x28 }, 0, INSN_UNKNOWN, 0 },
		{ { 0x67, 0x8b, 0x00 }, 0, INSN_UNKNOWN, 0 },
		{ { 0x65, 0x8b, 0x00 }, 0, INSN_UNKNOWN, 0 },
	};

	for (unsigned i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		struct insn_info info;

		assert_int_equal(insn_info(s[i].b, sizeof(s[i].b), &info), s[i].len != 0);
		assert_int_equal(info.len, s[i].len);
		assert_int_equal(info.kind, s[i].kind);
		assert_int_equal(info.target, s[i].target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(samples), cmocka_unit_test(libraries) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
