// JSON written straight into a string: no tree in between, so that a replay of a million records costs little more than
// copying them. What is written is valid JSON if the calls are made in a valid order; the caller writes brackets and
// commas.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::http {

// "text" in quotes, escaped. Must be UTF-8.
void append_json_string(std::string& to, std::string_view text);
// The bytes in standard base64 with padding, in quotes.
void append_json_base64(std::string& to, ByteView bytes);
void append_json_number(std::string& to, std::int64_t number);
// A JSON text as it stands, on one line: the line breaks between its tokens become spaces. Must be valid.
void append_json_verbatim(std::string& to, std::string_view json);

// Whether all of `text` is one valid JSON text (RFC 8259), at most 64 levels deep.
[[nodiscard]] bool is_json(std::string_view text);

// {"name": "value", "name": 1}: an object (or an array) whose commas look after themselves.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& to) : to_(to) {}
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& name(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& to_;
  bool first_ = true;  // nothing stands yet in the innermost object or array
  bool after_name_ = false;
};

}  // namespace bitacora::http
