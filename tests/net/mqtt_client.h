// A blocking MQTT client for tests on loopback, made of the product's codec over any wire. Nothing in it waits for
// ever: what does not come within `patience` is a failed test (an exception, which GoogleTest reports).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "mqtt/packet.h"
#include "net/wire.h"

namespace bitacora::net {

// A packet with the bytes that its views point into.
struct ReceivedPacket {
  Bytes bytes;
  mqtt::Packet packet;
};

struct ReceivedMessage {
  std::string topic;
  std::string payload;
  mqtt::QoS qos = mqtt::QoS::at_most_once;
};

class MqttClient {
 public:
  static constexpr std::chrono::seconds patience = net::patience;

  // Connects the socket, but says nothing yet. A small receive buffer makes a client that does not read felt soon.
  explicit MqttClient(std::uint16_t port, const std::string& address = "127.0.0.1",
                      std::optional<int> receive_buffer_size = std::nullopt);
  explicit MqttClient(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}

  // --- verbs that wait for their answer ---
  mqtt::Connack connect(std::string_view client_id, mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5);
  // Views in `packet` live until connect returns; the CONNACK comes without properties.
  mqtt::Connack connect(const mqtt::Connect& packet);
  void subscribe(std::string_view filter, mqtt::QoS qos);
  // QoS 1 or 2 to the end of the exchange. Returns the reason of PUBACK, PUBREC or PUBCOMP; messages that come
  // meanwhile are kept for next_message().
  mqtt::ReasonCode publish(std::string_view topic, std::string_view payload, mqtt::QoS qos = mqtt::QoS::at_least_once);
  // The next message, acknowledged.
  ReceivedMessage next_message();
  void ping();

  // --- pieces ---
  void send(const mqtt::Packet& packet);
  void send_bytes(ByteView bytes);
  // Sends what the socket takes now; false once it takes nothing.
  bool try_send_bytes(ByteView bytes);
  // A PUBLISH with QoS 1, without waiting. Returns its id.
  mqtt::PacketId send_publish(std::string_view topic, std::string_view payload);
  // The next packet of any kind; nullopt if the server has closed the connection, by FIN or reset.
  std::optional<ReceivedPacket> receive();
  // The next packet, which is a T without views: an acknowledgement, CONNACK, DISCONNECT, PINGRESP. Its properties are
  // left out.
  template <class T>
  T expect();
  // Waits until the server closes, whatever it sends before.
  void expect_close();

  [[nodiscard]] Wire& wire() { return *wire_; }

  void half_close();  // sends FIN, still reads
  void reset();       // closes with RST
  void disconnect();  // DISCONNECT and close

  [[nodiscard]] static Bytes encode(const mqtt::Packet& packet, mqtt::ProtocolVersion version);

 private:
  [[nodiscard]] mqtt::PacketId next_id();
  [[nodiscard]] bool fill();  // false at the end of the stream
  void keep_or_refuse(ReceivedPacket packet);
  template <class Ack>
  mqtt::ReasonCode await_ack(mqtt::PacketId id);
  ReceivedMessage acknowledge(const mqtt::Publish& message);

  std::unique_ptr<Wire> wire_;
  mqtt::ProtocolVersion version_ = mqtt::ProtocolVersion::v5;
  std::uint16_t last_id_ = 0;
  Bytes input_;
  std::deque<ReceivedPacket> kept_;  // messages that came while something else was awaited
};

template <class T>
T MqttClient::expect() {
  auto received = receive();
  if (!received) throw std::runtime_error("the server closed the connection");
  T* const packet = std::get_if<T>(&received->packet);
  if (packet == nullptr) throw std::runtime_error("unexpected " + mqtt::format(received->packet));
  T result = std::move(*packet);
  if constexpr (requires { result.properties; }) result.properties = {};  // their views end here
  return result;
}

}  // namespace bitacora::net
