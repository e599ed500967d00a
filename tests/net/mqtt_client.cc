#include "net/mqtt_client.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "mqtt/codec.h"

namespace bitacora::net {

MqttClient::MqttClient(std::uint16_t port, const std::string& address, std::optional<int> receive_buffer_size)
    : MqttClient(connect_tcp(port, address, receive_buffer_size)) {}

// --- verbs ---

mqtt::Connack MqttClient::connect(std::string_view client_id, mqtt::ProtocolVersion version) {
  return connect(mqtt::Connect{.version = version, .client_id = client_id});
}

mqtt::Connack MqttClient::connect(const mqtt::Connect& packet) {
  version_ = packet.version;
  send(packet);
  return expect<mqtt::Connack>();
}

void MqttClient::subscribe(std::string_view filter, mqtt::QoS qos) {
  const mqtt::PacketId id = next_id();
  send(mqtt::Subscribe{.packet_id = id, .entries = {{.filter = filter, .options = {.maximum_qos = qos}}}});
  for (;;) {
    auto received = receive();
    if (!received) throw std::runtime_error("closed instead of SUBACK");
    const auto* answer = std::get_if<mqtt::Suback>(&received->packet);
    if (answer == nullptr) {
      keep_or_refuse(std::move(*received));
      continue;
    }
    if (answer->packet_id != id || mqtt::is_error(answer->reasons.at(0))) throw std::runtime_error("SUBACK refuses");
    return;
  }
}

mqtt::ReasonCode MqttClient::publish(std::string_view topic, std::string_view payload, mqtt::QoS qos) {
  const mqtt::PacketId id = next_id();
  send(mqtt::Publish{.topic = topic, .payload = as_bytes(payload), .qos = qos, .packet_id = id});
  if (qos == mqtt::QoS::at_least_once) return await_ack<mqtt::Puback>(id);
  if (const mqtt::ReasonCode reason = await_ack<mqtt::Pubrec>(id); mqtt::is_error(reason)) return reason;
  send(mqtt::Pubrel{{.packet_id = id}});
  return await_ack<mqtt::Pubcomp>(id);
}

ReceivedMessage MqttClient::next_message() {
  if (kept_.empty()) {
    auto received = receive();
    if (!received) throw std::runtime_error("the server closed the connection");
    keep_or_refuse(std::move(*received));
  }
  const ReceivedPacket packet = std::move(kept_.front());
  kept_.pop_front();
  return acknowledge(std::get<mqtt::Publish>(packet.packet));
}

ReceivedMessage MqttClient::acknowledge(const mqtt::Publish& message) {
  if (message.qos == mqtt::QoS::at_least_once) send(mqtt::Puback{{.packet_id = message.packet_id}});
  if (message.qos == mqtt::QoS::exactly_once) {
    send(mqtt::Pubrec{{.packet_id = message.packet_id}});
    (void)await_ack<mqtt::Pubrel>(message.packet_id);
    send(mqtt::Pubcomp{{.packet_id = message.packet_id}});
  }
  return {std::string(message.topic), std::string(as_text(message.payload)), message.qos};
}

void MqttClient::ping() {
  send(mqtt::Pingreq{});
  for (;;) {
    auto received = receive();
    if (!received) throw std::runtime_error("closed instead of PINGRESP");
    if (std::holds_alternative<mqtt::Pingresp>(received->packet)) return;
    keep_or_refuse(std::move(*received));
  }
}

// --- pieces ---

void MqttClient::send(const mqtt::Packet& packet) { send_bytes(encode(packet, version_)); }

void MqttClient::send_bytes(ByteView bytes) { wire_->send(bytes); }

bool MqttClient::try_send_bytes(ByteView bytes) {
  const ssize_t size = ::send(wire_->socket(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (size < 0 && errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "send");
  return size > 0;
}

mqtt::PacketId MqttClient::send_publish(std::string_view topic, std::string_view payload) {
  const mqtt::PacketId id = next_id();
  send(mqtt::Publish{.topic = topic, .payload = as_bytes(payload), .qos = mqtt::QoS::at_least_once, .packet_id = id});
  return id;
}

std::optional<ReceivedPacket> MqttClient::receive() {
  for (;;) {
    const auto frame = mqtt::decode_frame(input_);
    if (!frame) throw std::runtime_error("the server sent no MQTT: " + frame.error().message);
    if (*frame && (*frame)->size() <= input_.size()) {
      const auto end = input_.begin() + static_cast<std::ptrdiff_t>((*frame)->size());
      Bytes bytes(input_.begin(), end);
      input_.erase(input_.begin(), end);
      auto packet = mqtt::decode(bytes, version_);
      if (!packet) throw std::runtime_error("the server sent a malformed packet: " + packet.error().message);
      return ReceivedPacket{std::move(bytes), std::move(*packet)};
    }
    if (!fill()) return std::nullopt;
  }
}

void MqttClient::expect_close() {
  while (receive()) {
  }
}

void MqttClient::half_close() { ::shutdown(wire_->socket(), SHUT_WR); }

void MqttClient::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(wire_->socket(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  wire_.reset();
}

void MqttClient::disconnect() {
  send(mqtt::Disconnect{});
  wire_.reset();
}

Bytes MqttClient::encode(const mqtt::Packet& packet, mqtt::ProtocolVersion version) {
  Bytes bytes;
  mqtt::encode(bytes, packet, version);
  return bytes;
}

mqtt::PacketId MqttClient::next_id() {
  if (++last_id_ == 0) last_id_ = 1;
  return mqtt::PacketId(last_id_);
}

bool MqttClient::fill() {
  const Bytes bytes = wire_->receive();
  append(input_, bytes);
  return !bytes.empty();
}

void MqttClient::keep_or_refuse(ReceivedPacket packet) {
  if (!std::holds_alternative<mqtt::Publish>(packet.packet)) {
    throw std::runtime_error("unexpected " + mqtt::format(packet.packet));
  }
  kept_.push_back(std::move(packet));
}

template <class Ack>
mqtt::ReasonCode MqttClient::await_ack(mqtt::PacketId id) {
  for (;;) {
    auto received = receive();
    if (!received) throw std::runtime_error("closed instead of an acknowledgement");
    const Ack* const ack = std::get_if<Ack>(&received->packet);
    if (ack == nullptr) {
      keep_or_refuse(std::move(*received));
      continue;
    }
    if (ack->packet_id != id)
      throw std::runtime_error("acknowledges another packet: " + mqtt::format(received->packet));
    return ack->reason;
  }
}

}  // namespace bitacora::net
