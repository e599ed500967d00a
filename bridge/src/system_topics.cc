#include "bridge/system_topics.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

namespace bitacora::bridge {
namespace {

constexpr std::string_view broker_prefix = "$SYS/broker/";

struct Window {
  std::string_view name;
  double seconds;
};
constexpr std::array<Window, 3> windows{{{"1min", 60.0}, {"5min", 300.0}, {"15min", 900.0}}};

std::string two_decimals(double value) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.2f", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

// Messages that a subscriber wanted and did not get.
std::uint64_t dropped(const BrokerMetrics& m) {
  return m.deliveries_dropped_too_large.value() + m.records_skipped_retention.value() +
         m.records_skipped_damage.value();
}

std::uint64_t connects(const BrokerMetrics& m) { return m.connects_accepted.value() + m.connects_refused.value(); }

}  // namespace

SystemTopics::SystemTopics(const BrokerMetrics& metrics, const storage::Store& store, Now now)
    : metrics_(metrics), store_(store), started_(now.monotonic), updated_(now.monotonic) {
  using M = BrokerMetrics;
  loads_ = {{"messages/received", [](const M& m) { return m.packets_received.value(); }},
            {"messages/sent", [](const M& m) { return m.packets_sent.value(); }},
            {"publish/dropped", dropped},
            {"publish/received", [](const M& m) { return m.publishes_received.value(); }},
            {"publish/sent", [](const M& m) { return m.deliveries.value(); }},
            {"bytes/received", [](const M& m) { return m.bytes_received.value(); }},
            {"bytes/sent", [](const M& m) { return m.bytes_sent.value(); }},
            {"sockets", [](const M& m) { return m.connections_opened.value(); }},
            {"connections", connects}};
  for (Load& load : loads_) load.last_total = load.total(metrics_);
  set("version", "bitacora version " BITACORA_VERSION);
  (void)update(now);
}

std::vector<std::string_view> SystemTopics::update(Now now) {
  move_loads(now);
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now.monotonic - started_);
  set("uptime", std::to_string(uptime.count()) + " seconds");
  set_clients();
  set_messages();
  set_store();
  set_loads();
  return std::exchange(changed_, {});
}

void SystemTopics::set(std::string_view name, std::string text) {
  std::string topic = std::string(broker_prefix).append(name);
  const auto [entry, is_new] = values_.try_emplace(std::move(topic));
  if (!is_new && entry->second == text) return;
  entry->second = std::move(text);
  changed_.push_back(entry->first);
}

void SystemTopics::set_clients() {
  // Two gauges that are not read at one moment: more may seem connected than there are.
  const std::uint64_t connected = metrics_.sessions_connected.value();
  const std::uint64_t total = std::max(metrics_.sessions.value(), connected);
  most_clients_ = std::max(most_clients_, connected);
  set("clients/total", total);
  set("clients/connected", connected);
  set("clients/active", connected);
  set("clients/disconnected", total - connected);
  set("clients/inactive", total - connected);
  set("clients/maximum", most_clients_);
  set("clients/expired", metrics_.sessions_expired.value());
  set("subscriptions/count", metrics_.subscriptions.value());
  set("retained messages/count", metrics_.retained_messages.value());
}

void SystemTopics::set_messages() {
  set("messages/received", metrics_.packets_received.value());
  set("messages/sent", metrics_.packets_sent.value());
  set("bytes/received", metrics_.bytes_received.value());
  set("bytes/sent", metrics_.bytes_sent.value());
  set("publish/messages/received", metrics_.publishes_received.value());
  set("publish/messages/sent", metrics_.deliveries.value());
  set("publish/messages/dropped", dropped(metrics_));
  set("publish/bytes/received", metrics_.publish_bytes_received.value());
  set("publish/bytes/sent", metrics_.delivery_bytes.value());
}

// The store is the log: what of the clients' messages is kept.
void SystemTopics::set_store() {
  std::uint64_t records = 0, bytes = 0;
  for (std::uint32_t i = 0; i < store_.partition_count(); ++i) {
    const storage::Partition& partition = store_.partition(storage::PartitionIndex(i));
    if (partition.is_internal()) continue;
    const storage::PartitionOffsets offsets = partition.offsets();
    records += static_cast<std::uint64_t>(offsets.committed - offsets.log_start);
    bytes += static_cast<std::uint64_t>(partition.size_bytes());
  }
  set("store/messages/count", records);
  set("messages/stored", records);
  set("store/messages/bytes", bytes);
}

void SystemTopics::move_loads(Now now) {
  const double seconds = std::chrono::duration<double>(now.monotonic - updated_).count();
  if (seconds <= 0) return;
  updated_ = now.monotonic;
  for (Load& load : loads_) {
    const std::uint64_t total = load.total(metrics_);
    const double per_minute = static_cast<double>(total - std::exchange(load.last_total, total)) * 60.0 / seconds;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const double kept = std::exp(-seconds / windows[i].seconds);
      load.averages[i] = per_minute + kept * (load.averages[i] - per_minute);
    }
  }
}

void SystemTopics::set_loads() {
  for (const Load& load : loads_) {
    for (std::size_t i = 0; i < windows.size(); ++i) {
      std::string name = "load/";
      name.append(load.name).append("/").append(windows[i].name);
      set(name, two_decimals(load.averages[i]));
    }
  }
}

}  // namespace bitacora::bridge
