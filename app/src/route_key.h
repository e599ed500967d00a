// A route's filter and key as text: "devices/{id}/#" with key "{id}".
#pragma once

#include <optional>
#include <string>

#include "bridge/settings.h"

namespace bitacora::app {

// What is wrong with a route's filter (see bridge::parse_captured_filter), or nullopt.
[[nodiscard]] std::optional<std::string> check_route_filter(const std::string& filter);

// Makes the level that the filter captures the key, unless there is none or another key is set.
void use_captured_level(bridge::Route& route);

// "topic", "{id}", "client_id" or "user_property:NAME".
[[nodiscard]] std::string format_route_key(const bridge::Route& route);

// The inverse, for a route whose filter is set: what is wrong with `text`, or nullopt.
[[nodiscard]] std::optional<std::string> set_route_key(bridge::Route& route, const std::string& text);

}  // namespace bitacora::app
