#include "disk_partition.h"

#include <algorithm>

#include "base/assert.h"
#include "file_names.h"

namespace bitacora::storage {

DiskPartition::DiskPartition(const StoreContext& context, PartitionIndex index, std::string log, std::int32_t number,
                             std::shared_ptr<const LogSettings> settings, RecoveredPartition recovered)
    : context_(context),
      index_(index),
      log_(std::move(log)),
      number_(number),
      directory_(std::move(recovered.directory)),
      epochs_(std::move(recovered.epochs)),
      settings_(std::move(settings)),
      segments_(std::move(recovered.segments)),
      log_start_(recovered.log_start),
      committed_(recovered.end),
      log_end_(recovered.end),
      recovery_writes_(recovered.writes) {
  if (segments_.empty()) return;
  const Segment& active = *segments_.back();
  tail_.file = active.file;
  tail_.base = active.base;
  tail_.position = tail_.durable_position = active.size;
  tail_.filled = std::max(recovered.file_size, active.size);
  tail_.end = tail_.durable_end = recovered.end;
  tail_.first_timestamp = recovered.first_timestamp;
  tail_.max_timestamp = recovered.max_timestamp;
  tail_.poisoned = recovered.must_roll;
}

PartitionOffsets DiskPartition::offsets() const {
  const std::lock_guard lock(mutex_);
  return {log_start_, committed_, log_end_};
}

std::uint64_t DiskPartition::size_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const SegmentPtr& segment : segments_) size += segment->size;
  return size;
}

std::int32_t DiskPartition::segment_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int32_t>(segments_.size());
}

bool DiskPartition::offline() const {
  const std::lock_guard lock(mutex_);
  return offline_;
}

std::shared_ptr<const LogSettings> DiskPartition::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void DiskPartition::change_settings(std::shared_ptr<const LogSettings> settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
}

std::vector<Quarantine> DiskPartition::quarantined() const {
  const std::lock_guard lock(mutex_);
  std::vector<Quarantine> known;
  for (const SegmentPtr& segment : segments_) {
    const std::string name = segment_stem(segment->base) + std::string(log_suffix);
    for (const Damage& damage : segment->damages) {
      known.push_back({damage.offsets, name, damage.position, damage.size, damage.why});
    }
  }
  return known;
}

Result<std::optional<CleanPartition>> DiskPartition::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;  // a compaction that is under way ends at its next segment
  }
  const std::lock_guard housekeeping_lock(housekeeping_mutex_);
  const std::lock_guard append_lock(append_mutex());
  if (auto done = finish_recovery(); !done) return Failed(std::move(done.error()));
  // After a failure, or behind a damaged end, the last segment may not have been begun yet.
  if (tail_.poisoned) {
    if (auto done = replace_poisoned(); !done) return Failed(std::move(done.error()));
  }
  if (auto done = tail_.file->sync(); !done) return Failed(std::move(done.error()));
  tail_.durable_end = tail_.end;
  tail_.durable_position = tail_.position;
  finish_segment_files();
  if (tail_.filled != tail_.position)
    return fail(Errc::io_error, directory_ + ": the active segment could not be trimmed");
  static_cast<void>(context_.fs.sync_directory(directory_));  // only names of index files: missing ones are rebuilt
  const std::lock_guard lock(mutex_);
  return CleanPartition{.segments = segments_.size(),
                        .active_base = tail_.base,
                        .active_size = tail_.position,
                        .end = tail_.end,
                        .max_timestamp = tail_.max_timestamp};
}

}  // namespace bitacora::storage
