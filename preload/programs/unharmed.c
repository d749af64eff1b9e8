/* What pthread's locks promise, in all the odd corners: run bare and under `holdup run`,
 * it must print the same. Exits with 42 if all of its own checks hold.
 *
 * usage: unharmed [CASE...] */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;
#define CHECK(TRUE)                                                      \
  do {                                                                   \
    if (!(TRUE)) failures++, printf("line %d: %s\n", __LINE__, #TRUE);   \
  } while (0)
#define IS(CALL, EXPECTED)                                                            \
  do {                                                                                \
    int result = (CALL);                                                              \
    if (result != (EXPECTED))                                                         \
      failures++, printf("line %d: %s: %d, not %d\n", __LINE__, #CALL, result, EXPECTED); \
  } while (0)

static void rest_us(long us) {
  struct timespec time = {us / 1000000, us % 1000000 * 1000};
  while (nanosleep(&time, &time) == -1 && errno == EINTR) {
  }
}
static struct timespec in_ms(clockid_t clock, long ms) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_nsec += ms % 1000 * 1000000;
  time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
  time.tv_nsec %= 1000000000;
  return time;
}

static pthread_mutex_t make(int type, int protocol, int robust, int shared) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t mutex;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  pthread_mutexattr_setrobust(&attributes, robust);
  pthread_mutexattr_setpshared(&attributes, shared);
  IS(pthread_mutex_init(&mutex, &attributes), 0);
  return mutex;
}

/* A crowd that adds up behind a lock of each kind. */
struct crowd {
  pthread_mutex_t *mutex;
  long *sum;
  int rounds;
};
static void *add(void *argument) {
  struct crowd *crowd = argument;
  for (int i = 0; i < crowd->rounds; i++) {
    IS(pthread_mutex_lock(crowd->mutex), 0);
    ++*crowd->sum;
    if (i % 64 == 0) sched_yield();
    IS(pthread_mutex_unlock(crowd->mutex), 0);
  }
  return NULL;
}
static void crowd(const char *kind, pthread_mutex_t mutex, int threads, int rounds) {
  long sum = 0;
  pthread_t *ids = calloc(threads, sizeof *ids);
  struct crowd crowd = {&mutex, &sum, rounds};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < threads; i++) IS(pthread_create(&ids[i], &attributes, add, &crowd), 0);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  printf("%s: %ld\n", kind, sum);
  CHECK(sum == (long)threads * rounds);
  IS(pthread_mutex_destroy(&mutex), 0);
  free(ids);
}
static void kinds(void) {
  enum { NO = PTHREAD_PRIO_NONE, STALLED = PTHREAD_MUTEX_STALLED, OWN = PTHREAD_PROCESS_PRIVATE };
  crowd("normal", make(PTHREAD_MUTEX_NORMAL, NO, STALLED, OWN), 4, 20000);
  crowd("recursive", make(PTHREAD_MUTEX_RECURSIVE, NO, STALLED, OWN), 4, 20000);
  crowd("error-checking", make(PTHREAD_MUTEX_ERRORCHECK, NO, STALLED, OWN), 4, 20000);
  crowd("adaptive", make(PTHREAD_MUTEX_ADAPTIVE_NP, NO, STALLED, OWN), 4, 20000);
  crowd("robust", make(PTHREAD_MUTEX_NORMAL, NO, PTHREAD_MUTEX_ROBUST, OWN), 4, 20000);
  crowd("inheriting", make(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, STALLED, OWN), 4, 5000);
  crowd("shared", make(PTHREAD_MUTEX_NORMAL, NO, STALLED, PTHREAD_PROCESS_SHARED), 4, 20000);
}
static void thousand(void) {
  crowd("a thousand threads", make(PTHREAD_MUTEX_NORMAL, 0, 0, 0), 1000, 50);
}

