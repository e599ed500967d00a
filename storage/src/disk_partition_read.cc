// What readers do with a partition on disk. Every batch is checked again on its way out: CRC, offset, epoch.
#include <algorithm>

#include "disk_partition.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t largest_read_ahead = 1 << 20;

// Skips what is known to be damaged in front of `offset`.
void step_over_known_damage(SegmentRegion& region, const std::vector<Damage>& damages, Offset offset) {
  for (const Damage& damage : damages) {
    if (damage.offsets.end > offset || damage.offsets.end <= region.offset) continue;
    region.position = damage.position + damage.size;
    region.offset = damage.offsets.end;
  }
}

}  // namespace

Failed DiskPartition::lost(const Damage& damage) const {
  return Failed(Error{.code = Errc::corrupt,
                      .message = directory_ + ": offsets " + std::to_string(damage.offsets.begin) + " to " +
                                 std::to_string(damage.offsets.end - 1) + " cannot be read (" + damage.why +
                                 "); reading goes on at " + std::to_string(damage.offsets.end),
                      .os_error = 0,
                      .range = damage.offsets});
}

Result<DiskPartition::Entrance> DiskPartition::enter(Offset offset) const {
  const std::lock_guard lock(mutex_);
  if (offset < log_start_ || offset >= committed_) {
    return fail(Errc::offset_out_of_range, directory_ + ": offset " + std::to_string(offset) + " is outside [" +
                                               std::to_string(log_start_) + ", " + std::to_string(committed_) + "]");
  }
  const SegmentPtr segment = segment_of(offset);
  if (!segment) return fail(Errc::offset_out_of_range, directory_ + ": no segment holds the offset");
  for (const Damage& damage : segment->damages) {
    if (offset >= damage.offsets.begin && offset < damage.offsets.end) return lost(damage);
  }
  return entrance_to(segment, offset);
}

SegmentPtr DiskPartition::segment_of(Offset offset) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](Offset wanted, const SegmentPtr& segment) { return wanted < segment->base; });
  return after == segments_.begin() ? nullptr : *std::prev(after);
}

DiskPartition::Entrance DiskPartition::entrance_to(const SegmentPtr& segment, Offset offset) const {
  Entrance entrance{.segment = segment,
                    .extent = extent_of(*segment),
                    .file = segment->file,
                    .indexed = {},
                    .damages = segment->damages,
                    .swaps = swaps_};
  entrance.extent.end = std::min(entrance.extent.end, committed_);
  if (entrance.file) entrance.indexed = segment->index.find(offset);
  return entrance;
}

// Between the look at the segments and the opening of a file compaction may have put another in its place: then what
// was opened does not belong to what was looked at.
Result<DiskPartition::Entrance> DiskPartition::enter_and_open(Offset offset) const {
  while (true) {
    Result<Entrance> entrance = enter(offset);
    if (!entrance || entrance->file) return entrance;
    const Result<> opened = open_file(*entrance, offset);
    {
      const std::lock_guard lock(mutex_);
      if (entrance->swaps != swaps_) continue;
    }
    return opened ? std::move(entrance) : Failed(opened.error());
  }
}

// A sealed segment's file is opened, and its index asked, outside the mutex.
Result<> DiskPartition::open_file(Entrance& entrance, Offset offset) const {
  if (entrance.file) return {};
  const auto opened = context_.cache.open(entrance.extent, epochs_);
  if (!opened) {
    const std::lock_guard lock(mutex_);
    if (opened.error().code == Errc::not_found && offset < log_start_) {
      return fail(Errc::offset_out_of_range, directory_ + ": retention has just removed the segment");
    }
    return Failed(opened.error());
  }
  entrance.file = (*opened)->file;
  entrance.indexed = (*opened)->index.find(offset);
  if (!entrance.indexed || (*opened)->index_was_rebuilt) return {};
  const Result<Offset> base = batch_base_at(*entrance.file, *entrance.indexed, entrance.extent.size);
  if (base || base.error().code != Errc::corrupt) return {};
  // The index file passed its checks and is wrong all the same.
  const auto rebuilt = context_.cache.rebuild(entrance.extent, epochs_);
  if (!rebuilt) return Failed(rebuilt.error());
  entrance.indexed = (*rebuilt)->index.find(offset);
  return {};
}

