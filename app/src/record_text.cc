#include "record_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>

#include "mqtt/codec.h"

namespace bitacora::app {
namespace {

namespace json = boost::json;

json::value json_bytes(const std::optional<ByteView>& bytes) {
  if (!bytes) return nullptr;
  const std::string_view text = as_text(*bytes);
  if (mqtt::is_valid_utf8_string(text)) return json::string(text);
  return json::object{{"hex", to_hex(*bytes)}};
}

}  // namespace

std::string format_timestamp(Timestamp timestamp) {
  constexpr Timestamp year_0 = -62'167'219'200'000;
  constexpr Timestamp year_10000 = 253'402'300'800'000;
  if (timestamp < year_0 || timestamp >= year_10000) return std::to_string(timestamp);
  const Timestamp milliseconds = ((timestamp % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((timestamp - milliseconds) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, milliseconds);
}

std::string format_bytes_as_text(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  const bool controls =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!controls && mqtt::is_valid_utf8_string(text)) return std::string(text);
  return "0x" + to_hex(bytes);
}

std::string format_record_as_text(std::string_view log, std::int32_t partition, const storage::RecordView& record) {
  return fmt::format("{} {}/{}@{} {} {}", format_timestamp(record.timestamp), log, partition, record.offset,
                     record.key ? format_bytes_as_text(*record.key) : "-",
                     record.value ? format_bytes_as_text(*record.value) : "-");
}

std::string format_record_as_json(std::string_view log, std::int32_t partition, const storage::RecordView& record) {
  json::array headers;
  for (const auto& header : record.headers) {
    headers.push_back({{"name", json_bytes(as_bytes(header.name))}, {"value", json_bytes(header.value)}});
  }
  return json::serialize(json::object{{"log", json::string(log)},
                                      {"partition", partition},
                                      {"offset", record.offset},
                                      {"timestamp", record.timestamp},
                                      {"key", json_bytes(record.key)},
                                      {"value", json_bytes(record.value)},
                                      {"headers", std::move(headers)}});
}

}  // namespace bitacora::app
