// Logs and partitions with their settings and offsets, in the shapes of Confluent's REST v2.
#include "bridge/start_position.h"
#include "caller.h"
#include "handlers.h"
#include "json_text.h"
#include "parameters.h"

namespace bitacora::http {
namespace {

void write_partition(JsonWriter& json, const storage::Partition& partition) {
  const storage::PartitionOffsets offsets = partition.offsets();
  json.begin_object();
  json.name("partition").number(partition.number());
  // One machine keeps all of it: the only replica leads.
  json.name("leader").number(0);
  json.name("replicas").begin_array();
  json.begin_object().name("broker").number(0).name("leader").boolean(true).name("in_sync").boolean(true).end_object();
  json.end_array();
  json.name("leader_epoch").number(partition.leader_epoch());
  json.name("log_start_offset").number(offsets.log_start);
  json.name("committed_offset").number(offsets.committed);
  json.name("log_end_offset").number(offsets.log_end);
  json.name("size_bytes").number(static_cast<std::int64_t>(partition.size_bytes()));
  json.name("segments").number(partition.segment_count());
  json.name("offline").boolean(partition.offline());
  json.end_object();
}

void write_partitions(JsonWriter& json, const storage::Log& log) {
  json.begin_array();
  for (std::int32_t number = 0; number < log.partition_count(); ++number) write_partition(json, log.partition(number));
  json.end_array();
}

// Under Kafka's names where Kafka has the setting; every value is a string, as there. -1: no limit.
void write_settings(JsonWriter& json, const storage::LogSettings& settings) {
  const auto ms = [](std::chrono::milliseconds time) { return std::to_string(time.count()); };
  json.begin_object();
  json.name("cleanup.policy").string(name_of(settings.cleanup));
  json.name("retention.ms").string(settings.retention_time ? ms(*settings.retention_time) : "-1");
  json.name("retention.bytes").string(std::to_string(settings.retention_bytes.value_or(-1)));
  json.name("segment.bytes").string(std::to_string(settings.segment_bytes));
  json.name("segment.ms").string(ms(settings.segment_age));
  json.name("max.message.bytes").string(std::to_string(settings.max_batch_bytes));
  json.name("delete.retention.ms").string(ms(settings.delete_retention));
  json.name("min.cleanable.dirty.ratio").string(std::to_string(settings.min_cleanable_ratio));
  json.name("flush.ms").string(ms(settings.flush_interval));
  json.name("bitacora.durability").string(name_of(settings.durability));
  json.name("bitacora.memory.bytes").string(std::to_string(settings.memory_bytes));
  json.end_object();
}

}  // namespace

Answer get_topics(Door& door, const Request& request) {
  const std::string* internal = request.parameter("internal");
  if (internal != nullptr && *internal != "true" && *internal != "false") {
    return error_answer(400, "internal must be true or false");
  }
  const bool shown = internal != nullptr && *internal == "true";
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_array();
  for (const storage::Log* log :
       door.service.logs(shown ? bridge::InternalLogs::shown : bridge::InternalLogs::hidden)) {
    if (request.caller->may_see(*log)) json.string(log->name());
  }
  json.end_array();
  return answer;
}

Answer get_topic(Door& door, const Request& request) {
  const auto log = log_of(door, request);
  if (!log) return log.error();
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("name").string((*log)->name());
  json.name("topic_id").string((*log)->topic_id());
  json.name("internal").boolean((*log)->is_internal());
  json.name("configs");
  write_settings(json, (*log)->settings());
  json.name("partitions");
  write_partitions(json, **log);
  json.end_object();
  return answer;
}

Answer get_partitions(Door& door, const Request& request) {
  const auto log = log_of(door, request);
  if (!log) return log.error();
  Answer answer;
  JsonWriter json(answer.body);
  write_partitions(json, **log);
  return answer;
}

Answer get_partition(Door& door, const Request& request) {
  const auto partition = partition_of(door, request);
  if (!partition) return partition.error();
  Answer answer;
  JsonWriter json(answer.body);
  write_partition(json, **partition);
  return answer;
}

Answer get_offsets(Door& door, const Request& request) {
  const auto partition = partition_of(door, request);
  if (!partition) return partition.error();
  const storage::PartitionOffsets offsets = (*partition)->offsets();
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("beginning_offset").number(offsets.log_start);
  json.name("end_offset").number(offsets.committed);
  json.name("log_end_offset").number(offsets.log_end);
  if (const std::string* text = request.parameter("timestamp")) {
    const bool digits = !text->empty() && text->find_first_not_of("0123456789") == std::string::npos;
    const auto time = bridge::parse_start_position(digits ? "@" + *text : *text);
    if (!time) return error_answer(400, "timestamp: " + time.error());
    const auto offset = bridge::resolve(*time, **partition, door.now_ms());
    if (!offset) return error_answer(offset.error());
    json.name("offset_at_timestamp").number(*offset);
  }
  json.end_object();
  return answer;
}

}  // namespace bitacora::http
