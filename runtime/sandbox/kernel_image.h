/* The guest kernel's ELF file, embedded in this program. */
#ifndef LIMPET_RUNTIME_KERNEL_IMAGE_H
#define LIMPET_RUNTIME_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/lib/error.h"

extern const unsigned char kernel_image_start[], kernel_image_end[];

/* Bytes of the text segment, which must begin at KERNEL_BASE; checks the ELF header on the way. */
int kernel_image_text_size(uint64_t *size, struct error *err);
/* A sealed memfd with the image, close-on-exec. */
int kernel_image_memfd(struct error *err);

#endif
