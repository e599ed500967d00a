// A cursor: a position in each of some partitions, moving at its own speed. Every reader of the server is one: a
// session that fell behind, an offline session that resumes, a replay subscription, an HTTP tail, the replay command.
//
// It reads whole batches ahead into one chunk and hands out record after record. What it has handed out is behind its
// position; nothing else is. Not thread-safe; owned by one shard or one door.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storage/batch.h"
#include "storage/key_search.h"
#include "storage/partition.h"

namespace bitacora::bridge {

struct PartitionPosition {
  storage::Partition* partition = nullptr;
  storage::Offset offset = 0;  // of the next record
  // Where to stop, exclusive; committed offsets are never passed in any case. Max: no other bound.
  storage::Offset limit = INT64_MAX;
};

// Records that the cursor had to pass over: retention overtook it, or they are damaged.
struct Gap {
  storage::Partition* partition = nullptr;
  storage::OffsetRange offsets;
  enum class Cause : std::uint8_t { retention, damage } cause = Cause::retention;
};

// A record and where it lies.
struct CursorRecord {
  storage::Partition* partition = nullptr;
  storage::RecordView record;  // good until the next call of a cursor's method
};

class Cursor {
 public:
  Cursor() = default;
  explicit Cursor(std::vector<PartitionPosition> positions) : positions_(std::move(positions)) {}

  // The next record of any partition that has one: partition after partition in turn, a chunk of each, in offset order
  // within a partition. nullopt: at the end of all (of their limits or committed offsets), or the gap is to be looked
  // at first: see take_gap(); or is_searching(). Control batches are passed over. Errors other than a gap are the
  // disk's.
  [[nodiscard]] storage::Result<std::optional<CursorRecord>> next();

  // From now on records whose key `filter` does not want may be passed over: those that the log need not read to know
  // so. The rest comes as before, for the caller to look at. nullptr: everything comes.
  void search_for(std::shared_ptr<const storage::KeyFilter> filter);
  // After a next() that gave nothing: it is not at the end, it has only looked through a part of the log in which there
  // is nothing wanted, and goes on with the next call.
  [[nodiscard]] bool is_searching() const noexcept { return searching_; }

  // Undoes the last next(), which must have given a record: that record will come again.
  void put_back();

  // A gap met since the last call; the cursor has moved behind it.
  [[nodiscard]] std::optional<Gap> take_gap();
  [[nodiscard]] bool has_gap() const noexcept { return gap_.has_value(); }

  // Gives up the chunk read ahead, so that an idle cursor costs its positions only.
  void release_chunk();

  [[nodiscard]] std::span<const PartitionPosition> positions() const noexcept { return positions_; }
  [[nodiscard]] const PartitionPosition* position_of(const storage::Partition& partition) const noexcept;
  void set_limit(const storage::Partition& partition, storage::Offset limit);
  // Adds a partition (one that was created later).
  void add(PartitionPosition position);

  // Bytes one read asks for; a larger batch is still read whole.
  static constexpr std::size_t chunk_bytes = 128 << 10;

 private:
  enum class Fill : std::uint8_t { filled, at_end, gap, searching };
  // What the log said of a partition, and how much of it is behind us.
  struct Found {
    storage::KeySearch search;
    std::size_t next = 0;
  };
  [[nodiscard]] std::optional<std::size_t> seek(std::size_t which);
  [[nodiscard]] storage::Result<Fill> fill(std::size_t which);
  [[nodiscard]] storage::Result<std::optional<CursorRecord>> next_in_chunk();
  void pass_over(PartitionPosition& position, storage::OffsetRange offsets, Gap::Cause cause);
  void move_behind(storage::BatchView batch);

  std::vector<PartitionPosition> positions_;
  std::vector<storage::ReadHint> hints_;
  std::shared_ptr<const storage::KeyFilter> wanted_;  // null: everything
  std::vector<Found> found_;
  bool searching_ = false;
  std::size_t current_ = 0;  // index of the partition the chunk is of
  Bytes chunk_;
  std::size_t chunk_at_ = 0;        // the batch that is being read
  storage::Offset chunk_next_ = 0;  // one past the chunk's last record
  std::optional<storage::RecordReader> reader_;
  storage::Offset last_ = -1;  // offset of what next() gave last; -1: nothing to put back
  std::optional<Gap> gap_;
};

}  // namespace bitacora::bridge