static void *holds(void *mutex) {
  pthread_mutex_lock(mutex);
  rest_us(100000);
  pthread_mutex_unlock(mutex);
  return NULL;
}
static void codes(void) {
  pthread_mutex_t checks = make(PTHREAD_MUTEX_ERRORCHECK, 0, 0, 0);
  IS(pthread_mutex_unlock(&checks), EPERM);
  IS(pthread_mutex_lock(&checks), 0);
  IS(pthread_mutex_lock(&checks), EDEADLK);
  IS(pthread_mutex_trylock(&checks), EBUSY);
  IS(pthread_mutex_destroy(&checks), EBUSY);
  IS(pthread_mutex_unlock(&checks), 0);

  pthread_mutex_t again = make(PTHREAD_MUTEX_RECURSIVE, 0, 0, 0);
  for (int i = 0; i < 3; i++) IS(pthread_mutex_lock(&again), 0);
  IS(pthread_mutex_trylock(&again), 0);
  for (int i = 0; i < 4; i++) IS(pthread_mutex_unlock(&again), 0);
  IS(pthread_mutex_unlock(&again), EPERM);

  pthread_mutex_t held = make(PTHREAD_MUTEX_NORMAL, 0, 0, 0);
  pthread_t holder;
  pthread_create(&holder, NULL, holds, &held);
  rest_us(30000);
  struct timespec soon = in_ms(CLOCK_REALTIME, 10);
  IS(pthread_mutex_timedlock(&held, &soon), ETIMEDOUT);
  soon = in_ms(CLOCK_MONOTONIC, 10);
  IS(pthread_mutex_clocklock(&held, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
  IS(pthread_mutex_clocklock(&held, CLOCK_PROCESS_CPUTIME_ID, &soon), EINVAL);
  soon.tv_nsec = 2000000000;
  IS(pthread_mutex_timedlock(&held, &soon), EINVAL);
  struct timespec late = in_ms(CLOCK_REALTIME, 10000);
  IS(pthread_mutex_timedlock(&held, &late), 0);
  IS(pthread_mutex_unlock(&held), 0);
  pthread_join(holder, NULL);

  pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
  IS(pthread_rwlock_wrlock(&rw), 0);
  IS(pthread_rwlock_wrlock(&rw), EDEADLK);
  IS(pthread_rwlock_rdlock(&rw), EDEADLK);
  IS(pthread_rwlock_trywrlock(&rw), EBUSY);
  IS(pthread_rwlock_tryrdlock(&rw), EBUSY);
  IS(pthread_rwlock_unlock(&rw), 0);
  IS(pthread_rwlock_rdlock(&rw), 0);
  IS(pthread_rwlock_tryrdlock(&rw), 0);
  IS(pthread_rwlock_trywrlock(&rw), EBUSY);
  soon = in_ms(CLOCK_REALTIME, 10);
  IS(pthread_rwlock_timedwrlock(&rw, &soon), ETIMEDOUT);
  soon = in_ms(CLOCK_MONOTONIC, 10);
  IS(pthread_rwlock_clockwrlock(&rw, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
  IS(pthread_rwlock_clockrdlock(&rw, CLOCK_MONOTONIC, &soon), 0);
  IS(pthread_rwlock_clockrdlock(&rw, CLOCK_PROCESS_CPUTIME_ID, &soon), EINVAL);
  for (int i = 0; i < 3; i++) IS(pthread_rwlock_unlock(&rw), 0);
  IS(pthread_rwlock_destroy(&rw), 0);

  pthread_spinlock_t spin;
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  IS(pthread_spin_lock(&spin), 0);
  IS(pthread_spin_trylock(&spin), EBUSY);
  IS(pthread_spin_unlock(&spin), 0);
  IS(pthread_spin_destroy(&spin), 0);
  puts("codes: as they are");
}

/* What is not allowed, and what glibc makes of it. */
static void misuse(void) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  printf("destroying a held mutex: %d\n", pthread_mutex_destroy(&mutex));
  printf("unlocking it: %d\n", pthread_mutex_unlock(&mutex));
  pthread_t holder;
  pthread_create(&holder, NULL, holds, &mutex);
  rest_us(30000);
  /* Another's: a normal mutex lets it go. */
  printf("unlocking another's: %d\n", pthread_mutex_unlock(&mutex));
  printf("taking it: %d\n", pthread_mutex_lock(&mutex));
  pthread_join(holder, NULL);
  printf("afterwards: %d\n", pthread_mutex_trylock(&mutex));
}

static void *dies(void *mutex) {
  pthread_mutex_lock(mutex);
  rest_us(20000);
  return NULL;
}
static void robust(void) {
  pthread_mutex_t mutex = make(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_MUTEX_ROBUST, 0);
  pthread_t thread;
  for (int consistent = 1; consistent >= 0; consistent--) {
    pthread_create(&thread, NULL, dies, &mutex);
    rest_us(5000);
    int got = pthread_mutex_lock(&mutex);
    while (got == 0) pthread_mutex_unlock(&mutex), rest_us(1000), got = pthread_mutex_lock(&mutex);
    CHECK(got == EOWNERDEAD);
    if (consistent) IS(pthread_mutex_consistent(&mutex), 0);
    IS(pthread_mutex_unlock(&mutex), 0);
    pthread_join(thread, NULL);
  }
  IS(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
  puts("robust: dead owners are told of");
}

/* Cancelled while it waits for a condition: the handler has the mutex. */
static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static atomic_int cleaned;
static void clean(void *unused) {
  (void)unused;
  IS(pthread_mutex_trylock(&waiting), EBUSY);
  atomic_fetch_add(&cleaned, 1);
  pthread_mutex_unlock(&waiting);
}
static void *waits(void *timed) {
  pthread_mutex_lock(&waiting);
  pthread_cleanup_push(clean, NULL);
  struct timespec late = in_ms(CLOCK_REALTIME, 60000);
  struct timespec later = in_ms(CLOCK_MONOTONIC, 60000);
  for (;;) {
    if (!timed)
      pthread_cond_wait(&never, &waiting);
    else if (timed == (void *)1)
      pthread_cond_timedwait(&never, &waiting, &late);
    else
      pthread_cond_clockwait(&never, &waiting, CLOCK_MONOTONIC, &later);
  }
  pthread_cleanup_pop(0);
  return NULL;
}
static void cancelled(void) {
  pthread_t threads[9];
  for (long i = 0; i < 9; i++) pthread_create(&threads[i], NULL, waits, (void *)(i % 3));
  rest_us(50000);
  for (int i = 0; i < 9; i++) pthread_cancel(threads[i]);
  for (int i = 0; i < 9; i++) {
    void *result;
    pthread_join(threads[i], &result);
    CHECK(result == PTHREAD_CANCELED);
  }
  CHECK(atomic_load(&cleaned) == 9);
  IS(pthread_mutex_lock(&waiting), 0);
  IS(pthread_mutex_unlock(&waiting), 0);
  /* A wait for a mutex is no cancellation point: it gets it, and is cancelled when it rests. */
  pthread_t holder, waiter;
  pthread_create(&holder, NULL, holds, &waiting);
  rest_us(20000);
  pthread_create(&waiter, NULL, holds, &waiting);
  rest_us(20000);
  pthread_cancel(waiter);
  pthread_join(holder, NULL);
  pthread_join(waiter, NULL);
  IS(pthread_mutex_trylock(&waiting), EBUSY);
  puts("cancelled: each has cleaned up");
}

/* Signals that interrupt waits, whose handler takes a lock of its own. */
static atomic_int handled;
static pthread_mutex_t in_handler = PTHREAD_MUTEX_INITIALIZER;
static void handler(int unused) {
  (void)unused;
  if (!pthread_mutex_trylock(&in_handler)) pthread_mutex_unlock(&in_handler);
  atomic_fetch_add(&handled, 1);
}
static void signals(void) {
  for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    long sum = 0;
    struct crowd crowd = {&mutex, &sum, 20000};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, add, &crowd);
    for (int i = 0; i < 400; i++) pthread_kill(threads[i % 4], SIGUSR1), rest_us(50);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(sum == 80000);
    /* One that waits long, interrupted all the time. */
    pthread_t holder, waiter;
    pthread_create(&holder, NULL, holds, &mutex);
    rest_us(10000);
    pthread_create(&waiter, NULL, holds, &mutex);
    for (int i = 0; i < 50; i++) pthread_kill(waiter, SIGUSR1), rest_us(1000);
    pthread_join(holder, NULL);
    pthread_join(waiter, NULL);
  }
  CHECK(atomic_load(&handled) > 0);
  puts("signals: all was added up");
}

/* Children of a program whose threads fight for locks. */
static atomic_int over;
static pthread_mutex_t fought_for = PTHREAD_MUTEX_INITIALIZER;
static void *fights(void *unused) {
  (void)unused;
  while (!atomic_load(&over)) {
    pthread_mutex_lock(&fought_for);
    /* So that others run, and wait, also where there is one processor. */
    sched_yield();
    pthread_mutex_unlock(&fought_for);
  }
  return NULL;
}
static void forks(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, fights, NULL);
  int good = 0;
  for (int i = 0; i < 200; i++) {
    pid_t child = fork();
    if (child == 0) {
      /* It has locks of its own, for which its threads wait. */
      alarm(60);
      long sum = 0;
      pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
      struct crowd crowd = {&mutex, &sum, 200};
      pthread_t own[2];
      if (i % 10 == 0) {
        for (int j = 0; j < 2; j++) pthread_create(&own[j], NULL, add, &crowd);
        for (int j = 0; j < 2; j++) pthread_join(own[j], NULL);
        if (sum != 400) _exit(1);
      }
      if (i % 20 == 0) execl("/bin/true", "true", NULL);
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    good += status == 0;
  }
  atomic_store(&over, 1);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  printf("forks: %d of 200 good\n", good);
  CHECK(good == 200);
}

/* A mutex that two processes share. */
static void shared(void) {
  pthread_mutex_t *mutex =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *mutex = make(PTHREAD_MUTEX_NORMAL, 0, 0, PTHREAD_PROCESS_SHARED);
  long *sum = (long *)(mutex + 1);
  pid_t child = fork();
  struct crowd crowd = {mutex, sum, 20000};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, add, &crowd);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  printf("shared by two processes: %ld\n", *sum);
  CHECK(*sum == 80000);
}

static atomic_int keeps_errno;
static void *with_errno(void *argument) {
  struct crowd *crowd = argument;
  for (int i = 0; i < crowd->rounds; i++) {
    errno = 77;
    pthread_mutex_lock(crowd->mutex);
    ++*crowd->sum;
    pthread_mutex_unlock(crowd->mutex);
    if (errno != 77) atomic_fetch_add(&keeps_errno, 1);
  }
  return NULL;
}
static void errnos(void) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  long sum = 0;
  struct crowd crowd = {&mutex, &sum, 20000};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, with_errno, &crowd);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  printf("errno changed: %d times\n", atomic_load(&keeps_errno));
  CHECK(atomic_load(&keeps_errno) == 0);
}

