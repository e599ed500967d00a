// Packets as values: equal, named, printed.
#include "mqtt/packet.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "mqtt/packet_table.h"

namespace bitacora::mqtt {
namespace {

TEST(Packet, EqualsItselfAndNoOtherRowOfTheTable) {
  const auto& table = packet_table();
  for (const TabledPacket& a : table) {
    for (const TabledPacket& b : table) {
      // Rows of two versions may stand for one value; different values have different descriptions.
      EXPECT_EQ(a.packet == b.packet, format(a.packet) == format(b.packet)) << a.name << " and " << b.name;
    }
  }
}

TEST(Packet, EqualityLooksAtBytesAndNotOnlyAtSizes) {
  const Publish a{.topic = "t", .payload = as_bytes("abc")};
  const Publish b{.topic = "t", .payload = as_bytes("abd")};
  EXPECT_FALSE(a == b);
  EXPECT_EQ(format(a), format(b));
  const Connect c{.password = as_bytes("abc")};
  const Connect d{.password = as_bytes("abd")};
  EXPECT_FALSE(c == d);
  const Properties e{.correlation_data = as_bytes("abc")};
  const Properties f{.correlation_data = as_bytes("abd")};
  EXPECT_FALSE(e == f);
  EXPECT_FALSE(e == Properties{});
}

TEST(Packet, ReadsAsOneLine) {
  EXPECT_EQ(format(Publish{
                .topic = "a/b", .payload = as_bytes("hello"), .qos = QoS::at_least_once, .packet_id = PacketId(7)}),
            "PUBLISH topic=\"a/b\" qos=1 id=7 payload=5B");
  EXPECT_EQ(format(Disconnect{.reason = ReasonCode::packet_too_large, .properties = {.reason_string = "why"}}),
            "DISCONNECT reason=0x95 (packet too large) reason_string=\"why\"");
  EXPECT_EQ(format(Subscribe{PacketId(1), {{"a", {QoS::exactly_once, true, false, RetainHandling::do_not_send}}}, {}}),
            "SUBSCRIBE id=1 filter=\"a\" qos=2 no_local retain_handling=2");
  EXPECT_EQ(format(Publish{.topic = "t", .properties = {.topic_alias = 3, .user_properties = {{"k", "v"}}}}),
            "PUBLISH topic=\"t\" qos=0 payload=0B topic_alias=3 user_property=\"k\":\"v\"");
  EXPECT_EQ(format(Pingreq{}), "PINGREQ");
}

TEST(Packet, KeepsSecretsOutOfItsDescription) {
  const std::string text =
      format(Connect{.user_name = "me",
                     .password = as_bytes("secret"),
                     .properties = {.authentication_method = "m", .authentication_data = as_bytes("secret")}});
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_NE(text.find("password=6B"), std::string::npos) << text;
}

TEST(Packet, EscapesWhatAPeerWrote) {
  EXPECT_EQ(format(Publish{.topic = "a\"\\\n\x1b[31m\xc3\xa9"}),
            "PUBLISH topic=\"a\\\"\\\\\\x0a\\x1b[31m\\xc3\\xa9\" qos=0 payload=0B");
}

TEST(Packet, TypesHaveTheNamesOfTheStandard) {
  std::set<std::string> names;
  for (int type = 1; type <= 15; ++type) names.insert(name_of(static_cast<PacketType>(type)));
  EXPECT_EQ(names.size(), 15U);
  EXPECT_STREQ(name_of(PacketType::connect), "CONNECT");
  EXPECT_STREQ(name_of(PacketType::auth), "AUTH");
  EXPECT_STREQ(name_of(ProtocolVersion::v3_1), "3.1");
  EXPECT_STREQ(name_of(ProtocolVersion::v3_1_1), "3.1.1");
  EXPECT_STREQ(name_of(ProtocolVersion::v5), "5.0");
}

TEST(ReasonCode, HasANameForEachOfTheStandardsFortyThree) {
  std::set<std::string> names;
  for (unsigned code = 0; code <= 0xFF; ++code) names.insert(name_of(static_cast<ReasonCode>(code)));
  EXPECT_EQ(names.size(), 43U + 1U);
  EXPECT_TRUE(names.contains("unknown reason code"));
  EXPECT_STREQ(name_of(ReasonCode::packet_too_large), "packet too large");
}

TEST(ReasonCode, BecomesTheNearestThatThePacketHas) {
  EXPECT_EQ(nearest_reason(PacketType::puback, ReasonCode::quota_exceeded), ReasonCode::quota_exceeded);
  EXPECT_EQ(nearest_reason(PacketType::puback, ReasonCode::server_busy), ReasonCode::unspecified_error);
  EXPECT_EQ(nearest_reason(PacketType::connack, ReasonCode::server_shutting_down), ReasonCode::server_unavailable);
  EXPECT_EQ(nearest_reason(PacketType::pubcomp, ReasonCode::unspecified_error),
            ReasonCode::packet_identifier_not_found);
  EXPECT_EQ(nearest_reason(PacketType::disconnect, ReasonCode::granted_qos_1), ReasonCode::success);
}

}  // namespace
}  // namespace bitacora::mqtt
