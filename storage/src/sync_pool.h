// Runs a few blocking calls side by side: the syncs of one commit round.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bitacora::storage {

class SyncPool {
 public:
  // `threads` with the caller's own; 1 or 0: everything runs on the caller's.
  explicit SyncPool(std::uint32_t threads);
  ~SyncPool();
  SyncPool(const SyncPool&) = delete;
  SyncPool& operator=(const SyncPool&) = delete;

  // Begins to call each once, from the first to the last, and takes none before all of the start() before were waited
  // for. `calls` stay as they are until then, and do not throw. start() and wait_for() are one thread's.
  void start(const std::vector<std::function<void()>>& calls);
  // Returns when the first `count` of them have returned; helps with them.
  void wait_for(std::size_t count);
  // Calls each once and returns when all have returned.
  void run(const std::vector<std::function<void()>>& calls);

 private:
  void work();
  void call_next(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable work_or_end_;
  std::condition_variable returned_;
  const std::vector<std::function<void()>>* calls_ = nullptr;
  std::size_t next_ = 0;            // the first call that nobody has begun
  std::vector<bool> has_returned_;  // of each call
  std::size_t first_unreturned_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bitacora::storage
