#include "record_json.h"

#include <array>

#include "json_text.h"
#include "mqtt/codec.h"

namespace bitacora::http {
namespace {

struct FormatName {
  EmbeddedFormat format;
  std::string_view name;
  std::string_view content_type;
};
constexpr std::array<FormatName, 3> formats{{{EmbeddedFormat::binary, "binary", "application/vnd.kafka.binary.v2+json"},
                                             {EmbeddedFormat::text, "text", "application/vnd.kafka.text.v2+json"},
                                             {EmbeddedFormat::json, "json", "application/vnd.kafka.json.v2+json"}}};

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string_view without_parameters(std::string_view media_type) noexcept {
  return trim(media_type.substr(0, media_type.find(';')));
}

bool stands_for_any(std::string_view media_type) noexcept {
  return media_type == "*/*" || media_type == "application/*" || media_type == "application/json" ||
         media_type == "application/vnd.kafka+json" || media_type == "application/vnd.kafka.v2+json";
}

}  // namespace

std::string_view content_type_of(EmbeddedFormat format) noexcept {
  return formats[static_cast<std::size_t>(format)].content_type;
}

Parsed<EmbeddedFormat> format_of_answer(const Request& request, EmbeddedFormat absent) {
  if (const std::string* name = request.parameter("format")) {
    for (const FormatName& format : formats) {
      if (format.name == *name) return format.format;
    }
    return Refused(error_answer(400, "format must be binary, text or json, not \"" + *name + "\""));
  }
  if (trim(request.accept).empty()) return absent;
  for (std::string_view rest = request.accept; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view media_type = without_parameters(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    for (const FormatName& format : formats) {
      if (format.content_type == media_type) return format.format;
    }
    if (stands_for_any(media_type)) return absent;
  }
  return Refused(error_answer(406,
                              "none of the media types in Accept is one of ours; there are "
                              "application/vnd.kafka.binary.v2+json, .text.v2+json and .json.v2+json"));
}

std::optional<EmbeddedFormat> format_of_body(std::string_view content_type) noexcept {
  const std::string_view media_type = without_parameters(content_type);
  for (const FormatName& format : formats) {
    if (format.content_type == media_type) return format.format;
  }
  if (media_type == "application/json" || media_type == "application/vnd.kafka.v2+json") return EmbeddedFormat::json;
  return std::nullopt;
}

RecordJson::RecordJson(EmbeddedFormat format, std::string_view log, std::int32_t partition) : format_(format) {
  begin_ = "{\"topic\":";
  append_json_string(begin_, log);
  begin_ += ",\"partition\":";
  append_json_number(begin_, partition);
}

void RecordJson::append(std::string& to, const storage::RecordView& record) const {
  to += begin_;
  to += ",\"offset\":";
  append_json_number(to, record.offset);
  to += ",\"timestamp\":";
  append_json_number(to, record.timestamp);
  const EmbeddedFormat of_text = format_ == EmbeddedFormat::json ? EmbeddedFormat::text : format_;
  if (record.key) {
    append_field(to, "key", *record.key, of_text);
  } else {
    to += ",\"key\":null";
  }
  if (record.value) {
    append_field(to, "value", *record.value, format_);
  } else {
    to += ",\"value\":null";
  }
  append_headers(to, record.headers);
  to += '}';
}

void RecordJson::append_field(std::string& to, std::string_view name, ByteView bytes, EmbeddedFormat format) const {
  const std::string_view text = as_text(bytes);
  to.append(",\"").append(name);
  if (format == EmbeddedFormat::binary) {
    to += "\":";
    append_json_base64(to, bytes);
  } else if (format == EmbeddedFormat::text && mqtt::is_valid_utf8_string(text)) {
    to += "\":";
    append_json_string(to, text);
  } else if (format == EmbeddedFormat::json && is_json(text)) {
    to += "\":";
    append_json_verbatim(to, text);
  } else {
    to.append("\":null,\"").append(name).append("_base64\":");
    append_json_base64(to, bytes);
  }
}

void RecordJson::append_headers(std::string& to, std::span<const storage::HeaderView> headers) const {
  const EmbeddedFormat of_text = format_ == EmbeddedFormat::json ? EmbeddedFormat::text : format_;
  to += ",\"headers\":[";
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (i > 0) to += ',';
    const std::size_t begin = to.size();
    append_field(to, "name", as_bytes(headers[i].name), EmbeddedFormat::text);
    to[begin] = '{';  // in place of the comma that leads a field
    if (headers[i].value) {
      append_field(to, "value", *headers[i].value, of_text);
    } else {
      to += ",\"value\":null";
    }
    to += '}';
  }
  to += ']';
}

}  // namespace bitacora::http
