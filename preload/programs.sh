# The programs of preload/verify, one function each.
# shellcheck shell=bash disable=SC2154

# Who held up whom in C programs, against what their threads note.
run_accuracy() { ok 'who held up whom, in seven cases' preload/accuracy --holdup "$holdup"; }

# All that pthread's locks promise.
run_unharmed() {
    compile unharmed
    same unharmed 42 "$work/unharmed"
    books unharmed 100
    names unharmed '"add"' '"holds"' '"fought_for"'
}

# Other allocators, which have locks of their own, that are waited for in malloc.
run_allocators() {
    local name file
    compile unharmed
    need false libjemalloc2 || true
    need false libtcmalloc-minimal4 || true
    for name in libjemalloc.so.2 libtcmalloc_minimal.so.4; do
        file=$(ldconfig -p | awk -v name="$name" '$1 == name && !found++ { print $NF }')
        if [[ -z $file ]]; then
            leave_out "$name: not to be had"
            continue
        fi
        name=${name%%.*}
        # The command puts its own library before those that are asked for.
        LD_PRELOAD=$file same "$name" 42 "$work/unharmed" kinds forks freed allocations thousand
        books "$name" 100
    done
}

run_cpp() {
    compile queue
    same queue 7 "$work/queue"
    # How often they meet is the machine's affair.
    books queue 1
    names queue shop::Queue::p
}

# Names from a file with debug information of its own, found by the build id.
run_separate() {
    local id file
    if [[ $(id -u) != 0 ]] || ! command -v objcopy >/dev/null; then
        leave_out 'separate debug information: not root, or no objcopy'
        return 0
    fi
    compile unharmed -Wl,--build-id
    id=$(readelf -n "$work/unharmed" | awk '/Build ID/ { print $3 }')
    file=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
    mkdir -p "${file%/*}"
    objcopy --only-keep-debug "$work/unharmed" "$file"
    strip "$work/unharmed"
    under separate 3 "$work/unharmed" exits
    names separate '"fights"' '"fought_for"' unharmed.c
    rm -f "$file"
    rmdir "${file%/*}" 2>/dev/null || true
    # Without it a function is where it begins.
    under stripped 3 "$work/unharmed" exits
    names stripped '"unharmed+0x'
}

run_pigz() {
    if ! need pigz pigz; then leave_out 'pigz: not to be had'; return 0; fi
    local lines=1500000
    [[ $size == short ]] || lines=6000000
    seq $lines >"$work/numbers"
    # Small blocks: the threads meet often.
    same pigz 0 pigz -p4 -1 -b 32 -c -n "$work/numbers"
    # How often its threads meet is the machine's affair; in which of them a wait ended, too.
    books pigz 0
    if grep -q '"kind":"blame"' "$work/pigz.json"; then
        # Debian's pigz has no symbols: its frames have module and offset, libc's have names.
        names pigz 'pigz+0x' 'start_thread\|__libc_start'
    fi
}

# memcached's path for the client; it changes its user.
with_memcached() {
    local out=$1 code=0 server try
    shift
    rm -rf "$work/open" && mkdir -m 777 "$work/open"
    "$@" memcached -u nobody -t 4 -s "$work/open/socket" 2>"$work/memcached.said" &
    server=$!
    for try in {1..100}; do
        [[ -S $work/open/socket ]] && break
        sleep 0.05
    done
    python3 "$programs/memcached_load.py" "$work/open/socket" 16 \
        "$([[ $size == short ]] && echo 3 || echo 10)" >"$out" || code=1
    per_answer "$(pgrep -P "$server" || echo "$server")" "$out"
    kill "$server"
    wait "$server" || code=$?
    return $code
}
# ticks PROCESS: its time in user and kernel mode, which come after its name in brackets.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# per_answer PROCESS FILE: adds to the line what each answer took of the processors.
per_answer() {
    local ticks
    ticks=$(ticks "$1")
    awk -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" \
        '{ printf "%s %.0f ns of processor time each\n", $0, ticks / hz * 1e9 / $1 }' "$2" >"$2.new"
    mv "$2.new" "$2"
}

run_memcached() {
    if ! need memcached memcached; then leave_out 'memcached: not to be had'; return 0; fi
    ok 'memcached, bare' with_memcached "$work/memcached.bare"
    ok 'memcached, under holdup run' \
        with_memcached "$work/memcached.out" "$holdup" run -o "$work/memcached.json" --
    cat "$work/memcached.bare" "$work/memcached.out"
    books memcached 1
    names memcached event_base_loop
}

