/* pipe(2), pipe2(2): decoding. */
#include "abi/linux/fcntl.h"
#include "fs/file.h"
#include "fs/pipe/pipe.h"
#include "sys/syscall.h"

static long do_pipe(struct uptr fds, u32 flags)
{
	struct file *ends[2];
	int fd[2], err;

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(flags, ends);
	if (err)
		return err;
	err = fd[0] = fd_alloc(0, flags & O_CLOEXEC);
	if (err < 0)
		goto put;
	err = fd[1] = fd_alloc(0, flags & O_CLOEXEC);
	if (err < 0)
		goto cancel;
	err = copy_out(fds, fd, sizeof(fd));
	if (err) {
		fd_cancel(fd[1]);
		goto cancel;
	}
	fd_install(fd[0], ends[0]);
	fd_install(fd[1], ends[1]);
	return 0;
cancel:
	fd_cancel(fd[0]);
put:
	file_put(ends[0]);
	file_put(ends[1]);
	return err;
}

SYSCALL1(pipe, struct uptr, fds)
{
	return do_pipe(fds, 0);
}

SYSCALL2(pipe2, struct uptr, fds, u32, flags)
{
	return do_pipe(fds, flags);
}
