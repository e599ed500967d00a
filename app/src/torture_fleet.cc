#include "torture_fleet.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitacora::app::torture {
namespace {

using mqtt::ProtocolVersion;
using mqtt::QoS;

constexpr const char* config = R"toml(
log_level = "warning"

[storage]
housekeeping_interval = "200ms"
preallocate_bytes = "64KiB"
ballast_bytes = "0B"

[sessions]
checkpoint_interval = "100ms"

[broker]
default_log = "main"

[[logs]]
name = "main"
partitions = 3
segment_bytes = "256KiB"
retention_time = "forever"

[[logs]]
name = "recent"
partitions = 1
segment_bytes = "32KiB"
retention_bytes = "128KiB"
retention_time = "forever"

[[logs]]
name = "compact"
partitions = 1
cleanup = "compact"
segment_bytes = "32KiB"
retention_time = "forever"
min_cleanable_ratio = 0.2

[[logs]]
name = "async"
partitions = 1
durability = "async"
flush_interval = "100ms"
segment_bytes = "64KiB"
retention_time = "forever"

[[routes]]
filter = "recent/#"
log = "recent"

[[routes]]
filter = "compact/#"
log = "compact"

[[routes]]
filter = "async/#"
log = "async"

[[routes]]
filter = "keep/#"
log = "compact"
)toml";

}  // namespace

std::string server_config() { return config; }

const std::vector<KnownLog>& known_logs() {
  using proof::Durability;
  using proof::Keep;
  static const std::vector<KnownLog> logs{
      {{"main", Durability::sync, Keep::all}, true},
      {{"recent", Durability::sync, Keep::recent}, false},
      {{"compact", Durability::sync, Keep::compact}, false},
      {{"async", Durability::async, Keep::all}, true},
  };
  return logs;
}

Fleet::Fleet(Cast cast, const Tell& tell) {
  for (const KnownLog& log : known_logs()) tell(log.facts);
  add_publishers(cast, tell);
  if (cast == Cast::everyone) add_subscribers(tell);
}

void Fleet::add_publishers(Cast cast, const Tell& tell) {
  struct Kind {
    ProtocolVersion version;
    QoS qos;
    const char* prefix;
    std::uint32_t retain_every;
  };
  // Where records are removed only those publish who get a receipt for each acknowledgement: the checker must know
  // which record was whose. A QoS 2 message that the server knows again after a kill is acknowledged without one.
  constexpr Kind kinds[] = {
      {ProtocolVersion::v5, QoS::at_least_once, "all", 0},
      {ProtocolVersion::v3_1_1, QoS::at_least_once, "all", 0},
      {ProtocolVersion::v5, QoS::exactly_once, "all", 0},
      {ProtocolVersion::v3_1_1, QoS::exactly_once, "all", 0},
      {ProtocolVersion::v5, QoS::at_least_once, "recent", 0},
      {ProtocolVersion::v5, QoS::at_least_once, "compact", 5},
      {ProtocolVersion::v5, QoS::at_least_once, "compact", 0},
      {ProtocolVersion::v3_1_1, QoS::at_least_once, "async", 0},
  };
  for (const Kind& kind : kinds) {
    if (cast != Cast::everyone && std::string_view(kind.prefix) == "async") continue;
    const std::string name = "p" + std::to_string(publishers_.size());
    PublisherTerms terms;
    terms.connection.client_id = name;
    terms.connection.version = kind.version;
    terms.connection.takes_refusals = cast == Cast::publishers_on_failing_disk;
    terms.qos = kind.qos;
    terms.prefix = std::string(kind.prefix) + "/" + name;
    terms.retain_every = kind.retain_every;
    publishers_.push_back(std::make_unique<Publisher>(std::move(terms), tell));
    all_.push_back(publishers_.back().get());
  }
}

