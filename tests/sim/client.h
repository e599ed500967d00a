// An MQTT client that a test scripts: what it sends is said packet by packet, what it gets is kept. It acknowledges
// what it receives unless told not to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mqtt/codec.h"
#include "sim/broker_world.h"

namespace bitacora::sim {

struct Delivered {
  std::string topic;
  std::string payload;
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  bool retain = false;
  bool dup = false;
  std::vector<std::uint32_t> identifiers;
  std::map<std::string, std::string> user;  // the last of each name
  std::uint64_t order = 0;                  // among the deliveries of all clients of the world
  bool acknowledged = false;                // the client answered at once
};

class Client : public Peer {
 public:
  enum class Acks : std::uint8_t { at_once, never };

  Client(BrokerWorld& world, std::string client_id, mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v3_1_1)
      : world_(world), client_id_(std::move(client_id)), version_(version) {}
  ~Client() override { drop(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Each sends; the answer comes with the world's next run.
  void connect(mqtt::CleanStart clean = mqtt::CleanStart::yes, std::optional<mqtt::Will> will = std::nullopt,
               std::uint32_t expiry_s = 0xFFFFFFFF);
  void connect_with_maximum_packet_size(std::uint32_t bytes);  // 5.0
  std::uint16_t publish(std::string_view topic, std::string_view payload, mqtt::QoS qos = mqtt::QoS::at_least_once,
                        mqtt::Retain retain = mqtt::Retain::no);
  void resend_publish(std::uint16_t id, std::string_view topic, std::string_view payload, mqtt::QoS qos,
                      mqtt::Retain retain = mqtt::Retain::no);
  void subscribe(std::string_view filter, mqtt::QoS qos = mqtt::QoS::at_least_once,
                 mqtt::SubscriptionOptions options = {}, std::uint32_t identifier = 0);
  void unsubscribe(std::string_view filter);
  void release(std::uint16_t id);  // PUBREL
  void disconnect();               // DISCONNECT, then the connection ends
  void drop();                     // the network is gone
  void set_reading(bool reading) { world_.set_reading(*connection_, reading); }
  void send(const mqtt::Packet& packet);
  void send_bytes(ByteView bytes) {  // of any kind
    if (connection_) world_.send(*connection_, bytes);
  }

  // For CONNECT; none are sent where there are none.
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  std::optional<std::string> authentication_method;
  std::string authentication_data;

  [[nodiscard]] const std::string& client_id() const noexcept { return client_id_; }
  [[nodiscard]] mqtt::ProtocolVersion version() const noexcept { return version_; }

  // Packets on their way to or from this client that the network loses: true swallows the packet. Direction::in comes
  // from the server.
  enum class Direction : std::uint8_t { in, out };
  std::function<bool(Direction, const mqtt::Packet&)> swallow;

  Acks acks = Acks::at_once;
  bool releases = true;  // PUBREL follows PUBREC by itself

  [[nodiscard]] bool is_read() const { return world_.reads(*connection_); }
  [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }
  std::optional<mqtt::Connack> connack;  // views of it are not kept
  std::optional<mqtt::ReasonCode> disconnect_reason;
  struct Challenge {
    mqtt::ReasonCode reason;
    std::string data;
    std::string method;
  };
  std::vector<Challenge> challenges;     // AUTH, and CONNACK where it carries authentication data
  std::vector<mqtt::ReasonCode> suback;  // of the last SUBSCRIBE
  std::vector<mqtt::ReasonCode> unsuback;
  std::set<std::uint16_t> acknowledged;  // QoS 1: PUBACK; QoS 2: PUBREC, with success
  std::vector<std::uint16_t> ack_order;
  std::map<std::uint16_t, mqtt::ReasonCode> refused;
  std::set<std::uint16_t> completed;  // PUBCOMP
  std::map<std::uint16_t, std::map<std::string, std::string>> receipts;
  std::vector<Delivered> received;
  [[nodiscard]] std::vector<std::string> payloads() const;

  // --- for the world ---
  void on_bytes(ByteView bytes) override;
  void on_closed() override { connection_.reset(); }

 private:
  void on_packet(const mqtt::Packet& packet);
  void on_publish(const mqtt::Publish& publish);
  void on_ack(const mqtt::Ack& ack);

  BrokerWorld& world_;
  std::string client_id_;
  mqtt::ProtocolVersion version_;
  std::optional<bridge::ConnectionId> connection_;
  std::uint16_t next_id_ = 1;
  Bytes unread_;
  std::set<std::uint16_t> unreleased_;  // QoS 2 ids received and not released: a second copy is not delivered again
};

// A QoS 1 publish of a client that is gone again when the checkpoint that follows has been written.
void publish_before_checkpoint(BrokerWorld& world, const std::string& topic, const std::string& payload);

}  // namespace bitacora::sim
