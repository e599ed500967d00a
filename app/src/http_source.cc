#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include "base/base64.h"
#include "http_client.h"
#include "log_source.h"

namespace bitacora::app {
namespace {

namespace json = boost::json;

// What an answer of this server cannot be; thrown and caught in this file, since Boost.JSON reports likewise.
struct StrangeAnswer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The member `name` or `name`_base64 of a record or header in the "binary" format; nullopt: null.
std::optional<Bytes> bytes_member(const json::object& object, std::string_view name) {
  const auto decoded = [](const json::value& text) {
    auto bytes = decode_base64(json::value_to<std::string>(text));
    if (!bytes) throw StrangeAnswer("a text that is not base64");
    return *bytes;
  };
  const json::value& value = object.at(name);
  return value.is_null() ? std::nullopt : std::optional(decoded(value));
}

std::string name_of_header(const json::object& header) {
  const json::value& name = header.at("name");
  if (!name.is_null()) return json::value_to<std::string>(name);
  return std::string(as_text(bytes_member(header, "name_base64").value_or(Bytes{})));
}

void give(const json::object& object, const RecordSink& sink) {
  const auto key = bytes_member(object, "key");
  const auto value = bytes_member(object, "value");
  std::vector<std::pair<std::string, std::optional<Bytes>>> headers;
  for (const json::value& header : object.at("headers").as_array()) {
    headers.emplace_back(name_of_header(header.as_object()), bytes_member(header.as_object(), "value"));
  }
  const auto view = [](const std::optional<Bytes>& bytes) {
    return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
  };
  std::vector<storage::HeaderView> views;
  views.reserve(headers.size());
  for (const auto& [name, bytes] : headers) views.push_back({name, view(bytes)});
  sink({json::value_to<storage::Offset>(object.at("offset")), json::value_to<Timestamp>(object.at("timestamp")),
        view(key), view(value), views});
}

class HttpSource final : public LogSource {
 public:
  HttpSource(std::unique_ptr<HttpClient> client, std::string url) : client_(std::move(client)), url_(std::move(url)) {}

  SourceResult<std::vector<std::string>> logs() override {
    return ask("/topics", [](const json::value& body) { return json::value_to<std::vector<std::string>>(body); });
  }

  SourceResult<std::vector<PartitionInfo>> partitions(const std::string& log) override {
    return ask(fmt::format("/topics/{}/partitions", encode_path_segment(log)), [](const json::value& body) {
      std::vector<PartitionInfo> infos;
      for (const json::value& entry : body.as_array()) {
        const json::object& partition = entry.as_object();
        infos.push_back({json::value_to<std::int32_t>(partition.at("partition")),
                         {json::value_to<storage::Offset>(partition.at("log_start_offset")),
                          json::value_to<storage::Offset>(partition.at("committed_offset")),
                          json::value_to<storage::Offset>(partition.at("log_end_offset"))}});
      }
      return infos;
    });
  }

  SourceResult<storage::Offset> resolve(const std::string& log, const PartitionInfo& partition,
                                        const bridge::StartPosition& position, Timestamp now_ms) override {
    if (std::holds_alternative<bridge::Earliest>(position)) return partition.offsets.log_start;
    if (std::holds_alternative<bridge::Latest>(position)) return partition.offsets.committed;
    if (const auto* offset = std::get_if<bridge::AtOffset>(&position)) return offset->offset;
    const auto* ago = std::get_if<bridge::TimeAgo>(&position);
    const Timestamp time = ago != nullptr ? now_ms - ago->ago.count() : std::get<bridge::AtTime>(position).timestamp;
    const std::string target =
        fmt::format("{}/offsets?timestamp={}", partition_path(log, partition.number), std::max<Timestamp>(time, 0));
    return ask(target, [](const json::value& body) {
      return json::value_to<storage::Offset>(body.as_object().at("offset_at_timestamp"));
    });
  }

