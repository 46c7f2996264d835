# limpet run: OCI bundles with a busybox root file system; variants of config.json, broken ones too.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
n=0
run() { n=$((n + 1)); command "$LIMPET" run --platform "$PLATFORM" -b b "test-$$-$n"; }

config; says 'a bundle' 0 hello run
config 'sh("exit 7")'; ends 'status' 7 run
config 'sh("hostname; pwd; echo $A; id -u; ulimit -n; ulimit -Hn")'; says 'process fields' 0 $'box\n/\nb\n0\n256\n512' run
config 'c["process"]["cwd"] = "/etc"; sh("pwd")'; says 'cwd' 0 /etc run
config 'c["process"]["cwd"] = "etc"'; ends 'relative cwd' 1 run
config 'c["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 6], "umask": 0o077}; sh("id -u; id -g; id -G; touch /tmp/x; stat -c %a /tmp/x")'; says 'user' 0 $'1000\n1000\n1000 5 6\n600' run
config 'sh("echo x >/made; cat /made")'; says 'writable root' 0 x run
is 'the root is the bundle'"'"'s' "$(cat b/rootfs/made 2>&1)" x; rm -f b/rootfs/made
config 'c["root"]["readonly"] = True; sh("echo x >/made || echo refused; echo y >/tmp/y && cat /tmp/y")'; matches 'read-only root' "$(run 2>&1)" $'refused\ny'
[ ! -e b/rootfs/made ] || fail 'wrote to a read-only root'
config 'sh("grep -c . /proc/mounts >/dev/null && echo mounts; grep Cap /proc/self/status | head -n 3; ls /dev/null /dev/zero /dev/full /dev/random /dev/tty /dev/pts >/dev/null && echo devices")'
matches 'mounts, capabilities, devices' "$(run 2>&1)" $'mounts.*CapPrm:\t0000000000000021.*devices'
mkdir host; echo from host >host/f
config "c['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$PWD/host', 'options': ['rbind', 'rw']}); sh('cat /data/f; echo new >/data/g')"; says 'bind mount' 0 'from host' run; is 'bind mount is written' "$(cat host/g)" new
config "c['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$PWD/host', 'options': ['bind', 'ro']}); sh('echo x 2>/dev/null >/data/h || echo refused')"; matches 'read-only bind' "$(run 2>&1)" refused; [ ! -e host/h ] || fail 'wrote through a read-only bind'
config "c['mounts'].append({'destination': '/newdir/deep', 'type': 'bind', 'source': '$PWD/host', 'options': ['bind']}); sh('cat /newdir/deep/f')"; says 'mount point is made' 0 'from host' run
config 'c["process"]["args"] = ["nothere"]'; ends 'not found' 127 run
config 'c["process"]["args"] = ["/etc/passwd"]'; ends 'not executable' 126 run
config 'c["process"]["args"] = []'; ends 'no args' 1 run
config 'del c["process"]'; ends 'no process' 1 run
config 'del c["root"]'; ends 'no root' 1 run
config 'c["root"]["path"] = "nothere"'; ends 'root that is not there' 1 run
config 'c["process"]["args"] = "text"'; ends 'wrong type' 1 run
config 'c["process"]["user"]["uid"] = -5'; ends 'negative uid' 1 run
config 'c["process"]["rlimits"] = [{"type": "RLIMIT_BOGUS", "hard": 1, "soft": 1}]'; ends 'bogus rlimit' 1 run
config 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 10, "soft": 20}]'; ends 'rlimit soft over hard' 1 run
config 'c["ociVersion"] = "9.0"'; ends 'future version' 1 run
config 'c["vm"] = {"hypervisor": {"path": "/x"}}'; ends 'refused field' 1 run
config 'c["mounts"].append({"destination": "/x", "type": "ext4", "source": "/dev/sda"})'; ends 'mount type that is not there' 1 run
config 'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/no/such/thing"})'; ends 'bind source that is not there' 1 run
config 'sh("exit 4")'
command "$LIMPET" run --platform "$PLATFORM" --stats=counts -b b "test-$$-s" 2>err
is 'status with --stats' $? 4
grep -q '^system calls  *[1-9][0-9]* calls' counts || fail "--stats of run: $(cat counts err)"
command "$LIMPET" run --platform "$PLATFORM" --stats -b b "test-$$-s" 2>err
grep -q '^limpet: statistics$' err || fail "--stats of run, to stderr: $(cat err)"
ends '--stats of create without a file' 1 command "$LIMPET" --stats create -b b "test-$$-t"
command "$LIMPET" --stats=counts2 create --console-socket '' -b b "test-$$-u" </dev/null >/dev/null 2>err || fail "create with --stats: $(cat err)"
command "$LIMPET" start "test-$$-u"
for i in $(seq 50); do grep -q '^system calls' counts2 && break; sleep 0.1; done
grep -q '^system calls  *[1-9][0-9]* calls' counts2 || fail "--stats of create: $(cat counts2)"
command "$LIMPET" delete --force "test-$$-u"
echo '{' >b/config.json; ends 'broken json' 1 run
echo '[]' >b/config.json; ends 'not an object' 1 run
head -c 100 /dev/zero >b/config.json; ends 'zeros' 1 run
rm b/config.json; ends 'no config' 1 run
/usr/bin/python3 -c 'print("[" * 100000)' >b/config.json; ends 'deep json' 1 run
config; ends 'bad id' 1 command "$LIMPET" run -b b ../x; ends 'no id' 1 command "$LIMPET" run -b b; ends 'bundle that is not there' 1 command "$LIMPET" run -b /no/such x
config 'sh("kill -9 $$; sleep 1; echo alive")'; matches 'init cannot kill itself' "$(run 2>&1)" alive
config 'sh("sleep 100 & exit 3")'; ends 'children of init' 3 run
ln -sfn / b/rootfs/data2; config "c['mounts'].append({'destination': '/data2/etc', 'type': 'bind', 'source': '$PWD/host', 'options': ['bind']}); sh('cat /etc/f')"; says 'mount point behind a link stays inside' 0 'from host' run
is 'nothing left mounted' "$(grep -c "$work" /proc/self/mountinfo)" 0
finish
