// How connections and sessions end: keep-alive, DISCONNECT, errors (sections 3.1.2.10, 3.12 to 3.14, 4.1, 4.13).
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using mqtt::SessionPresent;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Ending : public Conformance {};

bool is_of_servers_only(std::string_view name) {
  return name.starts_with("CONNACK") || name.starts_with("SUBACK") || name.starts_with("UNSUBACK") ||
         name.starts_with("PINGRESP");
}

// Every malformed packet that a client can send, through the whole broker. What 5.0 is told is the table's reason.
// [MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-3.1.4-1] [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.5-1] [MQTT-1.5.7-1]
// [MQTT-2.1.3-1] [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13] [MQTT-3.1.2-16] [MQTT-3.1.3-4]
// [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-3.3.2-8]
// [MQTT-3.3.2-13] [MQTT-3.3.2-14] [MQTT-3.3.2-19] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.1-1] [MQTT-3.6.2-1]
// [MQTT-3.7.2-1] [MQTT-3.8.1-1] [MQTT-3.8.3-1] [MQTT-3.8.3-2] [MQTT-3.8.3-5] [MQTT-3.10.1-1] [MQTT-3.10.3-1]
// [MQTT-3.10.3-2] [MQTT-3.14.1-1] [MQTT-3.14.2-1] [MQTT-3.15.1-1] [MQTT-3.15.2-1] [MQTT-4.7.1-1] [MQTT-4.7.1-2]
// [MQTT311-1.5.3-1] [MQTT311-1.5.3-2] [MQTT311-2.2.2-2] [MQTT311-3.1.2-22] [MQTT311-3.8.3-4] [MQTT311-4.8.0-1]
TEST_F(Ending, FollowsEveryMalformedPacketWithItsReasonIn5_0AndWithoutAWordIn3_x) {
  int checked = 0;
  for (const mqtt::MalformedPacket& malformed : mqtt::malformed_packet_table()) {
    SCOPED_TRACE(malformed.name);
    const bool is_connect = malformed.bytes[0] == std::byte{0x10};
    if (is_of_servers_only(malformed.name) || malformed.reason == mqtt::ReasonCode::unsupported_protocol_version)
      continue;
    WireClient client(world, malformed.version);
    client.open();
    if (!is_connect) client.says(client.hello());
    Lines lines = client.says_bytes(malformed.bytes);
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back(), "closed");
    lines.pop_back();
    if (malformed.version != V::v5) {
      EXPECT_THAT(lines, IsEmpty());
    } else {
      const std::string reason = is_connect ? "CONNACK reason=0x" : "DISCONNECT reason=0x";
      const std::byte code{static_cast<std::uint8_t>(malformed.reason)};
      EXPECT_THAT(lines, ElementsAre(StartsWith(reason + to_hex(ByteView(&code, 1)))));
    }
    ++checked;
  }
  EXPECT_GT(checked, 80);
  EXPECT_THAT(world.records(), IsEmpty());
}

