// Batches of a partition on disk as they lie there, for sendfile.
#include <algorithm>

#include "disk_partition.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t search_read_ahead = 8 << 10;

}  // namespace

Result<StoredBatches> DiskPartition::stored_batches(Offset offset, std::uint64_t max_bytes) const {
  if (offset == offsets().committed) return StoredBatches{.offsets = {offset, offset}, .file = nullptr, .bytes = {}};
  Result<Entrance> entrance = enter_and_open(offset);
  if (!entrance) return Failed(std::move(entrance.error()));
  const SegmentExtent& extent = entrance->extent;
  const Result<SegmentRegion> region = find_start(*entrance, offset);
  if (!region) return Failed(region.error());
  BatchWalker walker(*entrance->file, *region, epochs_, search_read_ahead);
  do {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) return fail(Errc::io_error, directory_ + ": the segment ends too early");
    if (*step == BatchWalker::Step::damage && walker.offset() > offset) {
      static_cast<void>(remember(entrance->segment, walker.damage()));
      return lost(walker.damage());
    }
  } while (walker.offset() <= offset);
  const BatchView& first = walker.batch();
  StoredBatches stored{.offsets = {first.base_offset(), first.next_offset()},
                       .file = entrance->file,
                       .position = walker.batch_position(),
                       .size = first.size(),
                       .bytes = {}};
  // Up to the segment's end, what is known to be damaged, or the last place the index knows that `max_bytes` reaches.
  std::uint64_t end = extent.size;
  Offset end_offset = extent.end;
  for (const Damage& damage : entrance->damages) {
    if (damage.position < walker.position() || damage.position >= end) continue;
    end = damage.position;
    end_offset = damage.offsets.begin;
  }
  if (end - stored.position > max_bytes) {
    const Result<OffsetIndexEntry> boundary = boundary_before(*entrance, stored.position + max_bytes);
    if (!boundary) return Failed(boundary.error());
    if (boundary->position <= walker.position()) return stored;
    end = boundary->position;
    end_offset = boundary->last_offset;
  }
  stored.size = end - stored.position;
  stored.offsets.end = end_offset;
  return stored;
}

// A batch's place at or before `position`; its `last_offset` is the batch's first here. Position 0 if none is known.
Result<OffsetIndexEntry> DiskPartition::boundary_before(const Entrance& entrance, std::uint64_t position) const {
  std::optional<OffsetIndexEntry> entry;
  bool is_open = false;  // the active segment's index is the partition's own
  {
    const std::lock_guard lock(mutex_);
    is_open = entrance.segment->file != nullptr;
    if (is_open) entry = entrance.segment->index.find_position(position);
  }
  if (!is_open) {
    const auto opened = context_.cache.open(entrance.extent, epochs_);
    if (!opened) return Failed(opened.error());
    entry = (*opened)->index.find_position(position);
  }
  if (!entry) return OffsetIndexEntry{};
  const Result<Offset> base = batch_base_at(*entrance.file, *entry, entrance.extent.size);
  if (!base)
    return base.error().code == Errc::corrupt ? Result<OffsetIndexEntry>(OffsetIndexEntry{}) : Failed(base.error());
  return OffsetIndexEntry{*base, entry->position};
}

}  // namespace bitacora::storage
