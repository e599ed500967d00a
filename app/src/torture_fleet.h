// The clients of a torture run, of both protocol versions and at QoS 1 and 2: publishers into logs of every kind, and
// readers of every kind behind them. One thread turns them all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "torture_publisher.h"
#include "torture_subscriber.h"

namespace bitacora::app::torture {

// Small segments, retention and compaction at every turn: so that a short run meets all that a server does in a year.
[[nodiscard]] std::string server_config();

// The logs of that configuration.
struct KnownLog {
  proof::LogKnown facts;
  bool is_replayed = false;  // over MQTT as well
};
[[nodiscard]] const std::vector<KnownLog>& known_logs();

inline constexpr const char* group_name = "readers";

enum class Cast : std::uint8_t {
  everyone,
  synced_publishers,           // into logs that survive a power cut; nobody reads
  publishers_on_failing_disk,  // the same, and they may be sent away
};

class Fleet {
 public:
  Fleet(Cast cast, const Tell& tell);

  // Connects whoever is not connected; false if nobody listens there.
  [[nodiscard]] bool connect(std::uint16_t port);
  // Everybody has a connection, and the subscribers their subscriptions.
  [[nodiscard]] bool is_ready() const;
  // Lets them read and write once, waiting `timeout_ms` at most, and publish as much as their windows allow.
  void turn(int timeout_ms);
  // Takes what was on its way from a server that is gone, until every connection has ended.
  void take_the_rest();
  // Nothing new is published. Drained: all is acknowledged, and every subscriber has had what it was to have.
  void stop_publishing();
  [[nodiscard]] bool is_drained() const;
  [[nodiscard]] std::string why_not_drained() const;

  [[nodiscard]] std::uint64_t acknowledged() const;
  [[nodiscard]] std::vector<std::string> retained_topics() const;
  // What the server did that no server may; empty if nothing. An end of a connection is none where it was killed.
  [[nodiscard]] std::vector<std::string> complaints() const;
  [[nodiscard]] bool has_lost_connection() const;
  // Takes the latencies out: microseconds.
  [[nodiscard]] std::vector<std::uint32_t> take_latencies();

 private:
  void add_publishers(Cast cast, const Tell& tell);
  void add_subscribers(const Tell& tell);
  [[nodiscard]] std::uint64_t missing(const Subscriber& subscriber) const;

  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<Connection*> all_;
};

}  // namespace bitacora::app::torture
