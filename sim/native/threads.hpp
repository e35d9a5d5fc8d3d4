// A crew of threads that waits for work; the work is cut the same way whatever their number does to its order.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace paddock {

class Crew {
 public:
  // threads counts the caller's own: 1 starts none.
  explicit Crew(std::size_t threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Calls work(from, to) on parts of [0, count) and returns when all are done.
  void share(std::size_t count, const std::function<void(std::size_t, std::size_t)>& work);

 private:
  void wait_for_work(std::size_t member);
  void do_part(std::size_t member);

  std::vector<std::thread> members_;
  std::mutex lock_;
  std::condition_variable begin_, end_;
  const std::function<void(std::size_t, std::size_t)>* work_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> busy_ = 0;
  std::atomic<std::size_t> turn_ = 0;
  std::atomic<bool> leaving_ = false;
};

}  // namespace paddock