// A batch's place at or before the one that holds `offset`.
Result<SegmentRegion> DiskPartition::find_start(Entrance& entrance, Offset offset) const {
  SegmentRegion region = region_of(entrance.extent);
  if (entrance.indexed) {
    const Result<Offset> base = batch_base_at(*entrance.file, *entrance.indexed, entrance.extent.size);
    if (!base && base.error().code != Errc::corrupt) return Failed(base.error());
    if (base) {
      region.position = entrance.indexed->position;
      region.offset = *base;
    }  // otherwise that batch is damaged: from the segment's start the walk finds what is left around it
  }
  step_over_known_damage(region, entrance.damages, offset);
  return region;
}

Result<ReadResult> DiskPartition::read(Offset offset, std::size_t max_bytes, ReadHint hint) const {
  ReadResult result;
  result.next = offset;
  const PartitionOffsets bounds = offsets();
  if (offset == bounds.committed) {
    result.hint = hint;
    return result;
  }
  do {
    const std::size_t before = result.bytes.size();
    if (Result<> done = read_segment(result.next, max_bytes - before, hint, result); !done) {
      if (result.bytes.empty()) return Failed(std::move(done.error()));
      break;  // met again, and told, by the next read
    }
    if (result.bytes.size() == before) break;
    hint = result.hint;
  } while (result.next < bounds.committed && result.bytes.size() < max_bytes);
  return result;
}

Result<> DiskPartition::read_segment(Offset offset, std::size_t max_bytes, const ReadHint& hint,
                                     ReadResult& into) const {
  Result<Entrance> entrance = enter_and_open(offset);
  if (!entrance) return Failed(std::move(entrance.error()));
  const SegmentExtent& extent = entrance->extent;
  if (hint.offset == offset && hint.segment_base == extent.base && hint.position < extent.size) {
    SegmentRegion region = region_of(extent);
    region.position = hint.position;
    region.offset = offset;
    const Result<std::optional<Damage>> met = read_region(*entrance, region, offset, max_bytes, into);
    if (!met) return Failed(met.error());
    if (!*met) return {};
    // The hint was stale, or the batch is damaged, which the search will tell.
  }
  const Result<SegmentRegion> region = find_start(*entrance, offset);
  if (!region) return Failed(region.error());
  const Result<std::optional<Damage>> met = read_region(*entrance, *region, offset, max_bytes, into);
  if (!met) return Failed(met.error());
  if (!*met) return {};
  static_cast<void>(remember(entrance->segment, **met));
  return lost(**met);
}

// Appends whole batches to `into`. Damage is given back if it was met before any.
Result<std::optional<Damage>> DiskPartition::read_region(const Entrance& entrance, const SegmentRegion& region,
                                                         Offset offset, std::size_t max_bytes, ReadResult& into) const {
  const std::size_t begin = into.bytes.size();
  BatchWalker walker(*entrance.file, region, epochs_, std::min(max_bytes, largest_read_ahead));
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) return std::optional<Damage>();
    if (*step == BatchWalker::Step::damage) {
      if (walker.damage().offsets.end <= offset) continue;
      return into.bytes.size() == begin ? std::optional(walker.damage()) : std::nullopt;
    }
    const BatchView& batch = walker.batch();
    if (batch.next_offset() <= offset) continue;
    if (!into.bytes.empty() && into.bytes.size() - begin + batch.size() > max_bytes) return std::optional<Damage>();
    append(into.bytes, batch.bytes());
    into.next = batch.next_offset();
    into.hint = {.offset = into.next, .segment_base = entrance.extent.base, .position = walker.position()};
    if (into.bytes.size() - begin >= max_bytes) return std::optional<Damage>();
  }
}

// false: it was known, maybe as a part of a longer range. Where it is the longer one it takes the others' place.
bool DiskPartition::remember(const SegmentPtr& segment, const Damage& damage) const {
  const std::lock_guard lock(mutex_);
  std::vector<Damage>& known = segment->damages;
  const auto holds = [](const Damage& outer, const Damage& inner) {
    return outer.offsets.begin <= inner.offsets.begin && outer.offsets.end >= inner.offsets.end;
  };
  if (std::any_of(known.begin(), known.end(), [&](const Damage& other) { return holds(other, damage); })) return false;
  std::erase_if(known, [&](const Damage& other) { return holds(damage, other); });
  const auto place = std::find_if(known.begin(), known.end(),
                                  [&](const Damage& other) { return other.offsets.begin >= damage.offsets.begin; });
  known.insert(place, damage);
  return true;
}

