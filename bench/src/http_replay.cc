#include "http_replay.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstring>
#include <stdexcept>

#include "fleet.h"
#include "http_get.h"

namespace bitacora::bench {
namespace {

template <class Integer>
Integer load(const char* from) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<Integer>((static_cast<std::uint64_t>(value) << 8) | static_cast<unsigned char>(from[i]));
  }
  return value;
}

// Of Kafka's RecordBatch v2.
constexpr std::size_t batch_header = 61;
constexpr std::size_t length_at = 8;
constexpr std::size_t last_delta_at = 23;
constexpr std::size_t count_at = 57;

// One partition's reading: how many records came, and what is wrong with them.
struct Reading {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::int64_t next = -1;  // the offset that must come next; -1: any
  std::uint64_t holes = 0;
};

void enter_batches(const std::string& body, Reading& reading) {
  for (std::size_t at = 0; at < body.size();) {
    if (body.size() - at < batch_header) throw std::runtime_error("an answer that ends inside a batch");
    const char* batch = body.data() + at;
    const auto base = load<std::int64_t>(batch);
    const std::size_t size = 12 + load<std::uint32_t>(batch + length_at);
    if (size < batch_header || size > body.size() - at) throw std::runtime_error("an answer that ends inside a batch");
    if (reading.next >= 0 && base != reading.next) ++reading.holes;
    reading.next = base + load<std::int32_t>(batch + last_delta_at) + 1;
    reading.records += load<std::uint32_t>(batch + count_at);
    at += size;
  }
}

// Without a parser, which would be what is measured: every record has one ,"offset": of its own outside of base64.
void enter_json(const std::string& body, bool dense, Reading& reading) {
  constexpr std::string_view name = ",\"offset\":";
  for (std::size_t at = body.find(name); at != std::string::npos; at = body.find(name, at + name.size())) {
    const std::int64_t offset = std::strtoll(body.data() + at + name.size(), nullptr, 10);
    if (reading.next >= 0 && (dense ? offset != reading.next : offset < reading.next)) ++reading.holes;
    reading.next = offset + 1;
    ++reading.records;
  }
}

std::vector<std::int64_t> partitions_of(HttpGet& http, const std::string& log) {
  const HttpAnswer& answer = http.get("/topics/" + encode_query_value(log) + "/partitions");
  if (answer.status != 200) throw std::runtime_error("no such log: " + answer.body);
  std::vector<std::int64_t> numbers;
  const boost::json::value partitions = boost::json::parse(answer.body);
  for (const boost::json::value& entry : partitions.as_array()) {
    numbers.push_back(entry.at("partition").as_int64());
  }
  return numbers;
}

void read_partition(HttpGet& http, const HttpReplaySettings& settings, std::int64_t partition, Reading& reading) {
  const bool is_json = settings.form == ReplayForm::json;
  const std::string target =
      fmt::format("/topics/{}/partitions/{}/{}?max_bytes={}{}{}&offset=", encode_query_value(settings.log), partition,
                  is_json ? "records" : "batches", settings.max_bytes, is_json ? "&format=binary" : "",
                  settings.filter.empty() ? "" : "&filter=" + encode_query_value(settings.filter));
  std::string from = encode_query_value(settings.from);
  while (true) {
    const HttpAnswer& answer = http.get(target + from);
    if (answer.status != 200) throw std::runtime_error("the server refused a read: " + answer.body);
    reading.bytes += answer.body.size();
    if (is_json) {
      enter_json(answer.body, settings.filter.empty(), reading);
    } else {
      enter_batches(answer.body, reading);
    }
    from = std::to_string(answer.next_offset);
    if (answer.next_offset >= answer.committed_offset) return;
  }
}

}  // namespace

Report run_http_replay(const HttpReplaySettings& settings) {
  Report report;
  report.command = "http-replay";
  report.settings = {{"form", settings.form == ReplayForm::json ? "json" : "batches"},
                     {"log", settings.log},
                     {"from", settings.from},
                     {"filter", settings.filter.empty() ? "(none)" : settings.filter},
                     {"max_bytes", std::to_string(settings.max_bytes)}};
  HttpGet http(settings.address);
  const std::vector<std::int64_t> partitions = partitions_of(http, settings.log);
  const Meter meter(settings.server_pid);
  const std::int64_t start_ns = now_ns();
  Phase phase;
  phase.name = "replay";
  for (const std::int64_t partition : partitions) {
    Reading reading;
    read_partition(http, settings, partition, reading);
    phase.messages += reading.records;
    phase.bytes += reading.bytes;
    if (reading.holes > 0) {
      report.failures.push_back(
          fmt::format("partition {}: {} places where offsets do not follow one another", partition, reading.holes));
    }
  }
  phase.seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
  meter.finish(phase);
  report.phases.push_back(phase);
  return report;
}

}  // namespace bitacora::bench
