/* UTS namespaces, uts_namespaces(7). */
#include "proc/uts.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/ns.h"
#include "proc/task.h"

static struct uts_ns *uts_ns_alloc(void)
{
	struct uts_ns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return NULL;
	ref_init(&ns->ref);
	mutex_init(&ns->lock, LOCK_LEAF);
	ns->ino = ns_next_ino();
	return ns;
}

struct uts_ns *uts_ns_boot(const char *hostname, const char *domainname)
{
	struct uts_ns *ns = uts_ns_alloc();

	if (!ns)
		return NULL;
	strlcpy(ns->nodename, hostname ? hostname : "localhost", sizeof(ns->nodename));
	strlcpy(ns->domainname, domainname ? domainname : "(none)", sizeof(ns->domainname));
	return ns;
}

struct uts_ns *uts_ns_copy(struct uts_ns *old)
{
	struct uts_ns *ns = uts_ns_alloc();

	if (!ns)
		return NULL;
	mutex_lock(&old->lock);
	memcpy(ns->nodename, old->nodename, sizeof(ns->nodename));
	memcpy(ns->domainname, old->domainname, sizeof(ns->domainname));
	mutex_unlock(&old->lock);
	return ns;
}

void uts_ns_put(struct uts_ns *ns)
{
	if (ns && ref_put(&ns->ref))
		kfree(ns);
}

static void read_name(const char *name, char out[UTS_LEN + 1])
{
	struct uts_ns *ns = current->uts_ns;

	mutex_lock(&ns->lock);
	memcpy(out, name, UTS_LEN + 1);
	mutex_unlock(&ns->lock);
}

void uts_hostname(char out[UTS_LEN + 1]) { read_name(current->uts_ns->nodename, out); }
void uts_domainname(char out[UTS_LEN + 1]) { read_name(current->uts_ns->domainname, out); }

void uts_read(struct new_utsname *out)
{
	memset(out, 0, sizeof(*out));
	strlcpy(out->sysname, LIMPET_UTS_SYSNAME, sizeof(out->sysname));
	strlcpy(out->release, LIMPET_UTS_RELEASE, sizeof(out->release));
	strlcpy(out->version, LIMPET_UTS_VERSION, sizeof(out->version));
	strlcpy(out->machine, LIMPET_UTS_MACHINE, sizeof(out->machine));
	uts_hostname(out->nodename);
	uts_domainname(out->domainname);
}

static int set_name(char *field, const char *name, u32 len)
{
	struct uts_ns *ns = current->uts_ns;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len > UTS_LEN)
		return -EINVAL;
	mutex_lock(&ns->lock);
	memset(field, 0, UTS_LEN + 1);
	memcpy(field, name, len);
	mutex_unlock(&ns->lock);
	return 0;
}

int uts_set_hostname(const char *name, u32 len) { return set_name(current->uts_ns->nodename, name, len); }
int uts_set_domainname(const char *name, u32 len) { return set_name(current->uts_ns->domainname, name, len); }
