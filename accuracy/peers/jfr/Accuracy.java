// Java's monitors with the flight recorder's event JavaMonitorEnter, which
// names the previous owner: the cases of accuracy/src/cases.rs, in Java. Each
// event is recorded, however short: threshold 0. See docs/accuracy.md.
//
// usage: java Accuracy CASE...

import java.io.PrintStream;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;

public class Accuracy {
    record Turn(String row, long asked, long got, long released, long over) {}

    interface Work { void run(List<Turn> notes) throws Exception; }

    interface Inside { void run() throws Exception; }

    static final Object mutex = new Object();
    static final AtomicInteger begun = new AtomicInteger();
    static final PrintStream out = new PrintStream(
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));

    static void take(List<Turn> notes, Inside inside) throws Exception {
        long got, released;
        begun.incrementAndGet();
        long asked = System.nanoTime();
        synchronized (mutex) {
            got = System.nanoTime();
            inside.run();
            released = System.nanoTime();
        }
        long over = System.nanoTime();
        notes.add(new Turn(Thread.currentThread().getName(), asked, got, released, over));
    }

    // Threads that note what they do. Their names are the rows.
    static class Crew {
        final List<Thread> threads = new ArrayList<>();
        final List<List<Turn>> all = new ArrayList<>();

        void start(String row, Work work) {
            List<Turn> mine = new ArrayList<>();
            all.add(mine);
            Thread thread = new Thread(() -> {
                try {
                    work.run(mine);
                } catch (Exception e) {
                    e.printStackTrace();
                    Runtime.getRuntime().halt(1);
                }
            }, row);
            threads.add(thread);
            thread.start();
        }

        List<Turn> end() throws Exception {
            for (Thread thread : threads) thread.join();
            List<Turn> notes = new ArrayList<>();
            all.forEach(notes::addAll);
            return notes;
        }
    }

    static void askedFor(int count, int littleMs) throws Exception {
        while (begun.get() < count) LockSupport.parkNanos(100_000);
        Thread.sleep(littleMs);
    }

    // Stays for a while after so many have asked.
    static Inside after(int count, int lengthMs) {
        return () -> {
            askedFor(count, 20);
            Thread.sleep(lengthMs);
        };
    }

    static void compute(long length) {
        long end = System.nanoTime() + length;
        while (System.nanoTime() < end) Thread.onSpinWait();
    }

    static List<Turn> ladder() throws Exception {
        Crew crew = new Crew();
        for (int rung = 0; rung < 5; rung++) {
            int length = 100 * (rung + 1);
            Inside inside = rung == 0 ? after(5, 100) : () -> Thread.sleep(length);
            crew.start("holds_" + length + "_ms", notes -> take(notes, inside));
            askedFor(rung + 1, 20);
        }
        return crew.end();
    }

    static List<Turn> behindSlow(Inside inside) throws Exception {
        Crew crew = new Crew();
        crew.start("slow", notes -> take(notes, inside));
        askedFor(1, 20);
        for (int i = 0; i < 16; i++) crew.start("innocent", notes -> take(notes, () -> {}));
        return crew.end();
    }

    static void reaches(AtomicInteger counter, int goal) {
        while (counter.get() < goal) LockSupport.parkNanos(100_000);
    }

    static List<Turn> hog(int victims) throws Exception {
        int rounds = 25;
        Crew crew = new Crew();
        AtomicInteger round = new AtomicInteger(), served = new AtomicInteger();
        for (int i = 0; i < victims; i++) {
            crew.start("victim", notes -> {
                for (int mine = 1; mine <= rounds; mine++) {
                    reaches(round, mine);
                    take(notes, () -> compute(2_000));
                    served.incrementAndGet();
                }
            });
        }
        crew.start("hog", notes -> {
            for (int mine = 1; mine <= rounds; mine++) {
                int current = mine;
                take(notes, () -> {
                    round.set(current);
                    askedFor(current * (victims + 1), 0);
                    compute(4_000_000);
                });
                reaches(served, mine * victims);
            }
        });
        return crew.end();
    }

    static List<Turn> load() throws Exception {
        Crew crew = new Crew();
        AtomicBoolean stop = new AtomicBoolean();
        for (long number = 1; number <= 8; number++) {
            boolean isLong = number <= 2;
            long seed = number << 32 | 0x5eed;
            crew.start(isLong ? "long" : "short", notes -> {
                long dice = seed;
                while (!stop.get()) {
                    dice ^= dice << 13;
                    dice ^= dice >>> 7;
                    dice ^= dice << 17;
                    long length = isLong
                        ? 20_000 + Long.remainderUnsigned(dice, 40_000)
                        : 2_000 + Long.remainderUnsigned(dice, 6_000);
                    take(notes, () -> compute(length));
                }
            });
        }
        Thread.sleep(1500);
        stop.set(true);
        return crew.end();
    }

    static double processorMs() {
        var system = (com.sun.management.OperatingSystemMXBean)
            ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e6;
    }

    static List<Turn> run(String name) throws Exception {
        int number = name.contains("-") ? Integer.parseInt(name.split("-")[1]) : 0;
        switch (name.split("-")[0]) {
            case "ladder": return ladder();
            case "innocent": return behindSlow(after(17, 200));
            case "hog": return hog(number);
            case "rate": return load();
            case "sleepless":
                return behindSlow(() -> {
                    askedFor(17, 20);
                    double before = processorMs();
                    Thread.sleep(1000);
                    double used = processorMs() - before;
                    out.printf("{\"case\":\"%s\",\"cpu_ms\":%.3f}%n", name, used);
                });
            default: throw new IllegalArgumentException("no such case: " + name);
        }
    }

    // What the recorder says in ms, by the name of the previous owner.
    static Map<String, Double> said(Recording recording) throws Exception {
        Map<String, Double> said = new HashMap<>();
        Path file = Files.createTempFile("accuracy", ".jfr");
        recording.dump(file);
        try (RecordingFile events = new RecordingFile(file)) {
            while (events.hasMoreEvents()) {
                var event = events.readEvent();
                // Of our lock: the recorder sees the library's monitors, too.
                if (!event.getEventType().getName().equals("jdk.JavaMonitorEnter")
                    || !event.getClass("monitorClass").getName().equals("java.lang.Object")) {
                    continue;
                }
                RecordedThread owner = event.getThread("previousOwner");
                String row = owner == null ? "unknown" : owner.getJavaName();
                said.merge(row, event.getDuration().toNanos() / 1e6, Double::sum);
            }
        } finally {
            Files.delete(file);
        }
        return said;
    }

    public static void main(String[] names) throws Exception {
        String version = System.getProperty("java.vm.version");
        out.printf("{\"version\":\"OpenJDK %s\"}%n", version);
        for (String name : names) {
            String none = null;
            if (name.startsWith("rate-") && !name.equals("rate-1")) {
                none = "the event is not sampled";
            } else if (name.startsWith("pending") || name.startsWith("overlapping")) {
                none = "a monitor has no readers";
            }
            if (none != null) {
                out.printf("{\"case\":\"%s\",\"none\":\"%s\"}%n", name, none);
                continue;
            }
            begun.set(0);
            List<Turn> notes;
            Map<String, Double> said;
            try (Recording recording = new Recording()) {
                recording.enable("jdk.JavaMonitorEnter").withThreshold(Duration.ZERO)
                    .withoutStackTrace();
                recording.start();
                notes = run(name);
                recording.stop();
                said = said(recording);
            }
            for (Turn turn : notes) {
                out.printf("{\"case\":\"%s\",\"turn\":[\"%s\",%d,%d,%d,%d,0]}%n", name, turn.row,
                    turn.asked, turn.got, turn.released, turn.over);
            }
            said.forEach((row, ms) ->
                out.printf("{\"case\":\"%s\",\"said\":[\"%s\",%.6f]}%n", name, row, ms));
        }
        out.flush();
    }
}
