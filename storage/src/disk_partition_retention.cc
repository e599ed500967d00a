// How a partition on disk forgets. Order: the new log start offset is durable in the catalog, then files are
// unlinked, oldest first, then the directory is synced. A start finishes what a crash left of it.
#include <algorithm>

#include "base/failpoint.h"
#include "disk_partition.h"
#include "file_names.h"

namespace bitacora::storage {

Result<Offset> DiskPartition::delete_records_before(Offset before) {
  const PartitionOffsets bounds = offsets();
  if (before > bounds.committed || before < 0) {
    return fail(Errc::offset_out_of_range, directory_ + ": cannot delete before offset " + std::to_string(before) +
                                               ", the log ends at " + std::to_string(bounds.committed));
  }
  if (context_.read_only()) return fail(Errc::closed, directory_ + ": the store was opened read-only");
  return move_log_start(before);
}

// Never backwards. Returns where the log starts now.
Result<Offset> DiskPartition::move_log_start(Offset to) {
  const std::lock_guard retention_lock(retention_mutex_);
  const Offset now = offsets().log_start;
  if (to <= now) return now;
  if (auto done = context_.catalog.put_log_start(log_, number_, to); !done) return Failed(std::move(done.error()));
  BITACORA_FAILPOINT("retention.start_stored");
  const std::lock_guard lock(mutex_);
  log_start_ = to;
  return to;
}

Result<std::uint64_t> DiskPartition::run_housekeeping(Now now) {
  if (context_.read_only()) return std::uint64_t{0};
  const std::lock_guard housekeeping_lock(housekeeping_mutex_);
  // By this pass and the one before it: a clock that jumps once must not cost a log (F16).
  const Timestamp expired = std::min(now.wall_ms, std::exchange(last_housekeeping_, now.wall_ms).value_or(0));
  Result<> rolled;
  {
    // Who holds it is appending, and looks at the age himself.
    const std::unique_lock append_lock(append_mutex(), std::try_to_lock);
    if (append_lock && may_append()) rolled = finish_recovery();
    if (append_lock && rolled && may_append() && !tail_.poisoned && is_too_old(now)) rolled = roll();
  }
  Result<std::uint64_t> freed = forget(now, expired);  // on a full disk this makes the room that a roll needs
  if (freed && !rolled) return Failed(std::move(rolled.error()));
  return freed;
}

// Retention, or compaction.
Result<std::uint64_t> DiskPartition::forget(Now now, Timestamp expired) {
  const std::shared_ptr<const LogSettings> settings = this->settings();
  if (settings->cleanup == Cleanup::remove) {
    const Result<Offset> by_time = expired_by_time(now);
    if (!by_time) return Failed(by_time.error());
    if (auto done = move_log_start(std::max(*by_time, expired_by_size())); !done)
      return Failed(std::move(done.error()));
  }
  const Result<std::uint64_t> removed = remove_old_segments();
  if (!removed || settings->cleanup != Cleanup::compact) return removed;
  const Result<std::uint64_t> compacted = compact(now, expired);
  return compacted ? Result<std::uint64_t>(*removed + *compacted) : compacted;
}

// Of the active segment: by its first record, or, so that an idle log forgets too, by its last one and the retention
// time.
bool DiskPartition::is_too_old(Now now) const {
  if (tail_.position == 0 || !tail_.first_timestamp || !tail_.max_timestamp) return false;
  const std::shared_ptr<const LogSettings> settings = this->settings();
  if (*tail_.first_timestamp < now.wall_ms - settings->segment_age.count()) return true;
  return settings->cleanup == Cleanup::remove && settings->retention_time &&
         *tail_.max_timestamp < now.wall_ms - settings->retention_time->count();
}

// The end of the last segment that is too many: at least `retention_bytes` stay.
Offset DiskPartition::expired_by_size() const {
  const std::lock_guard lock(mutex_);
  if (!settings_->retention_bytes) return log_start_;
  std::uint64_t kept = 0;
  for (const SegmentPtr& segment : segments_) kept += segment->size;
  Offset expired = log_start_;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (kept - segments_[i]->size < static_cast<std::uint64_t>(*settings_->retention_bytes)) break;
    kept -= segments_[i]->size;
    expired = segments_[i]->end;
  }
  return expired;
}

// The end of the last segment whose newest record is too old, by this pass and the one before it: a clock that jumps
// once must not cost a log.
Result<Offset> DiskPartition::expired_by_time(Now now) {
  const std::shared_ptr<const LogSettings> settings = this->settings();
  std::vector<SegmentPtr> segments;
  Offset expired = 0;
  {
    const std::lock_guard lock(mutex_);
    segments = segments_;
  }
  if (settings->retention_time) {
    const Timestamp oldest_kept = now.wall_ms - settings->retention_time->count();
    for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
      const Result<std::optional<Timestamp>> newest = max_timestamp_of(segments[i]);
      if (!newest) return Failed(newest.error());
      if (!*newest) continue;  // all of it is damaged: it goes with the one behind it
      if (**newest >= oldest_kept) break;
      expired = segments[i + 1]->base;
    }
  }
  const std::lock_guard retention_lock(retention_mutex_);
  return std::min(expired, std::exchange(expired_last_pass_, expired));
}

Result<std::uint64_t> DiskPartition::remove_old_segments() {
  std::vector<SegmentPtr> removed;
  std::uint64_t freed = 0;
  {
    const std::lock_guard lock(mutex_);
    while (segments_.size() > 1 && segments_[1]->base <= log_start_) {
      freed += segments_.front()->size;
      removed.push_back(segments_.front());
      segments_.erase(segments_.begin());
    }
  }
  for (const SegmentPtr& segment : removed) {
    context_.cache.drop(segment->stem);
    for (const std::string_view suffix : segment_suffixes) {
      const auto done = context_.fs.remove(segment->stem + std::string(suffix));
      if (!done && done.error().code != Errc::not_found) return Failed(done.error());  // the next start finishes it
      BITACORA_FAILPOINT("retention.file_removed");
    }
  }
  if (removed.empty()) return freed;
  if (auto done = context_.fs.sync_directory(directory_); !done) return Failed(std::move(done.error()));
  BITACORA_FAILPOINT("retention.directory_synced");
  return freed;
}

}  // namespace bitacora::storage
