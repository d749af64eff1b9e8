/* The cases of accuracy/src/cases.rs with pthread's locks, for `holdup run`: threads
 * note by their own clocks who held up whom. Prints a line for each turn, in the form
 * that accuracy/judge reads.
 *
 * usage: accuracy CASE    ladder, innocent, hog-4, pending-writer, overlapping-readers,
 *                         condition, recursive */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static const char *name;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void rest(int64_t nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  nanosleep(&time, NULL);
}

#define MS 1000000ll

/* How many lock calls have begun. */
static atomic_int asks;

static void asked_for(int count, int64_t little) {
  while (atomic_load(&asks) < count) rest(100000);
  rest(little);
}

static void compute(int64_t nanoseconds) {
  for (int64_t end = now() + nanoseconds; now() < end;) {
  }
}

struct turn {
  const char *row;
  int64_t asked, got, released, over;
  int shared;
};

enum { MOST = 4096 };
static struct turn turns[MOST];
static atomic_int turn_count;

static void note(const char *row, int64_t asked, int64_t got, int64_t released, int shared) {
  int64_t over = now();
  int index = atomic_fetch_add(&turn_count, 1);
  if (index < MOST) turns[index] = (struct turn){row, asked, got, released, over, shared};
}

typedef void inside(int64_t);

/* A function for each row: it ends the critical section itself. */
#define ROW(ROW_NAME, LOCK, TAKE, GIVE, SHARED)                                    \
  __attribute__((noinline)) static void ROW_NAME(inside *work, int64_t argument) { \
    atomic_fetch_add(&asks, 1);                                                    \
    int64_t asked = now();                                                         \
    TAKE(&LOCK);                                                                   \
    int64_t got = now();                                                           \
    work(argument);                                                                \
    int64_t released = now();                                                      \
    GIVE(&LOCK);                                                                   \
    note(#ROW_NAME, asked, got, released, SHARED);                                 \
  }
#define MUTEX(ROW_NAME) ROW(ROW_NAME, mutex, pthread_mutex_lock, pthread_mutex_unlock, 0)
#define READS(ROW_NAME) ROW(ROW_NAME, rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock, 1)

MUTEX(holds_100_ms)
MUTEX(holds_200_ms)
MUTEX(holds_300_ms)
MUTEX(holds_400_ms)
MUTEX(holds_500_ms)
MUTEX(slow)
MUTEX(innocent)
MUTEX(hog)
MUTEX(victim)
READS(slow_reader)
READS(reader_behind)
READS(reads_50_ms)
READS(reads_100_ms)
READS(reads_200_ms)
ROW(writer, rwlock, pthread_rwlock_wrlock, pthread_rwlock_unlock, 0)
ROW(outermost, recursive, pthread_mutex_lock, pthread_mutex_unlock, 0)
ROW(behind_recursive, recursive, pthread_mutex_lock, pthread_mutex_unlock, 0)

/* Ends its section by waiting for a condition that never comes true, until a time. */
static int wait_a_second(pthread_mutex_t *lock) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  pthread_cond_timedwait(&never, lock, &until);
  return 0;
}
__attribute__((noinline)) static void waits_for_condition(inside *work, int64_t argument) {
  atomic_fetch_add(&asks, 1);
  int64_t asked = now();
  pthread_mutex_lock(&mutex);
  int64_t got = now();
  work(argument);
  int64_t released = now();
  int64_t over = released;
  wait_a_second(&mutex);
  int index = atomic_fetch_add(&turn_count, 1);
  turns[index] = (struct turn){"wait_a_second", asked, got, released, over, 0};
  pthread_mutex_unlock(&mutex);
}

static void nothing(int64_t unused) { (void)unused; }
static void after_17(int64_t length) { asked_for(17, 20 * MS), rest(length); }
static void after_7(int64_t length) { asked_for(7, 20 * MS), rest(length); }
static void after_5(int64_t length) { asked_for(5, 20 * MS), rest(length); }
static void after_4(int64_t length) { asked_for(4, 20 * MS), rest(length); }

/* Locks again, twice, and releases that, inside of the outermost section. */
__attribute__((noinline)) static void inner(int64_t length) {
  pthread_mutex_lock(&recursive);
  rest(length);
  pthread_mutex_unlock(&recursive);
}
static void locks_again(int64_t length) {
  asked_for(5, 20 * MS);
  inner(length);
  inner(length);
  rest(length);
}

