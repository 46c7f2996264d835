/* timerfd_create(2): flags, clocks it knows, and struct itimerspec. */
#ifndef LIMPET_ABI_LINUX_TIMERFD_H
#define LIMPET_ABI_LINUX_TIMERFD_H

#include <stdint.h>

#define TFD_NONBLOCK 00004000u
#define TFD_CLOEXEC 02000000u
#define TFD_TIMER_ABSTIME 1u
#define TFD_TIMER_CANCEL_ON_SET 2u

#define TFD_CLOCK_REALTIME 0
#define TFD_CLOCK_MONOTONIC 1
#define TFD_CLOCK_BOOTTIME 7
#define TFD_CLOCK_REALTIME_ALARM 8
#define TFD_CLOCK_BOOTTIME_ALARM 9

#define TFD_CAP_WAKE_ALARM 35

struct tfd_itimerspec {
	int64_t interval_sec, interval_nsec;
	int64_t value_sec, value_nsec;
};
_Static_assert(sizeof(struct tfd_itimerspec) == 32, "itimerspec layout");

#endif
