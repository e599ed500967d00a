// MQTT topic -> log, partition key, extra headers. First matching route wins; the default log catches the rest.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "bridge/settings.h"
#include "mqtt/packet.h"
#include "storage/store.h"

namespace bitacora::bridge {

// Why a list of routes cannot be used; `index` is the route's place in the list.
struct RouteError {
  std::size_t index = 0;
  std::string message;
};

// "devices/{id}/#" -> filter "devices/+/#" and captured level 1. A filter without braces comes back as it is. Errors: more
// than one capture, a brace that is not a whole level, an invalid filter.
struct CapturedFilter {
  std::string filter;
  std::optional<std::size_t> level;
};
[[nodiscard]] bitacora::Result<CapturedFilter, std::string> parse_captured_filter(std::string_view text);

struct Destination {
  storage::Log* log = nullptr;
  storage::Partition* partition = nullptr;
  std::span<const storage::HeaderView> headers;  // the route's own; live as long as the router
};

class Router {
 public:
  // `store` outlives the router. Fails if a log is missing or a filter is wrong.
  [[nodiscard]] static bitacora::Result<Router, RouteError> create(const BrokerSettings& settings, storage::Store& store);

  // Not const: it remembers per topic which route matched.
  [[nodiscard]] Destination route(std::string_view topic, std::string_view client_id, const mqtt::Properties& properties);

  // Logs whose records an MQTT filter can match: those of the routes that overlap with it, and the default log.
  [[nodiscard]] std::vector<storage::Log*> logs_for(std::string_view filter) const;

 private:
  struct Entry {
    Route route;
    std::string filter;
    storage::Log* log = nullptr;
    std::vector<storage::HeaderView> headers;  // into route.headers
  };
  [[nodiscard]] const Entry& entry_for(std::string_view topic);

  std::vector<std::unique_ptr<Entry>> entries_;  // the last one is the default log's
  std::unordered_map<std::string, const Entry*> by_topic_;
};

}  // namespace bitacora::bridge
