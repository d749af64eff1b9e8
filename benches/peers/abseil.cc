// abseil's Mutex, under the loads of the benchmark. See README.md beside this.

#include <absl/synchronization/mutex.h>
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

uint64_t Nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

void Sleep(uint64_t nanoseconds) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(nanoseconds));
}

void Say(const char* name, double value) { std::printf("%s: %g\n", name, value); }

// The same chain as in work.rs.
__attribute__((noinline)) uint64_t Work(uint64_t turns) {
  uint64_t x = 1;
  for (; turns > 0; turns--) {
    x = (x ^ (x >> 29)) * 6364136223846793005u;
  }
  // Else the compiler finds that nobody looks at it.
  asm volatile("" : : "r"(x));
  return x;
}

struct alignas(128) Padded {
  absl::Mutex mutex;
  uint64_t value = 0;
};

// That of stats.rs: 32 buckets for each power of two.
struct Histogram {
  std::vector<uint64_t> buckets = std::vector<uint64_t>(64 << 5);
  uint64_t count = 0, longest = 0;

  void Add(uint64_t value) {
    int shift = 63 - __builtin_clzll(value | 32) - 5;
    buckets[(uint64_t(shift) << 5) + (value >> shift)]++;
    count++;
    longest = std::max(longest, value);
  }

  void Merge(const Histogram& other) {
    for (size_t index = 0; index < buckets.size(); index++) buckets[index] += other.buckets[index];
    count += other.count;
    longest = std::max(longest, other.longest);
  }

  double Quantile(double q) const {
    uint64_t wanted = uint64_t(q * double(count) + 0.999999), seen = 0;
    for (uint64_t index = 0; index < buckets.size(); index++) {
      seen += buckets[index];
      if (seen >= wanted) {
        uint64_t next = index + 1, shift = std::max<uint64_t>(next >> 5, 1) - 1;
        return double(std::min(((next - (shift << 5)) << shift) - 1, longest));
      }
    }
    return double(longest);
  }
};

struct Usage {
  double cpu, switches;

  static Usage Now() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    auto nanoseconds = [](timeval time) { return time.tv_sec * 1e9 + time.tv_usec * 1e3; };
    return {nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime), double(used.ru_nvcsw)};
  }

  Usage Since(Usage earlier) const { return {cpu - earlier.cpu, switches - earlier.switches}; }
};

void Pairs(uint64_t count) {
  auto lock = std::make_unique<Padded>();
  auto run = [&](uint64_t count) {
    for (; count > 0; count--) {
      absl::MutexLock guard(&lock->mutex);
      lock->value++;
    }
  };
  run(count);
  auto begin = Clock::now();
  run(count);
  Say("uncontended lock and unlock", double(Nanoseconds(Clock::now() - begin)) / double(count));
}

struct Load {
  std::string shape;
  uint64_t threads, inside, outside, hogged, window;
  bool timed;
};

struct alignas(128) Worker {
  std::atomic<uint64_t> done{0};
  Histogram waits;
};

void Run(const Load& load, std::vector<Padded>& locks, Worker& me, uint64_t seed,
         const std::atomic<bool>& stop) {
  uint64_t dice = ((seed + 1) * 0x9e3779b97f4a7c15u) | 1, done = 0;
  const bool many = load.shape == "many", bursts = load.shape == "bursts";
  while (!stop.load(std::memory_order_relaxed)) {
    Padded* lock = &locks[0];
    if (many) {
      dice ^= dice << 13;
      dice ^= dice >> 7;
      dice ^= dice << 17;
      uint64_t number = dice >> 20;
      lock = &locks[(number >> 1) % ((number & 1) == 0 ? 4 : 1024)];
    }
    if (load.timed) {
      auto asked = Clock::now();
      lock->mutex.Lock();
      me.waits.Add(Nanoseconds(Clock::now() - asked));
    } else {
      lock->mutex.Lock();
    }
    lock->value++;
    if (load.inside > 0) Work(load.inside);
    lock->mutex.Unlock();
    me.done.store(++done, std::memory_order_relaxed);
    if (load.outside > 0) Work(load.outside);
    if (bursts && done % 64 == 0) {
      const uint64_t pause = 5'000'000;
      timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      Sleep(pause - (uint64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec) % pause);
    }
  }
}

void Edge(const char* which) {
  std::puts(which);
  std::fflush(stdout);
}