struct work {
  void (*row)(inside *, int64_t);
  inside *inside;
  int64_t argument;
};
static void *work(void *argument) {
  struct work *work = argument;
  work->row(work->inside, work->argument);
  return NULL;
}

enum { CREW = 32 };
static pthread_t crew[CREW];
static struct work works[CREW];
static int crew_size;

static void start(void (*row)(inside *, int64_t), inside *what, int64_t argument) {
  works[crew_size] = (struct work){row, what, argument};
  pthread_create(&crew[crew_size], NULL, work, &works[crew_size]);
  crew_size++;
}
static void end(void) {
  for (int i = 0; i < crew_size; i++) pthread_join(crew[i], NULL);
}

static void ladder(void) {
  void (*rows[])(inside *, int64_t) = {holds_100_ms, holds_200_ms, holds_300_ms, holds_400_ms,
                                       holds_500_ms};
  for (int rung = 0; rung < 5; rung++) {
    start(rows[rung], rung ? rest : after_5, (rung + 1) * 100 * MS);
    asked_for(rung + 1, 20 * MS);
  }
  end();
}

static void behind(void (*row)(inside *, int64_t), inside *what, int64_t argument,
                   void (*others)(inside *, int64_t), int count) {
  start(row, what, argument);
  asked_for(1, 20 * MS);
  for (int i = 0; i < count; i++) start(others, nothing, 0);
  end();
}

enum { ROUNDS = 25, VICTIMS = 4 };
static atomic_int round_now, served;
static void reaches(atomic_int *counter, int goal) {
  while (atomic_load(counter) < goal) rest(100000);
}
static void *victims(void *unused) {
  (void)unused;
  for (int mine = 1; mine <= ROUNDS; mine++) {
    reaches(&round_now, mine);
    victim(compute, 2000);
    atomic_fetch_add(&served, 1);
  }
  return NULL;
}
static void hog_inside(int64_t mine) {
  atomic_store(&round_now, mine);
  asked_for(mine * (VICTIMS + 1), 0);
  compute(4 * MS);
}
static void hogs(void) {
  pthread_t threads[VICTIMS];
  for (int i = 0; i < VICTIMS; i++) pthread_create(&threads[i], NULL, victims, NULL);
  for (int mine = 1; mine <= ROUNDS; mine++) {
    hog(hog_inside, mine);
    reaches(&served, mine * VICTIMS);
  }
  for (int i = 0; i < VICTIMS; i++) pthread_join(threads[i], NULL);
}

static void pending_writer(void) {
  start(slow_reader, after_7, 200 * MS);
  asked_for(1, 20 * MS);
  start(writer, nothing, 0);
  asked_for(2, 20 * MS);
  for (int i = 0; i < 5; i++) start(reader_behind, nothing, 0);
  end();
}

static void overlapping_readers(void) {
  start(reads_50_ms, after_4, 50 * MS);
  start(reads_100_ms, after_4, 100 * MS);
  start(reads_200_ms, after_4, 200 * MS);
  asked_for(3, 20 * MS);
  start(writer, nothing, 0);
  end();
}

int main(int count, char **arguments) {
  name = count == 2 ? arguments[1] : "";
  /* Readers queue behind a writer that waits, unlike by default. */
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&rwlock, &attributes);
  if (!strcmp(name, "ladder"))
    ladder();
  else if (!strcmp(name, "innocent"))
    behind(slow, after_17, 200 * MS, innocent, 16);
  else if (!strcmp(name, "hog-4"))
    hogs();
  else if (!strcmp(name, "pending-writer"))
    pending_writer();
  else if (!strcmp(name, "overlapping-readers"))
    overlapping_readers();
  else if (!strcmp(name, "condition"))
    behind(waits_for_condition, after_5, 200 * MS, innocent, 4);
  else if (!strcmp(name, "recursive"))
    behind(outermost, locks_again, 70 * MS, behind_recursive, 4);
  else
    return fprintf(stderr, "no such case: %s\n", name), 2;
  printf("{\"version\":\"pthread\"}\n");
  for (int i = 0; i < atomic_load(&turn_count) && i < MOST; i++)
    printf("{\"case\":\"%s\",\"turn\":[\"%s\",%lld,%lld,%lld,%lld,%d]}\n", name, turns[i].row,
           (long long)turns[i].asked, (long long)turns[i].got, (long long)turns[i].released,
           (long long)turns[i].over, turns[i].shared);
  return 0;
}