// [MQTT-3.1.2-22] [MQTT311-3.1.2-24]
TEST_F(Ending, ComesWhenNothingWasHeardForOneAndAHalfKeepAlives) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    mqtt::Connect connect = client.hello();
    connect.keep_alive = 10;
    client.connect(connect);
    pass(milliseconds(14'999));
    EXPECT_THAT(client.says(mqtt::Pingreq{}), ElementsAre("PINGRESP"));
    pass(milliseconds(14'999));
    EXPECT_TRUE(client.connected());
    pass(milliseconds(1));
    if (version == V::v5) {
      EXPECT_THAT(client.hears(), ElementsAre(StartsWith("DISCONNECT reason=0x8d (keep alive timeout)"), "closed"));
    } else {
      EXPECT_THAT(client.hears(), ElementsAre("closed"));
    }
  }
}

// [MQTT-3.2.2-22]
TEST_F(Ending, FollowsTheServersKeepAliveWhereItNamesOneAndTheClientsElse) {
  WireClient silent(world, V::v5, "silent"), own(world, V::v5, "own");
  mqtt::Connect connect = silent.hello();
  connect.keep_alive = 0;
  silent.connect(connect);
  EXPECT_EQ(silent.last<mqtt::Connack>().properties.server_keep_alive, 600);
  connect = own.hello();
  connect.keep_alive = 599;
  own.connect(connect);
  EXPECT_FALSE(own.last<mqtt::Connack>().properties.server_keep_alive);
  pass(milliseconds(599 * 1500));
  EXPECT_FALSE(own.connected());
  EXPECT_TRUE(silent.connected());
  pass(milliseconds(1500));
  EXPECT_FALSE(silent.connected());
}

// [MQTT-3.12.4-1]
TEST_F(Ending, IsPutOffByPingsWhichAreAnswered) {
  for (const V version : every_version) {
    WireClient client(world, version);
    client.connect();
    for (int i = 0; i < 3; ++i) {
      pass(seconds(80));
      client.says(mqtt::Pingreq{});
      EXPECT_EQ(client.last_bytes(), "d000");
    }
    EXPECT_TRUE(client.connected());
  }
}

// [MQTT-3.14.4-1] [MQTT-3.14.4-2]
TEST_F(Ending, IsTheLastThatIsSaid) {
  WireClient subscriber(world, V::v5, "subscriber"), publisher(world, V::v5, "publisher");
  publisher.connect();
  subscriber.connect();
  subscriber.says(subscribe(1, "a"));
  Bytes bytes;
  encode(bytes, publish("a", "1", at_least_once, 7), V::v5);
  append(bytes, mqtt::wire("36 06 00 01 'a' 00 01 00"));  // malformed: the PUBACK before it is not durable yet
  EXPECT_THAT(subscriber.says_bytes(bytes),
              ElementsAre(StartsWith("DISCONNECT reason=0x81 (malformed packet)"), "closed"));
  publisher.says(publish("a", "2"));
  EXPECT_THAT(subscriber.hears(), IsEmpty());
}

// [MQTT-3.14.0-1]
TEST_F(Ending, BeforeConnackIsNoDisconnect) {
  WireClient client(world, V::v5), late(world, V::v5, "late");
  mqtt::Connect connect = client.hello();
  connect.properties.authentication_method = "no such method";
  EXPECT_THAT(client.connect(connect), ElementsAre(StartsWith("CONNACK"), "closed"));
  late.open();
  pass(seconds(11));  // no CONNECT in time
  EXPECT_THAT(late.hears(), ElementsAre("closed"));
}

// [MQTT-3.14.2-2] [MQTT-3.14.2-1]
TEST_F(Ending, OfTheServerIsToldWithoutASessionExpiry) {
  WireClient client(world, V::v5), older(world, V::v3_1_1, "older");
  client.connect(client.hello_again());
  older.connect();
  world.stop();
  EXPECT_EQ(client.last_bytes(), "e0018b");
  EXPECT_FALSE(older.connected());
  EXPECT_EQ(older.last_bytes(), "20020000");  // nothing since
  world.start();
}

TEST(EndOfTheServer, NamesAnotherServerWhereOneIsConfigured) {
  sim::WorldOptions options = plain_world();
  options.broker.server_reference = "mqtt2.example:1883";
  sim::BrokerWorld world(options);
  world.start();
  WireClient client(world, V::v5), older(world, V::v3_1_1, "older");
  client.connect();
  older.connect();
  world.stop();
  const auto told = client.last<mqtt::Disconnect>();
  EXPECT_EQ(told.reason, mqtt::ReasonCode::use_another_server);
  EXPECT_EQ(told.properties.server_reference, "mqtt2.example:1883");
  EXPECT_FALSE(older.connected());
}

// --- sessions ---

// [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.1.0-2]
TEST_F(Ending, OfASessionComesWhenItsExpiryHasPassedAndNotBefore) {
  WireClient client(world, V::v5);
  for (const bool restarted : {false, true}) {
    client.connect(client.hello_again(100));
    pass(milliseconds(80'000));  // connected: it does not count
    client.drop();
    if (restarted) {
      world.kill();
      world.advance(milliseconds(30'000));
      world.start();
    } else {
      pass(milliseconds(30'000));
    }
    pass(milliseconds(69'999));
    client.connect(client.hello_again(100));
    EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::yes);
    client.drop();
    pass(milliseconds(100'000));
    client.connect(client.hello_again(100));
    EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
    client.connect();
  }
}

TEST_F(Ending, OfASessionMayBeChangedByDisconnect) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again(100));
  mqtt::Disconnect at_once;
  at_once.properties.session_expiry_interval = 0;
  client.says(at_once);
  client.connect(client.hello_again(100));
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
  mqtt::Disconnect longer;
  longer.properties.session_expiry_interval = 1000;
  client.says(longer);
  pass(seconds(500));
  client.connect(client.hello_again(0));
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::yes);
  EXPECT_THAT(client.says(longer), ElementsAre(StartsWith("DISCONNECT reason=0x82 (protocol error)"), "closed"));
}

// [MQTT311-4.1.0-2]
TEST_F(Ending, OfA3_1_1SessionDoesNotComeWithItsConnectionNorWithARestart) {
  WireClient client(world, V::v3_1_1);
  client.connect(client.hello_again());
  client.drop();
  pass(std::chrono::hours(24));
  world.kill();
  world.start();
  client.connect(client.hello_again());
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::yes);
}

}  // namespace
}  // namespace bitacora::conformance