Result<std::optional<OffsetAtTime>> DiskPartition::find_time(Timestamp timestamp) const {
  while (true) {
    std::vector<SegmentPtr> segments;
    std::uint64_t swaps = 0;
    {
      const std::lock_guard lock(mutex_);
      segments = segments_;
      swaps = swaps_;
    }
    Result<std::optional<OffsetAtTime>> found = find_time_among(segments, timestamp);
    const std::lock_guard lock(mutex_);
    if (swaps == swaps_) return found;  // otherwise compaction has changed files under it
  }
}

Result<std::optional<OffsetAtTime>> DiskPartition::find_time_among(const std::vector<SegmentPtr>& segments,
                                                                   Timestamp timestamp) const {
  for (const SegmentPtr& segment : segments) {
    const Result<std::optional<Timestamp>> newest = max_timestamp_of(segment);
    if (!newest) {
      if (newest.error().code == Errc::not_found) continue;  // removed by retention meanwhile
      return Failed(newest.error());
    }
    if (!*newest || **newest < timestamp) continue;
    Result<std::optional<OffsetAtTime>> found = find_time_in(segment, timestamp);
    if (!found || *found) return found;
  }
  return std::optional<OffsetAtTime>();
}

Result<std::optional<Timestamp>> DiskPartition::max_timestamp_of(const SegmentPtr& segment) const {
  SegmentExtent extent;
  {
    const std::lock_guard lock(mutex_);
    if (segment->file) return segment->index.max_timestamp();
    if (segment->max_timestamp) return segment->max_timestamp;
    extent = extent_of(*segment);
  }
  const auto opened = context_.cache.open(extent, epochs_);
  if (!opened) return Failed(opened.error());
  const std::lock_guard lock(mutex_);
  segment->max_timestamp = (*opened)->index.max_timestamp();
  return segment->max_timestamp;
}

namespace {

struct TimeSearch {
  bool was_misled = false;  // the index names a batch that the log does not have
  std::optional<OffsetAtTime> found{};
};

// `walker` begins at or before the batch that `before` names. A .timeindex has no checksum: what it says holds where
// the log says the same, the named batch with that timestamp, and misleads otherwise.
Result<TimeSearch> search_time(BatchWalker& walker, const std::optional<TimeIndexEntry>& before, Timestamp timestamp,
                               Offset lowest) {
  bool is_confirmed = !before;
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) return TimeSearch{.was_misled = !is_confirmed};
    if (*step == BatchWalker::Step::damage) continue;
    const BatchView& batch = walker.batch();
    if (!is_confirmed && batch.last_offset() < before->last_offset) continue;
    if (!is_confirmed) {
      is_confirmed = batch.last_offset() == before->last_offset && batch.max_timestamp() == before->timestamp;
      if (!is_confirmed) return TimeSearch{.was_misled = true};
    }
    if (batch.next_offset() <= lowest || batch.max_timestamp() < timestamp) continue;
    const std::optional<OffsetAtTime> found = first_at_or_after(batch, timestamp, lowest);
    if (found) return TimeSearch{.found = found};
  }
}

}  // namespace

Result<std::optional<OffsetAtTime>> DiskPartition::find_time_in(const SegmentPtr& segment, Timestamp timestamp) const {
  Entrance entrance;
  Offset lowest = 0;
  std::optional<TimeIndexEntry> before;
  {
    const std::lock_guard lock(mutex_);
    lowest = log_start_;
    entrance = entrance_to(segment, segment->base);
    if (entrance.file) before = segment->index.find_before(timestamp);
  }
  if (!entrance.file) {
    const auto opened = context_.cache.open(entrance.extent, epochs_);
    if (!opened) return Failed(opened.error());
    before = (*opened)->index.find_before(timestamp);
  }
  if (entrance.extent.base >= entrance.extent.end) return std::optional<OffsetAtTime>();
  const bool is_active = entrance.file != nullptr;
  while (true) {
    const Offset from = before ? before->last_offset : entrance.extent.base;
    entrance.indexed.reset();
    if (is_active) {
      const std::lock_guard lock(mutex_);
      entrance.indexed = segment->index.find(from);
    } else if (auto done = open_file(entrance, from); !done) {
      return Failed(std::move(done.error()));
    }
    const Result<SegmentRegion> region = find_start(entrance, from);
    if (!region) return Failed(region.error());
    BatchWalker walker(*entrance.file, *region, epochs_, largest_read_ahead / 16);
    const Result<TimeSearch> search = search_time(walker, before, timestamp, lowest);
    if (!search) return Failed(search.error());
    if (!search->was_misled) return search->found;
    before.reset();
  }
}

}  // namespace bitacora::storage
