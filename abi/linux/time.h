/* clock_gettime(2), timer_create(2), setitimer(2), adjtimex(2), times(2): numbers and structs. */
#ifndef LIMPET_ABI_LINUX_TIME_H
#define LIMPET_ABI_LINUX_TIME_H

#include <stdint.h>

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define CLOCK_TAI 11

/* CPU clocks of other tasks: ~id in the high bits, then 4 = thread, then which. */
#define CPUCLOCK_PERTHREAD 4
#define CPUCLOCK_WHICH_MASK 3
#define CPUCLOCK_PROF 0
#define CPUCLOCK_VIRT 1
#define CPUCLOCK_SCHED 2
#define CPUCLOCK_FD 3

#define TIMER_ABSTIME 1

#define ITIMER_REAL 0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF 2

#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD 2
#define SIGEV_THREAD_ID 4

struct sigevent {
	uint64_t value;
	int32_t signo;
	int32_t notify;
	int32_t tid;
	int32_t pad[11];
};
_Static_assert(sizeof(struct sigevent) == 64, "Linux's size");

struct itimerval64 {
	int64_t interval_sec, interval_usec, value_sec, value_usec;
};
struct itimerspec64 {
	int64_t interval_sec, interval_nsec, value_sec, value_nsec;
};

struct tms {
	int64_t utime, stime, cutime, cstime;
};

struct timezone {
	int32_t minuteswest, dsttime;
};

#define ADJ_OFFSET_SINGLESHOT 0x8001u
#define ADJ_OFFSET_SS_READ 0xa001u
#define STA_UNSYNC 0x0040
#define STA_NANO 0x2000
#define TIME_ERROR 5

struct timex {
	uint32_t modes, pad0;
	int64_t offset, freq, maxerror, esterror;
	int32_t status, pad1;
	int64_t constant, precision, tolerance;
	int64_t time_sec, time_usec;
	int64_t tick, ppsfreq, jitter;
	int32_t shift, pad2;
	int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
	int32_t tai;
	int32_t pad3[11];
};
_Static_assert(sizeof(struct timex) == 208, "Linux's size");

#endif
