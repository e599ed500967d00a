// The key index of a partition on disk: how it is made beside everything else, and what readers find by it.
#include <algorithm>

#include "disk_partition.h"
#include "file_names.h"
#include "key_index_file.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t build_read_ahead = 256 << 10;
constexpr std::size_t max_build_memory = 8 << 20;
constexpr std::uint64_t max_section_bytes = 32 << 20;  // of batches
// Of the active segment so much is left for readers to read: a section for less is not worth its repeating of keys.
constexpr std::uint64_t min_active_bytes = 4 << 20;

}  // namespace

// --- making it ---

Result<std::optional<std::uint64_t>> DiskPartition::index_keys() {
  const std::lock_guard housekeeping_lock(housekeeping_mutex_);  // whose segments would otherwise go under it
  while (true) {
    const std::optional<AsideEntrance> entrance = next_to_index();
    if (!entrance) return std::optional<std::uint64_t>();
    const Result<std::shared_ptr<File>> file = open_aside(*entrance);
    if (!file) return Failed(file.error());
    if (!*file) continue;  // retention or compaction has just changed it
    KeyIndexEnd end;
    {
      const std::lock_guard lock(mutex_);
      if (entrance->segment->key_index) end = *entrance->segment->key_index;
    }
    if (end.file_size > 0) return add_key_section(*entrance, **file, end);
    const Result<KeyIndexEnd> found = check_key_index(*entrance, **file);
    if (!found) return Failed(found.error());
    end = *found;
    note_key_index(entrance->segment, end);
    if (end.file_size == 0) return add_key_section(*entrance, **file, end);
  }
}

// The first segment whose index does not reach its end, or was not looked at yet.
std::optional<DiskPartition::AsideEntrance> DiskPartition::next_to_index() const {
  const std::lock_guard lock(mutex_);
  if (closed_) return std::nullopt;
  for (const SegmentPtr& segment : segments_) {
    const bool is_active = segment == segments_.back();
    if (is_active && !segment->file) continue;
    SegmentExtent extent = extent_of(*segment);
    const std::uint64_t indexed = segment->key_index ? segment->key_index->position : 0;
    const bool all = segment->key_index && segment->key_index->offset >= extent.end;
    if (all || extent.size == 0 || (is_active && extent.size < indexed + min_active_bytes)) continue;
    return AsideEntrance{.segment = segment, .extent = std::move(extent), .file = segment->file, .swaps = swaps_};
  }
  return std::nullopt;
}

// What is there of an earlier life, or is no longer believed.
Result<KeyIndexEnd> DiskPartition::check_key_index(const AsideEntrance& entrance, const File& file) const {
  auto walk = KeyIndexWalk::open(context_.fs, entrance.extent.stem, entrance.extent.base, file);
  if (!walk) return Failed(std::move(walk.error()));
  if (!*walk) return KeyIndexEnd{.offset = entrance.extent.base};
  while (true) {
    const auto section = (*walk)->next();
    if (!section) return Failed(section.error());
    if (!*section) return (*walk)->end();
  }
}

Result<std::uint64_t> DiskPartition::add_key_section(const AsideEntrance& entrance, const File& file,
                                                     KeyIndexEnd end) const {
  SegmentRegion region = region_of(entrance.extent);
  region.position = end.position;
  region.offset = end.offset;
  KeySectionBuilder builder(end.offset, end.position, max_build_memory);
  BatchWalker walker(file, region, epochs_, build_read_ahead);
  while (!builder.is_full() && builder.size() < max_section_bytes) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) break;
    if (*step == BatchWalker::Step::batch) builder.add(walker.batch());
    if (*step == BatchWalker::Step::damage) builder.add_unreadable(walker.offset(), walker.position());
  }
  if (builder.scope().offsets.end == end.offset) {
    return fail(Errc::corrupt, entrance.extent.stem + ": nothing to index behind offset " + std::to_string(end.offset));
  }
  const std::uint64_t size = builder.size();
  const KeySectionScope scope = builder.scope();
  const Bytes section = builder.encode();
  if (auto done = append_key_section(context_.fs, entrance.extent.stem, scope, section, end); !done) {
    return Failed(std::move(done.error()));
  }
  note_key_index(entrance.segment, end);
  return size;
}

void DiskPartition::note_key_index(const SegmentPtr& segment, KeyIndexEnd end) const {
  const std::lock_guard lock(mutex_);
  segment->key_index = end;
}

// --- finding by it ---

Result<KeySearch> DiskPartition::find_keys(Offset from, const KeyFilter& filter) const {
  const Result<AsideEntrance> entrance = enter_aside(from);
  if (!entrance) return Failed(entrance.error());
  const SegmentExtent& extent = entrance->extent;
  KeySearch search{.ranges = {}, .until = extent.end};
  Offset known_until = extent.base;
  const Result<> searched = search_key_index(*entrance, from, filter, search, known_until);
  if (!searched && searched.error().code != Errc::not_found) return Failed(searched.error());
  std::erase_if(search.ranges, [&](const KeySearch::Range& range) { return range.offsets.begin >= extent.end; });
  if (known_until < extent.end) {
    search.ranges.push_back({{std::max(from, known_until), extent.end}, extent.size});
  }
  return search;
}

// Adds what the index says of what is at or behind `from`, and how far it goes.
Result<> DiskPartition::search_key_index(const AsideEntrance& entrance, Offset from, const KeyFilter& filter,
                                         KeySearch& into, Offset& known_until) const {
  const Result<std::shared_ptr<File>> file = open_aside(entrance);
  if (!file) return Failed(file.error());
  if (!*file) return {};  // it has just changed: all of it is to be read, and the reading will tell
  auto walk = KeyIndexWalk::open(context_.fs, entrance.extent.stem, entrance.extent.base, **file);
  if (!walk) return Failed(std::move(walk.error()));
  if (!*walk) return {};
  bool is_sound = true;
  while (is_sound && known_until < entrance.extent.end) {
    const auto section = (*walk)->next();
    if (!section) return Failed(section.error());
    if (!*section) break;
    if ((*section)->scope().offsets.end > from) is_sound = (*section)->search(filter, from, into);
    if (is_sound) known_until = (*walk)->end().offset;
  }
  const std::lock_guard lock(mutex_);
  const std::optional<KeyIndexEnd>& noted = entrance.segment->key_index;
  if (noted && known_until < std::min(noted->offset, entrance.extent.end)) entrance.segment->key_index.reset();
  return {};
}

Result<DiskPartition::AsideEntrance> DiskPartition::enter_aside(Offset offset) const {
  const std::lock_guard lock(mutex_);
  const SegmentPtr segment = offset >= log_start_ && offset < committed_ ? segment_of(offset) : nullptr;
  if (!segment)
    return fail(Errc::offset_out_of_range, directory_ + ": no segment holds offset " + std::to_string(offset));
  AsideEntrance entrance{.segment = segment, .extent = extent_of(*segment), .file = segment->file, .swaps = swaps_};
  entrance.extent.end = std::min(entrance.extent.end, committed_);
  return entrance;
}

}  // namespace bitacora::storage
