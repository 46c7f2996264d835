/* stat(2), statx(2), statfs(2), mknod(2), utimensat(2): numbers and structs of x86-64. */
#ifndef LIMPET_ABI_LINUX_STAT_H
#define LIMPET_ABI_LINUX_STAT_H

#include <stdint.h>

#define S_IFMT 0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK 0120000u
#define S_IFREG 0100000u
#define S_IFBLK 0060000u
#define S_IFDIR 0040000u
#define S_IFCHR 0020000u
#define S_IFIFO 0010000u
#define S_ISUID 0004000u
#define S_ISGID 0002000u
#define S_ISVTX 0001000u

#define S_IRWXU 00700u
#define S_IRUSR 00400u
#define S_IWUSR 00200u
#define S_IXUSR 00100u
#define S_IRWXG 00070u
#define S_IRGRP 00040u
#define S_IWGRP 00020u
#define S_IXGRP 00010u
#define S_IRWXO 00007u
#define S_IROTH 00004u
#define S_IWOTH 00002u
#define S_IXOTH 00001u
#define S_IRWXUGO (S_IRWXU | S_IRWXG | S_IRWXO)
#define S_IALLUGO (S_ISUID | S_ISGID | S_ISVTX | S_IRWXUGO)
#define S_IXUGO (S_IXUSR | S_IXGRP | S_IXOTH)

struct stat {
	uint64_t st_dev;
	uint64_t st_ino;
	uint64_t st_nlink;
	uint32_t st_mode;
	uint32_t st_uid;
	uint32_t st_gid;
	uint32_t pad0;
	uint64_t st_rdev;
	int64_t st_size;
	int64_t st_blksize;
	int64_t st_blocks;
	uint64_t st_atime_sec;
	uint64_t st_atime_nsec;
	uint64_t st_mtime_sec;
	uint64_t st_mtime_nsec;
	uint64_t st_ctime_sec;
	uint64_t st_ctime_nsec;
	int64_t reserved[3];
};
_Static_assert(sizeof(struct stat) == 144, "struct stat layout");

struct statx_timestamp {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct statx {
	uint32_t stx_mask;
	uint32_t stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink;
	uint32_t stx_uid;
	uint32_t stx_gid;
	uint16_t stx_mode;
	uint16_t pad0;
	uint64_t stx_ino;
	uint64_t stx_size;
	uint64_t stx_blocks;
	uint64_t stx_attributes_mask;
	struct statx_timestamp stx_atime;
	struct statx_timestamp stx_btime;
	struct statx_timestamp stx_ctime;
	struct statx_timestamp stx_mtime;
	uint32_t stx_rdev_major;
	uint32_t stx_rdev_minor;
	uint32_t stx_dev_major;
	uint32_t stx_dev_minor;
	uint64_t stx_mnt_id;
	uint32_t stx_dio_mem_align;
	uint32_t stx_dio_offset_align;
	uint64_t stx_subvol;
	uint32_t stx_atomic_write_unit_min;
	uint32_t stx_atomic_write_unit_max;
	uint32_t stx_atomic_write_segments_max;
	uint32_t stx_dio_read_offset_align;
	uint64_t spare[9];
};
_Static_assert(sizeof(struct statx) == 256, "struct statx layout");

#define STATX_TYPE 0x00000001u
#define STATX_MODE 0x00000002u
#define STATX_NLINK 0x00000004u
#define STATX_UID 0x00000008u
#define STATX_GID 0x00000010u
#define STATX_ATIME 0x00000020u
#define STATX_MTIME 0x00000040u
#define STATX_CTIME 0x00000080u
#define STATX_INO 0x00000100u
#define STATX_SIZE 0x00000200u
#define STATX_BLOCKS 0x00000400u
#define STATX_BASIC_STATS 0x000007ffu
#define STATX_BTIME 0x00000800u
#define STATX_ALL 0x00000fffu
#define STATX_MNT_ID 0x00001000u
#define STATX_DIOALIGN 0x00002000u
#define STATX_MNT_ID_UNIQUE 0x00004000u
#define STATX_RESERVED 0x80000000u

#define STATX_ATTR_COMPRESSED 0x00000004u
#define STATX_ATTR_IMMUTABLE 0x00000010u
#define STATX_ATTR_APPEND 0x00000020u
#define STATX_ATTR_NODUMP 0x00000040u
#define STATX_ATTR_ENCRYPTED 0x00000800u
#define STATX_ATTR_AUTOMOUNT 0x00001000u
#define STATX_ATTR_MOUNT_ROOT 0x00002000u
#define STATX_ATTR_VERITY 0x00100000u
#define STATX_ATTR_DAX 0x00200000u

#define UTIME_NOW 0x3fffffffl
#define UTIME_OMIT 0x3ffffffel

struct statfs {
	int64_t f_type;
	int64_t f_bsize;
	uint64_t f_blocks;
	uint64_t f_bfree;
	uint64_t f_bavail;
	uint64_t f_files;
	uint64_t f_ffree;
	int32_t f_fsid[2];
	int64_t f_namelen;
	int64_t f_frsize;
	int64_t f_flags;
	int64_t f_spare[4];
};
_Static_assert(sizeof(struct statfs) == 120, "struct statfs layout");

/* statfs.f_type */
#define TMPFS_MAGIC 0x01021994
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define DEVPTS_SUPER_MAGIC 0x1cd1
#define CGROUP2_SUPER_MAGIC 0x63677270
#define NSFS_MAGIC 0x6e736673
#define MQUEUE_MAGIC 0x19800202
#define EXT4_SUPER_MAGIC 0xef53

/* statfs.f_flags */
#define ST_RDONLY 0x0001
#define ST_NOSUID 0x0002
#define ST_NODEV 0x0004
#define ST_NOEXEC 0x0008
#define ST_SYNCHRONOUS 0x0010
#define ST_VALID 0x0020
#define ST_NOATIME 0x0400
#define ST_NODIRATIME 0x0800
#define ST_RELATIME 0x1000
#define ST_NOSYMFOLLOW 0x2000

#endif
