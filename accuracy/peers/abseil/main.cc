// abseil's Mutex with its profiler hook: the cases of accuracy/src/cases.rs,
// in C++. The hook is called by the thread that releases, with the cycles
// waited; so what it says belongs to that thread's critical section. It is
// told of each contention: finer it cannot be. See docs/accuracy.md.
//
// usage: accuracy CASE...

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "absl/base/internal/cycleclock.h"
#include "absl/synchronization/mutex.h"

using Clock = std::chrono::steady_clock;
using Inside = std::function<void()>;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

static int64_t now() {
  static const Clock::time_point epoch = Clock::now();
  return duration_cast<nanoseconds>(Clock::now() - epoch).count();
}

struct Turn {
  const char* row;
  int64_t asked, got, released, over, cycles;
  bool shared;
};
using Notes = std::vector<Turn>;

static absl::Mutex mutex, rwlock;
static std::atomic<int> begun{0};
static const milliseconds little(20);
static thread_local int64_t waited_cycles = 0;

static void hook(int64_t cycles) { waited_cycles += cycles; }

// Holds the lock; what the hook is told meanwhile belongs to this section.
static void take(Notes& notes, const char* row, const Inside& inside,
                 absl::Mutex& lock = mutex, bool shared = false) {
  waited_cycles = 0;
  begun.fetch_add(1);
  int64_t asked = now();
  shared ? lock.ReaderLock() : lock.Lock();
  int64_t got = now();
  inside();
  int64_t released = now();
  shared ? lock.ReaderUnlock() : lock.Unlock();
  notes.push_back({row, asked, got, released, now(), waited_cycles, shared});
}

static void reads(Notes& notes, const char* row, const Inside& inside) {
  take(notes, row, inside, rwlock, true);
}

// Threads that note what they do.
struct Crew {
  std::deque<Notes> all;
  std::vector<std::thread> threads;
  void start(std::function<void(Notes&)> work) {
    Notes& mine = all.emplace_back();
    threads.emplace_back([work, &mine] { work(mine); });
  }
  Notes end() {
    for (auto& thread : threads) thread.join();
    Notes notes;
    for (auto& one : all) notes.insert(notes.end(), one.begin(), one.end());
    return notes;
  }
};

static void asked_for(int count, nanoseconds little) {
  while (begun.load() < count) std::this_thread::sleep_for(microseconds(100));
  std::this_thread::sleep_for(little);
}

static Inside stay(int length) {
  return [=] { std::this_thread::sleep_for(milliseconds(length)); };
}

// Stays for a while after so many have asked.
static Inside after(int count, int length) {
  return [=] {
    asked_for(count, little);
    std::this_thread::sleep_for(milliseconds(length));
  };
}

static void compute(nanoseconds length) {
  for (int64_t end = now() + length.count(); now() < end;) {
  }
}

static void nothing() {}

static Notes ladder() {
  Crew crew;
  static const char* names[] = {"holds_100_ms", "holds_200_ms", "holds_300_ms", "holds_400_ms",
                                "holds_500_ms"};
  for (int rung = 0; rung < 5; rung++) {
    Inside inside = rung == 0 ? after(5, 100) : stay(100 * (rung + 1));
    crew.start([=](Notes& notes) { take(notes, names[rung], inside); });
    asked_for(rung + 1, little);
  }
  return crew.end();
}

static Notes behind_slow(Inside inside) {
  Crew crew;
  crew.start([=](Notes& notes) { take(notes, "slow", inside); });
  asked_for(1, little);
  for (int i = 0; i < 16; i++)
    crew.start([](Notes& notes) { take(notes, "innocent", nothing); });
  return crew.end();
}

static Notes hog(int victims) {
  const int rounds = 25;
  Crew crew;
  std::atomic<int> round{0}, served{0};
  auto reaches = [](std::atomic<int>& counter, int goal) {
    while (counter.load() < goal) std::this_thread::sleep_for(microseconds(100));
  };
  for (int i = 0; i < victims; i++)
    crew.start([&](Notes& notes) {
      for (int mine = 1; mine <= rounds; mine++) {
        reaches(round, mine);
        take(notes, "victim", [] { compute(microseconds(2)); });
        served++;
      }
    });
  crew.start([&, victims](Notes& notes) {
    for (int mine = 1; mine <= rounds; mine++) {
      take(notes, "hog", [&] {
        round = mine;
        asked_for(mine * (victims + 1), nanoseconds(0));
        compute(milliseconds(4));
      });
      reaches(served, mine * victims);
    }
  });
  return crew.end();
}

