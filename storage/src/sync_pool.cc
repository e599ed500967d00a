#include "sync_pool.h"

#include "base/assert.h"

namespace bitacora::storage {

SyncPool::SyncPool(std::uint32_t threads) {
  for (std::uint32_t i = 1; i < threads; ++i) threads_.emplace_back(&SyncPool::work, this);
}

SyncPool::~SyncPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_or_end_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void SyncPool::start(const std::vector<std::function<void()>>& calls) {
  {
    const std::lock_guard lock(mutex_);
    BITACORA_ASSERT(first_unreturned_ == has_returned_.size());
    calls_ = &calls;
    next_ = first_unreturned_ = 0;
    has_returned_.assign(calls.size(), false);
  }
  if (calls.size() > 1) work_or_end_.notify_all();  // one is the caller's own
}

void SyncPool::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  while (next_ < count) call_next(lock);
  returned_.wait(lock, [&] { return first_unreturned_ >= count; });
}

void SyncPool::run(const std::vector<std::function<void()>>& calls) {
  start(calls);
  wait_for(calls.size());
}

void SyncPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_or_end_.wait(lock, [this] { return ending_ || next_ < has_returned_.size(); });
    if (ending_) return;
    call_next(lock);
  }
}

void SyncPool::call_next(std::unique_lock<std::mutex>& lock) {
  const std::size_t number = next_++;
  const std::function<void()>& call = (*calls_)[number];
  lock.unlock();
  call();
  lock.lock();
  has_returned_[number] = true;
  while (first_unreturned_ < has_returned_.size() && has_returned_[first_unreturned_]) ++first_unreturned_;
  returned_.notify_one();
}

}  // namespace bitacora::storage
