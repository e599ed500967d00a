// How a partition looks for damage that nobody has met yet. It holds no lock while it reads: appends, readers,
// retention and compaction go on beside it.
#include <algorithm>

#include "disk_partition.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t scrub_read_ahead = 256 << 10;

}  // namespace

Result<std::optional<ScrubStep>> DiskPartition::scrub(ScrubPosition& position, std::uint64_t max_bytes) {
  const std::optional<AsideEntrance> entrance = next_to_scrub(position);
  if (!entrance) return std::optional<ScrubStep>();
  const SegmentExtent& extent = entrance->extent;
  if (position.segment_base != extent.base || position.generation != extent.generation) {
    position = {
        .offset = extent.base, .segment_base = extent.base, .generation = extent.generation, .file_position = 0};
  }
  const ScrubPosition behind{.offset = extent.end};
  const Result<std::shared_ptr<File>> file = open_aside(*entrance);
  if (!file) {
    position = behind;
    return Failed(file.error());
  }
  if (!*file) return std::optional(ScrubStep{});  // it has just gone, or changed: looked up anew by the next call
  // What the page cache has proves nothing.
  (*file)->drop_cached(position.file_position, max_bytes + scrub_read_ahead);
  SegmentRegion region = region_of(extent);
  region.position = position.file_position;
  region.offset = position.offset;
  BatchWalker walker(**file, region, epochs_, scrub_read_ahead);
  ScrubStep done;
  while (done.bytes < max_bytes) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) {
      position = behind;
      return Failed(step.error());
    }
    if (*step == BatchWalker::Step::damage && found_damage(entrance->segment, walker.damage())) ++done.damages;
    done.bytes = walker.position() - position.file_position;
    if (*step == BatchWalker::Step::end) {
      position = behind;
      const std::lock_guard lock(mutex_);
      entrance->segment->key_index.reset();  // it is looked at again too
      return std::optional(done);
    }
  }
  position.offset = walker.offset();
  position.file_position = walker.position();
  return std::optional(done);
}

std::optional<DiskPartition::AsideEntrance> DiskPartition::next_to_scrub(const ScrubPosition& position) const {
  const std::lock_guard lock(mutex_);
  if (closed_ || segments_.size() < 2) return std::nullopt;
  const auto sealed_end = std::prev(segments_.end());
  const auto next = std::find_if(segments_.begin(), sealed_end,
                                 [&](const SegmentPtr& segment) { return segment->end > position.offset; });
  if (next == sealed_end) return std::nullopt;
  return AsideEntrance{.segment = *next, .extent = extent_of(**next), .file = (*next)->file, .swaps = swaps_};
}

// nullptr: the segment that was looked up is not what stands there now. Not through the cache, which is for readers.
Result<std::shared_ptr<File>> DiskPartition::open_aside(const AsideEntrance& entrance) const {
  if (entrance.file) return entrance.file;
  Result<std::unique_ptr<File>> file = context_.fs.open(entrance.extent.stem + std::string(log_suffix), OpenMode::read);
  const std::lock_guard lock(mutex_);
  const bool is_there = std::find(segments_.begin(), segments_.end(), entrance.segment) != segments_.end();
  if (!is_there || entrance.swaps != swaps_) return std::shared_ptr<File>();
  if (!file) return Failed(std::move(file.error()));
  return std::shared_ptr<File>(std::move(*file));
}

// true: it is news.
bool DiskPartition::found_damage(const SegmentPtr& segment, const Damage& damage) const {
  {
    const std::lock_guard lock(mutex_);
    if (damage.offsets.end <= log_start_) return false;
    if (std::find(segments_.begin(), segments_.end(), segment) == segments_.end()) return false;
  }
  return remember(segment, damage);
}

}  // namespace bitacora::storage
