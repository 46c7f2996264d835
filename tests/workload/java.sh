# needs: java
# seconds: 200
# java: threads, synchronisation, exceptions by hardware traps, files, a child process.
cat >T.java <<'J'
import java.nio.file.*; import java.util.*; import java.util.concurrent.*; import java.util.stream.*;
public class T {
	static int counter; static synchronized void inc() { counter++; }
	public static void main(String[] a) throws Exception {
		ExecutorService ex = Executors.newFixedThreadPool(6); List<Future<Long>> fs = new ArrayList<>();
		for (int i = 0; i < 12; i++) { final int n = i; fs.add(ex.submit(() -> { long s = 0; for (int k = 0; k < 300000; k++) { s += k % (n + 1); if (k % 100 == 0) inc(); } return s; })); }
		long t = 0; for (Future<Long> f : fs) t += f.get(); ex.shutdown(); System.out.println(t + " " + counter);
		try { Object o = a.length > 99 ? "" : null; o.hashCode(); } catch (NullPointerException e) { System.out.println("npe"); }
		for (int i = 0; i < 20000; i++) try { Object o = i < 0 ? "" : null; o.hashCode(); } catch (NullPointerException e) { counter++; }
		try { System.out.println(1 / (a.length)); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
		try { recurse(0); } catch (StackOverflowError e) { System.out.println("overflow"); }
		Path p = Files.createTempFile("x", "y"); Files.writeString(p, "text"); System.out.println(Files.readString(p)); Files.delete(p);
		Process pr = new ProcessBuilder("sh", "-c", "echo child; exit 3").redirectErrorStream(true).start();
		System.out.println(new String(pr.getInputStream().readAllBytes()).trim() + pr.waitFor());
		System.out.println(IntStream.range(0, 1000000).parallel().mapToLong(i -> i).sum()); System.gc();
		byte[][] g = new byte[100][]; for (int i = 0; i < 3000; i++) g[i % 100] = new byte[50000]; System.out.println(g.length);
		ConcurrentHashMap<Integer, Integer> m = new ConcurrentHashMap<>(); IntStream.range(0, 10000).parallel().forEach(i -> m.merge(i % 10, 1, Integer::sum)); System.out.println(m);
		System.exit(5);
	}
	static int recurse(int n) { return recurse(n + 1) + 1; }
}
J
java -Xmx256m T.java; echo $?
