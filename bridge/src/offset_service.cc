#include "bridge/offset_service.h"

#include <algorithm>
#include <utility>

#include "bridge/message.h"
#include "bridge/topic_search.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

constexpr std::size_t max_group_name = 255;  // bytes
constexpr std::size_t max_metadata = 4096;   // bytes

std::string name_of(const storage::Partition& partition) {
  return partition.log_name() + "/" + std::to_string(partition.number());
}

storage::Failed out_of_range(const storage::Partition& partition, storage::Offset offset) {
  const storage::PartitionOffsets bounds = partition.offsets();
  return storage::fail(storage::Errc::offset_out_of_range,
                       "offset " + std::to_string(offset) + " of " + name_of(partition) + " is not there: it keeps " +
                           std::to_string(bounds.log_start) + " up to " + std::to_string(bounds.committed) +
                           " (not included); read from one of these, or from earliest or latest");
}

storage::Failed damaged(const storage::Partition& partition, storage::OffsetRange range) {
  std::string message = "offsets " + std::to_string(range.begin) + " up to " + std::to_string(range.end) +
                        " (not included) of " + name_of(partition) +
                        " are damaged on disk and cannot be read; go on from offset " + std::to_string(range.end);
  return storage::Failed(storage::Error{storage::Errc::corrupt, std::move(message), 0, range});
}

std::size_t size_of(const storage::RecordView& record) noexcept {
  std::size_t size = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const storage::HeaderView& header : record.headers) {
    size += header.name.size() + (header.value ? header.value->size() : 0);
  }
  return size;
}

// What one read passes over at most, so that it comes to an end: records that are not wanted, and parts of the log in
// which there are none.
constexpr std::size_t max_passed_over = 100'000;
constexpr std::size_t max_searches = 64;

// Of one partition.
template <class Wanted>
storage::Result<storage::Offset> read_with(Cursor& cursor, const ReadLimits& limits, const Wanted& wanted,
                                           const RecordSink& sink) {
  const PartitionPosition& position = cursor.positions().front();
  storage::Partition& partition = *position.partition;
  const storage::Offset from = position.offset;
  const storage::PartitionOffsets bounds = partition.offsets();
  if (from < bounds.log_start || from > bounds.committed) return out_of_range(partition, from);
  std::size_t bytes = 0;
  std::size_t passed_over = 0;
  std::size_t searches = 0;
  for (std::size_t count = 0; count < limits.max_records && passed_over < max_passed_over;) {
    auto record = cursor.next();
    if (!record) {
      if (position.offset == from) return storage::Failed(std::move(record.error()));
      break;
    }
    if (const auto gap = cursor.take_gap()) {
      if (gap->offsets.begin > from) return gap->offsets.begin;
      return gap->cause == Gap::Cause::damage ? damaged(partition, gap->offsets) : out_of_range(partition, from);
    }
    if (!*record) {
      if (cursor.is_searching() && ++searches < max_searches) continue;
      break;
    }
    if (!wanted((*record)->record)) {
      ++passed_over;
      continue;
    }
    bytes += size_of((*record)->record);
    if (count > 0 && bytes > limits.max_bytes) {
      cursor.put_back();
      break;
    }
    sink((*record)->record);
    ++count;
  }
  return position.offset;
}

}  // namespace

OffsetService::OffsetService(storage::Store& store, storage::Committer& committer, storage::Catalog& catalog,
                             std::uint32_t origin)
    : store_(store),
      committer_(committer),
      catalog_(catalog),
      origin_(origin),
      known_partitions_(store.partition_count()) {}

std::vector<storage::Log*> OffsetService::logs(InternalLogs internal) const {
  std::vector<storage::Log*> all = store_.logs();
  if (internal == InternalLogs::hidden) std::erase_if(all, [](const storage::Log* log) { return log->is_internal(); });
  return all;
}

storage::Result<storage::Log*> OffsetService::find_log(std::string_view name) const {
  if (storage::Log* log = store_.find_log(name)) return log;
  std::string message = "there is no log \"" + std::string(name) + "\"; there ";
  const std::vector<storage::Log*> known = logs(InternalLogs::hidden);
  message += known.empty() ? "is none" : "are:";
  for (const storage::Log* log : known) message += " " + log->name();
  return storage::fail(storage::Errc::not_found, std::move(message));
}

