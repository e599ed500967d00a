// A client of which every packet is the test's own: it sends what it is told, keeps what it gets and does nothing by
// itself. The broker behind it is whole (sim::BrokerWorld), in one thread, on the test's clock and disk.
//
//   WireClient client(world, V::v5);
//   client.connect();
//   EXPECT_THAT(client.says(subscribe(1, "a")), ElementsAre("SUBACK id=1 reason=0x00 (success)"));
//
// What comes back reads as lines: mqtt::format of each packet, a PUBLISH with its payload at the end in single quotes,
// and "closed" where the server ended the network connection.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/codec.h"
#include "mqtt/packet_table.h"
#include "sim/broker_world.h"

namespace bitacora::conformance {

using V = mqtt::ProtocolVersion;
using Lines = std::vector<std::string>;

inline constexpr V every_version[] = {V::v3_1, V::v3_1_1, V::v5};
inline constexpr V both_versions[] = {V::v3_1_1, V::v5};

class WireClient : public sim::Peer {
 public:
  WireClient(sim::BrokerWorld& world, V version, std::string client_id = "c")
      : world_(world), version_(version), client_id_(std::move(client_id)) {}
  ~WireClient() override { drop(); }
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  // A CONNECT of this client: Clean Start, keep-alive of a minute, a session that ends with the connection.
  [[nodiscard]] mqtt::Connect hello() const;
  // The same for a session that stays (Clean Start 0; 5.0: Session Expiry Interval, s).
  [[nodiscard]] mqtt::Connect hello_again(std::uint32_t expiry_s = 3600) const;

  void open();  // a network connection and nothing else
  void drop();  // the network is gone, without a word
  // A new network connection and this CONNECT; the answer. An earlier connection stays with the server until it ends.
  Lines connect(const mqtt::Connect& packet);
  Lines connect() { return connect(hello()); }

  // Sends these, lets the world run until nothing moves, and gives what came back since the last such call.
  template <class... P>
  Lines says(const P&... packets) {
    Bytes bytes;
    (encode(bytes, packets, version_), ...);
    return says_bytes(bytes);
  }
  Lines says_bytes(ByteView bytes);
  Lines says_wire(std::string_view notation) { return says_bytes(mqtt::wire(notation)); }
  Lines hears() { return says_bytes({}); }

  [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }
  // The newest packet of type P that came, on whatever connection. Its views live as long as the client.
  template <class P>
  [[nodiscard]] P last() const {
    for (auto bytes = packets_.rbegin(); bytes != packets_.rend(); ++bytes) {
      const auto packet = mqtt::decode(*bytes, version_);
      if (packet && std::holds_alternative<P>(*packet)) return std::get<P>(*packet);
    }
    ADD_FAILURE() << "no such packet came";
    return {};
  }
  [[nodiscard]] std::string last_bytes() const { return packets_.empty() ? "" : to_hex(packets_.back()); }
  [[nodiscard]] bridge::ConnectionId connection() const { return *connection_; }

  void on_bytes(ByteView bytes) override;
  void on_closed() override;

 private:
  sim::BrokerWorld& world_;
  V version_;
  std::string client_id_;
  std::optional<bridge::ConnectionId> connection_;
  Bytes unread_;
  std::deque<Bytes> packets_;
  Lines heard_;
};

// --- packets ---
inline mqtt::Publish publish(std::string_view topic, std::string_view payload, mqtt::QoS qos = mqtt::QoS::at_most_once,
                             std::uint16_t id = 0, mqtt::Retain retain = mqtt::Retain::no) {
  return {topic, as_bytes(payload), qos, retain, mqtt::Dup::no, mqtt::PacketId(id), {}};
}
inline mqtt::Publish retained(std::string_view topic, std::string_view payload) {
  return publish(topic, payload, mqtt::QoS::at_most_once, 0, mqtt::Retain::yes);
}
inline mqtt::Publish dup(mqtt::Publish packet) {
  packet.dup = mqtt::Dup::yes;
  return packet;
}
template <class P>
P ack(std::uint16_t id, mqtt::ReasonCode reason = mqtt::ReasonCode::success) {
  return P{{mqtt::PacketId(id), reason, {}}};
}
inline mqtt::Puback puback(std::uint16_t id) { return ack<mqtt::Puback>(id); }
inline mqtt::Pubrec pubrec(std::uint16_t id) { return ack<mqtt::Pubrec>(id); }
inline mqtt::Pubrel pubrel(std::uint16_t id) { return ack<mqtt::Pubrel>(id); }
inline mqtt::Pubcomp pubcomp(std::uint16_t id) { return ack<mqtt::Pubcomp>(id); }
inline mqtt::Subscribe subscribe(std::uint16_t id, std::string_view filter, mqtt::QoS qos = mqtt::QoS::exactly_once,
                                 mqtt::SubscriptionOptions options = {}) {
  options.maximum_qos = qos;
  return {mqtt::PacketId(id), {{filter, options}}, {}};
}
inline mqtt::Unsubscribe unsubscribe(std::uint16_t id, std::string_view filter) {
  return {mqtt::PacketId(id), {filter}, {}};
}
inline mqtt::Will will(std::string_view topic, std::string_view payload, mqtt::QoS qos = mqtt::QoS::at_least_once,
                       mqtt::Retain retain = mqtt::Retain::no) {
  return {topic, as_bytes(payload), qos, retain, {}};
}

// A world without receipts, so that an acknowledgement is what the standard says and nothing more.
sim::WorldOptions plain_world();

// A world that runs, for a fixture.
class Conformance : public testing::Test {
 protected:
  Conformance() { world.start(); }
  explicit Conformance(const sim::WorldOptions& options) : world(options) { world.start(); }
  void pass(std::chrono::milliseconds time) {
    world.advance(time);
    world.run();
  }
  sim::BrokerWorld world{plain_world()};
};

}  // namespace bitacora::conformance
