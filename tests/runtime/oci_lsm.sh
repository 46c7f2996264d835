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
	mounted=
	[ -d /sys/kernel/security/apparmor ] || { mount -t securityfs none /sys/kernel/security 2>/dev/null && mounted=1; }
	if [ -e /sys/kernel/security/apparmor/.load ] && command -v apparmor_parser >/dev/null; then
		name=limpet-test-$$
		cat >profile <<P
profile $name flags=(attach_disconnected,mediate_deleted) {
	file, network, capability, unix, signal, ptrace, umount,
	deny /**/forbidden rw,
}
P
		apparmor_parser -a -K profile || fail 'no profile'
		echo secret >b/rootfs/forbidden
		config "c['process']['apparmorProfile'] = '$name'" 'sh("cat /forbidden; sleep 60")'
		ends 'run' 0 oci run -d -b b $id </dev/null
		says 'exec' 1 "cat: can't open '/forbidden': Permission denied" oci exec $id cat /forbidden
		for p in $(oci ps -f json $id | tr -c '0-9\n' ' '); do
			is "process $p" "$(cat /proc/$p/attr/current 2>/dev/null || echo gone)" "$name (enforce)"
		done
		ends 'delete' 0 oci delete --force $id
		config 'sh("cat /forbidden")'
		says 'without' 0 secret oci run -b b $id
		apparmor_parser -R -K profile
	fi
	[ -z "$mounted" ] || umount /sys/kernel/security
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