storage::Result<storage::Partition*> OffsetService::find_partition(const storage::Log& log, std::int32_t number) const {
  const std::int32_t count = log.partition_count();
  if (number >= 0 && number < count) return &log.partition(number);
  return storage::fail(storage::Errc::not_found, "log \"" + log.name() + "\" has no partition " +
                                                     std::to_string(number) + "; it has 0 to " +
                                                     std::to_string(count - 1));
}

storage::Result<storage::Offset> OffsetService::read(storage::Partition& partition, storage::Offset from,
                                                     const ReadLimits& limits, const RecordSink& sink) {
  Cursor cursor({{&partition, from}});
  return read_with(
      cursor, limits, [](const storage::RecordView&) { return true; }, sink);
}

storage::Result<storage::Offset> OffsetService::search(storage::Partition& partition, storage::Offset from,
                                                       std::string_view topic_filter, const ReadLimits& limits,
                                                       const RecordSink& sink) {
  Cursor cursor({{&partition, from}});
  cursor.search_for(search_for_topics(topic_filter));
  const auto wanted = [&](const storage::RecordView& record) {
    const auto topic = MessageDecoder::topic_of(record);
    return topic && mqtt::matches(topic_filter, *topic);
  };
  return read_with(cursor, limits, wanted, sink);
}

storage::Result<std::vector<std::string>> OffsetService::groups() const { return catalog_.groups(); }

storage::Result<std::vector<GroupPosition>> OffsetService::group_positions(const std::string& group) const {
  auto offsets = catalog_.group_offsets(group);
  if (!offsets) return storage::Failed(std::move(offsets.error()));
  if (offsets->empty()) {
    return storage::fail(storage::Errc::not_found, "group \"" + group + "\" has committed no offset");
  }
  std::vector<GroupPosition> positions;
  positions.reserve(offsets->size());
  for (storage::GroupOffset& offset : *offsets) {
    GroupPosition position{std::move(offset), {}, std::nullopt};
    const storage::Log* log = store_.find_log(position.committed.log);
    if (log != nullptr && position.committed.partition < log->partition_count()) {
      position.bounds = log->partition(position.committed.partition).offsets();
      // What retention has taken is no longer to be had: it is not lag.
      const storage::Offset next = std::max(position.committed.offset, position.bounds.log_start);
      position.lag = std::max<storage::Offset>(0, position.bounds.committed - next);
    }
    positions.push_back(std::move(position));
  }
  return positions;
}

storage::Result<> OffsetService::commit_group(const std::string& group, std::vector<storage::GroupOffset> offsets,
                                              Timestamp now_ms) {
  using storage::Errc;
  if (group.empty() || group.size() > max_group_name) {
    return storage::fail(Errc::invalid_argument,
                         "a group's name has 1 to 255 bytes; this one has " + std::to_string(group.size()));
  }
  for (storage::GroupOffset& offset : offsets) {
    const auto log = find_log(offset.log);
    if (!log) return storage::Failed(log.error());
    const auto partition = find_partition(**log, offset.partition);
    if (!partition) return storage::Failed(partition.error());
    const storage::Offset committed = (*partition)->offsets().committed;
    if (offset.offset < 0 || offset.offset > committed) {
      return storage::fail(Errc::invalid_argument,
                           "offset " + std::to_string(offset.offset) + " for " + name_of(**partition) +
                               " is not possible: commit the offset of the next record wanted, 0 to " +
                               std::to_string(committed));
    }
    if (offset.metadata.size() > max_metadata) {
      return storage::fail(Errc::invalid_argument, "metadata for " + name_of(**partition) + " is over 4096 bytes");
    }
    offset.committed_at = now_ms;
  }
  return catalog_.put_group_offsets(group, offsets, storage::GroupWriter::outsider);
}

storage::Result<> OffsetService::remove_group(const std::string& group) {
  return catalog_.remove_group(group, storage::GroupWriter::outsider);
}

void OffsetService::on_commit(const storage::CommitNotice& notice) {
  for (const storage::CommittedBatch& batch : notice.batches) wake_behind(batch);
  for (const storage::AppendOutcome& outcome : notice.outcomes) {
    if (outcome.origin == origin_) on_outcome(outcome);
  }
  if (const std::uint32_t count = store_.partition_count(); count != known_partitions_) {
    known_partitions_ = count;
    wake_all();
  }
}

}  // namespace bitacora::bridge
