// What the committer does to a partition on disk.
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/failpoint.h"
#include "disk_partition.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

// A run of this share of the chunk or more costs more than its sync: no zeros are written behind it (adr/0003).
constexpr std::uint64_t large_run_divisor = 4;

Result<> write_zeros(File& file, std::uint64_t begin, std::uint64_t end) {
  static const Bytes zeros(256 << 10);
  std::vector<ByteView> pieces;
  for (std::uint64_t at = begin; at < end; at += zeros.size()) {
    pieces.push_back(ByteView(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), end - at))));
  }
  return file.write_at(begin, pieces);
}

}  // namespace

Result<> DiskPartition::may_append() const {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Errc::closed, directory_ + ": the store is closed");
  if (context_.read_only()) return fail(Errc::closed, directory_ + ": the store was opened read-only");
  if (offline_) return fail(Errc::partition_offline, directory_ + ": offline after failed writes until the next start");
  return {};
}

// Past the mark the room that is left is the server's own: for the logs with its state, and for getting out of there.
Result<> DiskPartition::may_take_room(Now now) const {
  if (is_internal() || !context_.space.is_exhausted(now.monotonic)) return {};
  return fail(Errc::no_space, directory_ + ": the disk is used to disk_stop_percent, or only the ballast's room is " +
                                  "left: no appends until there is more");
}

// What the start had no room for.
Result<> DiskPartition::finish_recovery() {
  if (recovery_writes_.empty()) return {};
  const bool was_torn = recovery_writes_.torn_tail.has_value();
  const SegmentPtr active = active_segment();
  const Result<std::string> done = carry_out(recovery_writes_, {.fs = context_.fs,
                                                                .catalog = context_.catalog,
                                                                .log = log_,
                                                                .partition = number_,
                                                                .directory = directory_,
                                                                .active_stem = active->stem,
                                                                .active = tail_.file.get(),
                                                                .epochs = epochs_});
  if (was_torn && !recovery_writes_.torn_tail) tail_.filled = tail_.position;
  return done ? Result<>() : Failed(done.error());
}

Cleanup DiskPartition::cleanup() const { return settings()->cleanup; }

std::size_t DiskPartition::max_batch_bytes() const { return static_cast<std::size_t>(settings()->max_batch_bytes); }

Result<std::size_t> DiskPartition::make_room(std::span<const std::size_t> sizes, Now now) {
  if (auto done = may_append(); !done) return Failed(std::move(done.error()));
  if (auto done = may_take_room(now); !done) return Failed(std::move(done.error()));
  append_time_ = now.monotonic;
  Result<> opened = open_for(sizes.front(), now);
  if (!opened && opened.error().code != Errc::no_space) {
    opened = open_for(sizes.front(), now);
    if (!opened && opened.error().code != Errc::no_space) return Failed(go_offline(opened.error()));
  }
  if (!opened) return Failed(std::move(opened.error()));
  const auto limit = static_cast<std::uint64_t>(settings()->segment_bytes);
  std::uint64_t end = tail_.position + sizes.front();
  std::size_t count = 1;
  while (count < sizes.size() && end + sizes[count] <= limit) end += sizes[count++];
  before_write_ = {tail_.position, tail_.end, tail_.first_timestamp, tail_.max_timestamp};
  return count;
}

// Leaves an active segment that may be written to and has room for `next_size` bytes.
Result<> DiskPartition::open_for(std::size_t next_size, Now now) {
  if (auto done = finish_recovery(); !done) return done;
  if (tail_.poisoned) {
    if (auto done = replace_poisoned(); !done) return done;
  }
  return is_due_to_roll(next_size, now) ? roll() : Result<>();
}

