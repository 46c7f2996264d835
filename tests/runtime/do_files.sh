# limpet do: what of the host's files can be seen and changed.
. "$(dirname "$0")/../lib/sh.sh"
mkdir dir other; echo one >dir/file; echo keep >other/file

do_ -- sh -c 'echo changed >dir/file; echo new >dir/new; rm -rf other; cat dir/file' >out
is 'changes are seen inside' "$(cat out)" changed
is 'changes stay in memory' "$(cat dir/file; ls dir; ls other)" $'one\nfile\nfile'
do_ --rw "$PWD/dir" -- sh -c 'echo changed >dir/file; echo new >dir/new; mkdir -p dir/a/b; ln -s x dir/link; echo no >other/file; mv dir/new dir/newer; chmod 600 dir/newer'
is '--rw writes through' "$(cat dir/file dir/newer; readlink dir/link; stat -c %a dir/newer; ls -d dir/a/b)" $'changed\nnew\nx\n600\ndir/a/b'
is '--rw is only that directory' "$(cat other/file)" keep
do_ --rw dir -- rm -r dir/a; [ -e dir/a ] && fail '--rw with a relative path'
ends '--ro cannot be written' 2 do_ --ro "$PWD/dir" -- sh -c 'echo x >dir/file'
says '--ro can be read' 0 changed do_ --ro "$PWD/dir" -- cat dir/file
matches '--ro says EROFS' "$(do_ --ro "$PWD/dir" -- touch dir/x 2>&1)" 'Read-only file system'
says '--bind' 0 changed do_ --bind "$PWD/dir:/mnt" -- cat /mnt/file
do_ --bind "$PWD/dir:/mnt" -- sh -c 'echo bound >/mnt/file'
is '--bind is writable' "$(cat dir/file)" bound
ends '--bind ro' 2 do_ --bind "$PWD/dir:/mnt:ro" -- sh -c 'echo x 2>/dev/null >/mnt/file'
is '--bind ro left it' "$(cat dir/file)" bound
ends '--bind of what is not there' 125 do_ --bind "/no/such:/mnt" -- true
ends '--bind without target' 125 do_ --bind "$PWD/dir" -- true
ends '--rw of what is not there' 125 do_ --rw /no/such/dir -- true
says '--bind of a file' 0 bound do_ --bind "$PWD/dir/file:/etc/hostname" -- cat /etc/hostname
says 'changes of the host while it runs' 0 later bash -c 'mkfifo p; "$0" do --platform "$1" --rw "$PWD" -- sh -c "while ! [ -e later ]; do sleep 0.05; done; cat later" & sleep 0.3; echo later >.l; mv .l later; wait' "$LIMPET" "$PLATFORM"

# A rootfs of its own.
mkdir -p root/bin root/etc root/tmp; cp /bin/busybox root/bin/ 2>/dev/null || cp "$(command -v busybox)" root/bin/
ln -s busybox root/bin/sh; ln -s busybox root/bin/ls; ln -s busybox root/bin/cat; echo inner >root/etc/name
says '--rootfs' 0 inner do_ --rootfs root -- /bin/cat /etc/name
says '--rootfs starts in /' 0 / do_ --rootfs root -- /bin/sh -c pwd
says '--rootfs hides the rest' 1 "cat: can't open '$PWD/dir/file': No such file or directory" do_ --rootfs root -- /bin/cat "$PWD/dir/file"
do_ --rootfs root -- /bin/sh -c 'echo x >/etc/name; echo y >/etc/y'
is '--rootfs stays as it was' "$(cat root/etc/name; ls root/etc)" $'inner\nname'
ln -s /etc/hostname root/abs; ln -s ../../../../../../etc/hostname root/up; echo host-file >"$work/secret"; ln -s "$work/secret" root/s
ends 'absolute link stays inside' 1 do_ --rootfs root -- /bin/cat /abs
ends 'relative link stays inside' 1 do_ --rootfs root -- /bin/cat /up
ends 'link to a host path' 1 do_ --rootfs root -- /bin/cat /s
ends '..' 1 do_ --rootfs root -- /bin/sh -c 'cd /../../..; cat etc/hostname'
do_ --rootfs root --rw root -- /bin/true 2>/dev/null
ends '--rootfs that is not there' 125 do_ --rootfs /no/such -- true
finish
