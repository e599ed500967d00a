// Every MQTT control packet as a value, the same for 3.1, 3.1.1 and 5.0: what a version does not have is empty.
//
// A packet is a bundle of views. One that was decoded points into the bytes it came from; one that is to be encoded points
// at what its maker keeps alive until encode returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "mqtt/properties.h"
#include "mqtt/protocol.h"
#include "mqtt/reason_code.h"

namespace bitacora::mqtt {

enum class Retain : std::uint8_t { no, yes };
enum class Dup : std::uint8_t { no, yes };
enum class CleanStart : std::uint8_t { no, yes };       // 3.x: Clean Session
enum class SessionPresent : std::uint8_t { no, yes };

struct Will {
  std::string_view topic;
  ByteView payload;
  QoS qos = QoS::at_most_once;
  Retain retain = Retain::no;
  Properties properties;
};

struct Connect {
  ProtocolVersion version = ProtocolVersion::v3_1_1;
  CleanStart clean_start = CleanStart::yes;
  std::uint16_t keep_alive = 0;  // s; 0: none
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<ByteView> password;
  Properties properties;
};

struct Connack {
  SessionPresent session_present = SessionPresent::no;
  ReasonCode reason = ReasonCode::success;  // encoded for 3.x as the nearest return code 0 .. 5
  Properties properties;
};

struct Publish {
  std::string_view topic;
  ByteView payload;
  QoS qos = QoS::at_most_once;
  Retain retain = Retain::no;
  Dup dup = Dup::no;
  PacketId packet_id;  // 0 exactly when qos is 0
  Properties properties;
};

// PUBACK, PUBREC, PUBREL and PUBCOMP have one shape.
struct Ack {
  PacketId packet_id;
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};
struct Puback : Ack {};
struct Pubrec : Ack {};
struct Pubrel : Ack {};
struct Pubcomp : Ack {};

enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

struct SubscriptionOptions {
  QoS maximum_qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  RetainHandling retain_handling = RetainHandling::send;
  friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct SubscribeEntry {
  std::string_view filter;
  SubscriptionOptions options;
  friend bool operator==(const SubscribeEntry&, const SubscribeEntry&) = default;
};

struct Subscribe {
  PacketId packet_id;
  std::vector<SubscribeEntry> entries;  // at least one
  Properties properties;
};

struct Suback {
  PacketId packet_id;
  std::vector<ReasonCode> reasons;  // one an entry, in order; encoded for 3.x as 0, 1, 2 or 0x80
  Properties properties;
};

struct Unsubscribe {
  PacketId packet_id;
  std::vector<std::string_view> filters;  // at least one
  Properties properties;
};

struct Unsuback {
  PacketId packet_id;
  std::vector<ReasonCode> reasons;  // not encoded for 3.x
  Properties properties;
};

struct Pingreq {};
struct Pingresp {};

struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

struct Auth {
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

[[nodiscard]] bool operator==(const Will& a, const Will& b) noexcept;
[[nodiscard]] bool operator==(const Packet& a, const Packet& b) noexcept;  // compares what the views see
[[nodiscard]] PacketType type_of(const Packet& packet) noexcept;
// For logs and test failures: `PUBLISH topic="a/b" qos=1 id=7 payload=5B`. Payloads, passwords and authentication data are
// given as sizes only.
[[nodiscard]] std::string format(const Packet& packet);

}  // namespace bitacora::mqtt
