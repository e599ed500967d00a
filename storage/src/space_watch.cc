#include "space_watch.h"

#include <chrono>

#include "file_names.h"

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
  if (is_reached(options_.disk_stop_percent) || is_ballasts_room(space->available)) {
    disk.level = SpaceLevel::exhausted;
  } else if (is_reached(options_.disk_warn_percent)) {
    disk.level = SpaceLevel::low;
  }
  return disk;
}

// What the ballast gave up is for the server's own use: were it filled with publishes, the next start would have none.
bool SpaceWatch::is_ballasts_room(std::uint64_t available) const {
  if (options_.ballast_bytes == 0 || available > options_.ballast_bytes) return false;
  return !fs_.exists(join(options_.directory, ballast_file)).value_or(true);
}

bool SpaceWatch::is_exhausted(MonotonicTime now) {
  if (!is_mark(options_.disk_stop_percent) && options_.ballast_bytes == 0) return false;
  const std::lock_guard lock(mutex_);
  if (!looked_at_ || now - *looked_at_ >= belief) {
    looked_at_ = now;
    was_exhausted_ = look().level == SpaceLevel::exhausted;
  }
  return was_exhausted_;
}

}  // namespace bitacora::storage
