#include "mqtt/server_connection_talk.h"

#include <utility>

namespace bitacora::mqtt {
namespace {

std::string describe_slot(AnswerSlot slot) { return "slot " + std::to_string(slot.value()) + " "; }

struct Describe {
  std::string operator()(const AckEvent& event) const {
    switch (event.type) {
      case PacketType::puback: return format(Puback{event.packet});
      case PacketType::pubrec: return format(Pubrec{event.packet});
      default: return format(Pubcomp{event.packet});
    }
  }
  std::string operator()(const AuthEvent& event) const { return format(event.packet); }
  std::string operator()(const ClosedEvent& event) const {
    return "closed: cause " + std::to_string(static_cast<int>(event.cause)) + ", " + name_of(event.reason) + ", " +
           event.message;
  }
  std::string operator()(const PublishEvent& event) const {  // format() gives the payload's size only
    return describe_slot(event.slot) + format(event.packet) + " " + to_hex(event.packet.payload);
  }
  template <class E>
  std::string operator()(const E& event) const {
    return describe_slot(event.slot) + format(event.packet);
  }
};

}  // namespace

std::string describe(const Event& event) { return std::visit(Describe{}, event); }

std::vector<std::string> describe_packets(ByteView bytes, ProtocolVersion version) {
  std::vector<std::string> result;
  while (!bytes.empty()) {
    const auto frame = decode_frame(bytes);
    if (!frame || !*frame || (*frame)->size() > bytes.size()) {
      result.push_back("? " + to_hex(bytes));
      break;
    }
    const auto packet = decode(bytes.first((*frame)->size()), version);
    result.push_back(packet ? format(*packet) : "? " + packet.error().message);
    bytes = bytes.subspan((*frame)->size());
  }
  return result;
}

void Talk::client_sends(const Packet& packet) {
  if (const auto* connect = std::get_if<Connect>(&packet)) version_ = connect->version;
  Bytes bytes;
  encode(bytes, packet, version_);
  client_sends_bytes(std::move(bytes));
}

void Talk::client_sends_bytes(Bytes bytes) {
  expect_no_event();
  fed_ = std::move(bytes);
  connection.on_bytes(fed_, clock.now());
}

void Talk::open(const Connect& connect) {
  client_sends(connect);
  next<ConnectEvent>();
  accept();
  const auto sent = take_sent();
  EXPECT_EQ(sent.size(), 1U);
  expect_no_event();
}

void Talk::expect_no_event() {
  const auto event = connection.poll_event();
  EXPECT_FALSE(event.has_value()) << describe(*event);
}

void Talk::pass(std::chrono::milliseconds time) {
  clock.advance(time);
  connection.on_time(clock.now());
}

Bytes Talk::take_sent_bytes() {
  const ByteView output = connection.output();
  Bytes bytes(output.begin(), output.end());
  connection.consume_output(output.size());
  return bytes;
}

ClosedEvent Talk::expect_closed(CloseCause cause, ReasonCode reason) {
  auto event = next<ClosedEvent>();
  EXPECT_EQ(event.cause, cause) << event.message;
  EXPECT_EQ(event.reason, reason) << event.message;
  EXPECT_TRUE(connection.closed());
  expect_no_event();
  return event;
}

}  // namespace bitacora::mqtt
