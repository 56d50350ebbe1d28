"""kazoo's recipes at work: reads lines "operation threads seconds", does it, and answers each with a line "cycles seconds errors"."""
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.recipe.counter import Counter
from kazoo.recipe.queue import LockingQueue
from kazoo.retry import KazooRetry, RetryFailedError


def counter(client):
    own = Counter(client, "/kazoo/counter")

    def cycle():
        own.__add__(1)
        return True

    return cycle


def queue(client):
    own = LockingQueue(client, "/kazoo/queue")

    def cycle():
        own.put(b'{"n":1}')
        return own.get(10) is not None and own.consume()

    return cycle


def work(cycle, end, counts, index):
    done = failed = 0
    while time.monotonic() < end:
        try:
            succeeded = cycle()
        except (KazooException, RetryFailedError) as e:
            print(repr(e), file=sys.stderr)
            succeeded = False
        # What ends after the time is over does not count.
        if time.monotonic() < end:
            done, failed = (done + 1, failed) if succeeded else (done, failed + 1)
    counts[index] = (done, failed)


def measure(client, operation, count, seconds):
    counts = [(0, 0)] * count
    cycles = [{"counter": counter, "queue": queue}[operation](client) for _ in range(count)]
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=work, args=(cycles[i], end, counts, i)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "%d %.6f %d" % (sum(c[0] for c in counts), seconds, sum(c[1] for c in counts))


def main():
    # Increments that collide are tried again at once: that is when kazoo's counter does best.
    client = KazooClient(sys.argv[1], timeout=10, command_retry=KazooRetry(max_tries=-1, delay=0.001, max_delay=0.01))
    client.start(timeout=30)
    print("ready", flush=True)
    for line in sys.stdin:
        operation, count, seconds = line.split()
        print(measure(client, operation, int(count), float(seconds)), flush=True)
    client.stop()


main()
