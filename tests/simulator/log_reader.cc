#include "simulator/log_reader.h"

#include <algorithm>

namespace bitacora::sim {

void LogReader::read_all() {
  for (storage::Log* log : world_.offset_service().logs(bridge::InternalLogs::hidden)) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) (void)read(log->partition(number), 0);
  }
}

bool LogReader::read_new() {
  bool all = true;
  for (storage::Log* log : world_.offset_service().logs(bridge::InternalLogs::hidden)) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      all = read(log->partition(number), next_[{log->name(), number}]) && all;
    }
  }
  return all;
}

bool LogReader::read(storage::Partition& partition, storage::Offset from) {
  const storage::PartitionOffsets bounds = partition.offsets();
  const std::uint32_t reading = witness_.next_reading();
  storage::Offset next = std::clamp(from, bounds.log_start, bounds.committed);
  witness_.take(proof::ReadingBegan{reading, partition.log_name(), partition.number(), bounds.log_start, next});
  const auto sink = [&](const storage::RecordView& record) {
    witness_.take(proof::ReadRecord{reading, record.offset, std::string(as_text(record.key.value_or(ByteView()))),
                                    proof::identify(record.value.value_or(ByteView()))});
  };
  while (next < bounds.committed) {
    const auto read = bridge::OffsetService::read(partition, next, {}, sink);
    if (read && *read > next) {
      next = *read;
      continue;
    }
    if (read || read.error().code != storage::Errc::corrupt || !read.error().range) return false;
    const storage::OffsetRange lost = *read.error().range;
    witness_.take(
        proof::Reported{proof::Harm::quarantine, partition.log_name(), partition.number(), lost.begin, lost.end});
    next = std::max(lost.end, next + 1);
  }
  witness_.take(proof::ReadingEnded{reading, next});
  next_[{partition.log_name(), partition.number()}] = next;
  return true;
}

void LogReader::take_replay(const std::vector<Given>& given) {
  for (storage::Log* log : world_.offset_service().logs(bridge::InternalLogs::hidden)) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      const storage::PartitionOffsets bounds = log->partition(number).offsets();
      const std::uint32_t reading = witness_.next_reading();
      witness_.take(proof::ReadingBegan{reading, log->name(), number, bounds.log_start, bounds.log_start});
      for (const Given& record : given) {
        if (record.place.log != log->name() || record.place.partition != number) continue;
        witness_.take(proof::ReadRecord{reading, record.place.offset, record.topic, proof::identify(record.payload)});
      }
      witness_.take(proof::ReadingEnded{reading, bounds.committed});
    }
  }
}

}  // namespace bitacora::sim
