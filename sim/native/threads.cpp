#include "threads.hpp"

#include <chrono>

namespace paddock {
namespace {

// Longer than what lies between two parts of a step. To wake a thread that sleeps takes as long, and the system now and
// then wakes it on the processor that its caller is still using.
constexpr std::chrono::microseconds kAwake{300};

// Looks for a while whether it is so, letting others run meanwhile.
template <typename So>
bool soon(const So& so) {
  const auto end = std::chrono::steady_clock::now() + kAwake;
  while (!so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

Crew::Crew(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) members_.emplace_back([this, i] { wait_for_work(i); });
}

Crew::~Crew() {
  {
    const std::lock_guard guard(lock_);
    leaving_ = true;
  }
  begin_.notify_all();
  for (std::thread& member : members_) member.join();
}

void Crew::do_part(std::size_t member) {
  const std::size_t parts = members_.size() + 1;
  const std::size_t from = count_ * member / parts;
  const std::size_t to = count_ * (member + 1) / parts;
  if (from < to) (*work_)(from, to);
}

void Crew::share(std::size_t count, const std::function<void(std::size_t, std::size_t)>& work) {
  if (members_.empty()) {
    work(0, count);
    return;
  }
  {
    const std::lock_guard guard(lock_);
    work_ = &work;
    count_ = count;
    busy_ = members_.size();
    ++turn_;
  }
  begin_.notify_all();
  do_part(0);
  if (soon([this] { return busy_ == 0; })) return;
  std::unique_lock guard(lock_);
  end_.wait(guard, [this] { return busy_ == 0; });
}

void Crew::wait_for_work(std::size_t member) {
  std::size_t done = 0;
  const auto called = [&] { return leaving_ || turn_ != done; };
  for (;;) {
    if (!soon(called)) {
      std::unique_lock guard(lock_);
      begin_.wait(guard, called);
    }
    if (leaving_) return;
    done = turn_;
    do_part(member);
    const std::lock_guard guard(lock_);
    if (--busy_ == 0) end_.notify_one();
  }
}

}  // namespace paddock
