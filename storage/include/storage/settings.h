// What a log is told: how many partitions, how durable, how long records are kept. Names and defaults follow Kafka's
// topic configuration where it has one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/errc.h"

namespace bitacora::storage {

enum class Durability {
  sync,    // fdatasync before the acknowledgement: survives a power cut. The default.
  async,   // in the kernel before the acknowledgement, synced in the background: survives kill -9, not a power cut.
  memory,  // a bounded ring in memory, never on disk: survives nothing. Offsets are still never used twice.
};

enum class Cleanup {
  remove,  // whole segments go when they are too old or too many (Kafka's cleanup.policy=delete)
  // The last record of each key stays (cleanup.policy=compact); records without a key are refused. The ring of a
  // `memory` log is not compacted.
  compact,
};

struct LogSettings {
  std::int32_t partitions = 4;  // 1 .. 1024; can grow, never shrink
  Durability durability = Durability::sync;
  Cleanup cleanup = Cleanup::remove;
  std::int64_t segment_bytes = 128 << 20;  // 1 KiB .. 2 GiB - 1; a segment is rolled before it would pass this
  std::chrono::milliseconds segment_age =
      std::chrono::hours(7 * 24);               // from 1 ms; rolled when its first record is older
  std::optional<std::int64_t> retention_bytes;  // per partition; none = no limit
  std::optional<std::chrono::milliseconds> retention_time = std::chrono::hours(7 * 24);  // none = for ever
  std::int64_t max_batch_bytes = 32 << 20;  // 128 .. 2 GiB - 1; a batch over this is refused (Errc::too_large)
  std::chrono::milliseconds flush_interval =
      std::chrono::seconds(1);           // from 1 ms; async: how often the background sync runs
  std::int64_t memory_bytes = 64 << 20;  // from 1 KiB; memory: what a partition's ring holds
  std::chrono::milliseconds delete_retention = std::chrono::hours(24);  // compact: how long a tombstone stays
  double min_cleanable_ratio = 0.5;  // compact: share of dirty bytes that starts a pass, 0 .. 1
  friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

[[nodiscard]] std::string_view name_of(Durability) noexcept;
[[nodiscard]] std::string_view name_of(Cleanup) noexcept;  // "delete" or "compact"
[[nodiscard]] std::optional<Durability> parse_durability(std::string_view) noexcept;
[[nodiscard]] std::optional<Cleanup> parse_cleanup(std::string_view) noexcept;

// Errc::invalid_argument naming the setting, its value and its range.
[[nodiscard]] Result<> check(const LogSettings&);
// Legal as a Kafka topic's name: [a-zA-Z0-9._-]{1,249}, not "." or "..". Names that begin with "__" are the server's
// own.
[[nodiscard]] Result<> check_log_name(std::string_view name);

}  // namespace bitacora::storage
