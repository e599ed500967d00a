// How far a partition is compacted: `compaction-checkpoint` in its directory. A note to spare work, written after what
// it says is durable: without it everything counts as not yet compacted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "storage/offset.h"

namespace bitacora::storage {

struct CompactionCheckpoint {
  Offset clean_end = 0;                  // no key has two records below
  std::optional<Timestamp> next_expiry;  // when the first tombstone below may go
  friend bool operator==(const CompactionCheckpoint&, const CompactionCheckpoint&) = default;
};

[[nodiscard]] std::string format_compaction_checkpoint(const CompactionCheckpoint& checkpoint);
// nullopt if `text` is anything else than what format gives.
[[nodiscard]] std::optional<CompactionCheckpoint> parse_compaction_checkpoint(std::string_view text);

}  // namespace bitacora::storage
