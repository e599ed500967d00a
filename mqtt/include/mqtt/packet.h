// Every MQTT control packet as a value, the same for 3.1, 3.1.1 and 5.0: what a version does not have is empty.
//
// A packet is a bundle of views. One that was decoded points into the bytes it came from; one that is to be encoded
// points at what its maker keeps alive until encode returns.
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
enum class CleanStart : std::uint8_t { no, yes };  // 3.x: Clean Session
enum class SessionPresent : std::uint8_t { no, yes };

struct Will {
  std::string_view topic{};
  ByteView payload{};
  QoS qos = QoS::at_most_once;
  Retain retain = Retain::no;
  Properties properties{};
};

struct Connect {
  ProtocolVersion version = ProtocolVersion::v3_1_1;
  CleanStart clean_start = CleanStart::yes;
  std::uint16_t keep_alive = 0;  // s; 0: none
  std::string_view client_id{};
  std::optional<Will> will{};
  std::optional<std::string_view> user_name{};
  std::optional<ByteView> password{};
  Properties properties{};
};

struct Connack {
  SessionPresent session_present = SessionPresent::no;
  ReasonCode reason = ReasonCode::success;  // encoded for 3.x as the nearest return code 0 .. 5
  Properties properties{};
  friend bool operator==(const Connack&, const Connack&) = default;
};

struct Publish {
  std::string_view topic{};
  ByteView payload{};
  QoS qos = QoS::at_most_once;
  Retain retain = Retain::no;
  Dup dup = Dup::no;
  PacketId packet_id{};  // 0 exactly when qos is 0
  Properties properties{};
};

// PUBACK, PUBREC, PUBREL and PUBCOMP have one shape.
struct Ack {
  PacketId packet_id{};
  ReasonCode reason = ReasonCode::success;
  Properties properties{};
  friend bool operator==(const Ack&, const Ack&) = default;
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
  std::string_view filter{};
  SubscriptionOptions options;
  friend bool operator==(const SubscribeEntry&, const SubscribeEntry&) = default;
};

struct Subscribe {
  PacketId packet_id{};
  std::vector<SubscribeEntry> entries{};  // at least one
  Properties properties{};
  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Suback {
  PacketId packet_id{};
  std::vector<ReasonCode> reasons{};  // one an entry, in order; encoded for 3.x as 0, 1, 2 or 0x80
  Properties properties{};
  friend bool operator==(const Suback&, const Suback&) = default;
};

struct Unsubscribe {
  PacketId packet_id{};
  std::vector<std::string_view> filters{};  // at least one
  Properties properties{};
  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Unsuback {
  PacketId packet_id{};
  std::vector<ReasonCode> reasons{};  // not encoded for 3.x
  Properties properties{};
  friend bool operator==(const Unsuback&, const Unsuback&) = default;
};

struct Pingreq {
  friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
  friend bool operator==(const Pingresp&, const Pingresp&) = default;
};

struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  Properties properties{};
  friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

struct Auth {
  ReasonCode reason = ReasonCode::success;
  Properties properties{};
  friend bool operator==(const Auth&, const Auth&) = default;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

// Packets are equal when what their views see is equal; std::variant's own == does the rest.
[[nodiscard]] bool operator==(const Will& a, const Will& b) noexcept;
[[nodiscard]] bool operator==(const Connect& a, const Connect& b) noexcept;
[[nodiscard]] bool operator==(const Publish& a, const Publish& b) noexcept;

[[nodiscard]] PacketType type_of(const Packet& packet) noexcept;
// For logs and test failures: `PUBLISH topic="a/b" qos=1 id=7 payload=5B`. Payloads, passwords and authentication data
// are given as sizes only; what a peer wrote is escaped, so one packet is always one line of ASCII.
[[nodiscard]] std::string format(const Packet& packet);

}  // namespace bitacora::mqtt
