# needs: tar gzip xz bzip2
# tar, gzip, xz, bzip2: pack a tree with links, modes and times, unpack, compare.
mkdir -p t/d; cp -r /usr/share/perl5 t/d/ 2>/dev/null || cp -r /usr/share/doc/bash t/d/
ln -s d/x t/link; ln "$(find t -type f | sort | head -1)" t/hard; mkfifo t/fifo; chmod 750 t/d
touch -d '2010-01-01' t/d
for z in gz xz bz2; do
	tar -caf a.tar.$z t && mkdir out && tar -C out -xpf a.tar.$z && diff -r --no-dereference t out/t 2>&1 | grep -v fifo && echo differs
	tar -tf a.tar.$z | sort | md5sum; stat -c '%a %Y' out/t/d; stat -c %h out/t/hard
	rm -rf out
done
head -c 3000000 /usr/bin/perl >big; gzip -k big; xz -k -T2 big; bzip2 -k big
for f in big.gz big.xz big.bz2; do cp $f c.$f; done
gunzip -c big.gz | cmp - big; xz -dc big.xz | cmp - big; bunzip2 -c big.bz2 | cmp - big; echo $?
gzip -t big.gz && echo fine; head -c 1000 big.gz >cut.gz; gzip -t cut.gz 2>&1; echo $?
tar -cf - t | (mkdir o2 && cd o2 && tar -xf -); find o2 | sort | md5sum
