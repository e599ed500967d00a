#include "segment.h"

#include <algorithm>

#include "base/failpoint.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t rebuild_read_ahead = 1 << 20;

// Does the index say what the segment says, as far as a look at the segment's end can tell? The last entry must name
// its batch, no entry may be missing behind it, and the largest timestamp must be there.
Result<bool> index_is_believable(const SegmentIndex& index, const SegmentExtent& extent, const File& file,
                                 const LeaderEpochs& epochs, std::int64_t interval) {
  SegmentRegion region = region_of(extent);
  const std::optional<OffsetIndexEntry> last = index.last_entry();
  if (last) {
    region.position = last->position;
    const Result<Offset> base = batch_base_at(file, *last, extent.size);
    if (!base && base.error().code != Errc::corrupt) return Failed(base.error());
    if (!base) return false;
    region.offset = *base;
  }
  const std::uint64_t indexed_position = region.position;
  BatchWalker walker(file, region, epochs, 2 * static_cast<std::size_t>(interval));
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) return true;
    if (*step == BatchWalker::Step::damage) return false;
    const std::optional<Timestamp> newest = index.max_timestamp();
    if (!newest || walker.batch().max_timestamp() > *newest) return false;
    if (walker.batch_position() - indexed_position > static_cast<std::uint64_t>(interval)) return false;
  }
}

Result<> write_small_file(FileSystem& fs, const std::string& path, ByteView bytes) {
  const auto file = fs.open(path, OpenMode::create);
  if (!file) return Failed(file.error());
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  if (auto written = (*file)->write_at(0, bytes); !written) return written;
  return (*file)->sync();
}

}  // namespace

SegmentExtent extent_of(const Segment& segment) {
  return {segment.base, segment.stem, segment.end, segment.size, segment.generation};
}

SegmentRegion region_of(const SegmentExtent& extent) {
  return {.position = 0, .offset = extent.base, .end_position = extent.size, .end_offset = extent.end};
}

Result<Offset> batch_base_at(const File& file, const OffsetIndexEntry& entry, std::uint64_t segment_size) {
  Bytes header(batch_header_size);
  if (entry.position + header.size() > segment_size) return fail(Errc::corrupt, "index entry past the segment's end");
  const Result<std::size_t> count = file.read_at(entry.position, header);
  if (!count) return Failed(count.error());
  if (*count != header.size() || !BatchView::claimed_size(header))
    return fail(Errc::corrupt, "no batch at index entry");
  const BatchView batch = BatchView::header_only(header);
  if (batch.last_offset() != entry.last_offset || batch.base_offset() > entry.last_offset)
    return fail(Errc::corrupt, "another batch at index entry");
  return batch.base_offset();
}

Result<> write_index_files(FileSystem& fs, const std::string& stem, const SegmentIndex& index) {
  const std::string offsets_path = stem + std::string(index_suffix);
  if (auto written = write_small_file(fs, offsets_path, index.encode_offsets()); !written) return written;
  BITACORA_FAILPOINT("index.offsets_written");
  return write_small_file(fs, stem + std::string(time_index_suffix), index.encode_times());
}

SegmentCache::SegmentCache(FileSystem& fs, std::size_t capacity, std::int64_t index_interval, Access access)
    : fs_(fs), capacity_(capacity), index_interval_(index_interval), access_(access) {}

Result<std::shared_ptr<const OpenSegment>> SegmentCache::open(const SegmentExtent& extent, const LeaderEpochs& epochs) {
  if (std::shared_ptr<const OpenSegment> found = find(extent)) return found;
  auto file = fs_.open(extent.stem + std::string(log_suffix), OpenMode::read);
  if (!file) return Failed(std::move(file.error()));
  Result<std::optional<SegmentIndex>> index = load_index(extent, **file, epochs);
  if (!index) return Failed(std::move(index.error()));
  if (!*index) return rebuild(extent, epochs);
  auto segment =
      std::make_shared<const OpenSegment>(OpenSegment{std::move(*file), std::move(**index), false, extent.generation});
  put(extent.stem, segment);
  return segment;
}

Result<std::optional<SegmentIndex>> SegmentCache::load_index(const SegmentExtent& extent, const File& file,
                                                             const LeaderEpochs& epochs) {
  const Result<Bytes> offsets = read_file(fs_, extent.stem + std::string(index_suffix));
  const Result<Bytes> times = read_file(fs_, extent.stem + std::string(time_index_suffix));
  if (!offsets || !times) return std::optional<SegmentIndex>();
  std::optional<SegmentIndex> index =
      SegmentIndex::decode({extent.base, extent.end}, extent.size, index_interval_, *offsets, *times);
  if (!index) return index;
  const Result<bool> believable = index_is_believable(*index, extent, file, epochs, index_interval_);
  if (!believable) return Failed(believable.error());
  if (!*believable) index.reset();
  return index;
}

Result<std::shared_ptr<const OpenSegment>> SegmentCache::rebuild(const SegmentExtent& extent,
                                                                 const LeaderEpochs& epochs) {
  const std::lock_guard lock(rebuilding_);
  auto file = fs_.open(extent.stem + std::string(log_suffix), OpenMode::read);
  if (!file) return Failed(std::move(file.error()));
  SegmentIndex index(extent.base, index_interval_);
  BatchWalker walker(**file, region_of(extent), epochs, rebuild_read_ahead);
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) break;
    if (*step == BatchWalker::Step::batch) index.add(walker.batch(), walker.batch_position());
  }
  // An index that could not be written is rebuilt again at the next start; readers have it in memory until then.
  if (access_ == Access::read_write) static_cast<void>(write_index_files(fs_, extent.stem, index));
  auto segment =
      std::make_shared<const OpenSegment>(OpenSegment{std::move(*file), std::move(index), true, extent.generation});
  put(extent.stem, segment);
  return segment;
}

std::shared_ptr<const OpenSegment> SegmentCache::find(const SegmentExtent& extent) {
  const std::lock_guard lock(mutex_);
  const auto found = by_stem_.find(extent.stem);
  if (found == by_stem_.end() || found->second->second->generation != extent.generation) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void SegmentCache::put(const std::string& stem, std::shared_ptr<const OpenSegment> segment) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_stem_.find(stem); found != by_stem_.end()) {
    if (found->second->second->generation > segment->generation) return;
    entries_.erase(found->second);
  }
  entries_.emplace_front(stem, std::move(segment));
  by_stem_[stem] = entries_.begin();
  if (entries_.size() > capacity_) {
    by_stem_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

void SegmentCache::drop(const std::string& stem) {
  const std::lock_guard lock(mutex_);
  const auto found = by_stem_.find(stem);
  if (found == by_stem_.end()) return;
  entries_.erase(found->second);
  by_stem_.erase(found);
}

}  // namespace bitacora::storage
