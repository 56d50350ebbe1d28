import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * Curator's read/write lock on one session. Reads lines "contender read|write path seconds" and "contender release", and answers each with a line
 * "contender result". What one contender does happens on a thread of its own, since Curator's locks belong to threads.
 */
public final class CuratorLocks {
    private static final Map<String, InterProcessMutex> HELD = new ConcurrentHashMap<>();

    public static void main(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 4_000, 10_000, new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        Map<String, ExecutorService> threads = new HashMap<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            threads.computeIfAbsent(words[0], name -> Executors.newSingleThreadExecutor()).execute(() -> answer(client, words));
        }

        client.close();
        System.exit(0);
    }

    private static void answer(CuratorFramework client, String[] words) {
        String result;
        try {
            result = String.valueOf(words[1].equals("release") ? release(words[0]) : acquire(client, words));
        } catch (Exception e) {
            result = e.toString().replace('\n', ' ');
        }

        synchronized (System.out) {
            System.out.println(words[0] + " " + result);
        }
    }

    private static boolean acquire(CuratorFramework client, String[] words) throws Exception {
        InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, words[2]);
        InterProcessMutex wanted = words[1].equals("read") ? lock.readLock() : lock.writeLock();
        boolean acquired = wanted.acquire(Long.parseLong(words[3]), TimeUnit.SECONDS);
        if (acquired) {
            HELD.put(words[0], wanted);
        }

        return acquired;
    }

    private static boolean release(String contender) throws Exception {
        HELD.remove(contender).release();
        return true;
    }
}
