# process.apparmorProfile and selinuxLabel: refused where the host lacks the module; where it has it (or seems to), the
# module is asked, and its no ends the start with one line. What is asked for exactly: unit/lsm.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=lsm$$
config 'c["process"]["apparmorProfile"] = "unconfined"' 'c["process"]["selinuxLabel"] = ""'
says 'unconfined' 0 hello oci run -b b $id
profile='c["process"]["apparmorProfile"] = "limpet-no-such-profile"'
label='c["process"]["selinuxLabel"] = "no:such:label"'
if [ -e /sys/module/apparmor ] || [ -e /sys/fs/selinux/enforce ]; then
	config "$profile"
	oci run -b b $id >out 2>&1 && fail 'a profile that is not there passes'
	matches 'no such profile' "$(cat out)" 'process.apparmorProfile: (AppArmor does not take|this machine has no AppArmor)'
	finish
fi
config "$profile"
says 'no AppArmor' 1 'limpet: config.json: process.apparmorProfile: this machine has no AppArmor' oci run -b b $id
config "$label"
says 'no SELinux' 1 'limpet: config.json: process.selinuxLabel: this machine has no SELinux' oci run -b b $id
# A machine that claims to have them: its /proc/self/attr takes nothing.
pretend() {
	export -f oci
	export work LIMPET PLATFORM
	unshare -m bash -c '
		mount -t tmpfs none /sys/module && mkdir -p /sys/module/apparmor/parameters && echo Y >/sys/module/apparmor/parameters/enabled
		oci run -b b '$id 2>&1
}
config "$profile"
matches 'AppArmor that says no' "$(pretend)" '^limpet: process.apparmorProfile: AppArmor does not take limpet-no-such-profile: '
says 'nothing is left' 0 '' oci list -q
finish
