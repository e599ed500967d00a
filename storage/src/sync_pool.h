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

  // Calls each once and returns when all have returned. By one thread at a time; the calls do not throw.
  void run(const std::vector<std::function<void()>>& calls);

 private:
  void work();
  void take_calls(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable work_or_end_;
  std::condition_variable all_done_;
  const std::vector<std::function<void()>>* calls_ = nullptr;
  std::size_t next_ = 0;
  std::size_t unfinished_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bitacora::storage
