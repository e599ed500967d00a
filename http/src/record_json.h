// A record as JSON, in the embedded formats of Confluent's REST v2: how key, value and header values are shown.
//
//   binary  base64 of the bytes; the default
//   text    UTF-8 text
//   json    the value as the JSON it is; keys and headers as text, since a key is an MQTT topic
//
// What a format cannot show comes as null with the bytes beside it, as "value_base64" (or "key_base64", "name_base64").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exchange.h"
#include "parameters.h"
#include "storage/batch.h"

namespace bitacora::http {

enum class EmbeddedFormat : std::uint8_t { binary, text, json };

[[nodiscard]] std::string_view content_type_of(EmbeddedFormat format) noexcept;
// By the parameter `format`, else by Accept, else `absent`. The answer: 400 for another word, 406 for a media type that
// is not ours.
[[nodiscard]] Parsed<EmbeddedFormat> format_of_answer(const Request& request, EmbeddedFormat absent);
// By Content-Type; application/json and application/vnd.kafka.v2+json stand for json. nullopt: none of ours.
[[nodiscard]] std::optional<EmbeddedFormat> format_of_body(std::string_view content_type) noexcept;

// Writes records of one partition after another; what they have in common is made once.
class RecordJson {
 public:
  RecordJson(EmbeddedFormat format, std::string_view log, std::int32_t partition);
  void append(std::string& to, const storage::RecordView& record) const;

 private:
  void append_field(std::string& to, std::string_view name, ByteView bytes, EmbeddedFormat format) const;
  void append_headers(std::string& to, std::span<const storage::HeaderView> headers) const;

  EmbeddedFormat format_;
  std::string begin_;  // {"topic":"mqtt","partition":0
};

}  // namespace bitacora::http
