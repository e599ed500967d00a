// The byte stream: however it is cut into reads, the same events and the same answers come of it.
#include <algorithm>

#include "mqtt/packet_table.h"
#include "mqtt/server_connection_owner.h"

namespace bitacora::mqtt {
namespace {

// What a connection made of a stream.
struct Transcript {
  std::vector<std::string> events;
  std::string output;
  friend bool operator==(const Transcript&, const Transcript&) = default;
};

void PrintTo(const Transcript& transcript, std::ostream* out) {
  *out << testing::PrintToString(transcript.events) << " -> " << transcript.output;
}

// Feeds `stream` in reads that end at `cuts`, each from memory of its own that is gone before the next.
Transcript run(ByteView stream, const std::vector<std::size_t>& cuts) {
  VirtualClock clock;
  ServerConnection connection({}, clock.now());
  BackwardsOwner owner(connection, clock);
  std::size_t begin = 0;
  const auto feed_until = [&](std::size_t end) {
    const Bytes read(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                     stream.begin() + static_cast<std::ptrdiff_t>(end));
    connection.on_bytes(read, clock.now());
    owner.take_events();
    begin = end;
  };
  for (const std::size_t cut : cuts) feed_until(cut);
  feed_until(stream.size());
  owner.give_answers();
  return {owner.events(), to_hex(connection.output())};
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 1; cut < size; ++cut) cuts.push_back(cut);
  return cuts;
}

Connect connect_of_table(ProtocolVersion version) {
  Connect connect = connect_of(version);
  connect.properties.session_expiry_interval = 60;
  return connect;
}

bool is_for_script(const TabledPacket& packet, ProtocolVersion version) {
  switch (type_of(packet.packet)) {
    case PacketType::publish:
      return packet.version == version &&
             std::get<Publish>(packet.packet).properties.subscription_identifiers.empty() &&
             !std::get<Publish>(packet.packet).properties.topic_alias;
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
    case PacketType::pingreq: return packet.version == version;
    default: return false;
  }
}

// CONNECT, every packet of the table that this version's client may send, one of each that every version has, some
// aliases and a large payload, DISCONNECT.
Bytes long_script(ProtocolVersion version) {
  Bytes stream;
  encode(stream, connect_of_table(version), version);
  for (const TabledPacket& packet : packet_table()) {
    if (is_for_script(packet, version)) append(stream, packet.bytes);
  }
  for (const Packet& packet :
       {Packet(qos1(1)), Packet(qos2(2)), Packet(subscribe(3, "a/+/#")), Packet(Pingreq{}), Packet(unsubscribe(4, "a")),
        Packet(ack<Pubrel>(2)), Packet(publish("a")), Packet(ack<Puback>(5)), Packet(qos1(6))}) {
    encode(stream, packet, version);
  }
  if (version == ProtocolVersion::v5) {
    for (const Publish& packet : {aliased("plant/1", 1), aliased("", 1), aliased("plant/2", 2), aliased("", 1)}) {
      encode(stream, packet, version);
    }
  }
  const Bytes payload(300, std::byte{0x55});  // Remaining Length of two bytes
  Publish large = qos2(77);
  large.payload = payload;
  encode(stream, large, version);
  encode(stream, disconnect(), version);
  return stream;
}

class Stream : public testing::TestWithParam<ProtocolVersion> {};

TEST_P(Stream, CutInTwoAnywhereIsTheSameAsWhole) {
  const Bytes stream = long_script(GetParam());
  const Transcript whole = run(stream, {});
  EXPECT_GT(whole.events.size(), 12U);
  EXPECT_THAT(whole.events.back(), testing::StartsWith("closed: cause 0"));
  for (std::size_t cut = 1; cut < stream.size(); ++cut) ASSERT_EQ(run(stream, {cut}), whole) << "cut at " << cut;
}

TEST_P(Stream, ByteByByteIsTheSameAsWhole) {
  const Bytes stream = long_script(GetParam());
  EXPECT_EQ(run(stream, every_byte(stream.size())), run(stream, {}));
}

TEST_P(Stream, CutInThreeAroundEachPacketsHeaderIsTheSameAsWhole) {
  const Bytes stream = long_script(GetParam());
  const Transcript whole = run(stream, {});
  for (std::size_t cut = 1; cut + 7 < stream.size(); ++cut)
    ASSERT_EQ(run(stream, {cut, cut + 1, cut + 7}), whole) << cut;
}

TEST_P(Stream, OfAMalformedPacketEndsTheSameHoweverItIsCut) {  // [MQTT-4.13.1-1]
  for (const MalformedPacket& malformed : malformed_packet_table()) {
    if (malformed.version != GetParam()) continue;
    SCOPED_TRACE(malformed.name);
    const bool is_connect = std::to_integer<int>(malformed.bytes[0]) >> 4 == static_cast<int>(PacketType::connect);
    Bytes stream;
    if (!is_connect) encode(stream, connect_of_table(GetParam()), GetParam());
    append(stream, malformed.bytes);
    const Transcript whole = run(stream, {});
    EXPECT_THAT(whole.events.back(), testing::StartsWith("closed: cause 4"));
    EXPECT_EQ(whole.events.size(), is_connect ? 1U : 2U);
    EXPECT_EQ(run(stream, every_byte(stream.size())), whole);
  }
}

std::string version_name(const testing::TestParamInfo<ProtocolVersion>& info) {
  switch (info.param) {
    case ProtocolVersion::v3_1: return "3_1";
    case ProtocolVersion::v3_1_1: return "3_1_1";
    case ProtocolVersion::v5: return "5_0";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(EveryVersion, Stream,
                         testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5),
                         version_name);

TEST(MalformedPacket, Of5_0IsToldWithItsReason) {  // section 4.13
  for (const MalformedPacket& malformed : malformed_packet_table()) {
    const auto type = static_cast<PacketType>(std::to_integer<int>(malformed.bytes[0]) >> 4);
    if (malformed.version != ProtocolVersion::v5 || type != PacketType::publish) continue;
    SCOPED_TRACE(malformed.name);
    Talk talk;
    talk.open(v5());
    talk.client_sends_bytes(malformed.bytes);
    talk.expect_closed(CloseCause::protocol_error, malformed.reason);
    EXPECT_EQ(talk.take_only<Disconnect>().reason, nearest_reason(PacketType::disconnect, malformed.reason));
  }
}

TEST(WholePacket, IsSeenWhereTheCallerHasIt) {
  Talk talk;
  talk.open(v5());
  Bytes read;
  Publish packet = publish("a");
  packet.payload = as_bytes("payload");
  encode(read, packet, ProtocolVersion::v5);
  talk.connection.on_bytes(read, talk.clock.now());
  const PublishEvent event = talk.next<PublishEvent>();
  EXPECT_GE(event.packet.payload.data(), read.data());
  EXPECT_LT(event.packet.payload.data(), read.data() + read.size());
  talk.expect_no_event();
}

TEST(UndrainedBytes, AreABug) {
  Talk talk;
  const Bytes read = from_hex("10");
  talk.connection.on_bytes(read, talk.clock.now());
  EXPECT_DEATH(talk.connection.on_bytes(read, talk.clock.now()), "");
}

TEST(Output, IsConsumedInAnyPieces) {
  Talk talk;
  talk.open(v3_1_1());
  Bytes expected;
  Bytes read;
  std::size_t turn = 0;
  for (std::uint16_t id = 1; id <= 20'000; ++id) {  // never empty on the way, so it has to be compacted
    EXPECT_TRUE(talk.connection.submit(qos1(id)));
    encode(expected, qos1(id), ProtocolVersion::v3_1_1);
    const std::size_t size = std::min(++turn % 13, talk.connection.output().size() - 1);
    append(read, talk.connection.output().first(size));
    talk.connection.consume_output(size);
  }
  append(read, talk.connection.output());
  EXPECT_TRUE(equal(read, expected));
}

}  // namespace
}  // namespace bitacora::mqtt
