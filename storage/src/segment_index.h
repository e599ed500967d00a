// A segment's two indexes in memory, and their files: Kafka's .index (offset -> position) and .timeindex (time ->
// offset). Both are caches of what the segment says; docs/storage-format.md says when a file is believed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/batch.h"
#include "storage/offset.h"

namespace bitacora::storage {

struct OffsetIndexEntry {
  Offset last_offset = 0;  // of the batch at `position`
  std::uint64_t position = 0;
  friend bool operator==(const OffsetIndexEntry&, const OffsetIndexEntry&) = default;
};

struct TimeIndexEntry {
  Timestamp timestamp = 0;  // the largest up to and with the batch whose last offset is `last_offset`
  Offset last_offset = 0;
  friend bool operator==(const TimeIndexEntry&, const TimeIndexEntry&) = default;
};

class SegmentIndex {
 public:
  SegmentIndex(Offset base, std::int64_t interval_bytes) : base_(base), interval_bytes_(interval_bytes) {}

  // For each batch of the segment, in order.
  void add(const BatchView& batch, std::uint64_t position);

  // The last entry whose batch ends at or before `offset`; nullopt: look from the segment's start.
  [[nodiscard]] std::optional<OffsetIndexEntry> find(Offset offset) const;
  // Every batch up to and with `last_offset` is older than `timestamp`; nullopt: look from the segment's start.
  [[nodiscard]] std::optional<TimeIndexEntry> find_before(Timestamp timestamp) const;
  // The last entry whose batch stands at or before `position`.
  [[nodiscard]] std::optional<OffsetIndexEntry> find_position(std::uint64_t position) const;
  [[nodiscard]] std::optional<OffsetIndexEntry> last_entry() const;
  // The largest of all batches; nullopt for an empty segment.
  [[nodiscard]] std::optional<Timestamp> max_timestamp() const;

  [[nodiscard]] Bytes encode_offsets() const;
  [[nodiscard]] Bytes encode_times() const;
  // What the two files hold, for a segment with offsets in `offsets` and `size` bytes. nullopt if they cannot be such a
  // segment's. Batches may be added.
  [[nodiscard]] static std::optional<SegmentIndex> decode(OffsetRange segment, std::uint64_t size,
                                                          std::int64_t interval_bytes, ByteView offsets,
                                                          ByteView times);

 private:
  void add_time_entry(std::vector<TimeIndexEntry>& to) const;

  Offset base_;
  std::int64_t interval_bytes_;
  std::int64_t bytes_since_entry_ = 0;
  std::vector<OffsetIndexEntry> offsets_;
  std::vector<TimeIndexEntry> times_;
  std::optional<TimeIndexEntry> newest_;  // the batch with the largest timestamp so far
};

}  // namespace bitacora::storage
