#include "segment_index.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t offset_entry_size = 8;
constexpr std::size_t time_entry_size = 12;

}  // namespace

void SegmentIndex::add(const BatchView& batch, std::uint64_t position) {
  if (!newest_ || batch.max_timestamp() > newest_->timestamp) {
    newest_ = TimeIndexEntry{batch.max_timestamp(), batch.last_offset()};
  }
  if (bytes_since_entry_ > interval_bytes_) {
    offsets_.push_back({batch.last_offset(), position});
    add_time_entry(times_);
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += static_cast<std::int64_t>(batch.size());
}

void SegmentIndex::add_time_entry(std::vector<TimeIndexEntry>& to) const {
  if (newest_ && (to.empty() || newest_->timestamp > to.back().timestamp)) to.push_back(*newest_);
}

std::optional<OffsetIndexEntry> SegmentIndex::find(Offset offset) const {
  const auto after =
      std::upper_bound(offsets_.begin(), offsets_.end(), offset,
                       [](Offset wanted, const OffsetIndexEntry& entry) { return wanted < entry.last_offset; });
  if (after == offsets_.begin()) return std::nullopt;
  return *std::prev(after);
}

std::optional<OffsetIndexEntry> SegmentIndex::find_position(std::uint64_t position) const {
  const auto after =
      std::upper_bound(offsets_.begin(), offsets_.end(), position,
                       [](std::uint64_t wanted, const OffsetIndexEntry& entry) { return wanted < entry.position; });
  return after == offsets_.begin() ? std::nullopt : std::optional(*std::prev(after));
}

std::optional<TimeIndexEntry> SegmentIndex::find_before(Timestamp timestamp) const {
  const auto at_or_after =
      std::lower_bound(times_.begin(), times_.end(), timestamp,
                       [](const TimeIndexEntry& entry, Timestamp wanted) { return entry.timestamp < wanted; });
  if (at_or_after == times_.begin()) return std::nullopt;
  return *std::prev(at_or_after);
}

std::optional<OffsetIndexEntry> SegmentIndex::last_entry() const {
  return offsets_.empty() ? std::nullopt : std::optional(offsets_.back());
}

std::optional<Timestamp> SegmentIndex::max_timestamp() const {
  return newest_ ? std::optional(newest_->timestamp) : std::nullopt;
}

Bytes SegmentIndex::encode_offsets() const {
  Bytes bytes;
  bytes.reserve(offsets_.size() * offset_entry_size);
  for (const OffsetIndexEntry& entry : offsets_) {
    append_be(bytes, static_cast<std::int32_t>(entry.last_offset - base_));
    append_be(bytes, static_cast<std::int32_t>(entry.position));
  }
  return bytes;
}

Bytes SegmentIndex::encode_times() const {
  std::vector<TimeIndexEntry> times = times_;
  add_time_entry(times);
  Bytes bytes;
  bytes.reserve(times.size() * time_entry_size);
  for (const TimeIndexEntry& entry : times) {
    append_be(bytes, entry.timestamp);
    append_be(bytes, static_cast<std::int32_t>(entry.last_offset - base_));
  }
  return bytes;
}

std::optional<SegmentIndex> SegmentIndex::decode(OffsetRange segment, std::uint64_t size, std::int64_t interval_bytes,
                                                 ByteView offsets, ByteView times) {
  const auto [base, end] = segment;
  if (offsets.size() % offset_entry_size != 0 || times.size() % time_entry_size != 0) return std::nullopt;
  SegmentIndex index(base, interval_bytes);
  for (std::size_t at = 0; at < offsets.size(); at += offset_entry_size) {
    const OffsetIndexEntry entry{base + load_be<std::int32_t>(&offsets[at]), load_be<std::uint32_t>(&offsets[at + 4])};
    if (entry.last_offset < base || entry.last_offset >= end || entry.position >= size) return std::nullopt;
    if (!index.offsets_.empty() &&
        (entry.last_offset <= index.offsets_.back().last_offset || entry.position <= index.offsets_.back().position)) {
      return std::nullopt;
    }
    index.offsets_.push_back(entry);
  }
  for (std::size_t at = 0; at < times.size(); at += time_entry_size) {
    const TimeIndexEntry entry{load_be<std::int64_t>(&times[at]), base + load_be<std::int32_t>(&times[at + 8])};
    if (entry.last_offset < base || entry.last_offset >= end) return std::nullopt;
    if (!index.times_.empty() &&
        (entry.timestamp <= index.times_.back().timestamp || entry.last_offset <= index.times_.back().last_offset)) {
      return std::nullopt;
    }
    index.times_.push_back(entry);
  }
  const std::uint64_t indexed = index.offsets_.empty() ? 0 : index.offsets_.back().position;
  index.bytes_since_entry_ = static_cast<std::int64_t>(size - indexed);
  if (!index.times_.empty()) index.newest_ = index.times_.back();
  return index;
}

}  // namespace bitacora::storage
