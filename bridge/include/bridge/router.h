// MQTT topic -> log, partition key, extra headers. First matching route wins; the default log catches the rest.
//
// The level that makes the partition key is the one in braces; where the filter has none, it is Route::key_level. It
// must be a level that every topic of the filter has: not the one of '#'.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "bridge/settings.h"
#include "mqtt/packet.h"
#include "storage/store.h"

namespace bitacora::bridge {

// Why a list of routes cannot be used; `index` is the route's place in the list, its size for the default log.
struct RouteError {
  std::size_t index = 0;
  std::string message;
};

// "devices/{id}/#" -> filter "devices/+/#" and captured level 1 (levels count from 0). A filter without braces comes
// back as it is. Errors: more than one capture, a brace that is not a whole level, an invalid filter.
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

// Not thread-safe: each shard has its own.
class Router {
 public:
  // Topics whose route is remembered; past it all are forgotten. Longer topics are matched anew each time. Together
  // they bound what a client that invents topics can make the router hold.
  static constexpr std::size_t max_remembered_topics = 64 << 10;
  static constexpr std::size_t max_remembered_topic_size = 256;  // bytes

  // `store` outlives the router. Fails if a log is missing or the server's own, a filter is wrong, a route has no level
  // to make its key of, or a header takes one of the names that bridge/message.h reserves.
  [[nodiscard]] static bitacora::Result<Router, RouteError> create(const BrokerSettings& settings,
                                                                   storage::Store& store);

  // Where a publish goes. Not const: it remembers per topic which route matched; allocates only for a topic that it
  // does not remember.
  [[nodiscard]] Destination route(std::string_view topic, std::string_view client_id,
                                  const mqtt::Properties& properties);

  // Logs whose records an MQTT filter can match: those of the routes that overlap with it, and the default log. Each
  // once.
  [[nodiscard]] std::vector<storage::Log*> logs_for(std::string_view filter) const;

  [[nodiscard]] std::size_t remembered_topic_count() const noexcept { return by_topic_.size(); }

 private:
  struct Entry {
    Route route;
    std::string filter;         // without braces
    std::size_t key_level = 0;  // PartitionKey::level only
    storage::Log* log = nullptr;
    std::vector<storage::HeaderView> headers;  // into route.headers
  };
  // Lets a string_view be looked up without making a string of it.
  struct TopicHash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view topic) const noexcept {
      return std::hash<std::string_view>{}(topic);
    }
  };

  Router() = default;
  [[nodiscard]] static bitacora::Result<std::unique_ptr<Entry>, RouteError> make_entry(const Route& route,
                                                                                       std::size_t index,
                                                                                       storage::Store& store);
  [[nodiscard]] const Entry& entry_for(std::string_view topic);
  [[nodiscard]] const Entry& first_match(std::string_view topic) const;

  std::vector<std::unique_ptr<Entry>> entries_;  // the last one is the default log's and matches everything
  std::unordered_map<std::string, const Entry*, TopicHash, std::equal_to<>> by_topic_;
};

}  // namespace bitacora::bridge
