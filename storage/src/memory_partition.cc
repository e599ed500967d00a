#include "memory_partition.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::storage {

Result<std::unique_ptr<MemoryPartition>> MemoryPartition::open(Catalog& catalog, PartitionIndex index, std::string log,
                                                               std::int32_t number,
                                                               std::shared_ptr<const LogSettings> settings) {
  const Result<std::optional<Offset>> reserved = catalog.offset_reservation(log, number);
  if (!reserved) return Failed(reserved.error());
  return std::unique_ptr<MemoryPartition>(
      new MemoryPartition(catalog, index, std::move(log), number, std::move(settings), reserved->value_or(0)));
}

MemoryPartition::MemoryPartition(Catalog& catalog, PartitionIndex index, std::string log, std::int32_t number,
                                 std::shared_ptr<const LogSettings> settings, Offset reserved)
    : catalog_(catalog),
      index_(index),
      log_(std::move(log)),
      number_(number),
      first_offset_(reserved),
      settings_(std::move(settings)),
      log_start_(reserved),
      committed_(reserved),
      next_(reserved),
      reserved_(reserved) {}

PartitionOffsets MemoryPartition::offsets() const {
  const std::lock_guard lock(mutex_);
  return {log_start_, committed_, committed_};
}

std::uint64_t MemoryPartition::size_bytes() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

Result<ReadResult> MemoryPartition::read(Offset offset, std::size_t max_bytes, ReadHint) const {
  ReadResult result;
  result.next = offset;
  std::vector<std::shared_ptr<const Bytes>> batches;  // copied out of the lock
  {
    const std::lock_guard lock(mutex_);
    if (offset < log_start_ || offset > committed_) {
      return fail(Errc::offset_out_of_range, log_ + "-" + std::to_string(number_) + ": offset " +
                                                 std::to_string(offset) + " is outside [" + std::to_string(log_start_) +
                                                 ", " + std::to_string(committed_) + "]");
    }
    auto batch = std::partition_point(batches_.begin(), batches_.end(), [&](const std::shared_ptr<const Bytes>& bytes) {
      return BatchView::trusted(*bytes).next_offset() <= offset;
    });
    std::size_t size = 0;
    for (; batch != batches_.end(); ++batch) {
      size += (*batch)->size();
      if (!batches.empty() && size > max_bytes) break;
      batches.push_back(*batch);
    }
  }
  for (const std::shared_ptr<const Bytes>& bytes : batches) append(result.bytes, *bytes);
  if (!batches.empty()) result.next = BatchView::trusted(*batches.back()).next_offset();
  return result;
}

Result<std::optional<OffsetAtTime>> MemoryPartition::find_time(Timestamp timestamp) const {
  const std::lock_guard lock(mutex_);
  // The largest timestamp of a batch never runs backwards.
  auto batch = std::partition_point(batches_.begin(), batches_.end(), [&](const std::shared_ptr<const Bytes>& bytes) {
    return BatchView::trusted(*bytes).max_timestamp() < timestamp;
  });
  for (; batch != batches_.end(); ++batch) {
    if (auto found = first_at_or_after(BatchView::trusted(**batch), timestamp, log_start_)) return found;
  }
  return std::optional<OffsetAtTime>();
}

Result<Offset> MemoryPartition::delete_records_before(Offset before) {
  const std::lock_guard lock(mutex_);
  if (before > committed_ || before < 0) {
    return fail(Errc::offset_out_of_range,
                log_ + "-" + std::to_string(number_) + ": cannot delete before offset " + std::to_string(before));
  }
  log_start_ = std::max(log_start_, before);
  return log_start_;
}

Cleanup MemoryPartition::cleanup() const {
  const std::lock_guard lock(mutex_);
  return settings_->cleanup;
}

std::size_t MemoryPartition::max_batch_bytes() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(settings_->max_batch_bytes);
}

