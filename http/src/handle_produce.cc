// POST /topics/{log} and .../partitions/{partition}: Confluent's produce. The answer comes when the records are as
// durable as their log promises.
//
//   {"records": [{"key": ..., "value": ..., "partition": 0, "timestamp": 1700000000000,
//                 "headers": [{"name": "unit", "value": ...}]}]}
#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <deque>

#include "base/base64.h"
#include "body_json.h"
#include "caller.h"
#include "handlers.h"
#include "json_text.h"
#include "parameters.h"
#include "record_json.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;

// What the records' views point into while they are queued.
class Embedded {
 public:
  explicit Embedded(EmbeddedFormat format) : format_(format) {}

  // nullopt inside: JSON null. As a key or header, a JSON string stands for its characters in every format but binary.
  Parsed<std::optional<ByteView>> value(const json::value& value) {
    if (value.is_null()) return std::optional<ByteView>();
    if (format_ == EmbeddedFormat::json) return keep(json_of(value));
    return text(value);
  }
  Parsed<std::optional<ByteView>> text(const json::value& value) {
    if (value.is_null()) return std::optional<ByteView>();
    if (!value.is_string()) {
      if (format_ == EmbeddedFormat::json) return keep(json_of(value));
      return Refused(
          error_answer(422, "keys, values and headers must be strings or null in the formats binary and text"));
    }
    const json::string& string = value.get_string();
    if (format_ != EmbeddedFormat::binary) return keep(std::string(string.data(), string.size()));
    const auto bytes = decode_base64({string.data(), string.size()});
    if (!bytes) return Refused(error_answer(422, "\"" + std::string(string) + "\" is not base64 (with padding)"));
    return keep(std::string(as_text(*bytes)));
  }
  std::string_view name(const std::string& name) { return as_text(*keep(name)); }

 private:
  static std::string json_of(const json::value& value) {
    std::string text;
    append_json_value(text, value);
    return text;
  }
  std::optional<ByteView> keep(std::string bytes) { return as_bytes(kept_.emplace_back(std::move(bytes))); }

  EmbeddedFormat format_;
  std::deque<std::string> kept_;  // its elements stay where they are
};

Parsed<std::vector<storage::HeaderView>> parse_headers(const json::object& record, Embedded& embedded) {
  std::vector<storage::HeaderView> headers;
  const json::array* list = array_member(record, "headers");
  if (list == nullptr) {
    if (!record.contains("headers")) return headers;
    return Refused(error_answer(422, "headers must be an array of {\"name\": ..., \"value\": ...}"));
  }
  for (const json::value& item : *list) {
    const json::object* header = item.if_object();
    const auto name = header != nullptr ? string_member(*header, "name") : std::nullopt;
    if (!name || !header->contains("value")) {
      return Refused(error_answer(422, "headers must be an array of {\"name\": ..., \"value\": ...}"));
    }
    const auto value = embedded.text(header->at("value"));
    if (!value) return Refused(value.error());
    headers.push_back({embedded.name(*name), *value});
  }
  return headers;
}

Parsed<bridge::RecordToProduce> parse_record(const json::value& item, Embedded& embedded) {
  const json::object* object = item.if_object();
  if (object == nullptr) return Refused(error_answer(422, "each of records must be an object"));
  bridge::RecordToProduce record;
  if (const json::value* key = object->if_contains("key")) {
    const auto bytes = embedded.text(*key);
    if (!bytes) return Refused(bytes.error());
    record.key = *bytes;
  }
  if (const json::value* value = object->if_contains("value")) {
    const auto bytes = embedded.value(*value);
    if (!bytes) return Refused(bytes.error());
    record.value = *bytes;
  }
  if (const json::value* partition = object->if_contains("partition"); partition != nullptr && !partition->is_null()) {
    const auto number = integer_member(*object, "partition");
    if (!number || *number < 0 || *number > INT32_MAX) {
      return Refused(error_answer(422, "partition must be a whole number"));
    }
    record.partition = static_cast<std::int32_t>(*number);
  }
  if (const json::value* timestamp = object->if_contains("timestamp"); timestamp != nullptr && !timestamp->is_null()) {
    record.timestamp = integer_member(*object, "timestamp");
    if (!record.timestamp) return Refused(error_answer(422, "timestamp must be a whole number: ms since 1970"));
  }
  auto headers = parse_headers(*object, embedded);
  if (!headers) return Refused(headers.error());
  record.headers = std::move(*headers);
  return record;
}

