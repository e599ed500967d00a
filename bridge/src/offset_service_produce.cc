#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/murmur2.h"
#include "bridge/offset_service.h"

namespace bitacora::bridge {
namespace {

// Kafka 4's log.message.timestamp.after.max.ms.
constexpr std::int64_t max_ahead_ms = 60 * 60 * 1000;
// By it the server knows a QoS 2 publish again: a forged one could make it drop a publish it never had.
constexpr std::string_view reserved_header = "mqtt.qos2";

storage::Failed refuse(std::size_t index, const std::string& why) {
  return storage::fail(storage::Errc::invalid_argument, "record " + std::to_string(index) + ": " + why);
}

}  // namespace

storage::Result<> OffsetService::check(const storage::Log& log, std::span<const RecordToProduce> records,
                                       Timestamp now_ms) const {
  if (log.is_internal()) {
    return storage::fail(storage::Errc::invalid_argument,
                         "log \"" + log.name() + "\" is the server's own: nobody else writes to it");
  }
  if (records.empty()) return storage::fail(storage::Errc::invalid_argument, "there is no record to write");
  const std::int32_t count = log.partition_count();
  for (std::size_t index = 0; index < records.size(); ++index) {
    const RecordToProduce& record = records[index];
    if (record.partition && (*record.partition < 0 || *record.partition >= count)) {
      return refuse(index, "log \"" + log.name() + "\" has no partition " + std::to_string(*record.partition) +
                               "; it has 0 to " + std::to_string(count - 1));
    }
    if (record.timestamp && (*record.timestamp < 0 || *record.timestamp > now_ms + max_ahead_ms)) {
      return refuse(index, "timestamp " + std::to_string(*record.timestamp) +
                               " is not possible: ms since 1970, at most an hour ahead of the server's clock");
    }
    const auto reserved = [](const storage::HeaderView& header) { return header.name == reserved_header; };
    if (std::any_of(record.headers.begin(), record.headers.end(), reserved)) {
      return refuse(index, "the header mqtt.qos2 is the server's own");
    }
  }
  return {};
}

std::int32_t OffsetService::choose_partition(const RecordToProduce& record, std::int32_t count) {
  if (record.partition) return *record.partition;
  if (record.key) return partition_of_key(*record.key, count);
  return static_cast<std::int32_t>(next_keyless_++ % static_cast<std::uint32_t>(count));
}

storage::Result<ProduceId> OffsetService::produce(storage::Log& log, std::span<const RecordToProduce> records,
                                                  Timestamp now_ms) {
  if (auto checked = check(log, records, now_ms); !checked) return storage::Failed(std::move(checked.error()));

  const ProduceId id(next_produce_++);
  Pending& pending = pending_[id];
  pending.records.resize(records.size());
  struct Gathered {
    storage::BatchBuilder builder;
    std::vector<std::size_t> records;
  };
  std::map<std::int32_t, Gathered> by_partition;
  for (std::size_t index = 0; index < records.size(); ++index) {
    const RecordToProduce& record = records[index];
    const std::int32_t partition = choose_partition(record, log.partition_count());
    pending.records[index].partition = partition;
    Gathered& gathered = by_partition[partition];
    gathered.builder.add({0, record.timestamp.value_or(now_ms), record.key, record.value, record.headers});
    gathered.records.push_back(index);
  }
  pending.batches_left = by_partition.size();
  for (auto& [number, gathered] : by_partition) {
    submit(id, log.partition(number), gathered.builder.take(), std::move(gathered.records));
  }
  return id;
}

void OffsetService::submit(ProduceId id, storage::Partition& partition, Bytes batch, std::vector<std::size_t> records) {
  const std::uint64_t batch_id = next_batch_++;
  auto submitted = committer_.submit({&partition, std::move(batch), origin_, batch_id});
  if (submitted) {
    batches_.emplace(batch_id, Batch{id, std::move(records)});
    return;
  }
  const auto error = std::make_shared<const storage::Error>(std::move(submitted.error()));
  Pending& pending = pending_.at(id);
  for (const std::size_t index : records) pending.records[index].error = error;
  if (--pending.batches_left == 0) finish(id);
}

void OffsetService::on_outcome(const storage::AppendOutcome& outcome) {
  const auto batch = batches_.extract(outcome.id);
  BITACORA_ASSERT(!batch.empty());
  const ProduceId id = batch.mapped().produce;
  Pending& pending = pending_.at(id);
  storage::Offset offset = outcome.base_offset;
  for (const std::size_t index : batch.mapped().records) {
    ProducedRecord& record = pending.records[index];
    record.error = outcome.error;
    if (!outcome.error) record.offset = offset++;
  }
  if (--pending.batches_left == 0) finish(id);
}

void OffsetService::finish(ProduceId id) {
  auto pending = pending_.extract(id);
  produced_.push_back({id, std::move(pending.mapped().records)});
}

std::vector<Produced> OffsetService::take_produced() { return std::exchange(produced_, {}); }

}  // namespace bitacora::bridge
