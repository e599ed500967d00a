#include "space_watch.h"

#include <chrono>

namespace bitacora::storage {
namespace {

constexpr std::chrono::seconds belief{1};

bool is_mark(int percent) { return percent > 0 && percent < 100; }

}  // namespace

std::string_view name_of(SpaceLevel level) noexcept {
  switch (level) {
    case SpaceLevel::enough: return "enough";
    case SpaceLevel::low: return "low";
    case SpaceLevel::exhausted: return "exhausted";
  }
  return "";
}

DiskSpace SpaceWatch::look() const {
  const Result<Space> space = fs_.space(options_.directory);
  if (!space || space->size == 0) return {};  // unknown: nothing is refused for that
  DiskSpace disk{.space = *space};
  const auto size = static_cast<double>(space->size);
  disk.used_percent = 100 * (size - static_cast<double>(space->available)) / size;
  const auto is_reached = [&](int percent) { return is_mark(percent) && disk.used_percent >= percent; };
  if (is_reached(options_.disk_stop_percent)) {
    disk.level = SpaceLevel::exhausted;
  } else if (is_reached(options_.disk_warn_percent)) {
    disk.level = SpaceLevel::low;
  }
  return disk;
}

bool SpaceWatch::is_exhausted(MonotonicTime now) {
  if (!is_mark(options_.disk_stop_percent)) return false;
  const std::lock_guard lock(mutex_);
  if (!looked_at_ || now - *looked_at_ >= belief) {
    looked_at_ = now;
    was_exhausted_ = look().level == SpaceLevel::exhausted;
  }
  return was_exhausted_;
}

}  // namespace bitacora::storage
