#include "body_json.h"

#include <array>
#include <boost/json/parse.hpp>
#include <charconv>

#include "json_text.h"

namespace bitacora::http {

namespace json = boost::json;
namespace {

template <class Number>
void append_number(std::string& to, Number number) {
  std::array<char, 40> digits{};
  to.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void append_array(std::string& to, const json::array& array) {
  char before = '[';
  for (const json::value& item : array) {
    to += before;
    append_json_value(to, item);
    before = ',';
  }
  to += array.empty() ? "[]" : "]";
}

void append_object(std::string& to, const json::object& object) {
  char before = '{';
  for (const auto& member : object) {
    to += before;
    append_json_string(to, {member.key().data(), member.key().size()});
    to += ':';
    append_json_value(to, member.value());
    before = ',';
  }
  to += object.empty() ? "{}" : "}";
}

}  // namespace

void append_json_value(std::string& to, const json::value& value) {  // as deep as parse_body lets it be: 32 levels
  switch (value.kind()) {
    case json::kind::null: to += "null"; return;
    case json::kind::bool_: to += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: append_number(to, value.get_int64()); return;
    case json::kind::uint64: append_number(to, value.get_uint64()); return;
    case json::kind::double_: append_number(to, value.get_double()); return;
    case json::kind::string: append_json_string(to, {value.get_string().data(), value.get_string().size()}); return;
    case json::kind::array: append_array(to, value.get_array()); return;
    case json::kind::object: append_object(to, value.get_object()); return;
  }
}

Parsed<json::object> parse_body(const Request& request) {
  boost::system::error_code error;
  json::value body = json::parse(request.body, error);
  if (error) return Refused(error_answer(400, "the body is not JSON: " + error.message()));
  if (!body.is_object()) return Refused(error_answer(422, "the body must be a JSON object"));
  return std::move(body.as_object());
}

const json::array* array_member(const json::object& object, std::string_view name) noexcept {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? value->if_array() : nullptr;
}

std::optional<std::string> string_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  const json::string& text = value->get_string();
  return std::string(text.data(), text.size());
}

std::optional<std::int64_t> integer_member(const json::object& object, std::string_view name) noexcept {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

}  // namespace bitacora::http
