/* xattr(7): flags, limits and name spaces. */
#ifndef LIMPET_ABI_LINUX_XATTR_H
#define LIMPET_ABI_LINUX_XATTR_H

#define XATTR_CREATE 1
#define XATTR_REPLACE 2

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536
#define XATTR_LIST_MAX 65536

#define XATTR_USER_PREFIX "user."
#define XATTR_TRUSTED_PREFIX "trusted."
#define XATTR_SECURITY_PREFIX "security."
#define XATTR_SYSTEM_PREFIX "system."
#define XATTR_NAME_CAPS "security.capability"
#define XATTR_POSIX_ACL_ACCESS "system.posix_acl_access"
#define XATTR_POSIX_ACL_DEFAULT "system.posix_acl_default"

#endif
