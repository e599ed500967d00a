// What the tables do not show: the frame of large packets, what a refused CONNECT tells, what a version makes of a
// packet that it cannot say whole.
#include "mqtt/codec.h"

#include <gtest/gtest.h>

#include <string>

#include "mqtt/packet_table.h"
#include "mqtt/server_connection_allocations.h"

namespace bitacora::mqtt {
namespace {

std::string encoded(const Packet& packet, ProtocolVersion version) {
  Bytes bytes;
  encode(bytes, packet, version);
  return to_hex(bytes);
}

std::string hex(std::string_view notation) { return to_hex(wire(notation)); }

TEST(Frame, TakesAsManyBytesOfLengthAsItNeeds) {
  struct Known {
    std::string_view header;
    std::uint32_t remaining_length;
  };
  for (const auto& [header, remaining_length] :
       {Known{"30 00", 0}, Known{"30 7f", 127}, Known{"30 80 01", 128}, Known{"30 ff 7f", 16383},
        Known{"30 80 80 01", 16384}, Known{"30 ff ff 7f", 2097151}, Known{"30 80 80 80 01", 2097152},
        Known{"30 ff ff ff 7f", 268435455}}) {
    const Bytes bytes = wire(header);
    const auto frame = decode_frame(bytes);
    ASSERT_TRUE(frame && *frame) << header;
    EXPECT_EQ((*frame)->remaining_length, remaining_length);
    EXPECT_EQ((*frame)->header_size, bytes.size());
    EXPECT_EQ((*frame)->size(), bytes.size() + remaining_length);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = decode_frame(ByteView(bytes).first(size));
      ASSERT_TRUE(cut.has_value());
      EXPECT_FALSE(cut->has_value()) << header << " cut to " << size;
    }
  }
}

TEST(Frame, IsRefusedAtItsFirstByteWhereThatSaysEnough) {
  for (const auto* first_byte : {"00", "0f", "11", "20 ", "48", "60", "80", "a0", "c1", "f1"}) {
    const bool refused = !decode_frame(wire(first_byte)).has_value();
    EXPECT_EQ(refused, std::string_view(first_byte) != "20 ") << first_byte;
  }
}

TEST(Frame, EncodesAtEveryWidthOfItsLength) {
  for (const std::size_t payload_size : {100U, 127U, 128U, 16383U, 16384U, 2097151U, 2097152U}) {
    const Bytes payload(payload_size, std::byte{0x5a});
    const Publish packet{.topic = "t", .payload = payload};
    Bytes bytes;
    encode(bytes, packet, ProtocolVersion::v3_1_1);
    EXPECT_EQ(bytes.size(), encoded_size(packet, ProtocolVersion::v3_1_1));
    const auto decoded = decode(bytes, ProtocolVersion::v3_1_1);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_TRUE(*decoded == Packet(packet)) << payload_size;
  }
}

TEST(RefusedConnect, TellsTheLevelThatTheClientSpeaks) {
  struct Known {
    std::string_view bytes;
    ReasonCode reason;
    std::optional<std::uint8_t> level;
  };
  for (const Known& row : {
           Known{"10 0c 00 04 'MQTT' 06 02 00 00 00 00", ReasonCode::unsupported_protocol_version, 6},
           Known{"10 0c 00 04 'NATS' 01 02 00 00 00 00", ReasonCode::unsupported_protocol_version, 1},
           Known{"10 0c 00 04 'MQTT' 04 03 00 00 00 00", ReasonCode::malformed_packet, 4},
           Known{"10 0c 00 04 'MQTT' 05 02 00 00 00 00", ReasonCode::malformed_packet, 5},
           Known{"10 06 00 04 'MQTT'", ReasonCode::malformed_packet, std::nullopt},
           Known{"10 02 00 04", ReasonCode::malformed_packet, std::nullopt},
       }) {
    const auto decoded = decode(wire(row.bytes), ProtocolVersion::v3_1_1);
    ASSERT_FALSE(decoded.has_value()) << row.bytes;
    EXPECT_EQ(decoded.error().reason, row.reason) << row.bytes;
    EXPECT_EQ(decoded.error().protocol_level, row.level) << row.bytes;
  }
}

TEST(DecodeError, SaysWhichPacketWhichFieldAndWhat) {
  const auto decoded = decode(wire("30 05 00 03 'a/#'"), ProtocolVersion::v3_1_1);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message, "PUBLISH: Topic Name has a wildcard in it [MQTT-3.3.2-2]");
}

TEST(Decode, ViewsPointIntoTheBytes) {
  const Bytes bytes = wire("30 07 00 03 'a/b' 'hi'");
  const auto decoded = decode(bytes, ProtocolVersion::v3_1_1);
  ASSERT_TRUE(decoded.has_value());
  const auto& publish = std::get<Publish>(*decoded);
  EXPECT_EQ(static_cast<const void*>(publish.topic.data()), bytes.data() + 4);
  EXPECT_EQ(publish.payload.data(), bytes.data() + 7);
}

TEST(Codec, TakesNoMemoryForAPublishWithoutUserProperties) {
  const Publish packet{.topic = "a/b",
                       .payload = as_bytes("payload"),
                       .qos = QoS::at_least_once,
                       .packet_id = PacketId(7),
                       .properties = {.message_expiry_interval = 60, .topic_alias = 3}};
  Bytes bytes;
  bytes.reserve(encoded_size(packet, ProtocolVersion::v5));
  const std::size_t before = allocation_count();
  encode(bytes, packet, ProtocolVersion::v5);
  const auto decoded = decode(bytes, ProtocolVersion::v5);
  const std::size_t taken = allocation_count() - before;
  EXPECT_EQ(taken, 0U);
  EXPECT_TRUE(decoded.has_value());
}

