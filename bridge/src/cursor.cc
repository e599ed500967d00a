#include "bridge/cursor.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::bridge {
namespace {

// Where a reader of this position has to stop for now.
storage::Offset end_of(const PartitionPosition& position, const storage::PartitionOffsets& offsets) noexcept {
  return std::min(position.limit, offsets.committed);
}

}  // namespace

storage::Result<std::optional<CursorRecord>> Cursor::next() {
  last_ = -1;
  searching_ = false;
  if (gap_) return std::nullopt;
  auto record = next_in_chunk();
  if (!record || *record || gap_) return record;
  std::size_t at_end = 0;  // partitions in a row that have nothing
  while (at_end < positions_.size()) {
    current_ = (current_ + 1) % positions_.size();
    const auto filled = fill(current_);
    if (!filled) return storage::Failed(filled.error());
    searching_ = *filled == Fill::searching;
    if (*filled == Fill::gap || searching_) return std::nullopt;
    if (*filled == Fill::at_end) {
      ++at_end;
      continue;
    }
    at_end = 0;
    record = next_in_chunk();  // may have none: a chunk of control batches
    if (!record || *record || gap_) return record;
  }
  return std::nullopt;
}

void Cursor::search_for(std::shared_ptr<const storage::KeyFilter> filter) {
  wanted_ = std::move(filter);
  found_.clear();
}

void Cursor::put_back() {
  BITACORA_ASSERT(last_ >= 0);
  positions_[current_].offset = last_;
  last_ = -1;
  // The position says which records of the batch to pass over, so reading the batch anew is all there is to do.
  if (reader_) reader_.emplace(storage::BatchView::trusted(ByteView(chunk_).subspan(chunk_at_)));
}

std::optional<Gap> Cursor::take_gap() { return std::exchange(gap_, std::nullopt); }

void Cursor::release_chunk() {
  reader_.reset();
  chunk_ = Bytes();
  chunk_at_ = 0;
}

const PartitionPosition* Cursor::position_of(const storage::Partition& partition) const noexcept {
  const auto found =
      std::find_if(positions_.begin(), positions_.end(), [&](const auto& p) { return p.partition == &partition; });
  return found == positions_.end() ? nullptr : &*found;
}

void Cursor::set_limit(const storage::Partition& partition, storage::Offset limit) {
  for (PartitionPosition& position : positions_) {
    if (position.partition == &partition) position.limit = limit;
  }
}

void Cursor::add(PartitionPosition position) { positions_.push_back(position); }

storage::Result<Cursor::Fill> Cursor::fill(std::size_t which) {
  PartitionPosition& position = positions_[which];
  hints_.resize(positions_.size());
  const storage::PartitionOffsets offsets = position.partition->offsets();
  if (position.offset >= end_of(position, offsets)) return Fill::at_end;
  const std::optional<std::size_t> max_bytes = wanted_ ? seek(which) : chunk_bytes;
  if (!max_bytes) return Fill::searching;

  auto read = position.partition->read(position.offset, *max_bytes, hints_[which]);
  if (read) {
    if (read->bytes.empty()) return Fill::at_end;
    chunk_ = std::move(read->bytes);
    chunk_at_ = 0;
    chunk_next_ = read->next;
    hints_[which] = read->hint;
    reader_.emplace(storage::BatchView::trusted(chunk_));
    return Fill::filled;
  }

  const storage::Error& error = read.error();
  if (error.code == storage::Errc::offset_out_of_range) {
    const storage::Offset log_start = position.partition->offsets().log_start;  // it may have moved since
    if (log_start > position.offset) {
      pass_over(position, {position.offset, log_start}, Gap::Cause::retention);
      return Fill::gap;
    }
  }
  if (error.code == storage::Errc::corrupt && error.range && error.range->end > position.offset) {
    pass_over(position, {std::max(position.offset, error.range->begin), error.range->end}, Gap::Cause::damage);
    return Fill::gap;
  }
  return storage::Failed(error);
}

// Moves the position to the next place where something wanted may be, and says how much is to be read there. nullopt:
// there was none up to where the position is now. Only a saving: where the log cannot be asked it is read, and that
// tells what is wrong.
std::optional<std::size_t> Cursor::seek(std::size_t which) {
  found_.resize(positions_.size());
  PartitionPosition& position = positions_[which];
  Found& found = found_[which];
  if (position.offset >= found.search.until) {
    auto search = position.partition->find_keys(position.offset, *wanted_);
    if (!search) return chunk_bytes;
    found = {std::move(*search), 0};
  }
  const std::vector<storage::KeySearch::Range>& ranges = found.search.ranges;
  while (found.next < ranges.size() && ranges[found.next].offsets.end <= position.offset) ++found.next;
  const bool is_any = found.next < ranges.size();
  const storage::Offset next = is_any ? ranges[found.next].offsets.begin : found.search.until;
  position.offset = std::min(std::max(position.offset, next), position.limit);
  if (!is_any || position.offset == position.limit) return std::nullopt;
  const bool is_whole = position.offset == ranges[found.next].offsets.begin;
  return is_whole ? static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, ranges[found.next].bytes))
                  : chunk_bytes;
}

void Cursor::pass_over(PartitionPosition& position, storage::OffsetRange offsets, Gap::Cause cause) {
  offsets.end = std::min(offsets.end, position.limit);
  gap_ = Gap{position.partition, offsets, cause};
  position.offset = offsets.end;
}

storage::Result<std::optional<CursorRecord>> Cursor::next_in_chunk() {
  while (reader_) {
    PartitionPosition& position = positions_[current_];
    const auto batch = storage::BatchView::trusted(ByteView(chunk_).subspan(chunk_at_));
    if (!batch.is_control()) {
      auto record = reader_->next();
      // The bytes are as they were written (their checksum held), and yet they are no records that can be read.
      if (!record) {
        pass_over(position, {position.offset, batch.next_offset()}, Gap::Cause::damage);
        move_behind(batch);
        return std::nullopt;
      }
      if (*record) {
        const storage::Offset offset = (*record)->offset;
        if (offset < position.offset) continue;  // before the place this reader started at
        if (offset >= position.limit) {
          release_chunk();
          return std::nullopt;
        }
        position.offset = offset + 1;
        last_ = offset;
        return CursorRecord{position.partition, **record};
      }
    }
    move_behind(batch);
  }
  return std::nullopt;
}

void Cursor::move_behind(storage::BatchView batch) {
  PartitionPosition& position = positions_[current_];
  chunk_at_ += batch.size();
  const bool at_end = chunk_at_ >= chunk_.size();
  // Offsets without a record (compacted away, a control batch) are behind the cursor too, so that it comes to the end.
  const storage::Offset behind = at_end ? chunk_next_ : batch.next_offset();
  position.offset = std::max(position.offset, std::min(behind, position.limit));
  if (at_end) {
    release_chunk();
  } else {
    reader_.emplace(storage::BatchView::trusted(ByteView(chunk_).subspan(chunk_at_)));
  }
}

}  // namespace bitacora::bridge
