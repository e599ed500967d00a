// Whether the server can take and keep records, and what its last start found.
#include "handlers.h"
#include "json_text.h"

namespace bitacora::http {
namespace {

std::vector<std::string> reasons_of_ill_health(Door& door) {
  std::vector<std::string> reasons;
  const storage::Store& store = door.service.store();
  for (std::uint32_t index = 0; index < store.partition_count(); ++index) {
    const storage::Partition& partition = store.partition(storage::PartitionIndex(index));
    if (!partition.offline()) continue;
    reasons.push_back("partition " + partition.log_name() + "/" + std::to_string(partition.number()) +
                      " is offline: its disk failed twice; check the disk, then restart");
  }
  const std::uint64_t free = store.disk_space().space.available;
  if (free < door.settings.min_free_bytes) {
    reasons.push_back("disk space: " + std::to_string(free) + " bytes are free, fewer than " +
                      std::to_string(door.settings.min_free_bytes) + "; make room or shorten retention");
  }
  return reasons;
}

void write_quarantine(JsonWriter& json, const storage::Quarantine& quarantine) {
  json.begin_object();
  json.name("from_offset").number(quarantine.offsets.begin);
  json.name("to_offset").number(quarantine.offsets.end);
  json.name("segment").string(quarantine.segment);
  json.name("position").number(static_cast<std::int64_t>(quarantine.position));
  json.name("size_bytes").number(static_cast<std::int64_t>(quarantine.size));
  json.name("why").string(quarantine.why);
  json.end_object();
}

void write_strings(JsonWriter& json, const std::vector<std::string>& strings) {
  json.begin_array();
  for (const std::string& string : strings) json.string(string);
  json.end_array();
}

void write_partition(JsonWriter& json, const storage::PartitionRecovery& partition) {
  json.begin_object();
  json.name("topic").string(partition.log);
  json.name("partition").number(partition.partition);
  json.name("log_start_offset").number(partition.log_start);
  json.name("durable_end_offset").number(partition.durable_end);
  json.name("leader_epoch").number(partition.leader_epoch);
  json.name("segments").number(partition.segments);
  json.name("scanned_bytes").number(static_cast<std::int64_t>(partition.scanned_bytes));
  json.name("cut_bytes").number(static_cast<std::int64_t>(partition.cut_bytes));
  json.name("cut_copy").string(partition.cut_copy);
  json.name("indexes_rebuilt").number(partition.indexes_rebuilt);
  json.name("memory_lost_before_offset").number(partition.memory_lost_before);
  json.name("quarantined").begin_array();
  for (const storage::Quarantine& quarantine : partition.quarantined) write_quarantine(json, quarantine);
  json.end_array();
  json.name("notes");
  write_strings(json, partition.notes);
  json.end_object();
}

}  // namespace

Answer get_health(Door& door, const Request&) {
  const std::vector<std::string> reasons = reasons_of_ill_health(door);
  Answer answer;
  answer.status = reasons.empty() ? 200 : 503;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("status").string(reasons.empty() ? "ok" : "failing");
  json.name("reasons");
  write_strings(json, reasons);
  json.end_object();
  return answer;
}

Answer get_recovery(Door& door, const Request&) {
  const storage::RecoveryReport& report = door.service.store().recovery_report();
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("clean_shutdown").boolean(report.clean_shutdown);
  json.name("took_ms").number(report.took.count());
  json.name("partitions").begin_array();
  for (const storage::PartitionRecovery& partition : report.partitions) write_partition(json, partition);
  json.end_array();
  json.name("notes");
  write_strings(json, report.notes);
  json.end_object();
  return answer;
}

}  // namespace bitacora::http
