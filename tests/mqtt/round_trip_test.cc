// decode(encode(x)) == x, for packets of every type and version.
#include <gtest/gtest.h>

#include "mqtt/codec.h"
#include "mqtt/packet_generators.h"

namespace bitacora::mqtt {
namespace {

struct TypeAndVersion {
  PacketType type;
  ProtocolVersion version;
};

std::vector<TypeAndVersion> every_type_and_version() {
  std::vector<TypeAndVersion> all;
  for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5}) {
    const auto last = version == ProtocolVersion::v5 ? PacketType::auth : PacketType::disconnect;
    for (int type = 1; type <= static_cast<int>(last); ++type) all.push_back({static_cast<PacketType>(type), version});
  }
  return all;
}

class RoundTrip : public testing::TestWithParam<TypeAndVersion> {};

TEST_P(RoundTrip, GivesThePacketBack) {
  EXPECT_TRUE(rc::check([] {
    const GeneratedPacket generated = *any_packet_of(GetParam().type, GetParam().version);
    Bytes bytes;
    encode(bytes, generated.packet, generated.version);
    RC_ASSERT(bytes.size() == encoded_size(generated.packet, generated.version));

    const Result<Packet> decoded = decode(bytes, generated.version);
    if (!decoded) RC_FAIL(decoded.error().message);
    RC_ASSERT(format(*decoded) == format(generated.packet));
    RC_ASSERT(*decoded == generated.packet);
  }));
}

std::string name_of_case(const testing::TestParamInfo<TypeAndVersion>& info) {
  constexpr const char* versions[] = {"31", "311", "50"};
  return std::string(name_of(info.param.type)) + "_" + versions[static_cast<int>(info.param.version) - 3];
}

INSTANTIATE_TEST_SUITE_P(EveryTypeAndVersion, RoundTrip, testing::ValuesIn(every_type_and_version()), name_of_case);

// The generators would prove little if they never made the rare things.
TEST(PacketGenerators, ReachEveryPropertyOfPublish) {
  Properties seen;
  EXPECT_TRUE(rc::check([&seen] {
    const GeneratedPacket generated = *any_packet_of(PacketType::publish, ProtocolVersion::v5);
    const auto& properties = std::get<Publish>(generated.packet).properties;
    if (properties.payload_format_indicator) seen.payload_format_indicator = 1;
    if (properties.message_expiry_interval) seen.message_expiry_interval = 1;
    if (properties.content_type) seen.content_type = "";
    if (properties.response_topic) seen.response_topic = "";
    if (properties.correlation_data) seen.correlation_data = ByteView{};
    if (!properties.subscription_identifiers.empty()) seen.subscription_identifiers = {1};
    if (properties.topic_alias) seen.topic_alias = 1;
    if (!properties.user_properties.empty()) seen.user_properties = {{"", ""}};
  }));
  const Properties all{.payload_format_indicator = 1,
                       .message_expiry_interval = 1,
                       .content_type = "",
                       .response_topic = "",
                       .correlation_data = ByteView{},
                       .subscription_identifiers = {1},
                       .topic_alias = 1,
                       .user_properties = {{"", ""}}};
  EXPECT_TRUE(seen == all);
}

}  // namespace
}  // namespace bitacora::mqtt