bool DiskPartition::is_due_to_roll(std::size_t next_size, Now now) const {
  if (tail_.position == 0) return false;
  const std::shared_ptr<const LogSettings> settings = this->settings();
  if (tail_.position + next_size > static_cast<std::uint64_t>(settings->segment_bytes)) return true;
  // Offsets in the index are 31 bits from the base; a batch can hold no more records than bytes.
  if (tail_.end - tail_.base + static_cast<Offset>(next_size) > std::numeric_limits<std::int32_t>::max()) return true;
  return tail_.first_timestamp && *tail_.first_timestamp < now.wall_ms - settings->segment_age.count();
}

Result<std::vector<Placement>> DiskPartition::write(std::span<const BatchPtr> batches) {
  std::vector<Placement> placements = seal(batches);
  if (Result<> written = write_run(batches); !written) {
    go_back();
    const bool cut_back = written.error().code == Errc::no_space && tail_.file->truncate(tail_.position).has_value();
    if (cut_back) {
      tail_.filled = tail_.position;
    } else {
      tail_.poisoned = true;
    }
    return Failed(std::move(written.error()));
  }
  const std::lock_guard lock(mutex_);
  log_end_ = tail_.end;
  return placements;
}

std::vector<Placement> DiskPartition::seal(std::span<const BatchPtr> batches) {
  std::vector<Placement> placements;
  placements.reserve(batches.size());
  shifts_.clear();
  for (const BatchPtr& bytes : batches) {
    const BatchView given = BatchView::trusted(*bytes);
    const Timestamp newest = tail_.max_timestamp.value_or(given.max_timestamp());
    const std::int64_t shift = std::max<std::int64_t>(0, newest - given.max_timestamp());
    const CommitMark mark = tail_.durable_end == tail_.end ? CommitMark::present : CommitMark::absent;
    seal_batch(*bytes, tail_.end, epochs_.latest(), mark, shift);
    const BatchView sealed = BatchView::trusted(*bytes);
    if (!tail_.first_timestamp) tail_.first_timestamp = sealed.base_timestamp();
    tail_.max_timestamp = sealed.max_timestamp();
    placements.push_back({tail_.end, sealed.next_offset(), shift});
    shifts_.push_back(shift);
    tail_.end = sealed.next_offset();
  }
  return placements;
}

Result<> DiskPartition::write_run(std::span<const BatchPtr> batches) {
  std::vector<ByteView> pieces;
  pieces.reserve(batches.size());
  std::size_t size = 0;
  for (const BatchPtr& bytes : batches) {
    pieces.emplace_back(*bytes);
    size += bytes->size();
  }
  BITACORA_ASSERT(!tail_.poisoned);
  if (BITACORA_FAILPOINT_FAILS("commit.write")) return fail(Errc::io_error, directory_ + ": a failpoint");
  if (auto done = tail_.file->write_at(tail_.position, pieces); !done) return done;
  BITACORA_FAILPOINT("commit.run_written");
  tail_.position += size;
  fill_ahead(size);
  return {};
}

// Zeros behind the run, so that the next syncs have no size to commit. Only a saving: where it fails the log goes on
// without.
void DiskPartition::fill_ahead(std::size_t run_size) {
  if (tail_.position <= tail_.filled) return;
  tail_.filled = tail_.position;
  const std::shared_ptr<const LogSettings> settings = this->settings();
  const auto chunk = static_cast<std::uint64_t>(context_.options.preallocate_bytes);
  if (settings->durability != Durability::sync || !tail_.fill_ahead || run_size >= chunk / large_run_divisor) return;
  const std::uint64_t target = std::min(tail_.position + chunk, static_cast<std::uint64_t>(settings->segment_bytes));
  if (target <= tail_.position) return;
  if (write_zeros(*tail_.file, tail_.position, target)) {
    BITACORA_FAILPOINT("commit.filled_ahead");
    tail_.filled = target;
    return;
  }
  tail_.fill_ahead = false;
  if (!tail_.file->truncate(tail_.position)) tail_.filled = target;
}

bool DiskPartition::needs_sync() const { return settings()->durability == Durability::sync; }

