/* eventfd(2): flags. */
#ifndef LIMPET_ABI_LINUX_EVENTFD_H
#define LIMPET_ABI_LINUX_EVENTFD_H

#define EFD_SEMAPHORE 1u
#define EFD_NONBLOCK 00004000u
#define EFD_CLOEXEC 02000000u

#endif
