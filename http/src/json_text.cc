#include "json_text.h"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>

#include "base/base64.h"

namespace bitacora::http {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// What stands behind the backslash; 0: the character is written as it is; 'u': as \u00xx.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  for (std::size_t control = 0; control < 0x20; ++control) escapes[control] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 256> escapes = make_escapes();

// What boost::json::basic_parser tells of a text; all that is wanted is whether it came to the end.
struct Ignore {
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Error = boost::system::error_code;
  using Text = boost::json::string_view;
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(std::size_t, Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_key_part(Text, std::size_t, Error&) { return true; }
  bool on_key(Text, std::size_t, Error&) { return true; }
  bool on_string_part(Text, std::size_t, Error&) { return true; }
  bool on_string(Text, std::size_t, Error&) { return true; }
  bool on_number_part(Text, Error&) { return true; }
  bool on_int64(std::int64_t, Text, Error&) { return true; }
  bool on_uint64(std::uint64_t, Text, Error&) { return true; }
  bool on_double(double, Text, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }
};

}  // namespace

void append_json_string(std::string& to, std::string_view text) {
  to += '"';
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const char escape = escapes[byte];
    if (escape == 0) continue;
    to.append(text, copied, at - copied);
    copied = at + 1;
    to += '\\';
    to += escape;
    if (escape == 'u') {
      to += "00";
      to += hex_digits[byte >> 4];
      to += hex_digits[byte & 15];
    }
  }
  to.append(text, copied);
  to += '"';
}

void append_json_base64(std::string& to, ByteView bytes) {
  to += '"';
  append_base64(to, bytes);
  to += '"';
}

void append_json_number(std::string& to, std::int64_t number) {
  std::array<char, 24> digits{};
  to.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void append_json_verbatim(std::string& to, std::string_view json) {
  const std::size_t begin = to.size();
  to += json;
  // Inside a string of valid JSON a line break is escaped, so every raw one stands between tokens.
  for (std::size_t at = begin; at < to.size(); ++at) {
    if (to[at] == '\n' || to[at] == '\r') to[at] = ' ';
  }
}

bool is_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::json::basic_parser<Ignore> parser(options);
  boost::system::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  return !error && used == text.size() && parser.done();
}

JsonWriter& JsonWriter::name(std::string_view name) {
  separate();
  append_json_string(to_, name);
  to_ += ':';
  after_name_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(to_, value);
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  append_json_number(to_, value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  to_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  to_ += "null";
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  to_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  to_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (!first_ && !after_name_) to_ += ',';
  first_ = false;
  after_name_ = false;
}

}  // namespace bitacora::http
