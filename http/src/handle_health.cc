// Whether the server can take and keep records, what its last start found, and what was found since.
#include <algorithm>
#include <array>
#include <cstdio>

#include "caller.h"
#include "handlers.h"
#include "json_text.h"

namespace bitacora::http {
namespace {

// "96.2 % of the disk are used, 1048576 bytes are available".
std::string describe(const storage::DiskSpace& disk) {
  std::array<char, 16> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f", disk.used_percent);
  return std::string(percent.data()) + " % of the disk are used, " + std::to_string(disk.space.available) +
         " bytes are available";
}

// What somebody should look at while the server does all it is for.
std::vector<std::string> warnings_of(const storage::Store& store, const storage::DiskSpace& disk) {
  std::vector<std::string> warnings;
  if (disk.level == storage::SpaceLevel::low) {
    warnings.push_back("disk space: " + describe(disk) + "; make room or shorten retention");
  }
  for (const storage::KnownDamage& damage : store.known_damage()) {
    warnings.push_back("damage: " + damage.log + "/" + std::to_string(damage.partition) + ": records " +
                       std::to_string(damage.quarantine.offsets.begin) + " to before " +
                       std::to_string(damage.quarantine.offsets.end) + " cannot be read; GET /recovery has the place");
  }
  return warnings;
}

std::vector<std::string> reasons_of_ill_health(Door& door, const storage::DiskSpace& disk) {
  std::vector<std::string> reasons;
  const storage::Store& store = door.service.store();
  for (std::uint32_t index = 0; index < store.partition_count(); ++index) {
    const storage::Partition& partition = store.partition(storage::PartitionIndex(index));
    if (!partition.offline()) continue;
    reasons.push_back("partition " + partition.log_name() + "/" + std::to_string(partition.number()) +
                      " is offline: its disk failed twice; check the disk, then restart");
  }
  if (disk.level == storage::SpaceLevel::exhausted) {
    reasons.push_back("disk space: " + describe(disk) +
                      "; publishes are refused until there is more; make room or shorten retention");
  }
  const std::uint64_t free = disk.space.available;
  if (free < door.settings.min_free_bytes) {
    reasons.push_back("disk space: " + std::to_string(free) + " bytes are free, fewer than " +
                      std::to_string(door.settings.min_free_bytes) + "; make room or shorten retention");
  }
  return reasons;
}

void write_range(JsonWriter& json, const storage::Quarantine& quarantine) {
  json.name("from_offset").number(quarantine.offsets.begin);
  json.name("to_offset").number(quarantine.offsets.end);
  json.name("segment").string(quarantine.segment);
  json.name("position").number(static_cast<std::int64_t>(quarantine.position));
  json.name("size_bytes").number(static_cast<std::int64_t>(quarantine.size));
  json.name("why").string(quarantine.why);
}

bool is_in(const storage::RecoveryReport& report, const storage::KnownDamage& damage) {
  return std::ranges::any_of(report.partitions, [&](const storage::PartitionRecovery& partition) {
    return partition.log == damage.log && partition.partition == damage.partition &&
           std::ranges::any_of(partition.quarantined, [&](const storage::Quarantine& quarantine) {
             return quarantine.offsets == damage.quarantine.offsets;
           });
  });
}

// By a reader or by the scrub.
void write_found_since(JsonWriter& json, const storage::Store& store) {
  json.begin_array();
  for (const storage::KnownDamage& damage : store.known_damage()) {
    if (is_in(store.recovery_report(), damage)) continue;
    json.begin_object();
    json.name("topic").string(damage.log);
    json.name("partition").number(damage.partition);
    write_range(json, damage.quarantine);
    json.end_object();
  }
  json.end_array();
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
  for (const storage::Quarantine& quarantine : partition.quarantined) {
    json.begin_object();
    write_range(json, quarantine);
    json.end_object();
  }
  json.end_array();
  json.name("notes");
  write_strings(json, partition.notes);
  json.end_object();
}

}  // namespace

Answer get_health(Door& door, const Request&) {
  const storage::Store& store = door.service.store();
  const storage::DiskSpace disk = store.disk_space();
  const std::vector<std::string> reasons = reasons_of_ill_health(door, disk);
  Answer answer;
  answer.status = reasons.empty() ? 200 : 503;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("status").string(reasons.empty() ? "ok" : "failing");
  json.name("reasons");
  write_strings(json, reasons);
  json.name("warnings");
  write_strings(json, warnings_of(store, disk));
  json.end_object();
  return answer;
}

Answer get_recovery(Door& door, const Request& request) {
  if (auto refused = unless_administering(door, request, "server/recovery")) return std::move(*refused);
  const storage::RecoveryReport& report = door.service.store().recovery_report();
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("clean_shutdown").boolean(report.clean_shutdown);
  json.name("took_ms").number(report.took.count());
  json.name("partitions").begin_array();
  for (const storage::PartitionRecovery& partition : report.partitions) write_partition(json, partition);
  json.end_array();
  json.name("found_since");
  write_found_since(json, door.service.store());
  json.name("notes");
  write_strings(json, report.notes);
  json.end_object();
  return answer;
}

}  // namespace bitacora::http