void Drive(const Load& load) {
  std::vector<Padded> locks(load.shape == "many" ? 1024 : 1);
  std::vector<Worker> workers(load.threads);
  std::atomic<bool> stop{false}, begin{false};
  std::atomic<uint64_t> ready{0};
  std::vector<std::thread> threads;
  auto wait = [&] {
    ready.fetch_add(1);
    while (!begin.load()) Sleep(100'000);
  };
  for (uint64_t index = 0; index < load.threads; index++) {
    threads.emplace_back([&, index] {
      wait();
      Run(load, locks, workers[index], index, stop);
    });
  }
  if (load.shape == "hog") {
    threads.emplace_back([&] {
      wait();
      while (!stop.load(std::memory_order_relaxed)) {
        absl::MutexLock guard(&locks[0].mutex);
        Work(load.hogged);
      }
    });
  }
  while (ready.load() < threads.size()) Sleep(100'000);
  begin.store(true);
  Sleep(load.window / 8);
  auto counts = [&] {
    std::vector<uint64_t> counts;
    for (auto& worker : workers) counts.push_back(worker.done.load(std::memory_order_relaxed));
    return counts;
  };
  Edge("begin");
  auto usage = Usage::Now();
  auto start = Clock::now();
  auto before = counts();
  Sleep(load.window);
  auto length = Clock::now() - start;
  auto after = counts();
  auto used = Usage::Now().Since(usage);
  Edge("end");
  stop.store(true);
  for (auto& thread : threads) thread.join();
  if (load.timed) {
    Histogram waits;
    for (auto& worker : workers) waits.Merge(worker.waits);
    Say("median wait", waits.Quantile(0.5));
    Say("99 % wait", waits.Quantile(0.99));
    Say("99.9 % wait", waits.Quantile(0.999));
    Say("longest wait", double(waits.longest));
    return;
  }
  double sum = 0, squares = 0;
  for (uint64_t index = 0; index < load.threads; index++) {
    double share = double(after[index] - before[index]);
    sum += share;
    squares += share * share;
  }
  Say("throughput", sum * 1e9 / double(Nanoseconds(length)));
  Say("fairness", sum * sum / (double(load.threads) * squares));
  Say("processor time", used.cpu / sum);
  Say("sleeps", used.switches * 1000 / sum);
}

// How many threads of this process are not asleep.
uint64_t Awake() {
  uint64_t awake = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (dirent* task = readdir(tasks)) {
    std::string path = std::string("/proc/self/task/") + task->d_name + "/stat";
    std::FILE* file = task->d_name[0] == '.' ? nullptr : std::fopen(path.c_str(), "r");
    if (file == nullptr) continue;
    char line[256] = {};
    size_t length = std::fread(line, 1, sizeof line - 1, file);
    std::fclose(file);
    const char* name = length == 0 ? nullptr : std::strrchr(line, ')');
    if (name != nullptr && name[2] != 'S') awake++;
  }
  closedir(tasks);
  return awake;
}

// That of growth.rs.
struct Growth {
  Padded lock;
  std::vector<double> times;
  std::atomic<uint64_t> asking{0}, left{0};
  std::atomic<uint64_t> drained{0};
  Clock::time_point begin;
  std::atomic<bool> over{false};
};

struct Waiter {
  Growth* growth;
  uint64_t index;
};

void* Wait(void* argument) {
  auto [growth, index] = *static_cast<Waiter*>(argument);
  growth->asking.fetch_add(1);
  growth->lock.mutex.Lock();
  auto begin = Clock::now();
  growth->lock.mutex.Unlock();
  growth->times[index] = double(Nanoseconds(Clock::now() - begin));
  if (growth->left.fetch_sub(1) == 1) growth->drained = Nanoseconds(Clock::now() - growth->begin);
  while (!growth->over.load()) Sleep(20'000'000);
  return nullptr;
}

void Grow(uint64_t count) {
  Growth growth;
  growth.times.resize(count);
  growth.left = count;
  std::vector<Waiter> waiters(count);
  std::vector<pthread_t> threads(count);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::max<size_t>(PTHREAD_STACK_MIN, 32 * 1024));
  growth.lock.mutex.Lock();
  for (uint64_t index = 0; index < count; index++) {
    waiters[index] = {&growth, index};
    // So many threads cannot be had: no line is the answer.
    if (pthread_create(&threads[index], &attributes, Wait, &waiters[index]) != 0) std::_Exit(0);
  }
  while (growth.asking.load() < count || Awake() > 1) Sleep(2'000'000);
  growth.begin = Clock::now();
  growth.lock.mutex.Unlock();
  while (growth.drained.load() == 0) Sleep(2'000'000);
  growth.over = true;
  for (auto thread : threads) pthread_join(thread, nullptr);
  auto& times = growth.times;
  std::sort(times.begin(), times.end());
  uint64_t fastest = (count * 9 + 9) / 10;
  double sum = 0;
  for (uint64_t index = 0; index < fastest; index++) sum += times[index];
  Say("contended unlock", (times[(count - 1) / 2] + times[count / 2]) / 2);
  Say("contended unlock, mean", sum / double(fastest));
  Say("queue drained", double(growth.drained.load()) / double(count));
}

// That of monitor.rs.
void Queue(uint64_t pairs, uint64_t places, bool held) {
  const uint64_t items = 20'000;
  absl::Mutex mutex;
  absl::CondVar conditions[2];
  uint64_t waiting = 0;
  auto half = [&](int which, uint64_t full, uint64_t step) {
    for (uint64_t count = items / pairs; count > 0; count--) {
      mutex.Lock();
      while (waiting == full) conditions[which].Wait(&mutex);
      waiting += step;
      if (held) conditions[1 - which].Signal();
      mutex.Unlock();
      if (!held) conditions[1 - which].Signal();
    }
  };
  auto usage = Usage::Now();
  auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (uint64_t pair = 0; pair < pairs; pair++) {
    threads.emplace_back([&] { half(0, places, 1); });
    threads.emplace_back([&] { half(1, 0, uint64_t(-1)); });
  }
  for (auto& thread : threads) thread.join();
  auto length = Nanoseconds(Clock::now() - begin);
  auto used = Usage::Now().Since(usage);
  Say("condition variables", double(length) / items);
  Say("condition variables, processor time", used.cpu / items);
  Say("condition variables, sleeps", used.switches / items);
}

uint64_t Number(const char* word) { return std::strtoull(word, nullptr, 10); }

}  // namespace

int main(int count, char** words) {
  std::string what = count > 1 ? words[1] : "";
  if (what == "pairs" && count > 2) {
    Pairs(Number(words[2]));
  } else if ((what == "throughput" || what == "waits") && count > 7) {
    Drive({words[2], Number(words[3]), Number(words[4]), Number(words[5]), Number(words[6]),
           Number(words[7]), what == "waits"});
  } else if (what == "growth" && count > 2) {
    Grow(Number(words[2]));
  } else if (what == "queue" && count > 4) {
    Queue(Number(words[2]), Number(words[3]), Number(words[4]) == 1);
  } else if (what == "memory") {
    Say("size of a lock", sizeof(absl::Mutex));
  }
}