TEST(Encode, LeavesOutWhatTheVersionLacks) {
  constexpr auto v3_1_1 = ProtocolVersion::v3_1_1;
  const Properties reason_string{.reason_string = "why"};
  EXPECT_EQ(encoded(Publish{.topic = "a", .properties = {.content_type = "ct"}}, v3_1_1), hex("30 03 00 01 'a'"));
  EXPECT_EQ(encoded(Puback{{PacketId(7), ReasonCode::not_authorized, reason_string}}, v3_1_1), hex("40 02 00 07"));
  EXPECT_EQ(encoded(Suback{PacketId(7), {ReasonCode::success}, reason_string}, v3_1_1), hex("90 03 00 07 00"));
  EXPECT_EQ(encoded(Unsuback{PacketId(7), {ReasonCode::success}, reason_string}, v3_1_1), hex("b0 02 00 07"));
  EXPECT_EQ(encoded(Disconnect{ReasonCode::server_busy, reason_string}, v3_1_1), hex("e0 00"));
  EXPECT_EQ(encoded(Connack{.properties = reason_string}, v3_1_1), hex("20 02 00 00"));
  const Subscribe subscribe{PacketId(7), {{"#", {QoS::at_least_once, true, true, RetainHandling::do_not_send}}}, {}};
  EXPECT_EQ(encoded(subscribe, v3_1_1), hex("82 06 00 07 00 01 '#' 01"));
}

TEST(Encode, SaysNothingOfASessionIn31) {
  EXPECT_EQ(encoded(Connack{.session_present = SessionPresent::yes}, ProtocolVersion::v3_1), hex("20 02 00 00"));
}

TEST(Encode, LeavesOutPropertiesThatThePacketMayNotCarrySoAWillCanBecomeAPublish) {
  const Properties will{.content_type = "ct", .will_delay_interval = 5};
  EXPECT_EQ(encoded(Publish{.topic = "a", .properties = will}, ProtocolVersion::v5),
            hex("30 09 00 01 'a' 05 03 00 02 'ct'"));
  EXPECT_EQ(encoded(Puback{{PacketId(7), ReasonCode::success, will}}, ProtocolVersion::v5), hex("40 02 00 07"));
}

// [MQTT311-3.9.3-2]
TEST(Encode, GivesEveryReasonAReturnCodeOf311) {
  for (unsigned code = 0x80; code <= 0xA2; ++code) {
    const auto reason = static_cast<ReasonCode>(code);
    const std::string connack = encoded(Connack{.reason = reason}, ProtocolVersion::v3_1_1);
    EXPECT_GE(connack, hex("20 02 00 01")) << name_of(reason);
    EXPECT_LE(connack, hex("20 02 00 05")) << name_of(reason);
    const Suback suback{.packet_id = PacketId(7), .reasons = {reason}};
    EXPECT_EQ(encoded(suback, ProtocolVersion::v3_1_1), hex("90 03 00 07 80")) << name_of(reason);
  }
  EXPECT_EQ(encoded(Connack{.reason = ReasonCode::banned}, ProtocolVersion::v3_1), hex("20 02 00 05"));
  EXPECT_EQ(encoded(Connack{.reason = ReasonCode::server_busy}, ProtocolVersion::v3_1_1), hex("20 02 00 03"));
}

// [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2]
// [MQTT-3.14.2-1]
TEST(Encode, NeverSendsAReasonThatThePacketDoesNotHave) {
  for (unsigned code = 0; code <= 0xFF; ++code) {
    const auto reason = static_cast<ReasonCode>(code);
    const Ack ack{.packet_id = PacketId(7), .reason = reason};
    for (const Packet& packet : {Packet(Connack{.reason = reason}), Packet(Puback{ack}), Packet(Pubrec{ack}),
                                 Packet(Pubrel{ack}), Packet(Pubcomp{ack}), Packet(Suback{PacketId(7), {reason}, {}}),
                                 Packet(Unsuback{PacketId(7), {reason}, {}}), Packet(Disconnect{.reason = reason})}) {
      Bytes bytes;
      encode(bytes, packet, ProtocolVersion::v5);
      const auto decoded = decode(bytes, ProtocolVersion::v5);
      EXPECT_TRUE(decoded.has_value()) << format(packet) << ": " << decoded.error().message;
    }
  }
}

TEST(EncodeDeathTest, RefusesWhatOnlyABugOfOursCouldAsk) {
  Bytes bytes;
  const std::string too_long(65536, 'a');
  EXPECT_DEATH(encode(bytes, Publish{.topic = too_long}, ProtocolVersion::v5), "65535");
  EXPECT_DEATH(encode(bytes, Publish{.topic = "a", .qos = QoS::at_least_once}, ProtocolVersion::v5), "id.value");
  EXPECT_DEATH(encode(bytes, Subscribe{.packet_id = PacketId(1)}, ProtocolVersion::v5), "entries");
  EXPECT_DEATH(encode(bytes, Auth{}, ProtocolVersion::v3_1_1), "version");
  EXPECT_DEATH(encode(bytes, Auth{.reason = ReasonCode::not_authorized}, ProtocolVersion::v5), "may_carry");
  EXPECT_DEATH(encode(bytes, Connect{.password = ByteView{}}, ProtocolVersion::v3_1_1), "password");
}

}  // namespace
}  // namespace bitacora::mqtt
