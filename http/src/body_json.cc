#include "body_json.h"

#include <boost/json/parse.hpp>

namespace bitacora::http {

namespace json = boost::json;

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
