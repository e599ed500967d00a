// One partition: an ordered, append-only sequence of batches in segment files, read by anybody, written by the
// committer alone. Readers never see past the committed offset.
//
// Threads: everything public here may be called from any thread at any time. Appending is the committer's (see
// committer.h) and is not in this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/batch.h"
#include "storage/errc.h"
#include "storage/key_search.h"
#include "storage/offset.h"
#include "storage/settings.h"
#include "storage/stored_batches.h"

namespace bitacora::storage {

// Where a reader stopped, so that going on from there need not search. Copyable; a stale or default one costs only a
// search.
struct ReadHint {
  Offset offset = -1;  // the position below is this offset's batch; -1: nothing known
  Offset segment_base = -1;
  std::uint64_t position = 0;  // in the segment's file
};

struct ReadResult {
  Bytes bytes;      // whole batches, CRC checked, back to back; the first may begin below the offset asked for
  Offset next = 0;  // where to read on: one past the last record in `bytes`, or the offset asked for if empty
  ReadHint hint;    // for the read from `next`
};

struct OffsetAtTime {
  Offset offset = 0;
  Timestamp timestamp = 0;  // the record's own
};

// Logs with such names are the server's own: no client writes to them or is shown them.
[[nodiscard]] inline bool is_internal_log(std::string_view name) noexcept { return name.starts_with("__"); }

class Partition {
 public:
  virtual ~Partition() = default;

  [[nodiscard]] virtual const std::string& log_name() const noexcept = 0;
  [[nodiscard]] bool is_internal() const noexcept { return is_internal_log(log_name()); }
  [[nodiscard]] virtual std::int32_t number() const noexcept = 0;  // 0 .. partitions - 1 within its log
  [[nodiscard]] virtual PartitionIndex index() const noexcept = 0;
  [[nodiscard]] virtual PartitionOffsets offsets() const = 0;
  [[nodiscard]] virtual std::int32_t leader_epoch() const = 0;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;  // of the batches kept
  [[nodiscard]] virtual std::int32_t segment_count() const = 0;
  [[nodiscard]] virtual bool offline() const = 0;  // takes no appends until the next start

  // Whole batches from the one that contains `offset` (or the next one, where compaction left a hole), at least one if
  // there is one below the committed offset and then as many as fit in `max_bytes`. At the committed offset: empty.
  // Errc::offset_out_of_range outside [log start, committed]; Errc::corrupt with the range where damage is met first,
  // and reading from range.end goes on behind it.
  [[nodiscard]] virtual Result<ReadResult> read(Offset offset, std::size_t max_bytes, ReadHint hint = {}) const = 0;

  // The first record whose timestamp is >= `timestamp`; nullopt if every committed record is older.
  [[nodiscard]] virtual Result<std::optional<OffsetAtTime>> find_time(Timestamp timestamp) const = 0;

  // Where the records of some keys may be, from `from` on, up to the end of its segment. Only a saving: what there is
  // no index for yet is named whole, and reading is what tells of damage and of retention. Errc::offset_out_of_range
  // outside [log start, committed).
  [[nodiscard]] virtual Result<KeySearch> find_keys(Offset from, const KeyFilter& /*filter*/) const {
    const Offset end = offsets().committed;
    return KeySearch{.ranges = {{{from, end}, UINT64_MAX}}, .until = end};
  }

  // Whole batches from the one that contains `offset`, at least one if there is one below the committed offset, then as
  // many as `max_bytes` has room for and as lie together; offsets.end is where to go on. Only the first one is checked:
  // the others go out as they lie there, and whoever reads them looks at their CRC. Errors as read()'s, and no batch
  // that is known to be damaged is in it.
  [[nodiscard]] virtual Result<StoredBatches> stored_batches(Offset offset, std::uint64_t max_bytes) const {
    Result<ReadResult> read = this->read(offset, static_cast<std::size_t>(max_bytes));
    if (!read) return Failed(std::move(read.error()));
    StoredBatches stored{.offsets = {offset, read->next}, .file = nullptr, .size = read->bytes.size(), .bytes = {}};
    if (stored.size > 0) stored.offsets.begin = BatchView::trusted(read->bytes).base_offset();
    stored.bytes = std::move(read->bytes);
    return stored;
  }

  // Moves the log start offset up to `before` (Kafka's DeleteRecords): nothing below it is read again, whole segments
  // below it are removed by the next housekeeping. Durable when it returns. Errc::offset_out_of_range past the
  // committed offset; below the log start is no error and changes nothing. Returns the log start offset.
  [[nodiscard]] virtual Result<Offset> delete_records_before(Offset before) = 0;
};

}  // namespace bitacora::storage
