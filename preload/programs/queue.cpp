// A bounded queue with std::mutex and std::condition_variable, a table with
// std::shared_mutex, and std::timed_mutex: what C++ programs call. Prints the same sums
// each time; exits with 7.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace shop {

class Queue {
 public:
  void push(int value) {
    std::unique_lock<std::mutex> guard(mutex_);
    free_.wait(guard, [&] { return values_.size() < 16; });
    values_.push_back(value);
    filled_.notify_one();
  }
  int pop() {
    std::unique_lock<std::mutex> guard(mutex_);
    while (values_.empty()) filled_.wait_for(guard, std::chrono::milliseconds(5));
    int value = values_.front();
    values_.pop_front();
    free_.notify_one();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_, filled_;
  std::deque<int> values_;
};

class Table {
 public:
  __attribute__((noinline)) void rebuild() {
    std::lock_guard<std::shared_mutex> guard(mutex_);
    for (int i = 0; i < 20000; i++) entries_[i % 512] += 1;
  }
  long look(int key) {
    std::shared_lock<std::shared_mutex> guard(mutex_);
    auto found = entries_.find(key);
    return found == entries_.end() ? 0 : 1;
  }

 private:
  std::shared_mutex mutex_;
  std::map<int, long> entries_;
};

}  // namespace shop

int main() {
  shop::Queue queue;
  shop::Table table;
  std::timed_mutex timed;
  long sum = 0, tries = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; i++)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 20000; n++) queue.push(i + n % 7);
    });
  for (int i = 0; i < 2; i++)
    threads.emplace_back([&] {
      long mine = 0;
      for (int n = 0; n < 20000; n++) {
        mine += queue.pop();
        if (n % 100 == 0) table.rebuild();
        table.look(n % 600);
      }
      while (!timed.try_lock_for(std::chrono::milliseconds(1))) tries++;
      sum += mine;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      timed.unlock();
    });
  for (auto& thread : threads) thread.join();
  std::printf("sum %ld\n", sum);
  return 7;
}
