// Properties: which packets may carry them, against a table of the test's own; and the bounds of CodecLimits.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "mqtt/codec.h"
#include "mqtt/packet_table.h"

namespace bitacora::mqtt {
namespace {

// Table 2-4 of MQTT 5.0 as it is printed, with a value that the property may have.
struct StandardRow {
  unsigned id;
  std::string_view value;    // in the notation of wire()
  std::string_view packets;  // "Will": the will properties of a CONNECT
};

constexpr std::string_view everywhere =
    "CONNECT CONNACK PUBLISH Will PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK DISCONNECT AUTH";

constexpr StandardRow standard_table[] = {
    {0x01, "01", "PUBLISH Will"},
    {0x02, "00 00 00 01", "PUBLISH Will"},
    {0x03, "00 01 'x'", "PUBLISH Will"},
    {0x08, "00 01 'x'", "PUBLISH Will"},
    {0x09, "00 01 00", "PUBLISH Will"},
    {0x0B, "01", "PUBLISH SUBSCRIBE"},
    {0x11, "00 00 00 01", "CONNECT CONNACK DISCONNECT"},
    {0x12, "00 01 'x'", "CONNACK"},
    {0x13, "00 01", "CONNACK"},
    {0x15, "00 01 'x'", "CONNECT CONNACK AUTH"},
    {0x17, "01", "CONNECT"},
    {0x18, "00 00 00 01", "Will"},
    {0x19, "01", "CONNECT"},
    {0x1A, "00 01 'x'", "CONNACK"},
    {0x1C, "00 01 'x'", "CONNACK DISCONNECT"},
    {0x1F, "00 01 'x'", "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH"},
    {0x21, "00 01", "CONNECT CONNACK"},
    {0x22, "00 01", "CONNECT CONNACK"},
    {0x23, "00 01", "PUBLISH"},
    {0x24, "01", "CONNACK"},
    {0x25, "01", "CONNACK"},
    {0x26, "00 01 'k' 00 01 'v'", everywhere},
    {0x27, "00 00 00 01", "CONNECT CONNACK"},
    {0x28, "01", "CONNACK"},
    {0x29, "01", "CONNACK"},
    {0x2A, "01", "CONNACK"},
};
// Authentication Data (0x16) may not be alone; see AuthenticationDataNeedsItsMethod.

// What is around the property list of each packet.
struct Carrier {
  std::string_view name;
  std::string_view first_byte;
  std::string_view before;
  std::string_view behind;
};

constexpr Carrier carriers[] = {
    {"CONNECT", "10", "00 04 'MQTT' 05 02 00 00", "00 00"},
    {"Will", "10", "00 04 'MQTT' 05 06 00 00 00 00 00", "00 01 'w' 00 00"},
    {"CONNACK", "20", "00 00", ""},
    {"PUBLISH", "30", "00 01 't'", ""},
    {"PUBACK", "40", "00 07 00", ""},
    {"PUBREC", "50", "00 07 00", ""},
    {"PUBREL", "62", "00 07 00", ""},
    {"PUBCOMP", "70", "00 07 00", ""},
    {"SUBSCRIBE", "82", "00 07", "00 01 'f' 00"},
    {"SUBACK", "90", "00 07", "00"},
    {"UNSUBSCRIBE", "a2", "00 07", "00 01 'f'"},
    {"UNSUBACK", "b0", "00 07", "00"},
    {"DISCONNECT", "e0", "00", ""},
    {"AUTH", "f0", "18", ""},
};

// `properties` is at most 127 bytes in all.
Bytes packet_with(const Carrier& carrier, const Bytes& properties) {
  Bytes body = wire(carrier.before);
  body.push_back(static_cast<std::byte>(properties.size()));
  append(body, properties);
  append(body, wire(carrier.behind));
  Bytes packet = wire(carrier.first_byte);
  packet.push_back(static_cast<std::byte>(body.size()));
  append(packet, body);
  return packet;
}

Bytes property(unsigned id, std::string_view value) {
  Bytes bytes{static_cast<std::byte>(id)};
  append(bytes, wire(value));
  return bytes;
}

bool lists(std::string_view packets, std::string_view name) {
  return (" " + std::string(packets) + " ").find(" " + std::string(name) + " ") != std::string::npos;
}

ReasonCode outcome_of(const Bytes& packet, const CodecLimits& limits = {}) {
  const Result<Packet> decoded = decode(packet, ProtocolVersion::v5, limits);
  return decoded ? ReasonCode::success : decoded.error().reason;
}

TEST(Property, IsTakenByThePacketsOfTheStandardsTableAndByNoOther) {
  for (const StandardRow& row : standard_table) {
    for (const Carrier& carrier : carriers) {
      const auto expected = lists(row.packets, carrier.name) ? ReasonCode::success : ReasonCode::malformed_packet;
      EXPECT_EQ(outcome_of(packet_with(carrier, property(row.id, row.value))), expected)
          << "property " << row.id << " in " << carrier.name;
    }
  }
}

// [MQTT-4.13.1-1]
TEST(Property, ComesOnceButForUserPropertiesAndTheSubscriptionIdentifiersOfPublish) {
  for (const StandardRow& row : standard_table) {
    for (const Carrier& carrier : carriers) {
      if (!lists(row.packets, carrier.name)) continue;
      const bool may_repeat = row.id == 0x26 || (row.id == 0x0B && carrier.name == "PUBLISH");
      Bytes twice = property(row.id, row.value);
      append(twice, property(row.id, row.value));
      EXPECT_EQ(outcome_of(packet_with(carrier, twice)), may_repeat ? ReasonCode::success : ReasonCode::protocol_error)
          << "property " << row.id << " twice in " << carrier.name;
    }
  }
}

TEST(Property, WithAnIdThatIsNotInTheTableIsMalformedEverywhere) {
  for (unsigned id = 0; id < 128; ++id) {
    const bool exists =
        id == 0x16 || std::ranges::any_of(standard_table, [id](const auto& row) { return row.id == id; });
    if (exists) continue;
    for (const Carrier& carrier : carriers) {
      EXPECT_EQ(outcome_of(packet_with(carrier, property(id, "00 00 00 00"))), ReasonCode::malformed_packet) << id;
    }
  }
}

TEST(Property, AuthenticationDataNeedsItsMethod) {
  Bytes both = property(0x16, "00 01 00");
  append(both, property(0x15, "00 01 'm'"));
  for (const Carrier& carrier : carriers) {
    const bool allowed = lists("CONNECT CONNACK AUTH", carrier.name);
    EXPECT_EQ(outcome_of(packet_with(carrier, both)), allowed ? ReasonCode::success : ReasonCode::malformed_packet);
    EXPECT_EQ(outcome_of(packet_with(carrier, property(0x16, "00 01 00"))),
              allowed ? ReasonCode::protocol_error : ReasonCode::malformed_packet);
  }
}

TEST(Property, ListsHaveALengthAlsoWhenTheyAreEmpty) {
  for (const Carrier& carrier : carriers) {
    EXPECT_EQ(outcome_of(packet_with(carrier, {})), ReasonCode::success) << carrier.name;  // [MQTT-2.2.2-1]
  }
}

TEST(Property, OverTheLimitOfUserPropertiesIsQuotaExceeded) {
  const Carrier& publish = carriers[3];
  Bytes three;
  for (int i = 0; i < 3; ++i) append(three, property(0x26, "00 02 'kk' 00 02 'vv'"));
  EXPECT_EQ(outcome_of(packet_with(publish, three), {.max_user_properties = 3}), ReasonCode::success);
  EXPECT_EQ(outcome_of(packet_with(publish, three), {.max_user_properties = 2}), ReasonCode::quota_exceeded);
  EXPECT_EQ(outcome_of(packet_with(publish, three), {.max_user_property_bytes = 12}), ReasonCode::success);
  EXPECT_EQ(outcome_of(packet_with(publish, three), {.max_user_property_bytes = 11}), ReasonCode::quota_exceeded);
}

TEST(CodecLimits, BoundStringsAndBinaryButNotTopicsClientIdsAndPayloads) {
  const CodecLimits three_bytes{.max_string = 3};
  const Carrier& publish = carriers[3];
  EXPECT_EQ(outcome_of(packet_with(publish, property(0x03, "00 03 'abc'")), three_bytes), ReasonCode::success);
  EXPECT_EQ(outcome_of(packet_with(publish, property(0x03, "00 04 'abcd'")), three_bytes), ReasonCode::quota_exceeded);
  EXPECT_EQ(outcome_of(packet_with(publish, property(0x09, "00 04 'abcd'")), three_bytes), ReasonCode::quota_exceeded);
  EXPECT_EQ(outcome_of(wire("30 0e 00 04 'abcd' 00 'payload'"), three_bytes), ReasonCode::success);
  EXPECT_EQ(outcome_of(wire("10 11 00 04 'MQTT' 05 02 00 00 00 00 04 'abcd'"), three_bytes), ReasonCode::success);
  EXPECT_EQ(outcome_of(wire("10 13 00 04 'MQTT' 05 82 00 00 00 00 00 00 04 'user'"), three_bytes),
            ReasonCode::quota_exceeded);
  EXPECT_EQ(outcome_of(wire("10 13 00 04 'MQTT' 05 42 00 00 00 00 00 00 04 'pass'"), three_bytes),
            ReasonCode::quota_exceeded);
}

TEST(CodecLimits, BoundTheFiltersOfOnePacket) {
  const Bytes subscribe = wire("82 0b 00 0a 00 00 01 'a' 00 00 01 'b' 00");
  EXPECT_EQ(outcome_of(subscribe, {.max_filters = 2}), ReasonCode::success);
  EXPECT_EQ(outcome_of(subscribe, {.max_filters = 1}), ReasonCode::quota_exceeded);
  const Bytes unsubscribe = wire("a2 09 00 0a 00 00 01 'a' 00 01 'b'");
  EXPECT_EQ(outcome_of(unsubscribe, {.max_filters = 2}), ReasonCode::success);
  EXPECT_EQ(outcome_of(unsubscribe, {.max_filters = 1}), ReasonCode::quota_exceeded);
}

}  // namespace
}  // namespace bitacora::mqtt