run_python() {
    local code='
import threading, queue, hashlib
q, out, lock = queue.Queue(20), [], threading.Lock()
def work():
    while (n := q.get()) is not None:
        h = hashlib.sha256(str(n).encode() * 5000).hexdigest()
        with lock: out.append(h)
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for n in range(4000): q.put(n)
for t in threads: q.put(None)
for t in threads: t.join()
print(hashlib.sha256("".join(sorted(out)).encode()).hexdigest())
raise SystemExit(9)'
    same python 9 python3 -c "$code"
    # The interpreter lock is a mutex with a condition. Its threads wait for the condition;
    # that two meet at the mutex is rare, and may not happen at all.
    books python 0
    if grep -q '"kind":"blame"' "$work/python.json"; then names python '_gil'; fi
}

# Where nothing can be recorded it is said, and the program runs.
run_static() {
    local code
    echo 'int main(void) { return 5; }' >"$work/five.c"
    gcc -static "$work/five.c" -o "$work/five-static"
    under five-static 5 "$work/five-static"
    ok 'a static program: it is said why' grep -q 'linked statically' "$work/five-static.said"
    gcc "$work/five.c" -o "$work/five"
    under five 5 "$work/five"
    ok 'no locks: it is said' grep -q 'no thread waited' "$work/five.said"
    if [[ $(id -u) == 0 ]]; then
        cp "$work/five" "$work/five-setuid"
        chmod 4755 "$work/five-setuid"
        under five-setuid 5 "$work/five-setuid"
        ok 'a setuid program: it is said why' grep -q 'setuid' "$work/five-setuid.said"
    fi
    echo 'fn main() { std::process::exit(6) }' >"$work/six.rs"
    rustc "$work/six.rs" -o "$work/six" 2>/dev/null
    under six 6 "$work/six"
    ok "Rust: it is said that std's locks are others" grep -q 'holdup::sync' "$work/six.said"
    code=0
    "$holdup" run -- "$work/nothing-here" 2>/dev/null || code=$?
    ok 'no such program: 127' test $code = 127
}

# Ends of all kinds, a full disk, and what is left behind.
run_faults() {
    local code pid try
    compile unharmed
    # By a signal of its own: as without.
    code=0
    "$holdup" run -o "$work/killed.json" -- sh -c 'kill -TERM $$' 2>"$work/killed.said" || code=$?
    ok 'a program that a signal ends: the same end' test $code = 143
    # A signal to the command is the program's.
    rm -f "$work/ready"
    "$holdup" run -o "$work/passed.json" -- \
        sh -c "trap 'exit 33' TERM; : >'$work/ready'; while :; do sleep 0.05; done" 2>/dev/null &
    pid=$!
    until [[ -e $work/ready ]]; do sleep 0.05; done
    code=0
    kill -TERM $pid
    wait $pid || code=$?
    ok 'a signal is passed on' test $code = 33
    rm -f "$work/middle.out"
    # Killed in the middle: what was booked is there; the waits of that moment are not.
    code=0
    "$holdup" run -o "$work/middle.json" -- sh -c "'$work/unharmed' kinds >'$work/middle.out' &
        until [ -s '$work/middle.out' ]; do sleep 0.02; done; kill -9 \$!" >/dev/null 2>&1 || code=$?
    ok 'killed in the middle: the profile is whole' \
        python3 "$programs/books.py" "$work/middle.json" 10 1000000000
    # By _exit, with its threads at work.
    under exits 3 "$work/unharmed" exits
    ok 'by _exit: the profile is whole' \
        python3 "$programs/books.py" "$work/exits.json" 10 1000000000
    # SIGUSR2, and at intervals.
    rm -f "$work/often.json"
    "$holdup" run --every 200ms -o "$work/often.json" -- sleep 1.5 2>/dev/null &
    pid=$!
    for try in {1..40}; do [[ -s $work/often.json ]] && break; sleep 0.05; done
    ok 'at intervals: a file before the end' test -s "$work/often.json"
    wait $pid
    rm -f "$work/asked.json"
    rm -f "$work/ready"
    "$holdup" run -o "$work/asked.json" -- sh -c ": >'$work/ready'; exec sleep 2" 2>/dev/null &
    pid=$!
    until [[ -e $work/ready ]]; do sleep 0.05; done
    kill -USR2 $pid
    for try in {1..30}; do [[ -s $work/asked.json ]] && break; sleep 0.05; done
    ok 'at SIGUSR2: a file before the end' test -s "$work/asked.json"
    wait $pid
    # Recorded for a while; the program goes on.
    rm -f "$work/while.json"
    code=0
    "$holdup" run --duration 200ms -o "$work/while.json" -- \
        sh -c "sleep 1.5; test -s '$work/while.json' && exit 8" 2>/dev/null || code=$?
    ok 'recorded for a while: the file is there before the end' test $code = 8
    # A file that cannot be written.
    code=0
    "$holdup" run -o /dev/full -- "$work/unharmed" kinds >"$work/full.out" 2>"$work/full.said" || code=$?
    ok 'a full disk: the program ends as ever' test $code = 42
    ok 'a full disk: it is said' grep -q 'cannot write /dev/full' "$work/full.said"
    code=0
    (ulimit -f 0; "$holdup" run -o "$work/limited.json" -- "$work/unharmed" kinds) \
        2>&1 >/dev/null | cat >"$work/limited.said" || code=$?
    ok 'no file may grow: the program ends as ever' test $code = 42
    ok 'no file may grow: it is said' grep -q 'without being recorded' "$work/limited.said"
    # Not followed.
    under followed 42 sh -c "'$work/unharmed' kinds"
    books followed 10
    code=0
    "$holdup" run --no-follow -o "$work/alone.json" -- sh -c "'$work/unharmed' kinds; exit \$?" \
        >/dev/null 2>"$work/alone.said" || code=$?
    ok 'not followed: nothing of the other program' grep -q 'no thread waited' "$work/alone.said"
    mkdir -p "$work/temporary"
    TMPDIR=$work/temporary "$holdup" run -o "$work/kept.json" -- true 2>/dev/null
    ok 'nothing is left in the folder for temporary files' rmdir "$work/temporary"
}

