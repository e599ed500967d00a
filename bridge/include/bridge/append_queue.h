// Where a shard's publishes wait for the committer: one open batch a partition, closed at the end of the turn or when
// it is full, handed over in the order of closing. Each record may carry a ticket, which comes back with the record's
// fate.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/strong.h"
#include "storage/batch.h"
#include "storage/committer.h"

namespace bitacora::bridge {

// Names an operation that waits for a record. 0: nobody waits.
using Ticket = Strong<struct TicketTag, std::uint64_t>;

// What became of one record.
struct RecordFate {
  Ticket ticket;
  storage::Partition* partition = nullptr;
  storage::Offset offset = -1;
  std::int64_t timestamp_shift_ms = 0;
  const storage::Error* error = nullptr;  // null on success; lives during the call
};

class AppendQueue {
 public:
  AppendQueue(storage::Committer& committer, std::uint32_t origin, std::size_t max_batch_bytes)
      : committer_(committer), origin_(origin), max_batch_bytes_(max_batch_bytes) {}

  // Batches for `partition` are closed at `bytes` already: one whose records are read one by one keeps them small.
  void limit_batches(const storage::Partition& partition, std::size_t bytes) {
    small_partition_ = &partition;
    small_batch_bytes_ = bytes;
  }

  // Copies the record. It is on its way only after flush().
  void add(storage::Partition& partition, const storage::RecordView& record, Ticket ticket);

  // Closes the open batches and hands over what the committer takes; the rest stays, in order, for the next flush.
  // Batches that the committer refuses for another reason than being full fail at once: their fates are added to
  // `failed`.
  struct Refused {
    std::vector<Ticket> tickets;
    storage::Partition* partition = nullptr;
    storage::Error error;
  };
  void flush(std::vector<Refused>& refused);

  // The tickets of the batch that `outcome` is of, in record order, each given to sink(RecordFate). Outcomes of other
  // origins are passed over.
  template <class Sink>
  void on_outcome(const storage::AppendOutcome& outcome, Sink&& sink) {
    if (outcome.origin != origin_) return;
    const auto sent = in_flight_.find(outcome.id);
    if (sent == in_flight_.end()) return;
    const std::vector<Ticket> tickets = std::move(sent->second);
    in_flight_.erase(sent);
    note_fate(*outcome.partition, tickets.size(), outcome.error ? Fate::failed : Fate::stored);
    storage::Offset offset = outcome.base_offset;
    for (const Ticket ticket : tickets) {
      if (ticket.value() != 0) {
        sink(RecordFate{ticket, outcome.partition, outcome.error ? -1 : offset, outcome.timestamp_shift_ms,
                        outcome.error.get()});
      }
      ++offset;
    }
  }

  // How many records were added for `partition`, and how many of them have their fate: of those that were stored the
  // first added is the first to have it.
  [[nodiscard]] std::uint64_t added(const storage::Partition& partition) const noexcept;
  [[nodiscard]] std::uint64_t settled(const storage::Partition& partition) const noexcept;
  // Whether a record for `partition` has failed since take_failed() was asked last.
  [[nodiscard]] bool has_failed(const storage::Partition& partition) const noexcept;
  [[nodiscard]] bool take_failed(const storage::Partition& partition);

  [[nodiscard]] bool backlogged() const noexcept { return !closed_.empty(); }  // after flush: the committer is full
  [[nodiscard]] bool has_open_batches() const noexcept { return open_count_ != 0; }
  [[nodiscard]] bool idle() const noexcept { return open_count_ == 0 && closed_.empty() && in_flight_.empty(); }

 private:
  struct Open {
    storage::Partition* partition = nullptr;
    storage::BatchBuilder builder;
    std::vector<Ticket> tickets;
    std::uint64_t added = 0;
    std::uint64_t settled = 0;
    bool has_failed = false;
  };
  struct Closed {
    storage::Partition* partition = nullptr;
    Bytes batch;
    std::vector<Ticket> tickets;
  };
  enum class Fate : std::uint8_t { stored, failed };
  [[nodiscard]] const Open* find(const storage::Partition& partition) const noexcept;  // nullptr: never used
  void close(Open& open);
  void note_fate(const storage::Partition& partition, std::size_t records, Fate fate);

  storage::Committer& committer_;
  std::uint32_t origin_;
  std::size_t max_batch_bytes_;
  const storage::Partition* small_partition_ = nullptr;
  std::size_t small_batch_bytes_ = 0;
  std::uint64_t next_id_ = 1;
  std::vector<std::unique_ptr<Open>> open_;  // by PartitionIndex; null until first used
  std::vector<std::uint32_t> open_order_;    // which of them have records, in order of first use
  std::size_t open_count_ = 0;
  std::deque<Closed> closed_;
  std::unordered_map<std::uint64_t, std::vector<Ticket>> in_flight_;  // by request id
};

}  // namespace bitacora::bridge
