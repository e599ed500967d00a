// A client that talks to a ServerConnection under test: verbs for both ends, so that each test is a short story.
//
//   Talk talk;
//   talk.open(v5());                       CONNECT, and the owner's CONNACK
//   talk.client_sends(publish("a/b"));
//   const auto event = talk.next<PublishEvent>();
//   EXPECT_EQ(talk.take_sent(), lines({Puback{...}}));
//
// Every event must be looked at: what is left over when the client goes on sending fails the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "mqtt/server_connection.h"

namespace bitacora::mqtt {

// --- packets ---
inline Connect connect_of(ProtocolVersion version) {
  Connect connect;
  connect.version = version;
  connect.client_id = "c";
  return connect;
}
inline Connect v5() { return connect_of(ProtocolVersion::v5); }
inline Connect v3_1_1() { return connect_of(ProtocolVersion::v3_1_1); }
inline Connect v3_1() { return connect_of(ProtocolVersion::v3_1); }

inline Publish publish(std::string_view topic, QoS qos = QoS::at_most_once, std::uint16_t id = 0) {
  Publish packet;
  packet.topic = topic;
  packet.qos = qos;
  packet.packet_id = PacketId{id};
  return packet;
}
inline Publish qos1(std::uint16_t id) { return publish("t", QoS::at_least_once, id); }
inline Publish qos2(std::uint16_t id) { return publish("t", QoS::exactly_once, id); }
inline Publish aliased(std::string_view topic, std::uint16_t alias) {
  Publish packet = publish(topic);
  packet.properties.topic_alias = alias;
  return packet;
}

template <class P>
P ack(std::uint16_t id, ReasonCode reason = ReasonCode::success) {
  P packet;
  packet.packet_id = PacketId{id};
  packet.reason = reason;
  return packet;
}
inline Subscribe subscribe(std::uint16_t id, std::string_view filter) {
  Subscribe packet;
  packet.packet_id = PacketId{id};
  packet.entries.push_back({filter, {}});
  return packet;
}
inline Suback suback(std::uint16_t id) { return {PacketId{id}, {ReasonCode::success}, {}}; }
inline Unsubscribe unsubscribe(std::uint16_t id, std::string_view filter) { return {PacketId{id}, {filter}, {}}; }
inline Unsuback unsuback(std::uint16_t id) { return {PacketId{id}, {ReasonCode::success}, {}}; }
inline Disconnect disconnect(ReasonCode reason = ReasonCode::success) { return {reason, {}}; }

inline std::vector<std::string> lines(std::initializer_list<Packet> packets) {
  std::vector<std::string> result;
  for (const Packet& packet : packets) result.push_back(format(packet));
  return result;
}

// --- printing ---
std::string describe(const Event& event);
// The packets that `bytes` are, a line each; what is no packet gives a line that begins with "?".
std::vector<std::string> describe_packets(ByteView bytes, ProtocolVersion version);

// --- the talk ---
class Talk {
 public:
  explicit Talk(const ConnectionLimits& limits = {}) : connection(limits, clock.now()) {}

  // The client's side.
  void client_sends(const Packet& packet);  // a CONNECT also sets the version the client speaks from now on
  void client_sends_bytes(Bytes bytes);
  void client_sends_hex(std::string_view hex) { client_sends_bytes(from_hex(hex)); }
  // CONNECT, a CONNACK of success from the owner, and nothing of that left in the output.
  void open(const Connect& connect);

  // The owner's side.
  template <class E>
  E next() {
    std::optional<Event> event = connection.poll_event();
    if (event && std::holds_alternative<E>(*event)) return std::get<E>(std::move(*event));
    ADD_FAILURE() << "another event came: " << (event ? describe(*event) : "none");
    return {};
  }
  void expect_no_event();
  void accept(const Connack& connack = {}) { connection.connack(AnswerSlot{0}, connack, clock.now()); }
  void pass(std::chrono::milliseconds time);  // and tells the connection

  // What the client would read by now.
  Bytes take_sent_bytes();
  std::vector<std::string> take_sent() { return describe_packets(take_sent_bytes(), version_); }
  // The one packet of type P that was sent; its views live until the next take_.
  template <class P>
  P take_only() {
    sent_ = take_sent_bytes();
    auto packet = decode(sent_, version_);
    if (packet && std::holds_alternative<P>(*packet)) return std::get<P>(*packet);
    ADD_FAILURE() << "something else was sent: " << testing::PrintToString(describe_packets(sent_, version_));
    return {};
  }

  // Expects that the connection has ended, and how.
  ClosedEvent expect_closed(CloseCause cause, ReasonCode reason);

  VirtualClock clock;
  ServerConnection connection;

 private:
  ProtocolVersion version_ = ProtocolVersion::v3_1_1;
  Bytes fed_;  // what on_bytes was given last: must live until poll_event has nothing more
  Bytes sent_;
};

inline void PrintTo(CloseCause cause, std::ostream* out) { *out << "cause " << static_cast<int>(cause); }
inline void PrintTo(ReasonCode reason, std::ostream* out) { *out << name_of(reason); }

}  // namespace bitacora::mqtt
