#include "exchange.h"

#include <algorithm>

#include "base/assert.h"
#include "http/status.h"
#include "json_text.h"
#include "mqtt/codec.h"

namespace bitacora::http {
namespace {

const NamedValue* find(const std::vector<NamedValue>& values, std::string_view name) noexcept {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const NamedValue& value) { return value.name == name; });
  return found == values.end() ? nullptr : &*found;
}

// A message may quote a header, which may hold any bytes, or a piece of one; JSON is UTF-8.
std::string as_utf8(std::string_view message) {
  std::string text(message);
  if (mqtt::is_valid_utf8_string(message)) return text;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

}  // namespace

const std::string& Request::capture(std::string_view name) const {
  const NamedValue* found = find(captured, name);
  BITACORA_ASSERT(found != nullptr);
  return found->value;
}

const std::string* Request::parameter(std::string_view name) const noexcept {
  const NamedValue* found = find(query, name);
  return found != nullptr ? &found->value : nullptr;
}

Answer error_answer(unsigned status, std::string_view message) {
  return error_answer(status, static_cast<int>(status), message);
}

Answer error_answer(unsigned status, int error_code, std::string_view message) {
  Answer answer;
  answer.status = status;
  JsonWriter(answer.body)
      .begin_object()
      .name("error_code")
      .number(error_code)
      .name("message")
      .string(as_utf8(message))
      .end_object();
  return answer;
}

Answer error_answer(const storage::Error& error) {
  const unsigned status = status_of(error.code);
  Answer answer = error_answer(status, error.message.empty() ? storage::name_of(error.code) : error.message);
  if (error.code == storage::Errc::overloaded) answer.headers.push_back({"Retry-After", "1"});
  return answer;
}

}  // namespace bitacora::http
