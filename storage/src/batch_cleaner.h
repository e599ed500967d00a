// What compaction does to one batch: which records stay, and the batch with only those. Offsets, times and headers of
// what stays are as they were. Rules: docs/storage-format.md, "Compaction".
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"
#include "latest_offsets.h"
#include "storage/batch.h"
#include "storage/offset.h"

namespace bitacora::storage {

struct CleaningRules {
  const LatestOffsets& latest;
  Timestamp expired;      // tombstones whose delete horizon is not past this may go
  Timestamp new_horizon;  // given to tombstones that this pass is the first to cover
};

// Below an unreadable place an older value of any key may hide: a tombstone above it must stay, or that value would be
// the key's last.
enum class Tombstones { may_expire, must_stay };

struct CleanedBatch {
  enum class Verdict {
    unchanged,
    rewritten,  // `bytes` is the new batch, unsealed: base offset and last offset are the old ones
    emptied,    // nothing is left of it but its offsets
    opaque,     // compressed, control or malformed records: kept as it is, nobody knows what keys are in it
  };
  Verdict verdict = Verdict::unchanged;
  Bytes bytes{};
  std::optional<Timestamp> delete_horizon{};  // of the tombstones that it keeps
};

[[nodiscard]] CleanedBatch clean_batch(const BatchView& batch, const CleaningRules& rules, Tombstones tombstones);

// A batch without records that holds the offsets of `batch`: unsealed.
[[nodiscard]] Bytes make_placeholder(const BatchView& batch);

// Gives the offsets of `taken`, which follows, to `batch`, and its newest time: unsealed afterwards.
void extend_over(std::span<std::byte> batch, const BatchView& taken);

// Adds the keys of `batch` to `latest`. Nothing of an opaque one.
void learn_keys(const BatchView& batch, LatestOffsets& latest);

// May this batch be appended to a compacted log? Every record needs a key and must be readable: Errc::invalid_argument.
[[nodiscard]] Result<> check_compactable(const BatchView& batch);

}  // namespace bitacora::storage
