// The reason codes of MQTT 5.0: what they are called and which packets have them (Table 2-6, and the tables of each
// packet).
#include "mqtt/reason_code.h"

#include <algorithm>
#include <array>

#include "packet_set.h"

namespace bitacora::mqtt {
namespace {

using enum PacketType;

struct ReasonRow {
  ReasonCode code;
  const char* name;
  PacketSet carried_by;
};

constexpr std::array reason_table{
    ReasonRow{
        ReasonCode::success, "success", {connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth}},
    ReasonRow{ReasonCode::granted_qos_1, "granted QoS 1", {suback}},
    ReasonRow{ReasonCode::granted_qos_2, "granted QoS 2", {suback}},
    ReasonRow{ReasonCode::disconnect_with_will, "disconnect with Will message", {disconnect}},
    ReasonRow{ReasonCode::no_matching_subscribers, "no matching subscribers", {puback, pubrec}},
    ReasonRow{ReasonCode::no_subscription_existed, "no subscription existed", {unsuback}},
    ReasonRow{ReasonCode::continue_authentication, "continue authentication", {auth}},
    ReasonRow{ReasonCode::reauthenticate, "re-authenticate", {auth}},
    ReasonRow{
        ReasonCode::unspecified_error, "unspecified error", {connack, puback, pubrec, suback, unsuback, disconnect}},
    ReasonRow{ReasonCode::malformed_packet, "malformed packet", {connack, disconnect}},
    ReasonRow{ReasonCode::protocol_error, "protocol error", {connack, disconnect}},
    ReasonRow{ReasonCode::implementation_specific_error,
              "implementation specific error",
              {connack, puback, pubrec, suback, unsuback, disconnect}},
    ReasonRow{ReasonCode::unsupported_protocol_version, "unsupported protocol version", {connack}},
    ReasonRow{ReasonCode::client_identifier_not_valid, "client identifier not valid", {connack}},
    ReasonRow{ReasonCode::bad_user_name_or_password, "bad user name or password", {connack}},
    ReasonRow{ReasonCode::not_authorized, "not authorized", {connack, puback, pubrec, suback, unsuback, disconnect}},
    ReasonRow{ReasonCode::server_unavailable, "server unavailable", {connack}},
    ReasonRow{ReasonCode::server_busy, "server busy", {connack, disconnect}},
    ReasonRow{ReasonCode::banned, "banned", {connack}},
    ReasonRow{ReasonCode::server_shutting_down, "server shutting down", {disconnect}},
    ReasonRow{ReasonCode::bad_authentication_method, "bad authentication method", {connack, disconnect}},
    ReasonRow{ReasonCode::keep_alive_timeout, "keep alive timeout", {disconnect}},
    ReasonRow{ReasonCode::session_taken_over, "session taken over", {disconnect}},
    ReasonRow{ReasonCode::topic_filter_invalid, "topic filter invalid", {suback, unsuback, disconnect}},
    ReasonRow{ReasonCode::topic_name_invalid, "topic name invalid", {connack, puback, pubrec, disconnect}},
    ReasonRow{ReasonCode::packet_identifier_in_use, "packet identifier in use", {puback, pubrec, suback, unsuback}},
    ReasonRow{ReasonCode::packet_identifier_not_found, "packet identifier not found", {pubrel, pubcomp}},
    ReasonRow{ReasonCode::receive_maximum_exceeded, "receive maximum exceeded", {disconnect}},
    ReasonRow{ReasonCode::topic_alias_invalid, "topic alias invalid", {disconnect}},
    ReasonRow{ReasonCode::packet_too_large, "packet too large", {connack, disconnect}},
    ReasonRow{ReasonCode::message_rate_too_high, "message rate too high", {disconnect}},
    ReasonRow{ReasonCode::quota_exceeded, "quota exceeded", {connack, puback, pubrec, suback, disconnect}},
    ReasonRow{ReasonCode::administrative_action, "administrative action", {disconnect}},
    ReasonRow{ReasonCode::payload_format_invalid, "payload format invalid", {connack, puback, pubrec, disconnect}},
    ReasonRow{ReasonCode::retain_not_supported, "retain not supported", {connack, disconnect}},
    ReasonRow{ReasonCode::qos_not_supported, "QoS not supported", {connack, disconnect}},
    ReasonRow{ReasonCode::use_another_server, "use another server", {connack, disconnect}},
    ReasonRow{ReasonCode::server_moved, "server moved", {connack, disconnect}},
    ReasonRow{
        ReasonCode::shared_subscriptions_not_supported, "shared subscriptions not supported", {suback, disconnect}},
    ReasonRow{ReasonCode::connection_rate_exceeded, "connection rate exceeded", {connack, disconnect}},
    ReasonRow{ReasonCode::maximum_connect_time, "maximum connect time", {disconnect}},
    ReasonRow{ReasonCode::subscription_identifiers_not_supported,
              "subscription identifiers not supported",
              {suback, disconnect}},
    ReasonRow{
        ReasonCode::wildcard_subscriptions_not_supported, "wildcard subscriptions not supported", {suback, disconnect}},
};

const ReasonRow* find(ReasonCode code) noexcept {
  const auto* const row = std::ranges::find(reason_table, code, &ReasonRow::code);
  return row == reason_table.end() ? nullptr : row;
}

}  // namespace

const char* name_of(ReasonCode code) noexcept {
  const ReasonRow* const row = find(code);
  return row == nullptr ? "unknown reason code" : row->name;
}

bool may_carry(PacketType type, ReasonCode code) noexcept {
  const ReasonRow* const row = find(code);
  return row != nullptr && row->carried_by.contains(type);
}

ReasonCode nearest_reason(PacketType type, ReasonCode code) noexcept {
  if (may_carry(type, code)) return code;
  if (!is_error(code)) return ReasonCode::success;
  if (type == pubrel || type == pubcomp) return ReasonCode::packet_identifier_not_found;
  if (type == connack && code == ReasonCode::server_shutting_down) return ReasonCode::server_unavailable;
  return ReasonCode::unspecified_error;
}

}  // namespace bitacora::mqtt
