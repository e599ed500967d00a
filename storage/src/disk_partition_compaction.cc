// When a partition on disk is compacted, and how what compaction made takes the old segments' place.
//
// Order: the new file is durable under a name of its own; readers go over to it; it takes the first old segment's name;
// the directory is synced; the other old files are removed, oldest first, the directory synced behind each. By the rule
// that a segment ends where the next one begins each state in between is a whole log, so a start has nothing to finish
// (docs/storage-format.md, "Compaction").
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/failpoint.h"
#include "disk_partition.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

Timestamp add_saturating(Timestamp time, std::chrono::milliseconds span) {
  const Timestamp left = std::numeric_limits<Timestamp>::max() - span.count();
  return time > left ? std::numeric_limits<Timestamp>::max() : time + span.count();
}

}  // namespace

// `expired`: tombstones whose delete horizon is not past this may go.
Result<std::uint64_t> DiskPartition::compact(Now now, Timestamp expired) {
  std::vector<SegmentPtr> sealed;
  std::vector<SegmentExtent> extents;
  const Offset uncleanable = context_.compaction_holds.first_uncleanable(index_);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return std::uint64_t{0};
    for (std::size_t i = 0; i + 1 < segments_.size() && segments_[i + 1]->base <= uncleanable; ++i) {
      sealed.push_back(segments_[i]);
      extents.push_back(extent_of(*segments_[i]));
    }
  }
  if (sealed.empty() || compaction_stopped_ || !compaction_is_due(extents, expired)) return std::uint64_t{0};
  const std::shared_ptr<const LogSettings> settings = this->settings();
  Compaction pass(context_.fs, epochs_, std::move(extents),
                  {.dirty_begin = compaction_checkpoint().clean_end,
                   .segment_bytes = static_cast<std::uint64_t>(settings->segment_bytes),
                   .key_bytes = static_cast<std::size_t>(context_.options.compaction_key_bytes),
                   .index_interval = context_.cache.index_interval(),
                   .expired = expired,
                   .new_horizon = add_saturating(now.wall_ms, settings->delete_retention),
                   .stopping = [this] {
                     const std::lock_guard lock(mutex_);
                     return closed_;
                   }});
  Result<std::uint64_t> freed = run_pass(sealed, pass);
  if (!freed && freed.error().code == Errc::closed) return std::uint64_t{0};  // the next life goes on
  return freed;
}

const CompactionCheckpoint& DiskPartition::compaction_checkpoint() {
  if (!compaction_checkpoint_) {
    const Result<Bytes> text = read_file(context_.fs, join(directory_, compaction_file));
    compaction_checkpoint_ = text ? parse_compaction_checkpoint(as_text(*text)) : std::nullopt;
    const Offset end = offsets().committed;
    if (!compaction_checkpoint_ || compaction_checkpoint_->clean_end > end) compaction_checkpoint_.emplace();
  }
  return *compaction_checkpoint_;
}

bool DiskPartition::compaction_is_due(const std::vector<SegmentExtent>& sealed, Timestamp expired) {
  const CompactionCheckpoint& checkpoint = compaction_checkpoint();
  std::uint64_t total = 0;
  std::uint64_t dirty = 0;
  for (const SegmentExtent& segment : sealed) {
    total += segment.size;
    if (segment.end > checkpoint.clean_end) dirty += segment.size;
  }
  if (checkpoint.next_expiry && *checkpoint.next_expiry <= expired) return true;
  return dirty > 0 && static_cast<double>(dirty) >= settings()->min_cleanable_ratio * static_cast<double>(total);
}