Parsed<std::vector<bridge::RecordToProduce>> parse_records(const Request& request, Embedded& embedded) {
  const auto body = parse_body(request);
  if (!body) return Refused(body.error());
  const json::array* list = array_member(*body, "records");
  if (list == nullptr || list->empty()) {
    return Refused(error_answer(422, R"(the body must be {"records": [{"key": ..., "value": ...}]})"));
  }
  std::vector<bridge::RecordToProduce> records;
  records.reserve(list->size());
  for (const json::value& item : *list) {
    auto record = parse_record(item, embedded);
    if (!record) return Refused(record.error());
    records.push_back(std::move(*record));
  }
  return records;
}

Answer answer_of(const bridge::Produced& produced) {
  const bool none = std::none_of(produced.records.begin(), produced.records.end(),
                                 [](const bridge::ProducedRecord& record) { return record.error == nullptr; });
  if (none) return error_answer(*produced.records.front().error);
  Answer answer;
  answer.content_type = "application/vnd.kafka.v2+json";
  JsonWriter writer(answer.body);
  writer.begin_object().name("key_schema_id").null().name("value_schema_id").null().name("offsets").begin_array();
  for (const bridge::ProducedRecord& record : produced.records) {
    writer.begin_object().name("partition").number(record.partition);
    if (record.error) {
      writer.name("offset").null();
      writer.name("error_code").number(error_answer(*record.error).status).name("error").string(record.error->message);
    } else {
      writer.name("offset").number(record.offset).name("error_code").null().name("error").null();
    }
    writer.end_object();
  }
  writer.end_array().end_object();
  return answer;
}

// `partition`: where all of them go; none: each by its own partition or key.
asio::awaitable<Answer> produce(Door& door, const Request& request, std::optional<std::int32_t> partition) {
  const auto log = log_of(door, request);
  if (!log) co_return log.error();
  Embedded embedded(format_of_body(request.content_type).value_or(EmbeddedFormat::json));
  auto records = parse_records(request, embedded);
  if (!records) co_return records.error();
  if (partition) {
    for (bridge::RecordToProduce& record : *records) {
      if (record.partition && record.partition != partition) {
        co_return error_answer(422, "a record names another partition than the path does");
      }
      record.partition = partition;
    }
  }
  for (const bridge::RecordToProduce& record : *records) {
    if (request.caller->may_produce(record.key)) continue;
    co_return forbidden(door, record.key ? "publish to the topic that a record's key is; nothing was written"
                                         : "publish to every topic, which a record without a key needs; nothing was "
                                           "written");
  }
  const auto id = door.service.produce(**log, *records, door.now_ms());
  if (!id) co_return error_answer(id.error());
  const auto produced = co_await door.await_produced(*id, door.settings.produce_timeout);
  if (!produced) {
    co_return error_answer(504,
                           "the disk has not taken the records in time; they may still be written: look before "
                           "sending them again");
  }
  co_return answer_of(*produced);
}

}  // namespace

asio::awaitable<Answer> post_topic(Door& door, const Request& request) { return produce(door, request, std::nullopt); }

asio::awaitable<Answer> post_partition(Door& door, const Request& request) {
  const auto partition = partition_of(door, request);
  if (!partition) co_return partition.error();
  co_return co_await produce(door, request, (*partition)->number());
}

}  // namespace bitacora::http
