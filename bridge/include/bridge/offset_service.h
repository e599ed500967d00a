// The log by its own names (log, partition, offset, group), as every door but MQTT's asks for it: what there is,
// records from an offset, group offsets and lag, producing, and waiting for what is not there yet.
//
// Deterministic: no sockets, threads or clock. Its owner calls it from one thread, passes it every notice of the
// committer in order, and looks after each one at take_woken() and take_produced(). See bridge/tail.h for following an
// MQTT filter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "bridge/cursor.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/store.h"

namespace bitacora::bridge {

enum class InternalLogs : std::uint8_t { hidden, shown };

// Bounds of one read. At least one record is given where there is one, whatever its size.
struct ReadLimits {
  std::size_t max_bytes = 1 << 20;  // of keys, values and headers
  std::size_t max_records = SIZE_MAX;
};
using RecordSink = std::function<void(const storage::RecordView&)>;  // the view is good during the call

// One record to be written. Views are good until produce() returns.
struct RecordToProduce {
  std::optional<std::int32_t> partition;  // none: murmur2 of the key as Kafka's clients do, or in turn without a key
  std::optional<Timestamp> timestamp;     // none: now
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<storage::HeaderView> headers;
};
using ProduceId = Strong<struct ProduceIdTag, std::uint64_t>;
struct ProducedRecord {
  std::int32_t partition = 0;
  storage::Offset offset = -1;                  // -1: not written
  std::shared_ptr<const storage::Error> error;  // null on success
};
// The answer to one produce(): a record each, in its order. Those with an offset are as durable as their log promises.
struct Produced {
  ProduceId id;
  std::vector<ProducedRecord> records;
};

// Where a group stands in a partition.
struct GroupPosition {
  storage::GroupOffset committed;
  storage::PartitionOffsets bounds;    // of the partition; zeros if it is not there any more
  std::optional<storage::Offset> lag;  // records it has not had yet; nullopt if the partition is not there any more
};

using WaiterId = Strong<struct WaiterIdTag, std::uint64_t>;

class OffsetService {
 public:
  // `origin` marks this service's append requests: unique among the committer's users. All three outlive the service.
  OffsetService(storage::Store& store, storage::Committer& committer, storage::Catalog& catalog, std::uint32_t origin);
  OffsetService(const OffsetService&) = delete;
  OffsetService& operator=(const OffsetService&) = delete;

  // --- logs and partitions ---
  [[nodiscard]] std::vector<storage::Log*> logs(InternalLogs internal) const;  // by name
  // Errc::not_found with a message that names what there is.
  [[nodiscard]] storage::Result<storage::Log*> find_log(std::string_view name) const;
  [[nodiscard]] storage::Result<storage::Partition*> find_partition(const storage::Log& log, std::int32_t number) const;

  // --- reading ---
  // Gives `sink` the records from `from` on, as many as the limits allow, and returns the offset to go on from. At the
  // committed offset: nothing, and `from`. Errc::offset_out_of_range outside [log start, committed]; Errc::corrupt with
  // the range where the first record wanted is damaged (a read stops in front of damage, and goes on at range.end).
  [[nodiscard]] static storage::Result<storage::Offset> read(storage::Partition& partition, storage::Offset from,
                                                             const ReadLimits& limits, const RecordSink& sink);

  // The same of the records whose key is an MQTT topic that `topic_filter`, a valid one, matches; the rest is passed
  // over, and not even read where the log knows that there is none among it. It passes over so much and no more: it may
  // give nothing, and an offset in front of the committed one to go on from.
  [[nodiscard]] static storage::Result<storage::Offset> search(storage::Partition& partition, storage::Offset from,
                                                               std::string_view topic_filter, const ReadLimits& limits,
                                                               const RecordSink& sink);

  // --- waiting ---
  // Wakes once when a record at or behind one of these positions is committed, or a partition is added to the store.
  // The caller has read up to there since the last notice; nothing that is committed in between is missed.
  [[nodiscard]] WaiterId wait(std::span<const PartitionPosition> positions);
  void cancel(WaiterId id);  // no effect if it was woken already
  [[nodiscard]] std::vector<WaiterId> take_woken();
  [[nodiscard]] std::size_t waiter_count() const noexcept { return waiters_.size(); }

  // --- producing ---
  // Queues all records, a batch for each partition; the answer comes by take_produced(), at once or after a notice.
  // Errors, with nothing queued: Errc::invalid_argument for an internal log, no records, a partition that is not there,
  // a timestamp more than an hour ahead (it would drag every later record's along) or a header that only the server may
  // write. An overloaded committer is the answer's error.
  [[nodiscard]] storage::Result<ProduceId> produce(storage::Log& log, std::span<const RecordToProduce> records,
                                                   Timestamp now_ms);
  [[nodiscard]] std::vector<Produced> take_produced();

  // --- groups ---
  [[nodiscard]] storage::Result<std::vector<std::string>> groups() const;
  // Errc::not_found if the group has committed nothing.
  [[nodiscard]] storage::Result<std::vector<GroupPosition>> group_positions(const std::string& group) const;
  // All or none, durable when it returns. Errc::not_found, Errc::invalid_argument for an offset outside 0 .. committed,
  // an empty or over-long group name, or metadata over 4096 bytes; Errc::already_exists while the group has members
  // over MQTT. `committed_at` is set to now_ms.
  [[nodiscard]] storage::Result<> commit_group(const std::string& group, std::vector<storage::GroupOffset> offsets,
                                               Timestamp now_ms);
  [[nodiscard]] storage::Result<> remove_group(const std::string& group);  // Errc::not_found, already_exists as above

  // --- input ---
  void on_commit(const storage::CommitNotice& notice);

  [[nodiscard]] storage::Store& store() const noexcept { return store_; }

 private:
  struct Batch {  // one append request under way
    ProduceId produce;
    std::vector<std::size_t> records;  // which of the produce's, in the batch's order
  };
  struct Pending {
    std::vector<ProducedRecord> records;
    std::size_t batches_left = 0;
  };
  struct Wait {
    storage::PartitionIndex partition;
    storage::Offset offset = 0;
  };

  [[nodiscard]] storage::Result<> check(const storage::Log& log, std::span<const RecordToProduce> records,
                                        Timestamp now_ms) const;
  [[nodiscard]] std::int32_t choose_partition(const RecordToProduce& record, std::int32_t count);
  void submit(ProduceId id, storage::Partition& partition, Bytes batch, std::vector<std::size_t> records);
  void on_outcome(const storage::AppendOutcome& outcome);
  void finish(ProduceId id);
  void wake_behind(const storage::CommittedBatch& batch);
  void wake_all();

  storage::Store& store_;
  storage::Committer& committer_;
  storage::Catalog& catalog_;
  std::uint32_t origin_;

  std::uint64_t next_produce_ = 1;
  std::uint64_t next_batch_ = 1;
  std::uint32_t next_keyless_ = 0;
  std::unordered_map<ProduceId, Pending> pending_;
  std::unordered_map<std::uint64_t, Batch> batches_;
  std::vector<Produced> produced_;

  std::uint64_t next_waiter_ = 1;
  std::uint32_t known_partitions_ = 0;
  std::unordered_map<WaiterId, std::vector<Wait>> waiters_;
  std::vector<std::vector<WaiterId>> waiting_;  // by PartitionIndex
  std::vector<WaiterId> woken_;
};

}  // namespace bitacora::bridge
