// How an active segment ends and the next begins.
#include <algorithm>

#include "base/assert.h"
#include "base/failpoint.h"
#include "disk_partition.h"
#include "file_names.h"

namespace bitacora::storage {

SegmentPtr DiskPartition::active_segment() const {
  const std::lock_guard lock(mutex_);
  return segments_.back();
}

Result<> DiskPartition::roll() {
  if (tail_.durable_end != tail_.end) {
    // A segment that is not the last one is durable to its end: recovery relies on it.
    if (auto done = tail_.file->sync_data(); !done) {
      tail_.poisoned = true;
      return done;
    }
    tail_.durable_end = tail_.end;
    tail_.durable_position = tail_.position;
    unsynced_since_.reset();
    BITACORA_FAILPOINT("roll.end_synced");
  }
  finish_segment_files();
  BITACORA_FAILPOINT("roll.files_finished");
  return start_segment(tail_.end, {});
}

// Trims the zeros and writes the indexes. Where that fails the segment is none the worse: zeros are no batches, and a
// missing index is rebuilt.
void DiskPartition::finish_segment_files() {
  if (tail_.filled > tail_.position && tail_.file->truncate(tail_.position)) {
    tail_.filled = tail_.position;
    BITACORA_FAILPOINT("roll.trimmed");
    static_cast<void>(tail_.file->sync());
  }
  const SegmentPtr segment = active_segment();  // its index is changed by the appending thread alone
  static_cast<void>(write_index_files(context_.fs, segment->stem, segment->index));
}

// Goes on behind the durable end in a new file, with what had not become durable in the old one.
Result<> DiskPartition::replace_poisoned() {
  Result<Bytes> unsynced = read_unsynced();
  if (!unsynced) return Failed(std::move(unsynced.error()));
  BITACORA_FAILPOINT("replace.begun");
  return start_segment(tail_.durable_end, std::move(*unsynced));
}

// Whole batches that were committed (as `async`) and not yet synced.
Result<Bytes> DiskPartition::read_unsynced() const {
  Bytes bytes(static_cast<std::size_t>(tail_.position - tail_.durable_position));
  if (bytes.empty()) return bytes;
  const Result<std::size_t> count = tail_.file->read_at(tail_.durable_position, bytes);
  if (!count) return Failed(count.error());
  Offset next = tail_.durable_end;
  for (ByteView rest = bytes; !rest.empty();) {
    const Result<BatchView> batch = BatchView::check(rest);
    if (!batch || batch->base_offset() != next) {
      return fail(Errc::corrupt, directory_ + ": records from offset " + std::to_string(next) +
                                     " were lost by a failed sync before they were durable");
    }
    next = batch->next_offset();
    rest = rest.subspan(batch->size());
  }
  return bytes;
}

Result<> DiskPartition::start_segment(Offset base, Bytes carried) {
  const bool carries = !carried.empty();
  if (carries)
    seal_batch(std::span(carried).first(*BatchView::claimed_size(carried)), base, epochs_.latest(), CommitMark::present,
               0);
  Result<std::shared_ptr<File>> file = create_segment_file(base, carried);
  if (!file) {
    // A file with that base may be there now, and the old segment ends where it begins: nothing may follow there.
    tail_.poisoned = true;
    return Failed(std::move(file.error()));
  }
  auto segment = std::make_shared<Segment>(base, join(directory_, segment_stem(base)), context_.cache.index_interval());
  segment->file = *file;
  segment->end = base;
  segment->size = carried.size();
  std::optional<Timestamp> first_timestamp;
  for (ByteView rest = carried; !rest.empty();) {
    const BatchView batch = BatchView::trusted(rest);
    if (!first_timestamp) first_timestamp = batch.base_timestamp();
    segment->index.add(batch, carried.size() - rest.size());
    segment->end = batch.next_offset();
    rest = rest.subspan(batch.size());
  }
  const SegmentPtr old = active_segment();
  const bool old_is_whole = !tail_.poisoned;
  {
    const std::lock_guard lock(mutex_);
    if (old->base == base) {
      segments_.pop_back();
    } else {
      old->end = base;
      old->size = tail_.durable_position;
      old->max_timestamp = old_is_whole ? old->index.max_timestamp() : std::nullopt;
    }
    segments_.push_back(segment);
  }
  if (old->base != base) {
    if (old_is_whole) {
      context_.cache.put(old->stem, std::make_shared<const OpenSegment>(OpenSegment{old->file, old->index}));
    } else if (!carries) {
      static_cast<void>(tail_.file->truncate(tail_.durable_position));  // what follows was never acknowledged
    }
    const std::lock_guard lock(mutex_);
    old->file.reset();
    old->index = SegmentIndex(old->base, context_.cache.index_interval());
  }
  const Offset end = segment->end;
  tail_ = Tail{.file = std::move(*file),
               .base = base,
               .position = carried.size(),
               .filled = carried.size(),
               .end = end,
               .durable_end = end,
               .durable_position = carried.size(),
               .first_timestamp = first_timestamp,
               .max_timestamp = tail_.max_timestamp};
  unsynced_since_.reset();
  return {};
}

// Durable when it returns, bytes and name.
Result<std::shared_ptr<File>> DiskPartition::create_segment_file(Offset base, ByteView carried) {
  const std::string path = join(directory_, segment_stem(base)) + std::string(log_suffix);
  // A poisoned segment must stay as it is until the new one is whole: it may have the same name, where nothing of it
  // was durable, and it ends where the new one begins by name, though what is carried over may still be read there
  // alone.
  const bool replaces = base == tail_.base || !carried.empty();
  const std::string built_at = replaces ? path + std::string(unfinished_suffix) : path;
  // An earlier attempt may have left one whose name a failed sync of the directory has lost for good: made anew, not
  // reused.
  if (auto done = context_.fs.remove(built_at); !done && done.error().code != Errc::not_found) {
    return Failed(std::move(done.error()));
  }
  auto file = context_.fs.open(built_at, OpenMode::create_new);
  if (!file) return Failed(std::move(file.error()));
  BITACORA_FAILPOINT("roll.created");
  if (!carried.empty()) {
    if (auto done = (*file)->write_at(0, carried); !done) return Failed(std::move(done.error()));
  }
  if (auto done = (*file)->sync(); !done) return Failed(std::move(done.error()));
  BITACORA_FAILPOINT("roll.synced");
  if (replaces) {
    if (auto done = context_.fs.rename(built_at, path); !done) return Failed(std::move(done.error()));
    BITACORA_FAILPOINT("replace.renamed");
  }
#ifndef BITACORA_BREAK_NO_DIRECTORY_SYNC  // a defect for the rigs (docs/proof.md)
  if (auto done = context_.fs.sync_directory(directory_); !done) return Failed(std::move(done.error()));
#endif
  BITACORA_FAILPOINT("roll.directory_synced");
  return std::shared_ptr<File>(std::move(*file));
}

}  // namespace bitacora::storage