# with_mariadb OUT THREADS SECONDS COMMAND...: sysbench on a server that COMMAND runs.
with_mariadb() {
    local out=$1 threads=$2 seconds=$3 data=$work/mariadb code=0 server try test process before
    shift 3
    rm -rf "$data" && mkdir -p "$data"
    chown mysql "$data" 2>/dev/null || true
    mariadb-install-db --no-defaults --user=mysql --datadir="$data/data" \
        --skip-test-db >"$work/mariadb-install.log" 2>&1
    "$@" mariadbd --no-defaults --user=mysql --datadir="$data/data" --socket="$data/socket" \
        --skip-networking --pid-file="$data/pid" --innodb-flush-log-at-trx-commit=0 \
        --innodb-buffer-pool-size=256M --skip-log-bin 2>"$work/mariadb.said" &
    server=$!
    for try in {1..300}; do
        mariadb --no-defaults -S "$data/socket" -e 'select 1' >/dev/null 2>&1 && break
        sleep 0.1
    done
    mariadb --no-defaults -S "$data/socket" -e 'create database sbtest' || code=1
    local bench=(sysbench --db-driver=mysql --mysql-socket="$data/socket" --mysql-user=root
        --tables=2 --table-size=10000 --threads="$threads" --time="$seconds" --rand-seed=7)
    "${bench[@]}" oltp_point_select prepare >"$work/sysbench.log" 2>&1 || code=1
    : >"$out"
    process=$(pgrep -P "$server" || echo "$server")
    for test in oltp_point_select oltp_update_non_index; do
        before=$(ticks "$process")
        "${bench[@]}" "$test" run >"$work/sysbench-$test.log" 2>&1 || code=1
        awk -v test="$test" -v ticks=$(($(ticks "$process") - before)) \
            -v hz="$(getconf CLK_TCK)" '/transactions:/ {
                gsub(/[(]/, "", $3)
                printf "%s %.0f a second, %.0f ns of processor time each\n", test, $3,
                    ticks / hz * 1e9 / $2
            }' "$work/sysbench-$test.log" >>"$out"
    done
    # The rows are as many as were made, by several threads with random contents.
    mariadb --no-defaults -N -S "$data/socket" \
        -e 'select count(*), sum(id) from sbtest.sbtest1' >"$out.rows" || code=1
    mariadb --no-defaults -S "$data/socket" -e shutdown || code=1
    wait "$server" || code=$?
    return $code
}
run_mariadb() {
    local seconds=20
    if ! need mariadbd mariadb-server || ! need sysbench sysbench; then
        leave_out 'MariaDB: not to be had'
        return 0
    fi
    [[ $size == long ]] || seconds=5
    ok 'MariaDB, bare' with_mariadb "$work/mariadb.bare" 16 $seconds
    ok 'MariaDB, under holdup run' \
        with_mariadb "$work/mariadb.out" 16 $seconds "$holdup" run -o "$work/mariadb.json" --
    cat "$work/mariadb.bare" "$work/mariadb.out"
    ok 'MariaDB: the same rows' cmp "$work/mariadb.bare.rows" "$work/mariadb.out.rows"
    books mariadb 100
    names mariadb handle_one_connection MDL_context:: LOCK_
}

