// What the broker counts. Written by shards and doors, read by GET /metrics from another thread: relaxed atomics,
// nothing else is shared. Counters only rise; gauges are what is there now.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "bridge/limits.h"

namespace bitacora::bridge {

class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  void subtract(std::uint64_t by = 1) noexcept { value_.fetch_sub(by, std::memory_order_relaxed); }  // gauges
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct BrokerMetrics {
  // How often a client went over each limit, by Limit.
  std::array<Counter, limit_names.size()> limits;
  void reached(Limit limit) noexcept { limits[static_cast<std::size_t>(limit)].add(); }
  [[nodiscard]] const Counter& of(Limit limit) const noexcept { return limits[static_cast<std::size_t>(limit)]; }

  // gauges
  Counter connections;
  Counter sessions;
  Counter sessions_connected;
  Counter subscriptions;
  Counter retained_messages;  // of one shard's view
  Counter sessions_behind;    // connected sessions that read from the log
  Counter groups;             // $share and $group, with members
  Counter group_members;      // online and offline
  // counters
  Counter connections_opened;
  Counter packets_received;  // MQTT packets of every type
  Counter packets_sent;
  Counter bytes_received;  // of MQTT, as a shard sees it: without TLS and WebSocket around it
  Counter bytes_sent;
  Counter connects_accepted;
  Counter connects_refused;
  Counter publishes_received;            // PUBLISH packets
  Counter publish_bytes_received;        // of payload
  Counter publishes_acknowledged;        // PUBACK and PUBREC with success
  Counter publishes_refused;             // answered with an error, or the connection closed instead
  Counter deliveries;                    // PUBLISH packets sent
  Counter delivery_bytes;                // of their payload
  Counter deliveries_repeated;           // of those: sent again after a reconnect
  Counter deliveries_dropped_too_large;  // over the client's Maximum Packet Size
  Counter deliveries_expired;
  Counter records_skipped_retention;  // that a cursor wanted and retention had removed
  Counter records_skipped_damage;     // that a cursor wanted and could not be read
  Counter left_live_path;             // a slow subscriber went to reading the log
  Counter rejoined_live_path;
  Counter protocol_errors;
  Counter timeouts;
  Counter takeovers;
  Counter wills_published;
  Counter logins_refused;             // a wrong name or password, a token that does not hold, an anonymous client
  Counter publishes_not_authorized;   // of publishes_refused and, at QoS 0, beside them; Wills too
  Counter subscribes_not_authorized;  // topic filters of SUBSCRIBE
  Counter retained_not_authorized;    // not sent: their publisher has no right to the topic any more
  Counter http_not_authorized;        // requests that the caller had no right to
  Counter logins_delayed;             // of logins_refused: answered late, since there were many of them
  Counter sessions_expired;           // offline for longer than their Session Expiry Interval
  Counter system_messages_dropped;    // $SYS messages for subscribers that were too slow
  Counter session_checkpoints;
  Counter group_records_handed_over;  // to a member
  Counter group_records_taken_back;   // from one that left or could not send them
  Counter group_partitions_moved;     // $group: given to another member
  // of transports, before MQTT
  Counter tls_handshakes;
  Counter tls_handshakes_failed;
  Counter websocket_handshakes;
  Counter websocket_handshakes_failed;
  Counter proxy_headers_refused;  // malformed, missing, or from whom none is taken
  Counter handshake_timeouts;
};

}  // namespace bitacora::bridge
