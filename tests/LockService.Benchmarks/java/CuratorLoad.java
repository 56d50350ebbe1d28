import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.curator.retry.RetryNTimes;

/** Curator's recipes at work: reads lines "operation threads seconds", does it, and answers each with a line "cycles seconds errors". */
public final class CuratorLoad {
    /** Optimistic attempts of an increment before it counts as failed; with a pause, since 64 threads in a row spoil each other's. */
    private static final RetryNTimes ATTEMPTS = new RetryNTimes(100_000, Integer.getInteger("pause", 10));

    private interface Work {
        /** Does one cycle; false if it failed. */
        boolean cycle() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 10_000, 10_000, new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            System.out.println(measure(client, words[0], Integer.parseInt(words[1]), Double.parseDouble(words[2])));
        }

        client.close();
        System.exit(0);
    }

    private static String measure(CuratorFramework client, String operation, int count, double seconds) throws Exception {
        LongAdder cycles = new LongAdder();
        LongAdder errors = new LongAdder();
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++) {
            Work work = workOf(client, operation, i);
            threads[i] = new Thread(() -> {
                while (System.nanoTime() < end) {
                    boolean done = attempt(work);
                    // What ends after the time is over does not count.
                    if (System.nanoTime() < end) {
                        (done ? cycles : errors).increment();
                    }
                }
            });
        }

        for (Thread thread : threads) {
            thread.start();
        }

        for (Thread thread : threads) {
            thread.join();
        }

        return String.format(Locale.ROOT, "%d %.6f %d", cycles.sum(), seconds, errors.sum());
    }

    private static boolean attempt(Work work) {
        try {
            return work.cycle();
        } catch (Exception e) {
            System.err.println(e);
            return false;
        }
    }

    private static Work workOf(CuratorFramework client, String operation, int thread) {
        switch (operation) {
            case "own-lock":
                return lockCycle(new InterProcessMutex(client, "/curator/own-" + thread));
            case "hot-lock":
                return lockCycle(new InterProcessMutex(client, "/curator/hot"));
            case "counter":
                DistributedAtomicLong counter = new DistributedAtomicLong(client, "/curator/counter", ATTEMPTS);
                return () -> counter.increment().succeeded();
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static Work lockCycle(InterProcessMutex mutex) {
        return () -> {
            if (!mutex.acquire(60, TimeUnit.SECONDS)) {
                return false;
            }

            mutex.release();
            return true;
        };
    }
}