/* Libraries come and go while locks are fought for. */
static void libraries(void) {
  atomic_store(&over, 0);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, fights, NULL);
  int loaded = 0;
  for (int i = 0; i < 100; i++) {
    void *library = dlopen("libutil.so.1", RTLD_NOW | RTLD_LOCAL);
    void *other = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    loaded += library != NULL;
    if (library) IS(dlclose(library), 0);
    if (other) IS(dlclose(other), 0);
  }
  atomic_store(&over, 1);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  printf("libraries: %d loaded\n", loaded);
}

/* Lock, change, unlock, free, by turns: the lock's memory is gone right after. */
struct object {
  pthread_mutex_t mutex;
  int users;
};
static void *uses(void *argument) {
  struct object *object = argument;
  pthread_mutex_lock(&object->mutex);
  int last = --object->users == 0;
  pthread_mutex_unlock(&object->mutex);
  if (last) {
    pthread_mutex_destroy(&object->mutex);
    memset(object, 0xff, sizeof *object);
    free(object);
  }
  return NULL;
}
static void freed(void) {
  for (int i = 0; i < 500; i++) {
    struct object *object = malloc(sizeof *object);
    pthread_mutex_init(&object->mutex, NULL);
    object->users = 4;
    pthread_t threads[4];
    pthread_mutex_lock(&object->mutex);
    for (int j = 0; j < 4; j++) pthread_create(&threads[j], NULL, uses, object);
    sched_yield();
    pthread_mutex_unlock(&object->mutex);
    for (int j = 0; j < 4; j++) pthread_join(threads[j], NULL);
  }
  puts("freed: right after the unlock");
}

