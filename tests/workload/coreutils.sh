# coreutils, findutils, sed, awk, grep, diff.
mkdir -p a/b/c; for i in $(seq 50); do echo "line $i of $((i * i % 17))" >"a/b/f$i"; done
cat a/b/f* | sort -k4n -k2n | md5sum
find a -type f | sort | xargs md5sum | md5sum
find a -name 'f*7' -printf '%f %s\n' | sort
find a -empty -o -newer a/b/f1 -type d | sort
ln a/b/f1 a/hard; ln -s b/f2 a/soft; stat -c '%h %F %s' a/hard a/soft
cp -a a copy; diff -r a copy && echo same
echo x >>copy/b/f3; diff -r a copy; diff -u a/b/f3 copy/b/f3 | sed 1,2d
mv copy/b moved; ls -1 moved | wc -l; rm -rf copy moved
chmod 640 a/hard; stat -c %a a/b/f1; chmod -R go-rwx a; stat -c '%a %n' a a/b
touch -d '2001-02-03 04:05:06.789' old; stat -c %y old; touch -r old new; stat -c %Y new
seq 100 | awk '{ s += $1 } END { print s, NR }'
seq 20 | sed -n '/5/,/9/p' | tr '\n' ' '; echo
grep -rn 'of 4' a | sort | head -5
dd if=/dev/zero of=zeros bs=4096 count=300 2>/dev/null; stat -c '%s' zeros; cmp zeros <(head -c 1228800 /dev/zero) && echo equal
truncate -s 1G sparse; stat -c %s sparse; du -k sparse | cut -f1
split -n 7 zeros part.; ls part.* | wc -l; cat part.* | cmp - zeros && echo joined
tac a/b/f1; rev a/b/f1; nl a/b/f1; fold -w 4 a/b/f1; od -c a/b/f1 | head -3
head -c 100000 /dev/urandom | wc -c
seq 5 | tee t1 t2 | wc -l; paste t1 t2; join t1 t2 | wc -l; comm -12 t1 t2 | wc -l
shuf -i 1-100 | sort -n | md5sum
readlink -f a/soft | sed "s|$PWD|.|"; realpath --relative-to=. a/b/../soft
mktemp -d ./tmp.XXXXXX >/dev/null && ls -d tmp.* | wc -l
install -m 755 -d inst/dir; install -m 600 a/hard inst/file; stat -c %a inst/file
(cd a && pwd | sed 's|.*/||'); date -u -d @1000000000; TZ=America/New_York date -d @1000000000
env -i A=1 B=2 env; nice -n 5 nice; nproc >/dev/null && echo nproc
test -r /etc/shadow; echo $?; id -u; id -g; whoami; groups
ls -ln a/b | sed 1d | head -3 | awk '{ print $1, $2, $3, $4 }'
df / >/dev/null && echo df; sync; sleep 0.1; true; false; echo $?
printf 'b\na\nc\n' | sort -o sorted; cat sorted; cksum sorted; sha512sum sorted; b2sum sorted; base64 sorted
ls nonexistent; cat a; rmdir a; mkdir a; rm a; cp a b2; mv nonexistent x; echo $?
