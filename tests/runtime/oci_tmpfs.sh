# A tmpfs over a directory of the image: its mode, and with tmpcopyup what is in it.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
id=t$$
mkdir -p b/rootfs/run/daemon/deep/er b/rootfs/run/empty
chmod 751 b/rootfs/run; chmod 2775 b/rootfs/run/daemon; chown 7:8 b/rootfs/run/daemon
echo text >b/rootfs/run/daemon/deep/er/file; chmod 604 b/rootfs/run/daemon/deep/er/file; chown 3:4 b/rootfs/run/daemon/deep/er/file
ln -s daemon/deep b/rootfs/run/link; ln -s /nowhere b/rootfs/run/dangling; mkfifo b/rootfs/run/fifo
head -c 300000 /dev/urandom >b/rootfs/run/large; touch -d '2001-02-03 04:05:06' b/rootfs/run/large
for i in $(seq 300); do echo $i >b/rootfs/run/empty/$i; done
cp -p b/rootfs/run/large .
tmpfs() { config "c['mounts'].append({'destination': '/run', 'type': 'tmpfs', 'source': 'tmpfs', 'options': [$1]})" "sh('''$2''')"; }
tmpfs "'nosuid'" 'ls /run | wc -l; stat -c %a /run'
says 'plain: empty, with its mode' 0 $'0\n751' oci run -b b $id
tmpfs "'mode=1777', 'size=1m'" 'stat -c %a /run'
says 'a mode in the options' 0 1777 oci run -b b $id
tmpfs "'tmpcopyup', 'size=8m'" 'cd /run; stat -c "%a %u %g %F" . daemon daemon/deep/er/file fifo; cat link/er/file; ls empty | wc -l; cat empty/277; stat -c "%s %Y" large; cat large >/data/large; ls -l dangling | grep -c /nowhere; rm -r empty; echo x >new; cut -d" " -f3 /proc/mounts | grep -c tmpfs'
says 'tmpcopyup' 0 "751 0 0 directory
2775 7 8 directory
604 3 4 regular file
644 0 0 fifo
text
300
277
300000 $(stat -c %Y large)
1
3" oci run -b b $id
cmp large b/rootfs/data/large || fail 'contents'
is 'the image is as it was' "$(cat b/rootfs/run/daemon/deep/er/file; ls b/rootfs/run)" $'text\ndaemon\ndangling\nempty\nfifo\nlarge\nlink'
tmpfs "'tmpcopyup', 'ro'" 'cat /run/link/er/file; touch /run/x 2>/dev/null; echo $?'
says 'read-only' 0 $'text\n1' oci run -b b $id
tmpfs "'tmpcopyup', 'notmpcopyup'" 'ls /run | wc -l'
says 'the last word counts' 0 0 oci run -b b $id
tmpfs "'tmpcopyup', 'size=100k'" true
matches 'no room' "$(oci run -b b $id 2>&1)" 'mounting on /run: error 28'
config "c['mounts'].append({'destination': '/new/place', 'type': 'tmpfs', 'options': ['tmpcopyup']})" 'sh("ls /new/place | wc -l")'
says 'a place that is missing' 0 0 oci run -b b $id
is 'nothing is left' "$(ls states)" ''
finish
