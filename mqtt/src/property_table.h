// Every property of MQTT 5.0, one a row (Table 2-4): its id, its place in Properties, the packets that may carry it,
// those that may carry it more than once, and the values it may have. Decoding, encoding, comparing and printing all
// walk this table. The C++ type of the place is the type on the wire:
//
//   uint8_t  byte            string_view  UTF-8 string       vector<uint32_t>      variable byte integer, repeated
//   uint16_t two byte int.   ByteView     binary data        vector<UserProperty>  UTF-8 string pair, repeated
//   uint32_t four byte int.
#pragma once

#include <cstdint>
#include <limits>
#include <tuple>

#include "mqtt/properties.h"
#include "mqtt/reason_code.h"
#include "packet_set.h"

namespace bitacora::mqtt {

// Bounds of an integer's value, and what it is to be out of them.
struct ValueRange {
  std::uint32_t min = 0;
  std::uint32_t max = std::numeric_limits<std::uint32_t>::max();
  ReasonCode otherwise = ReasonCode::protocol_error;
};

template <class Member>
struct PropertyRow {
  std::uint8_t id;
  const char* name;
  Member Properties::*place;
  PacketSet allowed_in;
  ValueRange range;
  PacketSet may_repeat_in;
};

namespace property_rows {

using enum PacketType;

inline constexpr PacketType will = will_properties;
inline constexpr ValueRange any_value{};
inline constexpr ValueRange flag{0, 1};
inline constexpr ValueRange not_zero{1};
inline constexpr ValueRange alias{1, 65535, ReasonCode::topic_alias_invalid};  // [MQTT-3.3.2-8]

inline constexpr PacketSet has_reason_string{connack, puback,   pubrec,     pubrel, pubcomp,
                                             suback,  unsuback, disconnect, auth};
inline constexpr PacketSet has_user_properties{connect,   connack, publish,     puback,   pubrec,     pubrel, pubcomp,
                                               subscribe, suback,  unsubscribe, unsuback, disconnect, auth,   will};

template <class Member>
constexpr PropertyRow<Member> row(std::uint8_t id, const char* name, Member Properties::*place, PacketSet allowed_in,
                                  ValueRange range = any_value, PacketSet may_repeat_in = {}) {
  return {id, name, place, allowed_in, range, may_repeat_in};
}

}  // namespace property_rows

inline constexpr auto property_table = [] {
  using namespace property_rows;
  using P = Properties;
  return std::make_tuple(
      row(0x01, "Payload Format Indicator", &P::payload_format_indicator, {publish, will}, flag),
      row(0x02, "Message Expiry Interval", &P::message_expiry_interval, {publish, will}),
      row(0x03, "Content Type", &P::content_type, {publish, will}),
      row(0x08, "Response Topic", &P::response_topic, {publish, will}),
      row(0x09, "Correlation Data", &P::correlation_data, {publish, will}),
      row(0x0B, "Subscription Identifier", &P::subscription_identifiers, {publish, subscribe}, not_zero, {publish}),
      row(0x11, "Session Expiry Interval", &P::session_expiry_interval, {connect, connack, disconnect}),
      row(0x12, "Assigned Client Identifier", &P::assigned_client_identifier, {connack}),
      row(0x13, "Server Keep Alive", &P::server_keep_alive, {connack}),
      row(0x15, "Authentication Method", &P::authentication_method, {connect, connack, auth}),
      row(0x16, "Authentication Data", &P::authentication_data, {connect, connack, auth}),
      row(0x17, "Request Problem Information", &P::request_problem_information, {connect}, flag),
      row(0x18, "Will Delay Interval", &P::will_delay_interval, {will}),
      row(0x19, "Request Response Information", &P::request_response_information, {connect}, flag),
      row(0x1A, "Response Information", &P::response_information, {connack}),
      row(0x1C, "Server Reference", &P::server_reference, {connack, disconnect}),
      row(0x1F, "Reason String", &P::reason_string, has_reason_string),
      row(0x21, "Receive Maximum", &P::receive_maximum, {connect, connack}, not_zero),
      row(0x22, "Topic Alias Maximum", &P::topic_alias_maximum, {connect, connack}),
      row(0x23, "Topic Alias", &P::topic_alias, {publish}, alias),
      row(0x24, "Maximum QoS", &P::maximum_qos, {connack}, flag),
      row(0x25, "Retain Available", &P::retain_available, {connack}, flag),
      row(0x26, "User Property", &P::user_properties, has_user_properties, any_value, has_user_properties),
      row(0x27, "Maximum Packet Size", &P::maximum_packet_size, {connect, connack}, not_zero),
      row(0x28, "Wildcard Subscription Available", &P::wildcard_subscription_available, {connack}, flag),
      row(0x29, "Subscription Identifiers Available", &P::subscription_identifier_available, {connack}, flag),
      row(0x2A, "Shared Subscription Available", &P::shared_subscription_available, {connack}, flag));
}();

// Calls visit(row) for each row in the order of ids.
template <class Visit>
constexpr void for_each_property(Visit&& visit) {
  std::apply([&visit](const auto&... rows) { (visit(rows), ...); }, property_table);
}

}  // namespace bitacora::mqtt
