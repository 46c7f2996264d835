/* open(2) with O_CREAT of what is there without being a name in a directory: descriptors by /proc, "/", ".". */
#include "test.h"

static void by_fd(char *path, int fd) { snprintf(path, 32, "/proc/self/fd/%d", fd); }

TEST(create_through_descriptor)
{
	char path[32], buf[8];
	int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), again;

	EQ(write(fd, "hello", 5), 5);
	by_fd(path, fd);
	again = OK(open(path, O_RDWR | O_CREAT, 0600));
	EQ(read(again, buf, 8), 5);
	close(again);
	again = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	EQ(lseek(fd, 0, SEEK_END), 0);
	close(again);
	ERR(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
}

TEST(create_through_pipe)
{
	char path[32], c;
	int p[2], fd;

	OK(pipe(p));
	by_fd(path, p[1]);
	fd = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666));
	EQ(write(fd, "x", 1), 1);
	EQ(read(p[0], &c, 1), 1);
	OK(dup2(p[1], 1));
	fd = OK(open("/dev/stdout", O_WRONLY | O_CREAT | O_APPEND, 0666));
	EQ(write(fd, "y", 1), 1);
	EQ(read(p[0], &c, 1), 1);
	EQ(c, 'y');
}

TEST(create_directories)
{
	char path[32];
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	by_fd(path, dir);
	ERR(open("/", O_RDONLY | O_CREAT, 0600), EISDIR);
	ERR(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
	ERR(open("..", O_RDONLY | O_CREAT, 0600), EISDIR);
	ERR(open(path, O_RDONLY | O_CREAT, 0600), EISDIR);
	ERR(open("/", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	ERR(open(".", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	OK(open(path, O_RDONLY | O_DIRECTORY));
}