void Fleet::add_subscribers(const Tell& tell) {
  const auto add = [&](const char* client, ProtocolVersion version, const std::shared_ptr<Seen>& seen,
                       SubscriberTerms terms) {
    terms.connection.client_id = client;
    terms.connection.version = version;
    if (terms.name.empty()) terms.name = client;
    terms.prefix = "all/";
    subscribers_.push_back(std::make_unique<Subscriber>(std::move(terms), seen, tell));
    all_.push_back(subscribers_.back().get());
  };
  SubscriberTerms everything;
  everything.filter = "all/#";
  add("s0", ProtocolVersion::v5, std::make_shared<Seen>(), everything);
  everything.qos = QoS::exactly_once;
  add("s1", ProtocolVersion::v3_1_1, std::make_shared<Seen>(), everything);
  SubscriberTerms worker;
  worker.name = "workers";
  worker.filter = "$share/workers/all/#";
  worker.order = proof::Order::any;
  const auto shared = std::make_shared<Seen>();
  for (const char* member : {"w0", "w1"}) add(member, ProtocolVersion::v5, shared, worker);
  SubscriberTerms grouped;
  grouped.name = group_name;
  grouped.filter = fmt::format("$group/{}/all/#", group_name);
  grouped.is_group = true;
  const auto seen_by_group = std::make_shared<Seen>();
  for (const char* member : {"g0", "g1"}) add(member, ProtocolVersion::v5, seen_by_group, grouped);
}

bool Fleet::connect(std::uint16_t port) {
  return std::ranges::all_of(all_, [port](Connection* client) { return client->is_open() || client->open(port); });
}

bool Fleet::is_ready() const {
  return std::ranges::all_of(all_, [](const Connection* client) { return client->is_connected(); }) &&
         std::ranges::all_of(subscribers_, [](const auto& subscriber) { return subscriber->is_subscribed(); });
}

void Fleet::turn(int timeout_ms) {
  if (is_ready()) {
    for (const auto& publisher : publishers_) publisher->pump();
  }
  take_turn(all_, timeout_ms);
}

void Fleet::take_the_rest() {
  constexpr int patience_ms = 1000;
  while (std::ranges::any_of(all_, [](const Connection* client) { return client->is_open(); })) {
    take_turn(all_, patience_ms);
  }
}

void Fleet::stop_publishing() {
  for (const auto& publisher : publishers_) publisher->stop();
}

std::uint64_t Fleet::missing(const Subscriber& subscriber) const {
  std::uint64_t count = 0;
  for (const auto& publisher : publishers_) {
    if (!publisher->prefix().starts_with(subscriber.prefix())) continue;
    count += subscriber.seen().missing(publisher->client_id(), publisher->acknowledged_sequences());
  }
  return count;
}

bool Fleet::is_drained() const {
  return std::ranges::all_of(publishers_, [](const auto& publisher) { return publisher->is_done(); }) &&
         std::ranges::all_of(subscribers_, [this](const auto& subscriber) { return missing(*subscriber) == 0; });
}

std::string Fleet::why_not_drained() const {
  std::string why;
  for (const auto& publisher : publishers_) {
    if (!publisher->is_done())
      why += fmt::format("{} has messages without an acknowledgement; ", publisher->client_id());
  }
  for (const auto& subscriber : subscribers_) {
    if (const auto count = missing(*subscriber))
      why += fmt::format("{} misses {} messages; ", subscriber->name(), count);
  }
  return why;
}

std::uint64_t Fleet::acknowledged() const {
  std::uint64_t count = 0;
  for (const auto& publisher : publishers_) count += publisher->acknowledged();
  return count;
}

std::vector<std::string> Fleet::retained_topics() const {
  std::vector<std::string> topics;
  for (const auto& publisher : publishers_) {
    const std::string topic = publisher->retained_topic();
    if (!topic.empty() && publisher->acknowledged() > 0) topics.push_back(topic);
  }
  return topics;
}

std::vector<std::string> Fleet::complaints() const {
  std::vector<std::string> all;
  for (const Connection* client : all_) {
    if (!client->complaint().empty()) all.push_back(client->complaint());
  }
  return all;
}

bool Fleet::has_lost_connection() const {
  return std::ranges::any_of(all_, [](const Connection* client) { return !client->is_open(); });
}

std::vector<std::uint32_t> Fleet::take_latencies() {
  std::vector<std::uint32_t> all;
  for (const auto& publisher : publishers_) {
    auto& own = publisher->latencies_us();
    all.insert(all.end(), own.begin(), own.end());
    own.clear();
  }
  return all;
}

}  // namespace bitacora::app::torture
