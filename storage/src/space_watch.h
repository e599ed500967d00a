// Looks at the disk's free space, and says when it has come to an end that was agreed before the real one.
#pragma once

#include <mutex>
#include <optional>

#include "base/clock.h"
#include "storage/disk_space.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace bitacora::storage {

// Thread-safe.
class SpaceWatch {
 public:
  // Both outlive it.
  SpaceWatch(const FileSystem& fs, const StoreOptions& options) : fs_(fs), options_(options) {}

  // As it is now.
  [[nodiscard]] DiskSpace look() const;
  // Is the level `exhausted`? Believes a look of up to a second ago: the answer is wanted for each append.
  [[nodiscard]] bool is_exhausted(MonotonicTime now);

 private:
  [[nodiscard]] bool is_ballasts_room(std::uint64_t available) const;

  const FileSystem& fs_;
  const StoreOptions& options_;
  std::mutex mutex_;
  std::optional<MonotonicTime> looked_at_;  // mutex_
  bool was_exhausted_ = false;              // mutex_
};

}  // namespace bitacora::storage
