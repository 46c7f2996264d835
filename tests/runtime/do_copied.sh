# Programs and libraries from memory file systems run: what the gate copies (docs/gate.md) is all there. Files are written
# in pieces, so that they have many.
set -eu
"$LIMPET" do -- sh -c '
	for f in /bin/ls /bin/cat; do
		n=/tmp/${f##*/}
		i=0
		while [ $i -lt 40 ]; do
			dd if=$f of=$n bs=4096 skip=$i seek=$i count=1 conv=notrunc 2>/dev/null
			dd if=/dev/zero of=/tmp/other$i bs=4096 count=1 2>/dev/null
			i=$((i + 1))
		done
		cp $f $n.whole
		chmod +x $n $n.whole
	done
	[ "$(/tmp/ls.whole -d /tmp)" = /tmp ]
	[ "$(/tmp/ls -d /tmp)" = /tmp ]
	[ "$(echo fine | /tmp/cat)" = fine ]
	[ "$(echo fine | /tmp/cat.whole)" = fine ]'
