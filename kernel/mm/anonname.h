/* Names of anonymous mappings, prctl(2) PR_SET_VMA_ANON_NAME. */
#ifndef LIMPET_MM_ANONNAME_H
#define LIMPET_MM_ANONNAME_H

#include "lib/types.h"

#define ANON_NAME_MAX 80 /* with the 0 */

/*
 * Names the anonymous mappings in the range of current->mm; NULL takes names away. -EINVAL, -EBADF (a file),
 * -ENOMEM (a hole, or no memory).
 */
int mm_set_anon_name(u64 addr, u64 len, const char *name) __must_check;

#endif