Result<> DiskPartition::sync() {
  const Offset end = tail_.end;
  const std::uint64_t position = tail_.position;
  Result<> done = tail_.file->sync_data();
  if (BITACORA_FAILPOINT_FAILS("commit.sync")) done = fail(Errc::io_error, directory_ + ": a failpoint");
  if (!done) {
    tail_.poisoned = true;
    go_back();
    return done;
  }
  BITACORA_ASSERT(end == tail_.end);  // a sync never vouches for what was written after it began
  tail_.durable_end = end;
  tail_.durable_position = position;
  unsynced_since_.reset();
  return {};
}

void DiskPartition::go_back() {
  tail_.position = before_write_.position;
  tail_.end = before_write_.end;
  tail_.first_timestamp = before_write_.first_timestamp;
  tail_.max_timestamp = before_write_.max_timestamp;
  const std::lock_guard lock(mutex_);
  log_end_ = committed_;
}

bool DiskPartition::can_retry() const { return tail_.poisoned && !offline(); }

Result<std::vector<Placement>> DiskPartition::retry(std::span<const BatchPtr> batches) {
  if (auto done = replace_poisoned(); !done) {
    if (done.error().code == Errc::no_space) return Failed(std::move(done.error()));
    return Failed(go_offline(done.error()));
  }
  before_write_ = {tail_.position, tail_.end, tail_.first_timestamp, tail_.max_timestamp};
  BITACORA_ASSERT(shifts_.size() == batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) seal_batch(*batches[i], 0, 0, CommitMark::absent, -shifts_[i]);
  Result<std::vector<Placement>> placements = write(batches);
  if (!placements) return tail_.poisoned ? Failed(go_offline(placements.error())) : Failed(placements.error());
  if (auto done = sync(); !done) return Failed(go_offline(done.error()));
  return placements;
}

Error DiskPartition::go_offline(const Error& cause) {
  const std::lock_guard lock(mutex_);
  offline_ = true;
  return Error{.code = Errc::partition_offline,
               .message = directory_ + ": offline until the next start, writing failed twice: " + cause.message,
               .os_error = cause.os_error,
               .range = {}};
}

void DiskPartition::commit(std::span<const BatchPtr> batches) {
  if (tail_.durable_end != tail_.end && !unsynced_since_) unsynced_since_ = append_time_;
  const std::lock_guard lock(mutex_);
  Segment& segment = *segments_.back();
  std::uint64_t position = before_write_.position;
  for (const BatchPtr& bytes : batches) {
    segment.index.add(BatchView::trusted(*bytes), position);
    position += bytes->size();
  }
  BITACORA_ASSERT(position == tail_.position && committed_ == before_write_.end);
  segment.end = committed_ = log_end_ = tail_.end;
  segment.size = position;
}

void DiskPartition::abandon() {
  const std::lock_guard lock(mutex_);
  log_end_ = committed_;
}

std::optional<MonotonicTime> DiskPartition::flush_due() const {
  if (!unsynced_since_ || offline()) return std::nullopt;
  return *unsynced_since_ + settings()->flush_interval;
}

Result<> DiskPartition::flush(Now now) {
  if (!unsynced_since_ || offline()) return {};
  unsynced_since_ = now.monotonic;  // should it fail: when to try again
  if (!tail_.poisoned) {
    if (tail_.file->sync_data()) {
      BITACORA_FAILPOINT("flush.synced");
      tail_.durable_end = tail_.end;
      tail_.durable_position = tail_.position;
      unsynced_since_.reset();
      return {};
    }
    tail_.poisoned = true;
  }
  // What was acknowledged as `async` is still in the page cache: it gets one more chance, in a new file.
  if (auto done = replace_poisoned(); !done) {
    if (done.error().code == Errc::no_space) return done;
    return Failed(go_offline(done.error()));
  }
  return {};
}

}  // namespace bitacora::storage
