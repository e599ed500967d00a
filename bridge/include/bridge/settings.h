// What the broker's brain is told: routes, session rules, limits. Plain values; app/ reads them from the configuration
// file, a test or simulator writes them down.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bridge/access.h"
#include "mqtt/server_connection.h"
#include "storage/settings.h"

namespace bitacora::bridge {

// Which text decides the partition. The record's Kafka key is the MQTT topic in any case.
enum class PartitionKey : std::uint8_t {
  topic,          // the whole MQTT topic (default)
  level,          // one level that the route's filter captures, see Route::key_level
  client_id,      // the publisher's client id
  user_property,  // the value of the publisher's user property Route::key_property; the topic where it is absent
};

// MQTT topic filter -> log. First match wins.
struct Route {
  std::string filter;  // a topic filter, or with one captured level: "devices/{id}/#"
  std::string log;     // must exist
  PartitionKey key = PartitionKey::topic;
  std::size_t key_level = 0;                     // level: index of the captured level, from 0
  std::string key_property{};                    // user_property: its name
  std::map<std::string, std::string> headers{};  // added to each record
  friend bool operator==(const Route&, const Route&) = default;
};

enum class Receipts : std::uint8_t { off, on };
enum class QueueQos0 : std::uint8_t { no, yes };

struct SessionSettings {
  // A 3.x session with Clean Session 0, and a 5.0 session that asks for more, are kept this long after the client left.
  std::chrono::seconds max_expiry = std::chrono::hours(24 * 365);
  std::uint16_t max_in_flight =
      256;  // QoS 1 and 2 deliveries without an answer; the client's Receive Maximum counts too
  std::size_t max_output_bytes =
      256 << 10;                           // unsent bytes of one connection past which its session leaves the live path
  std::uint32_t max_subscriptions = 1000;  // of one session
  std::uint16_t max_awaiting_release = 1024;  // QoS 2 ids of one session between PUBREC and PUBREL
  // Of one publisher's messages, QoS 0 too, on their way to the disk: past it its socket is not read until half of them
  // are written, so that one client's flood does not stand in front of everybody's acknowledgements.
  std::size_t max_unwritten_bytes = 4 << 20;
  std::size_t max_will_payload = 64 << 10;  // bytes
  std::chrono::seconds max_will_delay = std::chrono::hours(24);
  // Of the whole server; those over it wait for their turn.
  std::uint32_t max_wills_per_second = 1000;
  // Of one client id within a minute. Past it both connections are closed and the id is refused until the minute ends.
  std::uint32_t max_takeovers = 20;
  // Whether messages published at QoS 0 reach a session that was offline then. (To one that is online but slow they
  // do.)
  QueueQos0 queue_qos0 = QueueQos0::no;
  // How often the cursors of connected persistent sessions are written down. After a kill a subscriber may see again
  // what it acknowledged within this time.
  std::chrono::milliseconds checkpoint_interval{1000};
};

struct BrokerSettings {
  std::string default_log = "mqtt";  // catches what no route matches; must exist
  std::vector<Route> routes{};
  Receipts receipts = Receipts::on;  // MQTT 5.0 PUBACK/PUBREC carry log, partition, offset, ts
  SessionSettings sessions{};
  mqtt::ConnectionLimits connection{};
  AccessSettings access{};
  std::size_t max_retained_payload = 1 << 20;  // bytes
  // Of all clients together; messages on their way to the log are not counted yet.
  std::size_t max_retained_messages = 1'000'000;
  std::uint64_t max_retained_bytes = 1ULL << 30;  // of topics and payloads
  // Of one user, all anonymous clients being one.
  std::size_t max_retained_messages_per_user = 1'000'000;
  std::uint64_t max_retained_bytes_per_user = 1ULL << 30;
  std::chrono::milliseconds sys_interval{10'000};  // between two rounds of $SYS; 0: there is no $SYS
  // Told to 5.0 clients that ask for Response Information: a topic of their own for responses. "%c" becomes the client
  // id. Empty: they are told none.
  std::string response_information{};
  // Where 5.0 clients are sent when this server shuts down: the Server Reference of DISCONNECT 0x9C. Empty: nowhere.
  std::string server_reference{};
  std::size_t max_batch_bytes =
      1 << 20;  // where a batch that gathers publishes is closed; one larger record still fits
};

}  // namespace bitacora::bridge