Result<std::size_t> MemoryPartition::make_room(std::span<const std::size_t> sizes, Now) {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Errc::closed, log_ + ": the store is closed");
  return sizes.size();
}

Result<std::vector<Placement>> MemoryPartition::write(std::span<const BatchPtr> batches) {
  Offset end = next_;
  for (const BatchPtr& bytes : batches) {
    const BatchView batch = BatchView::trusted(*bytes);
    end += batch.last_offset() - batch.base_offset() + 1;
  }
  if (end > reserved_) {
    const Offset upto = end + reservation_block;
    if (auto done = catalog_.put_offset_reservation(log_, number_, upto); !done) return Failed(std::move(done.error()));
    reserved_ = upto;
  }
  std::vector<Placement> placements;
  for (const BatchPtr& bytes : batches) {
    const Timestamp given = BatchView::trusted(*bytes).max_timestamp();
    const std::int64_t shift = std::max<std::int64_t>(0, max_timestamp_.value_or(given) - given);
    seal_batch(*bytes, next_, 0, CommitMark::absent, shift);
    max_timestamp_ = given + shift;
    placements.push_back({next_, BatchView::trusted(*bytes).next_offset(), shift});
    next_ = placements.back().next_offset;
  }
  return placements;
}

Result<std::vector<Placement>> MemoryPartition::retry(std::span<const BatchPtr>) {
  return fail(Errc::io_error, "a memory partition has nothing to retry");
}

void MemoryPartition::commit(std::span<const BatchPtr> batches) {
  const std::lock_guard lock(mutex_);
  for (const BatchPtr& bytes : batches) {
    batches_.push_back(bytes);
    size_ += bytes->size();
  }
  committed_ = next_;
  drop_oldest_beyond(static_cast<std::uint64_t>(settings_->memory_bytes));
}

void MemoryPartition::abandon() {
  const std::lock_guard lock(mutex_);
  next_ = committed_;
}

// The newest batch always stays.
std::uint64_t MemoryPartition::drop_oldest_beyond(std::uint64_t bytes) {
  const std::uint64_t before = size_;
  while (batches_.size() > 1 && (size_ > bytes || BatchView::trusted(*batches_[1]).base_offset() <= log_start_)) {
    size_ -= batches_.front()->size();
    batches_.pop_front();
    log_start_ = std::max(log_start_, BatchView::trusted(*batches_.front()).base_offset());
  }
  return before - size_;
}

void MemoryPartition::change_settings(std::shared_ptr<const LogSettings> settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
}

Result<std::uint64_t> MemoryPartition::run_housekeeping(Now now) {
  const std::lock_guard lock(mutex_);
  if (settings_->cleanup == Cleanup::remove && settings_->retention_time) {
    const Timestamp oldest_kept = now.wall_ms - settings_->retention_time->count();
    for (const std::shared_ptr<const Bytes>& bytes : batches_) {
      const BatchView batch = BatchView::trusted(*bytes);
      if (batch.max_timestamp() >= oldest_kept) break;
      log_start_ = std::max(log_start_, batch.next_offset());
    }
  }
  std::int64_t limit = settings_->memory_bytes;
  if (settings_->cleanup == Cleanup::remove) limit = std::min(limit, settings_->retention_bytes.value_or(limit));
  return drop_oldest_beyond(static_cast<std::uint64_t>(limit));
}

Result<std::optional<CleanPartition>> MemoryPartition::close() {
  const std::lock_guard append_lock(append_mutex());
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  if (reserved_ != next_) {
    if (auto done = catalog_.put_offset_reservation(log_, number_, next_); !done)
      return Failed(std::move(done.error()));
    reserved_ = next_;
  }
  return std::optional<CleanPartition>();
}

PartitionRecovery MemoryPartition::recovery() const {
  PartitionRecovery report;
  report.log = log_;
  report.partition = number_;
  report.log_start = report.durable_end = first_offset_;
  report.memory_lost_before = first_offset_;
  return report;
}

}  // namespace bitacora::storage
