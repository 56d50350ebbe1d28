import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** The load of ClientLoad.cs with the Java client: the same lines in, the same lines out, 256 requests in flight by its asynchronous calls. */
public final class ClientLoad {
    private static final int IN_FLIGHT = 256;
    private static final int MULTI_SIZE = 100;
    private static final byte[] DATA = new byte[100];

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(args[0], 10_000, event -> connected.countDown());
        connected.await();
        client.create("/java", new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        for (int i = 0; i < IN_FLIGHT; i++) {
            client.create("/java/" + i, DATA, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }

        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            System.out.println(measure(client, words[0], Integer.parseInt(words[1])));
        }

        client.close();
        System.exit(0);
    }

    private static String measure(ZooKeeper client, String operation, int count) throws Exception {
        com.sun.management.OperatingSystemMXBean system =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        String[] paths = new String[IN_FLIGHT];
        for (int lane = 0; lane < IN_FLIGHT; lane++) {
            paths[lane] = "/java/" + lane + (operation.equals("createDelete") ? "/child" : "");
        }

        Semaphore inFlight = new Semaphore(IN_FLIGHT);
        AtomicInteger failures = new AtomicInteger();
        long cpuBefore = system.getProcessCpuTime();
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            inFlight.acquire();
            send(client, operation, paths[i % IN_FLIGHT], inFlight, failures);
        }

        inFlight.acquire(IN_FLIGHT);
        double seconds = (System.nanoTime() - start) / 1e9;
        double cpu = (system.getProcessCpuTime() - cpuBefore) / 1e3 / count;
        if (failures.get() > 0) {
            throw new IllegalStateException(failures.get() + " requests failed");
        }

        return String.format(Locale.ROOT, "%.0f %.2f 0", count / seconds, cpu);
    }

    private static void send(ZooKeeper client, String operation, String path, Semaphore inFlight, AtomicInteger failures) {
        switch (operation) {
            case "setData":
                client.setData(path, DATA, -1, (rc, p, context, stat) -> done(rc, inFlight, failures), null);
                break;
            case "getData":
                client.getData(path, false, (rc, p, context, data, stat) -> done(rc, inFlight, failures), null);
                break;
            case "exists":
                client.exists(path, false, (rc, p, context, stat) -> done(rc, inFlight, failures), null);
                break;
            case "createDelete":
                client.create(path, DATA, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                    (rc, p, context, name, stat) -> count(rc, failures), null);
                client.delete(path, -1, (rc, p, context) -> done(rc, inFlight, failures), null);
                break;
            case "multi":
                List<Op> operations = new ArrayList<>(MULTI_SIZE);
                for (int i = 0; i < MULTI_SIZE; i++) {
                    operations.add(Op.setData(path, DATA, -1));
                }

                client.multi(operations, (rc, p, context, results) -> done(rc, inFlight, failures), null);
                break;
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static void count(int rc, AtomicInteger failures) {
        if (rc != KeeperException.Code.OK.intValue()) {
            failures.incrementAndGet();
        }
    }

    private static void done(int rc, Semaphore inFlight, AtomicInteger failures) {
        count(rc, failures);
        inFlight.release();
    }
}
