#include "sync_pool.h"

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

void SyncPool::run(const std::vector<std::function<void()>>& calls) {
  if (threads_.empty() || calls.size() == 1) {
    for (const std::function<void()>& call : calls) call();
    return;
  }
  std::unique_lock lock(mutex_);
  calls_ = &calls;
  next_ = 0;
  unfinished_ = calls.size();
  work_or_end_.notify_all();
  take_calls(lock);
  all_done_.wait(lock, [this] { return unfinished_ == 0; });
  calls_ = nullptr;
}

void SyncPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_or_end_.wait(lock, [this] { return ending_ || (calls_ != nullptr && next_ < calls_->size()); });
    if (ending_) return;
    take_calls(lock);
  }
}

void SyncPool::take_calls(std::unique_lock<std::mutex>& lock) {
  while (calls_ != nullptr && next_ < calls_->size()) {
    const std::function<void()>& call = (*calls_)[next_++];
    lock.unlock();
    call();
    lock.lock();
    if (--unfinished_ == 0) all_done_.notify_one();
  }
}

}  // namespace bitacora::storage
