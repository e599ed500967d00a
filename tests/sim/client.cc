#include "sim/client.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::sim {

void Client::send(const mqtt::Packet& packet) {
  if (!connection_ || (swallow && swallow(Direction::out, packet))) return;
  Bytes bytes;
  mqtt::encode(bytes, packet, version_);
  world_.send(*connection_, bytes);
}

void Client::connect(mqtt::CleanStart clean, std::optional<mqtt::Will> will, std::uint32_t expiry_s) {
  drop();
  connack.reset();
  disconnect_reason.reset();
  unread_.clear();
  connection_ = world_.open(*this, client_id_);
  mqtt::Connect packet;
  packet.version = version_;
  packet.clean_start = clean;
  packet.client_id = client_id_;
  packet.will = std::move(will);
  packet.keep_alive = 60;
  if (user_name) packet.user_name = *user_name;
  if (password) packet.password = as_bytes(*password);
  if (authentication_method) {
    packet.properties.authentication_method = *authentication_method;
    packet.properties.authentication_data = as_bytes(authentication_data);
  }
  if (version_ == mqtt::ProtocolVersion::v5) packet.properties.session_expiry_interval = expiry_s;
  send(packet);
}

void Client::connect_with_maximum_packet_size(std::uint32_t bytes) {
  drop();
  connection_ = world_.open(*this, client_id_);
  mqtt::Connect packet;
  packet.version = version_;
  packet.clean_start = mqtt::CleanStart::yes;
  packet.client_id = client_id_;
  packet.properties.maximum_packet_size = bytes;
  send(packet);
}

std::uint16_t Client::publish(std::string_view topic, std::string_view payload, mqtt::QoS qos, mqtt::Retain retain) {
  mqtt::Publish packet{topic, as_bytes(payload), qos, retain, mqtt::Dup::no, mqtt::PacketId(0), {}};
  if (qos != mqtt::QoS::at_most_once) {
    packet.packet_id = mqtt::PacketId(next_id_);
    next_id_ = next_id_ == 65535 ? 1 : next_id_ + 1;
  }
  send(packet);
  return packet.packet_id.value();
}

void Client::resend_publish(std::uint16_t id, std::string_view topic, std::string_view payload, mqtt::QoS qos,
                            mqtt::Retain retain) {
  send(mqtt::Publish{topic, as_bytes(payload), qos, retain, mqtt::Dup::yes, mqtt::PacketId(id), {}});
}

void Client::subscribe(std::string_view filter, mqtt::QoS qos, mqtt::SubscriptionOptions options,
                       std::uint32_t identifier) {
  suback.clear();
  options.maximum_qos = qos;
  mqtt::Subscribe packet{mqtt::PacketId(next_id_++), {{filter, options}}, {}};
  if (identifier != 0) packet.properties.subscription_identifiers = {identifier};
  send(packet);
}

void Client::unsubscribe(std::string_view filter) {
  unsuback.clear();
  send(mqtt::Unsubscribe{mqtt::PacketId(next_id_++), {filter}, {}});
}

void Client::release(std::uint16_t id) { send(mqtt::Pubrel{{mqtt::PacketId(id), mqtt::ReasonCode::success, {}}}); }

void Client::disconnect() {
  send(mqtt::Disconnect{});
  drop();
}

void Client::drop() {
  if (!connection_) return;
  const bridge::ConnectionId id = *connection_;
  connection_.reset();
  world_.hang_up(id);
}

std::vector<std::string> Client::payloads() const {
  std::vector<std::string> payloads;
  for (const Delivered& delivered : received) payloads.push_back(delivered.payload);
  return payloads;
}

void Client::on_bytes(ByteView bytes) {
  append(unread_, bytes);
  Bytes all = std::exchange(unread_, {});
  ByteView rest = all;
  while (true) {
    const auto frame = mqtt::decode_frame(rest);
    BITACORA_ASSERT(frame.has_value());
    if (!*frame || (*frame)->size() > rest.size()) break;
    const auto packet = mqtt::decode(rest.first((*frame)->size()), version_);
    BITACORA_ASSERT(packet.has_value());
    rest = rest.subspan((*frame)->size());
    if (!swallow || !swallow(Direction::in, *packet)) on_packet(*packet);
  }
  unread_.assign(rest.begin(), rest.end());
}

