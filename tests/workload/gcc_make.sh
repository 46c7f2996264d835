# needs: gcc make
# seconds: 200
# gcc and make -j2: a program of many files, built twice, its tests run; a shared library; a crash.
mkdir src; cd src || exit 1
for i in $(seq 12); do cat >m$i.c <<C
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
int table$i[1000]; static int cmp(const void *a, const void *b) { return *(int *)a - *(int *)b; }
int work$i(int seed) { for (int n = 0; n < 1000; n++) table$i[n] = (seed = seed * 1103515245 + 12345) >> 8 & 0xffff;
	qsort(table$i, 1000, sizeof(int), cmp); return table$i[500] + (int)sqrt(table$i[999]); }
C
done
{ for i in $(seq 12); do echo "int work$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int s = 0;'
	for i in $(seq 12); do echo "s += work$i($i);"; done; echo 'printf("%d\n", s); return s % 100; }'; } >main.c
cat >Makefile <<'M'
objs = $(patsubst %.c,%.o,$(wildcard *.c))
prog: $(objs) ; gcc -o $@ $^ -lm
%.o: %.c ; gcc -O2 -Wall -c $< -o $@
test: prog ; ./prog
M
make -s -j2 prog 2>&1; ./prog; echo $?; make prog; touch m3.c; make -s -j2 2>&1; make -s test
gcc -shared -fPIC -o libm1.so m1.c && gcc -c main.c && gcc -o dyn main.o m[2-9].o m1?.o -L. -lm1 -lm -Wl,-rpath,. && ./dyn; echo $?
gcc -static -o st *.o -lm && ./st; echo $?
echo 'int main(void) { return *(volatile int *)0; }' >crash.c; gcc -o crash crash.c; ulimit -c 0; ./crash; echo $?
echo 'int main(void) { return x; }' >bad.c; gcc bad.c 2>&1 | grep -c error; ar rcs lib.a m1.o m2.o; ar t lib.a; nm lib.a | grep -c ' T '; strip prog; ./prog; readelf -h prog | grep -c ELF; size prog | wc -l
