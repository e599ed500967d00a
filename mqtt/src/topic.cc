#include "mqtt/topic.h"

#include <algorithm>

namespace bitacora::mqtt {
namespace {

constexpr std::size_t max_topic_size = 65535;  // [MQTT-4.7.3-3]

// [MQTT-4.7.3-1]
bool has_topic_size(std::string_view text) noexcept { return !text.empty() && text.size() <= max_topic_size; }

bool begins_with_wildcard(std::string_view filter) noexcept { return filter.front() == '+' || filter.front() == '#'; }

// [MQTT-4.7.2-1]: "#" and "+/x" stay away from "$SYS/x".
bool is_hidden_from(std::string_view dollar, std::string_view filter) noexcept {
  return dollar.front() == '$' && begins_with_wildcard(filter);
}

// Both match the empty text and nothing else, and that is no topic name.
bool meet_in_nothing(std::string_view a, std::string_view b) noexcept { return a == "+" && b == "/#"; }

}  // namespace

bool is_valid_topic_name(std::string_view name) noexcept {
  const auto is_allowed = [](char c) { return c != '+' && c != '#' && c != '\0'; };  // [MQTT-4.7.0-1] [MQTT-4.7.3-2]
  return has_topic_size(name) && std::ranges::all_of(name, is_allowed);
}

bool is_valid_topic_filter(std::string_view filter) noexcept {
  if (!has_topic_size(filter)) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    const char c = filter[i];
    if (c == '\0') return false;  // [MQTT-4.7.3-2]
    if (c != '+' && c != '#') continue;
    const bool begins_level = i == 0 || filter[i - 1] == '/';
    const bool is_last = i + 1 == filter.size();
    if (!begins_level) return false;
    if (c == '#' && !is_last) return false;                          // [MQTT-4.7.1-1]
    if (c == '+' && !is_last && filter[i + 1] != '/') return false;  // [MQTT-4.7.1-2]
  }
  return true;
}

std::string_view take_level(std::string_view& rest) noexcept {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

// Levels are compared byte by byte: nothing is normalized [MQTT-4.7.3-4].
bool matches(std::string_view filter, std::string_view name) noexcept {
  if (is_hidden_from(name, filter)) return false;
  while (filter.data() != nullptr && name.data() != nullptr) {
    const std::string_view wanted = take_level(filter);
    if (wanted == "#") return true;
    const std::string_view level = take_level(name);
    if (wanted != "+" && wanted != level) return false;
  }
  if (name.data() != nullptr) return false;
  return filter.data() == nullptr || filter == "#";  // "a/#" matches "a" as well
}

bool overlap(std::string_view filter_a, std::string_view filter_b) noexcept {
  if (meet_in_nothing(filter_a, filter_b) || meet_in_nothing(filter_b, filter_a)) return false;
  if (is_hidden_from(filter_a, filter_b) || is_hidden_from(filter_b, filter_a)) return false;
  while (filter_a.data() != nullptr && filter_b.data() != nullptr) {
    const std::string_view level_a = take_level(filter_a);
    const std::string_view level_b = take_level(filter_b);
    if (level_a == "#" || level_b == "#") return true;
    if (level_a != "+" && level_b != "+" && level_a != level_b) return false;
  }
  // What is left of one of them may be "#", which matches the parent too.
  const std::string_view longer = filter_a.data() != nullptr ? filter_a : filter_b;
  return longer.data() == nullptr || longer == "#";
}

bool has_wildcard(std::string_view filter) noexcept { return filter.find_first_of("+#") != std::string_view::npos; }

std::size_t level_count(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count(text, '/')) + 1;
}

}  // namespace bitacora::mqtt
