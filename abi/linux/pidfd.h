/* pidfd_open(2), pidfd_send_signal(2): flags. */
#ifndef LIMPET_ABI_LINUX_PIDFD_H
#define LIMPET_ABI_LINUX_PIDFD_H

#define PIDFD_NONBLOCK 00004000u
#define PIDFD_THREAD 00000200u

#define PIDFD_SIGNAL_THREAD 1u
#define PIDFD_SIGNAL_THREAD_GROUP 2u
#define PIDFD_SIGNAL_PROCESS_GROUP 4u

#endif