static Notes load() {
  Crew crew;
  std::atomic<bool> stop{false};
  for (uint64_t number = 1; number <= 8; number++)
    crew.start([&, number](Notes& notes) {
      uint64_t dice = number << 32 | 0x5eed;
      auto us = [&](uint64_t least, uint64_t most) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        nanoseconds length(1000 * least + dice % (1000 * (most - least)));
        return [=] { compute(length); };
      };
      while (!stop) {
        if (number <= 2)
          take(notes, "long", us(20, 60));
        else
          take(notes, "short", us(2, 8));
      }
    });
  std::this_thread::sleep_for(milliseconds(1500));
  stop = true;
  return crew.end();
}

static Notes pending_writer() {
  Crew crew;
  crew.start([](Notes& notes) { reads(notes, "slow_reader", after(7, 200)); });
  asked_for(1, little);
  crew.start([](Notes& notes) { take(notes, "writer", nothing, rwlock); });
  asked_for(2, little);
  for (int i = 0; i < 5; i++)
    crew.start([](Notes& notes) { reads(notes, "reader_behind", nothing); });
  return crew.end();
}

static Notes overlapping_readers() {
  Crew crew;
  crew.start([](Notes& notes) { reads(notes, "reads_50_ms", after(4, 50)); });
  crew.start([](Notes& notes) { reads(notes, "reads_100_ms", after(4, 100)); });
  crew.start([](Notes& notes) { reads(notes, "reads_200_ms", after(4, 200)); });
  asked_for(3, little);
  crew.start([](Notes& notes) { take(notes, "writer", nothing, rwlock); });
  return crew.end();
}

static double processor_ms() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto ms = [](timeval time) { return time.tv_sec * 1e3 + time.tv_usec / 1e3; };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

static Notes run(const std::string& name) {
  const size_t dash = name.find('-');
  const std::string kind = name.substr(0, dash);
  const int number = dash == std::string::npos ? 0 : atoi(name.c_str() + dash + 1);
  if (kind == "ladder") return ladder();
  if (kind == "innocent") return behind_slow(after(17, 200));
  if (kind == "hog") return hog(number);
  if (kind == "rate") return load();
  if (kind == "pending") return pending_writer();
  if (kind == "overlapping") return overlapping_readers();
  if (kind == "sleepless")
    return behind_slow([&] {
      asked_for(17, little);
      double before = processor_ms();
      std::this_thread::sleep_for(milliseconds(1000));
      printf("{\"case\":\"%s\",\"cpu_ms\":%.3f}\n", name.c_str(), processor_ms() - before);
    });
  fprintf(stderr, "no such case: %s\n", name.c_str());
  exit(2);
}

int main(int argc, char** argv) {
  absl::RegisterMutexProfiler(hook);
  printf("{\"version\":\"abseil LTS %d.%d\"}\n", ABSL_LTS_RELEASE_VERSION,
         ABSL_LTS_RELEASE_PATCH_LEVEL);
  const double per_ms = absl::base_internal::CycleClock::Frequency() / 1e3;
  for (int i = 1; i < argc; i++) {
    const char* name = argv[i];
    if (!strncmp(name, "rate-", 5) && strcmp(name, "rate-1")) {
      printf("{\"case\":\"%s\",\"none\":\"the hook does not sample\"}\n", name);
      continue;
    }
    begun = 0;
    const Notes notes = run(name);
    std::map<std::string, double> said;
    for (const Turn& turn : notes) {
      printf("{\"case\":\"%s\",\"turn\":[\"%s\",%ld,%ld,%ld,%ld,%d]}\n", name, turn.row,
             long(turn.asked), long(turn.got), long(turn.released), long(turn.over), turn.shared);
      said[turn.row] += turn.cycles / per_ms;
    }
    for (const auto& [row, ms] : said)
      printf("{\"case\":\"%s\",\"said\":[\"%s\",%.6f]}\n", name, row.c_str(), ms);
  }
}