run_node() {
    if ! need node nodejs; then leave_out 'node: not to be had'; return 0; fi
    local times=64
    [[ $size == short ]] || times=400
    same node 4 node -e "
const { pbkdf2 } = require('crypto');
let left = $times, sum = 0;
for (let i = 0; i < $times; i++)
  pbkdf2('secret' + i, 'salt', 3000, 64, 'sha512', (error, key) => {
    sum += key[0];
    if (--left === 0) { console.log(sum); process.exit(4); }
  });"
    books node 1
    names node uv_
}

run_stress_ng() {
    if ! need stress-ng stress-ng; then leave_out 'stress-ng: not to be had'; return 0; fi
    local ops=200000
    [[ $size == short ]] || ops=2000000
    # On a busy machine it sometimes gives up, with and without: "could not create any
    # pthreads".
    same stress_ng 0 sh -c "for try in 1 2 3 4 5; do
        stress-ng --quiet --mutex 2 --mutex-ops $ops && exit 0; done; exit 3"
    books stress_ng 1
    names stress_ng start_thread
}

run_java() {
    if ! command -v java >/dev/null || ! command -v javac >/dev/null; then
        leave_out 'Java: no java and javac'
        return 0
    fi
    mkdir -p "$work/java"
    cat >"$work/java/Load.java" <<'JAVA'
import java.util.*;
import java.util.concurrent.*;

public class Load {
    static final Object LOCK = new Object();
    static long sum;
    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        for (int i = 0; i < 2000; i++) {
            final int n = i;
            pool.submit(() -> {
                List<byte[]> garbage = new ArrayList<>();
                for (int j = 0; j < 200; j++) garbage.add(new byte[1000 + j]);
                synchronized (LOCK) { sum += n + garbage.size(); }
            });
        }
        pool.shutdown();
        pool.awaitTermination(1, TimeUnit.MINUTES);
        System.out.println(sum);
        System.exit(11);
    }
}
JAVA
    javac -d "$work/java" "$work/java/Load.java"
    same java 11 java -Xmx256m -cp "$work/java" Load
    books java 1
    # Of the virtual machine's own locks.
    names java Mutex:: start_thread
}

# Semaphores, not pthread's locks: the clear message.
run_postgresql() {
    local bin data=$work/postgresql code=0 server try
    need psql postgresql || true
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
    if [[ -z $bin || ! -x $bin/postgres || $(id -u) != 0 ]]; then
        leave_out 'PostgreSQL: not to be had, or not root'
        return 0
    fi
    rm -rf "$data" && mkdir -m 777 "$data"
    su postgres -c "$bin/initdb -D $data/data -A trust" >"$work/postgresql.log" 2>&1
    # `su` clears nothing; the server does not run as root.
    setpriv --reuid=postgres --regid=postgres --init-groups \
        "$holdup" run -o "$data/postgresql.json" -- \
        "$bin/postgres" -D "$data/data" -k "$data" -c listen_addresses= 2>"$work/postgresql.said" &
    server=$!
    for try in {1..100}; do
        psql -h "$data" -U postgres -c 'select 1' >/dev/null 2>&1 && break
        sleep 0.1
    done
    "$bin/pgbench" -h "$data" -U postgres -i -s 1 postgres >/dev/null 2>&1 || code=1
    "$bin/pgbench" -h "$data" -U postgres -c 8 -j 2 -T 3 postgres >"$work/pgbench.log" 2>&1 || code=1
    kill -INT "$server"
    wait "$server" || code=$?
    ok 'PostgreSQL under holdup run: exit code 0, load done' test $code = 0
    ok 'PostgreSQL: it is said that it waits for semaphores' \
        grep -q 'semaphores' "$work/postgresql.said"
}
