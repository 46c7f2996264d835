/*
 * To which instruction do these bytes belong? The guest kernel asks when it finds a forbidden sequence (kernel/mm/scan.h)
 * and cannot know from the bytes alone. Decoding is Zydis's; it only ever sees bytes, and so does this file: everything
 * here may come from a hostile program.
 */
#ifndef LIMPET_RUNTIME_CODE_LOCATE_H
#define LIMPET_RUNTIME_CODE_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_WINDOW_MAX 1024u /* CONTROL_CODE_MAX */

struct code_place {
	size_t start; /* of the instruction that p[at] belongs to */
	size_t len;
	bool flags_dead; /* what runs behind it sets the arithmetic flags before it uses or could pass them on */
};

/*
 * p[0..n) is code around p[at]; known: an offset at which an instruction is known to begin, or n for none. False = not
 * certain. Decoding from nearly any offset falls into step with the real instructions after a few of them, so this
 * tries all that are far enough in front and believes them when they agree.
 */
bool code_locate(const uint8_t *p, size_t n, size_t at, size_t known, struct code_place *out);

#endif