Result<std::uint64_t> DiskPartition::run_pass(const std::vector<SegmentPtr>& sealed, Compaction& pass) {
  if (auto done = pass.learn(); !done) return Failed(std::move(done.error()));
  const Result<std::vector<CompactionGroup>> groups = pass.plan();
  if (!groups) return Failed(groups.error());
  const std::uint64_t before = size_bytes();
  for (const CompactionGroup& group : *groups) {
    const std::span old = std::span(sealed).subspan(group.first, group.count);
    const std::string path = old.front()->stem + std::string(log_suffix) + std::string(cleaned_suffix);
    const Result<CleanedSegment> cleaned = pass.build(group, path);
    if (!cleaned) {
      static_cast<void>(context_.fs.remove(path));  // gives the room back; otherwise the next start does
      return Failed(cleaned.error());
    }
    BITACORA_FAILPOINT("compaction.built");
    if (auto done = put_in_place(old, *cleaned); !done) return Failed(std::move(done.error()));
    BITACORA_FAILPOINT("compaction.in_place");
  }
  const std::uint64_t after = size_bytes();
  const CompactionCheckpoint checkpoint{.clean_end = pass.clean_end(), .next_expiry = pass.next_expiry()};
  const std::string text = format_compaction_checkpoint(checkpoint);
  if (auto done = write_file_durably(context_.fs, join(directory_, compaction_file), as_bytes(text)); !done) {
    return Failed(std::move(done.error()));
  }
  BITACORA_FAILPOINT("compaction.checkpoint_written");
  compaction_checkpoint_ = checkpoint;
  return before > after ? before - after : 0;
}

Result<> DiskPartition::put_in_place(std::span<const SegmentPtr> old, const CleanedSegment& cleaned) {
  SegmentPtr segment;
  {
    const std::lock_guard lock(mutex_);
    segment =
        std::make_shared<Segment>(old.front()->base, old.front()->stem, context_.cache.index_interval(), swaps_ + 1);
    segment->end = old.back()->end;
  }
  segment->size = cleaned.size();
  segment->max_timestamp = cleaned.index().max_timestamp();
  segment->index = cleaned.index();
  segment->file = cleaned.file();
  show_in_place_of(old, segment);
  if (auto done = take_name(old, cleaned); !done) {
    // Which names are on disk is not known. What readers have is whole; what a start will find is too, as long as
    // nothing more is replaced on top of it.
    compaction_stopped_ = true;
    Error error = done.error();
    error.message += "; no more compaction of this partition until the next start";
    return Failed(std::move(error));
  }
  static_cast<void>(context_.fs.remove(segment->stem + std::string(key_index_suffix)));  // made anew
  static_cast<void>(write_index_files(context_.fs, segment->stem, cleaned.index()));
  context_.cache.put(segment->stem, std::make_shared<const OpenSegment>(
                                        OpenSegment{cleaned.file(), cleaned.index(), false, segment->generation}));
  const std::lock_guard lock(mutex_);
  segment->file.reset();
  segment->index = SegmentIndex(segment->base, context_.cache.index_interval());
  return {};
}

// Readers that are in an old segment keep its file.
void DiskPartition::show_in_place_of(std::span<const SegmentPtr> old, const SegmentPtr& segment) {
  const std::lock_guard lock(mutex_);
  const auto place = std::find(segments_.begin(), segments_.end(), old.front());
  BITACORA_ASSERT(segments_.end() - place > static_cast<std::ptrdiff_t>(old.size()));
  *place = segment;
  segments_.erase(place + 1, place + static_cast<std::ptrdiff_t>(old.size()));
  ++swaps_;
}

Result<> DiskPartition::take_name(std::span<const SegmentPtr> old, const CleanedSegment& cleaned) {
  if (auto done = context_.fs.rename(cleaned.path(), old.front()->stem + std::string(log_suffix)); !done) return done;
  BITACORA_FAILPOINT("compaction.renamed");
  if (auto done = context_.fs.sync_directory(directory_); !done) return done;
  BITACORA_FAILPOINT("compaction.name_synced");
  for (const SegmentPtr& merged : old.subspan(1)) {
    for (const std::string_view suffix : segment_suffixes) {
      const auto done = context_.fs.remove(merged->stem + std::string(suffix));
      if (!done && done.error().code != Errc::not_found) return Failed(done.error());
      BITACORA_FAILPOINT("compaction.merged_file_removed");
    }
    if (auto done = context_.fs.sync_directory(directory_); !done) return done;
    context_.cache.drop(merged->stem);
  }
  return {};
}

}  // namespace bitacora::storage
