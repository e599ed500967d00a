// The committer's side of a partition. One append is: make_room, write, sync (if needs_sync), then commit; after a
// failed write or sync that can_retry, retry in their place; and abandon where that failed too. Nothing is readable
// before commit.
//
// Threads: all below by one thread at a time that holds append_mutex(); sync may run on another while that one waits.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "clean_shutdown.h"
#include "scrub.h"
#include "storage/errc.h"
#include "storage/partition.h"
#include "storage/recovery_report.h"
#include "storage/settings.h"

namespace bitacora::storage {

using BatchPtr = std::shared_ptr<Bytes>;  // one batch; not changed any more once it is committed

// Where a batch was put.
struct Placement {
  Offset base_offset = 0;
  Offset next_offset = 0;
  std::int64_t timestamp_shift_ms = 0;
};

// The first record in the batch that is not older than `timestamp` nor below `lowest`. Of a compressed batch, whose
// records cannot be looked at, the first offset with the time of the newest.
[[nodiscard]] std::optional<OffsetAtTime> first_at_or_after(const BatchView& batch, Timestamp timestamp, Offset lowest);

class AppendablePartition : public Partition {
 public:
  [[nodiscard]] std::mutex& append_mutex() const noexcept { return append_mutex_; }

  // A compacted log takes only records that have a key.
  [[nodiscard]] virtual Cleanup cleanup() const = 0;
  // A larger batch is not taken. Bytes.
  [[nodiscard]] virtual std::size_t max_batch_bytes() const = 0;
  // How many batches of these sizes, from the front, can be written as one run; at least one. Rolls to a new segment
  // where that is due. `sizes` is not empty.
  [[nodiscard]] virtual Result<std::size_t> make_room(std::span<const std::size_t> sizes, Now now) = 0;
  // Assigns offsets, seals and writes the run. `batches` stay unchanged by others until commit or abandon.
  [[nodiscard]] virtual Result<std::vector<Placement>> write(std::span<const BatchPtr> batches) = 0;
  // Must what was written be synced before it may be committed?
  [[nodiscard]] virtual bool needs_sync() const = 0;
  [[nodiscard]] virtual Result<> sync() = 0;
  // After a failed write or sync: is there something left to try? Where only room is missing there is not.
  [[nodiscard]] virtual bool can_retry() const = 0;
  // Writes the run to a new segment that begins at the durable end, and syncs it. The partition is offline if that
  // fails too, unless for lack of room.
  [[nodiscard]] virtual Result<std::vector<Placement>> retry(std::span<const BatchPtr> batches) = 0;
  virtual void commit(std::span<const BatchPtr> batches) = 0;
  // The run failed for good.
  virtual void abandon() = 0;

  // Background sync: when it is due (nullopt: nothing is unsynced), and doing it. A failure has been dealt with as far
  // as it can be when it returns; the error says that this partition is offline now.
  [[nodiscard]] virtual std::optional<MonotonicTime> flush_due() const = 0;
  [[nodiscard]] virtual Result<> flush(Now now) = 0;

  // From any thread, without append_mutex().
  virtual void change_settings(std::shared_ptr<const LogSettings> settings) = 0;
  // What cannot be read and is known: found by recovery, by a reader or by scrub(). By offset.
  [[nodiscard]] virtual std::vector<Quarantine> quarantined() const = 0;
  // Reads on through the sealed segments, checking each batch, up to `max_bytes` and a batch of one segment, and moves
  // `position` on. nullopt: no sealed segment is left behind `position`. An error says what could not be read; that
  // segment is passed over.
  [[nodiscard]] virtual Result<std::optional<ScrubStep>> scrub(ScrubPosition& position, std::uint64_t max_bytes) = 0;
  // Adds one more section to a key index that is behind its segment. Returns how many bytes of the log it is for;
  // nullopt: there is nothing to do.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> index_keys() = 0;
  // Retention and compaction. Returns the bytes given back. What is busy is left for the next pass.
  [[nodiscard]] virtual Result<std::uint64_t> run_housekeeping(Now now) = 0;
  // Makes everything durable; later appends are refused. What goes into the clean-shutdown mark, if anything does.
  [[nodiscard]] virtual Result<std::optional<CleanPartition>> close() = 0;

 private:
  mutable std::mutex append_mutex_;
};

}  // namespace bitacora::storage
