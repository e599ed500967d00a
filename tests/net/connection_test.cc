// One connection's socket: slow readers, peers that vanish, last words.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;

constexpr int small_buffer = 4096;

TEST(Connection, OfASlowReaderHoldsNobodyUpAndGetsEverythingInOrder) {
  constexpr int message_count = 4'000;
  const std::string filler(4'000, '.');
  const RunningServer server;
  MqttClient slow(server.port(), "127.0.0.1", small_buffer);
  ASSERT_EQ(slow.connect("slow").reason, ReasonCode::success);
  slow.subscribe("flood", QoS::at_least_once);

  MqttClient publisher = server.connected("publisher");
  for (int i = 0; i < message_count; ++i) {
    ASSERT_EQ(publisher.publish("flood", std::to_string(i) + filler), ReasonCode::success);
  }
  EXPECT_GE(server.metrics().left_live_path.value(), 1u) << "the reader was not slow enough to show anything";
  for (int i = 0; i < message_count; ++i) ASSERT_EQ(slow.next_message().payload, std::to_string(i) + filler);
}

TEST(Connection, OfAReaderAtQos0ThatIsSlowGetsEverythingToo) {
  constexpr int message_count = 2'000;
  const std::string filler(4'000, '.');
  const RunningServer server;
  MqttClient slow(server.port(), "127.0.0.1", small_buffer);
  ASSERT_EQ(slow.connect("slow").reason, ReasonCode::success);
  slow.subscribe("flood", QoS::at_most_once);

  MqttClient publisher = server.connected("publisher");
  for (int i = 0; i < message_count; ++i) {
    ASSERT_EQ(publisher.publish("flood", std::to_string(i) + filler), ReasonCode::success);
  }
  for (int i = 0; i < message_count; ++i) ASSERT_EQ(slow.next_message().payload, std::to_string(i) + filler);
}

TEST(Connection, ThatIsResetIsNoticedAndItsWillPublished) {
  RunningServer server;
  MqttClient heir = server.connected("heir");
  heir.subscribe("will", QoS::at_least_once);
  MqttClient dying = server.client();
  (void)dying.connect(mqtt::Connect{.version = mqtt::ProtocolVersion::v3_1_1,
                                    .client_id = "dying",
                                    .will = mqtt::Will{.topic = "will", .payload = as_bytes("gone")}});
  dying.reset();
  EXPECT_EQ(heir.next_message().payload, "gone");
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 1; }));
}

TEST(Connection, ThatIsResetWhileItsOutputIsStuckIsNoticed) {
  RunningServer server;
  MqttClient slow(server.port(), "127.0.0.1", small_buffer);
  ASSERT_EQ(slow.connect("slow").reason, ReasonCode::success);
  slow.subscribe("flood", QoS::at_most_once);
  MqttClient publisher = server.connected("publisher");
  for (int i = 0; i < 2'000; ++i) (void)publisher.publish("flood", std::string(4'000, '.'));
  slow.reset();
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 1; }));
}

TEST(Connection, ThatItsPeerHalfClosesEndsBehindWhatItSent) {
  RunningServer server;
  MqttClient subscriber = server.connected("subscriber");
  subscriber.subscribe("last/words", QoS::at_least_once);
  MqttClient client = server.connected("leaves");
  client.send_publish("last/words", "adios");
  client.half_close();
  client.expect_close();
  EXPECT_EQ(subscriber.next_message().payload, "adios");
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 1; }));
}

TEST(Connection, ThatBreaksTheProtocolIsToldWhyThoughItSendsOn) {
  const RunningServer server;
  MqttClient client = server.connected("rude");
  Bytes bytes = from_hex("30 00");  // PUBLISH without a topic
  bytes.resize(64 << 10);           // and much that nobody will read
  client.send_bytes(bytes);
  for (int i = 0; i < 32 && client.try_send_bytes(bytes); ++i) {
  }
  EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::malformed_packet);
  EXPECT_EQ(client.receive(), std::nullopt);
}

TEST(Connection, ThatNeverClosesIsClosedAfterTheLingerTime) {
  RunningServerOptions options;
  options.server.linger = std::chrono::milliseconds(50);
  RunningServer server(options);
  MqttClient client = server.connected("stays");
  client.send(mqtt::Disconnect{});
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
}

TEST(Connection, OfAClientThatFallsSilentIsClosedByItsKeepAlive) {
  RunningServer server;
  MqttClient client = server.client();
  (void)client.connect(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .keep_alive = 1, .client_id = "asleep"});
  EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::keep_alive_timeout);
  EXPECT_EQ(client.receive(), std::nullopt);
}

TEST(Connection, IsReadFairlyBesideOneThatFloods) {
  RunningServerOptions options;
  options.committer.max_bytes_in_flight = 256 << 10;  // what the quiet one's publishes have to wait behind
  const RunningServer server(options);
  MqttClient quiet = server.connected("quiet");
  MqttClient flooder = server.connected("flooder");
  std::atomic<bool> enough = false;
  std::jthread flood([&flooder, &enough] {
    const Bytes publish = MqttClient::encode(
        mqtt::Publish{.topic = "flood", .payload = as_bytes(std::string(1'000, 'x'))}, mqtt::ProtocolVersion::v5);
    while (!enough) flooder.send_bytes(publish);
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(quiet.publish("quiet", std::to_string(i)), ReasonCode::success);
  enough = true;
}

}  // namespace
}  // namespace bitacora::net
