/* Which instruction a byte belongs to: see locate.h. */
#include "runtime/code/locate.h"

#include <Zydis/Zydis.h>

#define APART 48u /* bytes that a first guess must be in front of the answer, to have fallen into step */
#define VOTES_MIN 16u
#define KNOWN_MAX 64u

/* Length of the instruction at p[i], 0 = none. */
static unsigned insn_len(const ZydisDecoder *decoder, const uint8_t *p, size_t n, size_t i)
{
	ZydisDecodedInstruction insn;

	if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(decoder, NULL, p + i, n - i, &insn)))
		return 0;
	/* Not in programs: decoding that meets one has lost its way. */
	switch (insn.meta.category) {
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_IO:
	case ZYDIS_CATEGORY_IOSTRINGOP:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_SEGOP:
	case ZYDIS_CATEGORY_VTX:
		return insn.mnemonic == ZYDIS_MNEMONIC_INT3 ? insn.length : 0;
	default:
		break;
	}
	return insn.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED ? 0 : insn.length;
}

static bool flags_dead(const ZydisDecoder *decoder, const uint8_t *p, size_t n, size_t i)
{
	ZydisAccessedFlagsMask live = ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF |
				      ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF;
	ZydisDecodedInstruction insn;

	while (i < n && ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, p + i, n - i, &insn))) {
		const ZydisAccessedFlags *f = insn.cpu_flags;

		/* Those that read or write nothing may have none. */
		if (f && f->tested & live)
			return false;
		if (f)
			live &= ~(f->modified | f->set_0 | f->set_1);
		if (!live)
			return true;
		if (insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE || insn.meta.category == ZYDIS_CATEGORY_SYSCALL ||
		    insn.meta.category == ZYDIS_CATEGORY_RET || insn.meta.category == ZYDIS_CATEGORY_CALL)
			return false;
		i += insn.length;
	}
	return false;
}

bool code_locate(const uint8_t *p, size_t n, size_t at, size_t known, struct code_place *out)
{
	/* Where decoding that begins at i gets to: the offset of the instruction that covers `at`; n = nowhere. */
	uint16_t ends[CODE_WINDOW_MAX], votes[CODE_WINDOW_MAX] = {0};
	size_t best = n, voters = 0, low;
	ZydisDecoder decoder;

	if (n > CODE_WINDOW_MAX || at >= n ||
	    ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return false;
	for (size_t i = at + 1; i-- > 0;) {
		unsigned len = insn_len(&decoder, p, n, i);

		if (!len)
			ends[i] = (uint16_t)n;
		else if (i + len > at)
			ends[i] = (uint16_t)i;
		else
			ends[i] = ends[i + len];
	}
	low = at > APART ? at - APART : 0;
	for (size_t i = 0; i < low; i++) {
		if (ends[i] == n)
			continue;
		voters++;
		votes[ends[i]]++;
	}
	for (size_t i = 0; i <= at; i++)
		if (votes[i] && votes[i] == voters && voters >= VOTES_MIN)
			best = i;
	/* What runs through data on its way may have lost the step: only from near. */
	if (best == n && known <= at && at - known <= KNOWN_MAX && ends[known] < n)
		best = ends[known];
	/* Data in front of the code leads some of the guesses astray. */
	for (size_t i = 0; best == n && i <= at; i++)
		if (voters >= VOTES_MIN && votes[i] * 4u >= voters * 3u)
			best = i;
	if (best == n)
		return false;
	out->start = best;
	out->len = insn_len(&decoder, p, n, best);
	out->flags_dead = flags_dead(&decoder, p, n, best + out->len);
	return true;
}
