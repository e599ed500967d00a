#include "bridge/router.h"

#include <algorithm>
#include <utility>

#include "base/murmur2.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

bool has_brace(std::string_view text) { return text.find_first_of("{}") != std::string_view::npos; }

// "{id}" is a capture, "id" is none, anything else with a brace in it is an error.
bitacora::Result<bool, std::string> is_capture(std::string_view level) {
  if (!has_brace(level)) return false;
  const bool whole = level.size() > 2 && level.front() == '{' && level.back() == '}';
  if (whole && !has_brace(level.substr(1, level.size() - 2))) return true;
  return Failure<std::string>("level " + quoted(level) +
                              ": braces capture a whole level, as {id} does; a topic level cannot be matched in part");
}

// Whether every topic that matches `filter` has a level of this index: all do but for the level of '#' and those
// behind.
bool is_level_of_every_topic(std::string_view filter, std::size_t index) {
  const std::size_t levels = mqtt::level_count(filter);
  const bool open_ended = filter == "#" || filter.ends_with("/#");
  return index < (open_ended ? levels - 1 : levels);
}

std::string_view level_of(std::string_view topic, std::size_t index) {
  std::string_view level = mqtt::take_level(topic);
  while (index-- > 0) level = mqtt::take_level(topic);
  return level;
}

std::string_view key_property(const mqtt::Properties& properties, std::string_view name, std::string_view otherwise) {
  const auto found = std::ranges::find(properties.user_properties, name, &mqtt::UserProperty::name);
  return found == properties.user_properties.end() ? otherwise : found->value;
}

std::optional<std::string> refusal_of_log(const std::string& name, const storage::Log* log) {
  if (log == nullptr) return "there is no log " + quoted(name) + ": declare it, or name one that exists";
  if (log->is_internal()) return "log " + quoted(name) + " is the server's own: choose one that does not begin with __";
  return std::nullopt;
}

std::optional<std::string> refusal_of_key(const Route& route, const std::string& filter, std::size_t key_level) {
  if (route.key == PartitionKey::level && !is_level_of_every_topic(filter, key_level)) {
    return "filter " + quoted(route.filter) + " has no level " + std::to_string(key_level) +
           " in every topic it matches: put the level that is to be the key in braces, as in devices/{id}/#";
  }
  if (route.key == PartitionKey::user_property && route.key_property.empty()) {
    return "the key is a user property, but it is not said which";
  }
  return std::nullopt;
}

std::optional<std::string> refusal_of_headers(const Route& route) {
  for (const auto& [name, value] : route.headers) {
    if (name.starts_with("mqtt.")) {
      return "header " + quoted(name) + ": names that begin with mqtt. are the server's own; choose another";
    }
  }
  return std::nullopt;
}

}  // namespace

bitacora::Result<CapturedFilter, std::string> parse_captured_filter(std::string_view text) {
  CapturedFilter result;
  std::string_view rest = text;
  for (std::size_t index = 0; rest.data() != nullptr; ++index) {
    const std::string_view level = mqtt::take_level(rest);
    const auto capture = is_capture(level);
    if (!capture) return Failure<std::string>("filter " + quoted(text) + ", " + capture.error());
    if (*capture && result.level) {
      return Failure<std::string>("filter " + quoted(text) + " captures two levels: only one can be the key");
    }
    if (*capture) result.level = index;
    if (index > 0) result.filter += '/';
    result.filter += *capture ? "+" : level;
  }
  if (!mqtt::is_valid_topic_filter(result.filter)) {
    return Failure<std::string>(quoted(text) +
                                " is no topic filter: '+' and '#' stand alone in a level, '#' only in the last");
  }
  return result;
}

bitacora::Result<std::unique_ptr<Router::Entry>, RouteError> Router::make_entry(const Route& route, std::size_t index,
                                                                                storage::Store& store) {
  auto captured = parse_captured_filter(route.filter);
  if (!captured) return Failure<RouteError>(RouteError{index, std::move(captured.error())});

  auto entry = std::make_unique<Entry>();
  entry->route = route;
  entry->filter = std::move(captured->filter);
  entry->key_level = captured->level.value_or(route.key_level);
  entry->log = store.find_log(route.log);

  std::optional<std::string> refusal = refusal_of_log(route.log, entry->log);
  if (!refusal) refusal = refusal_of_key(route, entry->filter, entry->key_level);
  if (!refusal) refusal = refusal_of_headers(route);
  if (refusal) return Failure<RouteError>(RouteError{index, std::move(*refusal)});

  for (const auto& [name, value] : entry->route.headers) entry->headers.push_back({name, as_bytes(value)});
  return entry;
}

bitacora::Result<Router, RouteError> Router::create(const BrokerSettings& settings, storage::Store& store) {
  Router router;
  for (const Route& route : settings.routes) {
    auto entry = make_entry(route, router.entries_.size(), store);
    if (!entry) return Failure<RouteError>(std::move(entry.error()));
    router.entries_.push_back(std::move(*entry));
  }
  auto rest = make_entry({.filter = "#", .log = settings.default_log}, settings.routes.size(), store);
  if (!rest) return Failure<RouteError>(std::move(rest.error()));
  router.entries_.push_back(std::move(*rest));
  return router;
}

const Router::Entry& Router::first_match(std::string_view topic) const {
  for (const auto& entry : entries_) {
    if (mqtt::matches(entry->filter, topic)) return *entry;
  }
  return *entries_.back();  // a topic that begins with '$' does not match "#"
}

const Router::Entry& Router::entry_for(std::string_view topic) {
  if (entries_.size() == 1) return *entries_.front();
  if (const auto known = by_topic_.find(topic); known != by_topic_.end()) return *known->second;
  const Entry& entry = first_match(topic);
  if (topic.size() > max_remembered_topic_size) return entry;
  if (by_topic_.size() == max_remembered_topics) by_topic_.clear();
  by_topic_.emplace(topic, &entry);
  return entry;
}

Destination Router::route(std::string_view topic, std::string_view client_id, const mqtt::Properties& properties) {
  const Entry& entry = entry_for(topic);
  std::string_view key = topic;
  switch (entry.route.key) {
    case PartitionKey::topic: break;
    case PartitionKey::level: key = level_of(topic, entry.key_level); break;
    case PartitionKey::client_id: key = client_id; break;
    case PartitionKey::user_property: key = key_property(properties, entry.route.key_property, topic); break;
  }
  const std::int32_t number = partition_of_key(as_bytes(key), entry.log->partition_count());
  return {entry.log, &entry.log->partition(number), entry.headers};
}

std::vector<storage::Log*> Router::logs_for(std::string_view filter) const {
  std::vector<storage::Log*> logs;
  for (const auto& entry : entries_) {
    const bool catches_the_rest = entry == entries_.back();
    if (!catches_the_rest && !mqtt::overlap(entry->filter, filter)) continue;
    if (std::ranges::find(logs, entry->log) == logs.end()) logs.push_back(entry->log);
  }
  return logs;
}

}  // namespace bitacora::bridge
