// What the client sends: framing, protocol order, and one receive() a packet type.
#include <string>
#include <utility>

#include "base/assert.h"
#include "connection_state.h"
#include "mqtt/topic.h"

namespace bitacora::mqtt {
namespace {

constexpr std::byte connect_first_byte{0x10};
// Packet ids have 16 bits: more requests than this cannot wait for an answer in good faith.
constexpr std::size_t max_waiting_answers = 65535;

bool only_servers_send(PacketType type) {
  return type == PacketType::connack || type == PacketType::suback || type == PacketType::unsuback ||
         type == PacketType::pingresp;
}

bool opens_answer(PacketType type) {
  return type == PacketType::publish || type == PacketType::pubrel || type == PacketType::subscribe ||
         type == PacketType::unsubscribe;
}

bool is_shared(std::string_view filter) { return filter.starts_with("$share/"); }

}  // namespace

std::optional<Event> ServerConnection::State::poll_event() {
  while (phase != Phase::closed) {
    if (phase == Phase::connack && reader.size() > limits.max_packet_size) {
      fail(ReasonCode::quota_exceeded, "too much was sent ahead of CONNACK", ExceededLimit::early_bytes);
      break;
    }
    const std::optional<ByteView> bytes = phase == Phase::connack ? std::nullopt : next_packet();
    if (phase == Phase::closed) break;
    if (!bytes) {
      reader.keep_rest();
      return std::nullopt;
    }
    if (std::optional<Event> event = receive(*bytes)) return event;
  }
  reader.drop_all();
  if (!closed_event) return std::nullopt;
  return std::optional<Event>(std::in_place, std::move(*std::exchange(closed_event, nullptr)));
}

std::optional<ByteView> ServerConnection::State::next_packet() {
  if (reader.empty()) return std::nullopt;
  if (phase == Phase::connect && reader.first_byte() != connect_first_byte) {
    return fail(ReasonCode::protocol_error, "the first packet is not CONNECT");  // [MQTT-3.1.0-1]
  }
  const auto frame = reader.peek_frame();
  if (!frame) return fail(frame.error().reason, frame.error().message);
  if (frame->has_value()) {
    if (!admit(**frame)) return std::nullopt;
    if (const auto packet = reader.take_packet(**frame)) {
      partial_since.reset();
      ++counts.received;
      return packet;
    }
  }
  if (!partial_since) partial_since = last_input;
  return std::nullopt;
}

// Judges a packet by its header, before its body is waited for.
bool ServerConnection::State::admit(const Frame& frame) {
  const PacketType type = frame.type();
  const std::uint32_t max_size = phase == Phase::connect ? limits.max_connect_packet_size : limits.max_packet_size;
  if (frame.size() > max_size) {
    fail(ReasonCode::packet_too_large,
         std::string(name_of(type)) + " of " + std::to_string(frame.size()) + " bytes, at most " +
             std::to_string(max_size) + " are accepted",
         ExceededLimit::packet_size);
  } else if (phase == Phase::connect) {
    return true;  // next_packet has seen that it is CONNECT
  } else if (type == PacketType::connect) {
    fail(ReasonCode::protocol_error, "a second CONNECT");  // [MQTT-3.1.0-2]
  } else if (only_servers_send(type) || (type == PacketType::auth && client.version != ProtocolVersion::v5)) {
    fail(ReasonCode::protocol_error, std::string(name_of(type)) + " is not the client's to send");
  } else if (phase == Phase::authenticating && type != PacketType::auth && type != PacketType::disconnect) {
    fail(ReasonCode::protocol_error, std::string(name_of(type)) + " before authentication was complete");
  } else if (opens_answer(type) && answers.size() >= max_waiting_answers) {
    fail(ReasonCode::quota_exceeded, "too many packets wait for an answer", ExceededLimit::early_bytes);
  }
  return phase != Phase::closed;
}

std::optional<Event> ServerConnection::State::receive(ByteView bytes) {
  auto packet = decode(bytes, client.version, limits.codec);
  if (packet) {
    return std::visit([this](auto& alternative) { return receive(alternative); }, *packet);
  }
  if (phase == Phase::connect) {
    refuse_connect(packet.error());
  } else {
    fail(packet.error().reason, packet.error().message, limit_of(packet.error()));  // [MQTT-4.13.1-1]
  }
  return std::nullopt;
}

std::optional<Event> ServerConnection::State::receive(Connect& connect) {
  client = terms_of(connect);
  phase = Phase::connack;
  if (connect.client_id.size() > limits.max_client_id) {  // at least 23 [MQTT-3.1.3-5]
    return fail(ReasonCode::client_identifier_not_valid,
                "client id of " + std::to_string(connect.client_id.size()) + " bytes, at most " +
                    std::to_string(limits.max_client_id) + " are accepted",
                ExceededLimit::client_id);  // [MQTT-3.1.3-8]
  }
  // 5.0 [MQTT-3.1.3-6]: the server chooses an id. [MQTT311-3.1.3-7] [MQTT311-3.1.3-8]: only for a session that will not
  // outlive the connection. 3.1 asks for 1 to 23 bytes; longer ones are accepted.
  const bool may_be_empty = client.version == ProtocolVersion::v5 ||
                            (client.version == ProtocolVersion::v3_1_1 && connect.clean_start == CleanStart::yes);
  if (connect.client_id.empty() && !may_be_empty) {
    return fail(ReasonCode::client_identifier_not_valid, "an empty client id");
  }
  if (connect.will && level_count(connect.will->topic) > limits.max_topic_levels) {
    return fail(ReasonCode::topic_name_invalid, "too many levels in the topic of the Will",
                ExceededLimit::topic_levels);
  }
  return std::optional<Event>(std::in_place, ConnectEvent{std::move(connect), connect_slot});
}

std::optional<Event> ServerConnection::State::receive(Publish& publish) {
  if (!resolve_topic(publish)) return std::nullopt;
  if (level_count(publish.topic) > limits.max_topic_levels) {
    return fail(ReasonCode::topic_name_invalid, "too many levels in a topic name", ExceededLimit::topic_levels);
  }
  if (!publish.properties.subscription_identifiers.empty()) {
    return fail(ReasonCode::protocol_error, "a Subscription Identifier in PUBLISH");  // [MQTT-3.3.4-6]
  }
  if (publish.qos == QoS::at_most_once) {
    return std::optional<Event>(std::in_place, PublishEvent{std::move(publish), AnswerSlot{}});
  }
  // 3.x knows no receive maximum: what was never announced is not held against the client.
  if (client.version == ProtocolVersion::v5 && unanswered >= limits.receive_maximum) {
    return fail(ReasonCode::receive_maximum_exceeded,
                "more than " + std::to_string(limits.receive_maximum) + " publishes without an answer",
                ExceededLimit::receive_maximum);
  }
  if (unanswered < 65535) ++unanswered;
  // [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8]
  const PacketType answer = publish.qos == QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
  const AnswerSlot slot = answers.open(answer, publish.packet_id);
  return std::optional<Event>(std::in_place, PublishEvent{std::move(publish), slot});
}

// Leaves the full name in `publish` and no alias. (Decode has seen that there is a name or an alias.)
bool ServerConnection::State::resolve_topic(Publish& publish) {
  const auto alias = std::exchange(publish.properties.topic_alias, std::nullopt);
  if (!alias) return true;
  const auto topic = inbound_aliases.resolve(publish.topic, *alias, limits.topic_alias_maximum);
  if (!topic) {
    const bool over = *alias > limits.topic_alias_maximum;
    fail(ReasonCode::topic_alias_invalid,
         "topic alias " + std::to_string(*alias) + " is 0, above " + std::to_string(limits.topic_alias_maximum) +
             " or stands for nothing",
         over ? std::optional(ExceededLimit::topic_alias) : std::nullopt);
    return false;
  }
  publish.topic = *topic;
  return true;
}

std::optional<Event> ServerConnection::State::receive(Pubrel& pubrel) {
  const AnswerSlot slot = answers.open(PacketType::pubcomp, pubrel.packet_id);  // [MQTT-4.3.3-11]
  return std::optional<Event>(std::in_place, PubrelEvent{std::move(pubrel), slot});
}

std::optional<Event> ServerConnection::State::receive(Subscribe& subscribe) {
  for (const SubscribeEntry& entry : subscribe.entries) {
    if (level_count(entry.filter) > limits.max_topic_levels) {
      return fail(ReasonCode::topic_filter_invalid, "too many levels in a topic filter", ExceededLimit::topic_levels);
    }
    if (entry.options.no_local && is_shared(entry.filter)) {
      return fail(ReasonCode::protocol_error, "No Local on a shared subscription");  // [MQTT-3.8.3-4]
    }
  }
  const AnswerSlot slot = answers.open(PacketType::suback, subscribe.packet_id);  // [MQTT-3.8.4-1]
  return std::optional<Event>(std::in_place, SubscribeEvent{std::move(subscribe), slot});
}

std::optional<Event> ServerConnection::State::receive(Unsubscribe& unsubscribe) {
  for (const std::string_view filter : unsubscribe.filters) {
    if (level_count(filter) > limits.max_topic_levels) {
      return fail(ReasonCode::topic_filter_invalid, "too many levels in a topic filter", ExceededLimit::topic_levels);
    }
  }
  const AnswerSlot slot = answers.open(PacketType::unsuback, unsubscribe.packet_id);  // [MQTT-3.10.4-4]
  return std::optional<Event>(std::in_place, UnsubscribeEvent{std::move(unsubscribe), slot});
}

std::optional<Event> ServerConnection::State::receive(Puback& ack) {
  return std::optional<Event>(std::in_place, AckEvent{PacketType::puback, std::move(ack)});
}

std::optional<Event> ServerConnection::State::receive(Pubrec& ack) {
  return std::optional<Event>(std::in_place, AckEvent{PacketType::pubrec, std::move(ack)});
}

std::optional<Event> ServerConnection::State::receive(Pubcomp& ack) {
  return std::optional<Event>(std::in_place, AckEvent{PacketType::pubcomp, std::move(ack)});
}

std::optional<Event> ServerConnection::State::receive(Pingreq&) {
  release_spare();   // who pings has been idle
  send(Pingresp{});  // [MQTT-3.12.4-1]
  return std::nullopt;
}

std::optional<Event> ServerConnection::State::receive(Disconnect& disconnect) {
  const auto expiry = disconnect.properties.session_expiry_interval;
  if (client.session_ends_with_connection && expiry.value_or(0) != 0) {
    return fail(ReasonCode::protocol_error, "DISCONNECT sets a Session Expiry Interval where CONNECT had 0");
  }
  ClosedEvent event;
  event.cause = disconnect.reason == ReasonCode::success ? CloseCause::peer_disconnected  // [MQTT-3.14.4-3]
                                                         : CloseCause::peer_disconnected_with_will;
  event.reason = disconnect.reason;
  event.message = disconnect.properties.reason_string.value_or("");
  event.session_expiry_interval = expiry;
  finish(std::move(event));
  return std::nullopt;
}

std::optional<Event> ServerConnection::State::receive(Auth& auth) {
  if (client.authentication_method.empty()) {
    return fail(ReasonCode::protocol_error, "AUTH without an Authentication Method in CONNECT");  // [MQTT-4.12.0-6]
  }
  if (auth.properties.authentication_method != client.authentication_method) {
    return fail(ReasonCode::protocol_error,
                "AUTH with another Authentication Method");  // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
  }
  const bool expected = auth.reason == ReasonCode::continue_authentication ||
                        (auth.reason == ReasonCode::reauthenticate && phase == Phase::open);  // [MQTT-3.15.2-1]
  if (!expected) return fail(ReasonCode::protocol_error, "AUTH with a reason that does not fit");
  if (phase == Phase::authenticating) phase = Phase::connack;
  return std::optional<Event>(std::in_place, AuthEvent{std::move(auth)});
}

template <class ServerPacket>
std::optional<Event> ServerConnection::State::receive(ServerPacket&) {
  BITACORA_ASSERT(false && "admit() lets no packet through that only servers send");
  return std::nullopt;
}

}  // namespace bitacora::mqtt