/* Allocations by all threads, which an allocator has locks for. */
static void *allocates(void *unused) {
  (void)unused;
  void *kept[64] = {0};
  unsigned dice = 1;
  for (int i = 0; i < 100000; i++) {
    dice = dice * 1664525 + 1013904223;
    void **slot = &kept[dice >> 26];
    free(*slot);
    *slot = malloc(16 + (dice >> 8) % 8192);
    if (*slot) memset(*slot, 1, 16);
  }
  for (int i = 0; i < 64; i++) free(kept[i]);
  return NULL;
}
static void allocations(void) {
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, allocates, NULL);
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
  puts("allocations: done");
}

/* Ends without a word to anybody, while its threads fight for a lock. */
static void exits(void) {
  atomic_store(&over, 0);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, fights, NULL);
  rest_us(300000);
  _exit(3);
}

int main(int count, char **names) {
  static const struct {
    const char *name;
    void (*run)(void);
  } cases[] = {
      {"kinds", kinds},         {"codes", codes},   {"misuse", misuse},   {"robust", robust},
      {"cancelled", cancelled}, {"signals", signals}, {"forks", forks},   {"shared", shared},
      {"errnos", errnos},       {"libraries", libraries}, {"freed", freed},
      {"allocations", allocations}, {"thousand", thousand}, {"exits", exits},
  };
  setvbuf(stdout, NULL, _IONBF, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int wanted = count == 1 && cases[i].run != exits;
    for (int j = 1; j < count; j++) wanted |= !strcmp(names[j], cases[i].name);
    if (wanted) cases[i].run();
  }
  return failures ? 1 : 42;
}
