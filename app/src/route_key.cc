#include "route_key.h"

#include <string_view>

#include "bridge/router.h"
#include "mqtt/topic.h"

namespace bitacora::app {
namespace {

constexpr std::string_view user_property_prefix = "user_property:";

std::optional<std::size_t> captured_level(const std::string& filter) {
  const auto captured = bridge::parse_captured_filter(filter);
  return captured ? captured->level : std::nullopt;
}

// The level as it is written, "{id}".
std::string level_text(std::string_view filter, std::size_t level) {
  std::string_view text = mqtt::take_level(filter);
  while (level-- > 0) text = mqtt::take_level(filter);
  return std::string(text);
}

}  // namespace

std::optional<std::string> check_route_filter(const std::string& filter) {
  if (const auto captured = bridge::parse_captured_filter(filter); !captured) return captured.error();
  return std::nullopt;
}

void use_captured_level(bridge::Route& route) {
  const auto level = captured_level(route.filter);
  if (!level || route.key != bridge::PartitionKey::topic) return;
  route.key = bridge::PartitionKey::level;
  route.key_level = *level;
}

std::string format_route_key(const bridge::Route& route) {
  switch (route.key) {
    case bridge::PartitionKey::topic: return "topic";
    case bridge::PartitionKey::level: return level_text(route.filter, route.key_level);
    case bridge::PartitionKey::client_id: return "client_id";
    case bridge::PartitionKey::user_property: return std::string(user_property_prefix) + route.key_property;
  }
  return {};
}

std::optional<std::string> set_route_key(bridge::Route& route, const std::string& text) {
  const auto level = captured_level(route.filter);
  if (level && text == level_text(route.filter, *level)) {
    route.key = bridge::PartitionKey::level;
    route.key_level = *level;
    return std::nullopt;
  }
  if (level) {
    const std::string captured = level_text(route.filter, *level);
    return "the filter captures " + captured + ", which this key does not use; write + in its place, or key = \"" +
           captured + "\"";
  }
  if (text == "topic") {
    route.key = bridge::PartitionKey::topic;
  } else if (text == "client_id") {
    route.key = bridge::PartitionKey::client_id;
  } else if (text.starts_with(user_property_prefix) && text.size() > user_property_prefix.size()) {
    route.key = bridge::PartitionKey::user_property;
    route.key_property = text.substr(user_property_prefix.size());
  } else if (text.starts_with('{')) {
    return "the filter captures no such level; write it there as well, as in \"devices/{id}/#\"";
  } else {
    return "there is no such key";
  }
  return std::nullopt;
}

}  // namespace bitacora::app