void Client::on_packet(const mqtt::Packet& packet) {
  if (const auto* accepted = std::get_if<mqtt::Connack>(&packet)) {
    connack = mqtt::Connack{accepted->session_present, accepted->reason, {}};
    if (accepted->session_present == mqtt::SessionPresent::no) unreleased_.clear();
    if (accepted->properties.authentication_data) {
      challenges.push_back({accepted->reason, std::string(as_text(*accepted->properties.authentication_data)),
                            std::string(accepted->properties.authentication_method.value_or(""))});
    }
  } else if (const auto* auth = std::get_if<mqtt::Auth>(&packet)) {
    challenges.push_back({auth->reason, std::string(as_text(auth->properties.authentication_data.value_or(ByteView()))),
                          std::string(auth->properties.authentication_method.value_or(""))});
  } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    on_publish(*publish);
  } else if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    on_ack(*puback);
  } else if (const auto* pubrec = std::get_if<mqtt::Pubrec>(&packet)) {
    on_ack(*pubrec);
    if (releases && !mqtt::is_error(pubrec->reason)) release(pubrec->packet_id.value());
  } else if (const auto* pubrel = std::get_if<mqtt::Pubrel>(&packet)) {
    unreleased_.erase(pubrel->packet_id.value());
    if (acks == Acks::at_once) send(mqtt::Pubcomp{{pubrel->packet_id, mqtt::ReasonCode::success, {}}});
  } else if (const auto* pubcomp = std::get_if<mqtt::Pubcomp>(&packet)) {
    completed.insert(pubcomp->packet_id.value());
  } else if (const auto* granted = std::get_if<mqtt::Suback>(&packet)) {
    suback = granted->reasons;
  } else if (const auto* removed = std::get_if<mqtt::Unsuback>(&packet)) {
    unsuback = removed->reasons;
  } else if (const auto* ended = std::get_if<mqtt::Disconnect>(&packet)) {
    disconnect_reason = ended->reason;
  }
}

void Client::on_publish(const mqtt::Publish& publish) {
  const bool repeated = publish.qos == mqtt::QoS::exactly_once && unreleased_.contains(publish.packet_id.value());
  if (!repeated) {
    Delivered delivered{std::string(publish.topic),
                        std::string(as_text(publish.payload)),
                        publish.qos,
                        publish.retain == mqtt::Retain::yes,
                        publish.dup == mqtt::Dup::yes,
                        publish.properties.subscription_identifiers,
                        {},
                        0,
                        false};
    for (const auto& [name, value] : publish.properties.user_properties) delivered.user[std::string(name)] = value;
    delivered.order = world_.next_delivery();
    delivered.acknowledged = acks == Acks::at_once;
    received.push_back(std::move(delivered));
  }
  if (acks == Acks::never) return;
  if (publish.qos == mqtt::QoS::at_least_once) send(mqtt::Puback{{publish.packet_id, mqtt::ReasonCode::success, {}}});
  if (publish.qos == mqtt::QoS::exactly_once) {
    unreleased_.insert(publish.packet_id.value());
    send(mqtt::Pubrec{{publish.packet_id, mqtt::ReasonCode::success, {}}});
  }
}

void Client::on_ack(const mqtt::Ack& ack) {
  const std::uint16_t id = ack.packet_id.value();
  if (mqtt::is_error(ack.reason)) {
    refused[id] = ack.reason;
    return;
  }
  acknowledged.insert(id);
  ack_order.push_back(id);
  for (const auto& [name, value] : ack.properties.user_properties) receipts[id][std::string(name)] = value;
}

void publish_before_checkpoint(BrokerWorld& world, const std::string& topic, const std::string& payload) {
  Client publisher(world, "publisher");
  publisher.connect();
  publisher.publish(topic, payload);
  world.run();
  world.advance(std::chrono::milliseconds(1100));
  world.run();
}

}  // namespace bitacora::sim
