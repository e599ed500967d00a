// What $SYS/ says: the figures of the server under the names that mosquitto gives them, so that dashboards made for it
// work. A table of topics and texts; who is told of a change, and how, is delivery's. docs/system-topics.md lists them.
//
// Every shard keeps one: all count into the same BrokerMetrics, so all say the same. Time comes in as an argument.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "bridge/metrics.h"
#include "storage/store.h"

namespace bitacora::bridge {

inline constexpr std::string_view system_prefix = "$SYS/";
// Filters that begin like this are served from here: no wildcard in the first level matches a topic that begins with $
// [MQTT-4.7.2-1].
[[nodiscard]] inline bool is_system_filter(std::string_view filter) noexcept {
  return filter.starts_with(system_prefix);
}

class SystemTopics {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;

  // Both outlive this.
  SystemTopics(const BrokerMetrics& metrics, const storage::Store& store, Now now);

  // Works all figures out anew. Returns the topics whose text has changed since the last time; each is in values().
  std::vector<std::string_view> update(Now now);

  [[nodiscard]] const Values& values() const noexcept { return values_; }

 private:
  // How often something happened in a minute, averaged over the last 1, 5 and 15 minutes: each update moves an average
  // towards the rate since the last one, by as much as the time between them is of the average's own time.
  struct Load {
    std::string_view name;  // load/<name>/1min
    std::uint64_t (*total)(const BrokerMetrics&);
    std::uint64_t last_total = 0;
    std::array<double, 3> averages{};
  };

  void set(std::string_view name, std::string text);
  void set(std::string_view name, std::uint64_t value) { set(name, std::to_string(value)); }
  void set_clients();
  void set_messages();
  void set_store();
  void set_loads();
  void move_loads(Now now);

  const BrokerMetrics& metrics_;
  const storage::Store& store_;
  const MonotonicTime started_;
  MonotonicTime updated_;
  std::uint64_t most_clients_ = 0;
  std::vector<Load> loads_;
  Values values_;
  std::vector<std::string_view> changed_;  // keys of values_
};

}  // namespace bitacora::bridge
