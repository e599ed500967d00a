// A request's JSON body, and its members by name and type.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exchange.h"
#include "parameters.h"

namespace bitacora::http {

// The body as an object; 400 if it is not JSON, 422 if it is no object.
[[nodiscard]] Parsed<boost::json::object> parse_body(const Request& request);

// A value as compact JSON, members in their order, numbers in their shortest form: 21.5, not boost::json's 2.15E1.
void append_json_value(std::string& to, const boost::json::value& value);

// The member of that name if it is there and of that type.
[[nodiscard]] const boost::json::array* array_member(const boost::json::object& object, std::string_view name) noexcept;
[[nodiscard]] std::optional<std::string> string_member(const boost::json::object& object, std::string_view name);
[[nodiscard]] std::optional<std::int64_t> integer_member(const boost::json::object& object,
                                                         std::string_view name) noexcept;

}  // namespace bitacora::http
