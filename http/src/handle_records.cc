// GET /topics/{log}/partitions/{partition}/records: a stateless read, safe to repeat.
#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "bridge/start_position.h"
#include "caller.h"
#include "handlers.h"
#include "mqtt/topic.h"
#include "parameters.h"
#include "partition_read.h"
#include "record_json.h"

namespace bitacora::http {
namespace {

constexpr std::int64_t default_max_bytes = 1 << 20;

struct RecordsQuery {
  storage::Partition* partition = nullptr;
  bridge::StartPosition from;
  bridge::ReadLimits limits;
  std::string filter;  // empty: all records
  std::chrono::milliseconds timeout{0};
  EmbeddedFormat format = EmbeddedFormat::binary;
};

Parsed<RecordsQuery> parse_query(Door& door, const Request& request) {
  const HttpSettings& settings = door.settings;
  RecordsQuery query;
  const auto partition = partition_of(door, request);
  if (!partition) return Refused(partition.error());
  query.partition = *partition;

  const auto from = offset_parameter(request);
  if (!from) return Refused(from.error());
  query.from = *from;

  const auto max_read_bytes = static_cast<std::int64_t>(settings.max_read_bytes);
  const auto max_bytes =
      number_parameter(request, "max_bytes", 1, max_read_bytes, std::min(default_max_bytes, max_read_bytes));
  if (!max_bytes) return Refused(max_bytes.error());
  query.limits.max_bytes = static_cast<std::size_t>(*max_bytes);

  const auto max_read_records = static_cast<std::int64_t>(settings.max_read_records);
  const auto max_records = number_parameter(request, "max_records", 1, max_read_records, max_read_records);
  if (!max_records) return Refused(max_records.error());
  query.limits.max_records = static_cast<std::size_t>(*max_records);

  const auto timeout = number_parameter(request, "timeout", 0, settings.max_wait.count(), 0);
  if (!timeout) return Refused(timeout.error());
  query.timeout = std::chrono::milliseconds(*timeout);

  if (const std::string* filter = request.parameter("filter")) {
    if (!mqtt::is_valid_topic_filter(*filter)) {
      return Refused(error_answer(400, "filter: \"" + *filter + "\" is no MQTT topic filter"));
    }
    query.filter = *filter;
  }

  const auto format = format_of_answer(request, EmbeddedFormat::binary);
  if (!format) return Refused(format.error());
  query.format = *format;
  return query;
}

struct ReadText {
  std::string body;
  storage::Offset next = 0;
  std::size_t count = 0;
};

// What the caller may not read is passed over: then there may be fewer, or none, and `next` behind `from` all the same.
storage::Result<ReadText> read(const RecordsQuery& query, storage::Offset from, Caller& caller) {
  ReadText text;
  const RecordJson json(query.format, query.partition->log_name(), query.partition->number());
  text.body = "[";
  const bridge::RecordSink sink = [&](const storage::RecordView& record) {
    if (!caller.may_read(*query.partition, record)) return;
    if (text.count++ > 0) text.body += ',';
    json.append(text.body, record);
  };
  auto next = query.filter.empty()
                  ? bridge::OffsetService::read(*query.partition, from, query.limits, sink)
                  : bridge::OffsetService::search(*query.partition, from, query.filter, query.limits, sink);
  if (!next) return storage::Failed(std::move(next.error()));
  text.body += ']';
  text.next = *next;
  return text;
}

}  // namespace

asio::awaitable<Answer> get_records(Door& door, const Request& request) {
  const auto query = parse_query(door, request);
  if (!query) co_return query.error();
  if (!request.caller->may_read_some_of(*query->partition)) co_return forbidden(door, "replay anything");
  const auto from = bridge::resolve(query->from, *query->partition, door.now_ms());
  if (!from) co_return refuse_read(from.error(), *query->partition);

  const auto deadline = std::chrono::steady_clock::now() + query->timeout;
  auto text = read(*query, *from, *request.caller);
  while (text && text->next == *from && !door.closing()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    const bridge::PartitionPosition position{query->partition, text->next};
    co_await door.wait({&position, 1}, left);
    if (!request.caller->believed()) co_return no_longer_believed();
    text = read(*query, *from, *request.caller);
  }
  if (!text) co_return refuse_read(text.error(), *query->partition);

  Answer answer;
  answer.content_type = content_type_of(query->format);
  answer.body = std::move(text->body);
  answer.headers.push_back({"X-Next-Offset", std::to_string(text->next)});
  add_bounds(answer, *query->partition);
  co_return answer;
}

}  // namespace bitacora::http
