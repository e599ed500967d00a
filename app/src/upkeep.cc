#include "upkeep.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "app/units.h"
#include "base/assert.h"

namespace bitacora::app {
namespace {

constexpr std::chrono::milliseconds longest_rest{1000};

// What a rate allows now. After a long turn not all at once: this is work that nobody waits for.
std::uint64_t allowed(std::uint64_t bytes_per_second, std::chrono::nanoseconds since_last_turn) {
  const std::chrono::duration<double> time = std::min<std::chrono::nanoseconds>(since_last_turn, longest_rest);
  return static_cast<std::uint64_t>(static_cast<double>(bytes_per_second) * time.count());
}

}  // namespace

Upkeep::Upkeep(storage::Store& store, const Clock& clock, UpkeepSettings settings)
    : store_(store), clock_(clock), settings_(settings) {
  last_turn_ = last_housekeeping_ = clock_.now().monotonic;
  for (const storage::PartitionRecovery& partition : store_.recovery_report().partitions) {
    for (const storage::Quarantine& quarantine : partition.quarantined) {
      told_.insert(id_of(partition.log, partition.partition, quarantine));
    }
  }
}

Upkeep::~Upkeep() { stop(); }

void Upkeep::start() {
  BITACORA_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Upkeep::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakes_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Upkeep::change(UpkeepSettings settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
}

UpkeepSettings Upkeep::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void Upkeep::run() {
  while (true) {
    turn();
    std::unique_lock lock(mutex_);
    const auto rest = std::min(longest_rest, settings_.housekeeping_interval);
    if (wakes_.wait_for(lock, rest, [this] { return stopping_; })) return;
  }
}

void Upkeep::turn() {
  const UpkeepSettings settings = this->settings();
  const MonotonicTime now = clock_.now().monotonic;
  watch_space();
  if (now - last_housekeeping_ >= settings.housekeeping_interval) {
    last_housekeeping_ = now;
    keep_house();
    tell_damage();  // what readers have met meanwhile
  }
  index_keys(settings, now, now - last_turn_);
  scrub(settings, now, now - last_turn_);
  last_turn_ = now;
}

void Upkeep::watch_space() {
  const storage::DiskSpace disk = store_.disk_space();
  if (disk.level == level_) return;
  const std::string available = format_bytes(static_cast<std::int64_t>(disk.space.available));
  switch (disk.level) {
    case storage::SpaceLevel::exhausted:
      spdlog::error(
          "disk space: {:.1f} % are used, {} are available: publishes are refused until there is more; "
          "make room or shorten retention",
          disk.used_percent, available);
      break;
    case storage::SpaceLevel::low:
      spdlog::warn("disk space: {:.1f} % are used, {} are available: make room or shorten retention{}",
                   disk.used_percent, available,
                   level_ == storage::SpaceLevel::exhausted ? "; publishes are taken again" : "");
      break;
    case storage::SpaceLevel::enough:
      spdlog::info("disk space: {:.1f} % are used, {} are available: below disk_warn_percent again", disk.used_percent,
                   available);
      break;
  }
  level_ = disk.level;
}

void Upkeep::keep_house() {
  if (const auto freed = store_.run_housekeeping(); !freed) {
    spdlog::error("housekeeping: {}; it is tried again", freed.error().message);
  } else if (*freed > 0) {
    spdlog::info("housekeeping: {} bytes given back", *freed);
  }
}

// Where it fails (a full disk, most likely) searches read more, and that is all: it is tried again with housekeeping.
void Upkeep::index_keys(const UpkeepSettings& settings, MonotonicTime now, std::chrono::nanoseconds since_last_turn) {
  if (indexing_failed_ && now - *indexing_failed_ < settings.housekeeping_interval) return;
  const std::uint64_t bytes = allowed(settings.key_index_bytes_per_second, since_last_turn);
  if (bytes == 0 || level_ == storage::SpaceLevel::exhausted) return;
  const auto indexed = store_.index_keys(bytes);
  if (indexed) return indexing_failed_.reset();
  if (!indexing_failed_) spdlog::warn("key index: {}; searches read what it does not cover", indexed.error().message);
  indexing_failed_ = now;
}

void Upkeep::scrub(const UpkeepSettings& settings, MonotonicTime now, std::chrono::nanoseconds since_last_turn) {
  if (settings.scrub_bytes_per_second == 0) return;
  if (!pass_is_under_way_) {
    if (pass_began_ && now - *pass_began_ < settings.scrub_interval) return;
    pass_began_ = now;
    pass_is_under_way_ = true;
  }
  const std::uint64_t bytes = allowed(settings.scrub_bytes_per_second, since_last_turn);
  if (bytes == 0) return;
  const auto result = store_.scrub(bytes);
  if (!result) {
    spdlog::error("scrub: {}; it goes on behind it", result.error().message);
  } else if (result->pass_ended) {
    pass_is_under_way_ = false;
    spdlog::debug("scrub: everything that is sealed was read");
  }
  if (!result || result->damages > 0) tell_damage();
}

void Upkeep::tell_damage() {
  for (const storage::KnownDamage& damage : store_.known_damage()) {
    const storage::Quarantine& quarantine = damage.quarantine;
    if (!told_.insert(id_of(damage.log, damage.partition, quarantine)).second) continue;
    spdlog::error("damage: {}/{}: records {} to before {} cannot be read: {} at byte {} ({} bytes): {}", damage.log,
                  damage.partition, quarantine.offsets.begin, quarantine.offsets.end, quarantine.segment,
                  quarantine.position, quarantine.size, quarantine.why);
  }
}

Upkeep::DamageId Upkeep::id_of(const std::string& log, std::int32_t partition, const storage::Quarantine& quarantine) {
  return {log, partition, quarantine.offsets.begin, quarantine.offsets.end};
}

}  // namespace bitacora::app
