/* What a lock and its unlock cost that nobody contends, in nanoseconds of processor time.
 *
 * usage: pair mutex|read|write|spin   (with a second thread, which sleeps) */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double processor_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}
static void *sleeps(void *unused) {
  (void)unused;
  pause();
  return NULL;
}

#define MEASURE(TAKE, GIVE, LOCK)                      \
  do {                                                 \
    double began = processor_ns();                     \
    for (int i = 0; i < PAIRS; i++) TAKE(LOCK), GIVE(LOCK); \
    double pair = (processor_ns() - began) / PAIRS;    \
    if (pair < best) best = pair;                      \
  } while (0)

enum { PAIRS = 500000, WINDOWS = 20 };

int main(int count, char **arguments) {
  const char *kind = count > 1 ? arguments[1] : "";
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
  pthread_spinlock_t spin;
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_t thread;
  pthread_create(&thread, NULL, sleeps, NULL);
  /* The least of some windows: what others do to the machine only adds. */
  double best = 1e9;
  for (int window = 0; window < WINDOWS; window++) {
    if (!strcmp(kind, "mutex"))
      MEASURE(pthread_mutex_lock, pthread_mutex_unlock, &mutex);
    else if (!strcmp(kind, "read"))
      MEASURE(pthread_rwlock_rdlock, pthread_rwlock_unlock, &rwlock);
    else if (!strcmp(kind, "write"))
      MEASURE(pthread_rwlock_wrlock, pthread_rwlock_unlock, &rwlock);
    else if (!strcmp(kind, "spin"))
      MEASURE(pthread_spin_lock, pthread_spin_unlock, &spin);
    else
      return 2;
  }
  printf("%.3f\n", best);
  return 0;
}
