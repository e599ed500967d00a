// What the server sends, and how a connection ends.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "connection_state.h"

namespace bitacora::mqtt {
namespace {

constexpr std::uint32_t smallest_connack = 5;  // bytes, in 5.0

bool is_reason_string(const std::string& text) {
  return !text.empty() && text.size() <= 65535 && is_valid_utf8_string(text);
}

}  // namespace

void ServerConnection::State::connack(AnswerSlot slot, const Connack& packet, Now now) {
  if (phase == Phase::closed) return;
  BITACORA_ASSERT(slot == connect_slot);
  BITACORA_ASSERT(phase == Phase::connack || phase == Phase::authenticating);  // [MQTT-3.2.0-2]
  if (is_error(packet.reason)) {
    ClosedEvent event{CloseCause::server, packet.reason, std::string(packet.properties.reason_string.value_or("")), {}};
    return finish(std::move(event), packet.properties);  // [MQTT-3.2.2-7] [MQTT-4.12.0-4]
  }
  if (!send(complete(packet))) {
    return finish({CloseCause::server, ReasonCode::packet_too_large, "CONNACK does not fit the client's limit", {}});
  }
  phase = Phase::open;
  last_input = now.monotonic;
}

// A CONNACK of success with what follows from the limits; takes over what the owner decided otherwise.
Connack ServerConnection::State::complete(const Connack& packet) {
  Connack connack = packet;
  if (client.version != ProtocolVersion::v5) return connack;
  Properties& properties = connack.properties;

  const bool keeps_alive_too_slowly =
      limits.max_keep_alive_s != 0 && (client.keep_alive_s == 0 || client.keep_alive_s > limits.max_keep_alive_s);
  if (!properties.server_keep_alive && keeps_alive_too_slowly) properties.server_keep_alive = limits.max_keep_alive_s;
  client.keep_alive_s = properties.server_keep_alive.value_or(client.keep_alive_s);  // [MQTT-3.2.2-22]

  limits.receive_maximum = properties.receive_maximum.value_or(limits.receive_maximum);
  limits.max_packet_size = properties.maximum_packet_size.value_or(limits.max_packet_size);
  limits.topic_alias_maximum = properties.topic_alias_maximum.value_or(limits.topic_alias_maximum);
  properties.receive_maximum = limits.receive_maximum;
  properties.maximum_packet_size = limits.max_packet_size;
  properties.topic_alias_maximum = limits.topic_alias_maximum;
  return connack;
}

void ServerConnection::State::answer(AnswerSlot slot, const Packet& packet) {
  if (phase == Phase::closed) return;
  if (client.version != ProtocolVersion::v5) {
    const auto* puback = std::get_if<Puback>(&packet);
    const auto* pubrec = std::get_if<Pubrec>(&packet);
    const ReasonCode reason = puback != nullptr   ? puback->reason
                              : pubrec != nullptr ? pubrec->reason
                                                  : ReasonCode::success;
    // Sent without its reason it would be a promise that was not kept.
    if (is_error(reason)) return finish({CloseCause::server, reason, "a publish was refused", {}});
  }
  std::optional<Packet> trimmed;
  const Packet* fitting = fit(packet, client, trimmed);
  if (fitting == nullptr) {
    return finish({CloseCause::server, ReasonCode::packet_too_large, "an answer does not fit the client's limit", {}});
  }
  ++counts.sent;
  const auto finished = static_cast<std::int32_t>(answers.answer(slot, *fitting, client.version, output.end()));
  // A client that resumes a session also finishes publishes of its last connection, and gains send quota by them
  // (section 4.9) that it may use before or after we could tell. So such an answer counts in the client's favour; at
  // most once over.
  unanswered = std::max(unanswered - finished, -std::int32_t{limits.receive_maximum});
}

bool ServerConnection::State::submit(const Packet& packet) {
  if (phase == Phase::closed) return false;
  if (std::holds_alternative<Auth>(packet)) {
    BITACORA_ASSERT(!client.authentication_method.empty());  // [MQTT-4.12.0-6]
    BITACORA_ASSERT(phase == Phase::connack || phase == Phase::open);
    BITACORA_ASSERT(std::get<Auth>(packet).reason == ReasonCode::continue_authentication || phase == Phase::open);
    if (!send(packet)) return false;  // [MQTT-4.12.0-2]
    if (phase == Phase::connack) phase = Phase::authenticating;
    return true;
  }
  BITACORA_ASSERT(phase == Phase::open);  // [MQTT-3.2.0-1]
  if (std::holds_alternative<Publish>(packet)) return send_publish(packet);
  BITACORA_ASSERT(std::holds_alternative<Pubrel>(packet));
  return send(packet);
}

bool ServerConnection::State::send(const Packet& packet) {
  std::optional<Packet> trimmed;
  const Packet* fitting = fit(packet, client, trimmed);
  if (fitting == nullptr) return false;
  encode(output.end(), *fitting, client.version);
  ++counts.sent;
  return true;
}

bool ServerConnection::State::send_publish(const Packet& packet) {
  const auto& publish = std::get<Publish>(packet);
  const std::uint16_t maximum = std::min(client.topic_alias_maximum, limits.topic_alias_maximum_out);
  if (maximum == 0) return send(packet);  // [MQTT-3.1.2-26] [MQTT-3.1.2-27]
  if (!outbound_aliases) outbound_aliases = std::make_unique<OutboundAliases>(maximum);
  const Packet* aliased = outbound_aliases->apply(publish);
  if (aliased == nullptr || !send(*aliased)) return send(packet);
  outbound_aliases->established(publish);
  return true;
}

void ServerConnection::State::finish(ClosedEvent event, Properties properties) {
  if (phase == Phase::closed) return;
  closed_event = std::make_unique<ClosedEvent>(std::move(event));
  if (!properties.reason_string && is_reason_string(closed_event->message)) {
    properties.reason_string = closed_event->message;
  }
  properties.session_expiry_interval.reset();  // [MQTT-3.14.2-2]
  tell_end(*closed_event, properties);
  phase = Phase::closed;  // the last packet [MQTT-3.14.4-1]; the owner closes [MQTT-3.14.4-2] [MQTT-4.13.2-1]
  answers = {};
  outbound_aliases.reset();
}

void ServerConnection::State::tell_end(const ClosedEvent& event, const Properties& properties) {
  const bool peer_ended = event.cause == CloseCause::peer_disconnected ||
                          event.cause == CloseCause::peer_disconnected_with_will ||
                          event.cause == CloseCause::transport_closed;
  if (peer_ended || phase == Phase::connect) return;
  const bool v5 = client.version == ProtocolVersion::v5;
  if (phase == Phase::open) {
    if (v5) send(Disconnect{event.reason, properties});  // 3.x has none for servers
    return;
  }
  // [MQTT-3.14.0-1]: before CONNACK, the end is a CONNACK. One of 3.x cannot say that the CONNECT was malformed
  // [MQTT-3.1.4-1], only that the version or the client id are not accepted.
  const bool has_return_code = event.cause != CloseCause::protocol_error ||
                               event.reason == ReasonCode::unsupported_protocol_version ||
                               event.reason == ReasonCode::client_identifier_not_valid;
  if (is_error(event.reason) && (v5 || has_return_code)) {
    send(Connack{SessionPresent::no, event.reason, properties});  // [MQTT-3.2.2-6]
  }
}

std::nullopt_t ServerConnection::State::fail(ReasonCode reason, std::string message,
                                             std::optional<ExceededLimit> limit) {
  finish({CloseCause::protocol_error, reason, std::move(message), {}, limit});
  return std::nullopt;
}

// A CONNECT that could not be decoded.
void ServerConnection::State::refuse_connect(const DecodeError& error) {
  if (error.protocol_level) {
    const auto level = static_cast<ProtocolVersion>(*error.protocol_level);
    const bool known = level >= ProtocolVersion::v3_1 && level <= ProtocolVersion::v5;
    const bool unsupported = error.reason == ReasonCode::unsupported_protocol_version;
    // [MQTT-3.1.2-2]: a level that we do not speak is answered in the form that the oldest standard gives that answer.
    client.version = known && !unsupported ? level : ProtocolVersion::v3_1_1;
    client.maximum_packet_size = smallest_connack;  // it may have named one: no room for a reason string
    phase = Phase::connack;
  }
  fail(error.reason, error.message, limit_of(error));
}

}  // namespace bitacora::mqtt