  SourceResult<ReadPart> read(const std::string& log, std::int32_t partition, storage::Offset from,
                              const RecordSink& sink) override {
    return read_target(fmt::format("{}/records?offset={}&max_bytes={}&format=binary", partition_path(log, partition),
                                   from, read_bytes),
                       from, sink);
  }

  SourceResult<ReadPart> search(const std::string& log, std::int32_t partition, storage::Offset from,
                                const std::string& filter, const RecordSink& sink) override {
    return read_target(fmt::format("{}/records?offset={}&max_bytes={}&format=binary&filter={}",
                                   partition_path(log, partition), from, read_bytes, encode_path_segment(filter)),
                       from, sink);
  }

  SourceResult<std::vector<std::string>> groups() override {
    return ask("/groups", [](const json::value& body) { return json::value_to<std::vector<std::string>>(body); });
  }

  SourceResult<std::vector<GroupPartition>> group(const std::string& name) override {
    return ask(fmt::format("/groups/{}/offsets", encode_path_segment(name)), [](const json::value& body) {
      std::vector<GroupPartition> rows;
      for (const json::value& entry : body.as_object().at("offsets").as_array()) {
        const json::object& offset = entry.as_object();
        const json::value& lag = offset.at("lag");
        rows.push_back({json::value_to<std::string>(offset.at("topic")),
                        json::value_to<std::int32_t>(offset.at("partition")),
                        json::value_to<storage::Offset>(offset.at("offset")),
                        lag.is_null() ? std::nullopt : std::optional(json::value_to<storage::Offset>(lag))});
      }
      return rows;
    });
  }

 private:
  static constexpr std::int64_t read_bytes = 4 << 20;

  SourceResult<ReadPart> read_target(const std::string& target, storage::Offset from, const RecordSink& sink) {
    const auto answer = client_->get(target);
    if (!answer) return SourceFailure(answer.error());
    if (answer->status == 500 && answer->next_offset && *answer->next_offset > from) {
      return ReadPart{*answer->next_offset, message_of(*answer)};
    }
    return read_answer(*answer, [&](const json::value& body) {
      for (const json::value& record : body.as_array()) give(record.as_object(), sink);
      return ReadPart{answer->next_offset.value_or(from)};
    });
  }

  static std::string partition_path(const std::string& log, std::int32_t partition) {
    return fmt::format("/topics/{}/partitions/{}", encode_path_segment(log), partition);
  }

  // The server's own words in an answer that is an error.
  static std::string message_of(const HttpAnswer& answer) {
    boost::system::error_code ignored;
    const json::value body = json::parse(answer.body, ignored);
    const json::value* message = body.is_object() ? body.as_object().if_contains("message") : nullptr;
    if (message != nullptr && message->is_string()) return std::string(message->as_string());
    return fmt::format("the server answers with HTTP status {}", answer.status);
  }

  template <class Read>
  auto read_answer(const HttpAnswer& answer, const Read& read) -> SourceResult<decltype(read(json::value()))> {
    if (answer.status != 200) return SourceFailure(message_of(answer));
    try {
      return read(json::parse(answer.body));
    } catch (const std::exception& error) {
      return SourceFailure(fmt::format("{} does not answer as a bitacora server would: {}", url_, error.what()));
    }
  }

  template <class Read>
  auto ask(const std::string& target, const Read& read) -> SourceResult<decltype(read(json::value()))> {
    const auto answer = client_->get(target);
    if (!answer) return SourceFailure(answer.error());
    return read_answer(*answer, read);
  }

  std::unique_ptr<HttpClient> client_;
  std::string url_;
};

}  // namespace

SourceResult<std::unique_ptr<LogSource>> open_http_source(const std::string& url, std::string authorization) {
  auto client = HttpClient::create(url, std::move(authorization));
  if (!client) return SourceFailure(client.error());
  return std::make_unique<HttpSource>(std::move(*client), url);
}

}  // namespace bitacora::app
