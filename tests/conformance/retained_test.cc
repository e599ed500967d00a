// Retained messages: sections 3.3.1.3, 3.8.3.1, 3.8.4.
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using mqtt::RetainHandling;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Retained : public Conformance {
 protected:
  Retained() { publisher.connect(); }

  // What a client that subscribes to everything for the first time is sent, without the SUBACK.
  Lines kept(V version) {
    WireClient late(world, version, "late");
    late.connect();
    Lines lines = late.says(subscribe(1, "#"));
    EXPECT_THAT(lines.front(), StartsWith("SUBACK"));
    lines.erase(lines.begin());
    return lines;
  }
  std::string timestamp() const { return std::to_string(started.wall_ms); }

  WireClient publisher{world, V::v3_1_1, "publisher"};
  const Now started = world.clock().now();
};

// [MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-7] [MQTT311-3.3.1-8]
TEST_F(Retained, IsTheLastMessageThatWasPublishedSo) {
  publisher.says(publish("a", "first", at_least_once, 1, mqtt::Retain::yes), retained("a", "last"),
                 publish("b", "not kept"));
  EXPECT_THAT(kept(V::v3_1_1), ElementsAre("PUBLISH topic=\"a\" qos=0 retain payload=4B 'last'"));
  EXPECT_THAT(kept(V::v5), ElementsAre("PUBLISH topic=\"a\" qos=0 retain payload=4B user_property=\"ts\":\"" +
                                       timestamp() + "\" 'last'"));  // when it was published
}

// [MQTT-3.3.1-6] [MQTT-3.3.1-7]
TEST_F(Retained, IsRemovedByAnEmptyOneWhichIsForwardedAndNotKept) {
  WireClient live(world, V::v3_1_1, "live");
  live.connect();
  live.says(subscribe(1, "a"));
  publisher.says(retained("a", "x"), retained("a", ""));
  EXPECT_THAT(live.hears(),
              ElementsAre("PUBLISH topic=\"a\" qos=0 payload=1B 'x'", "PUBLISH topic=\"a\" qos=0 payload=0B ''"));
  EXPECT_THAT(kept(V::v5), IsEmpty());
  world.kill();
  world.start();
  EXPECT_THAT(kept(V::v5), IsEmpty());
}

// [MQTT-3.3.1-8]
TEST_F(Retained, IsLeftAloneByMessagesWithoutRetain) {
  publisher.says(retained("a", "kept"), publish("a", "other"), publish("a", ""));
  EXPECT_THAT(kept(V::v3_1_1), ElementsAre("PUBLISH topic=\"a\" qos=0 retain payload=4B 'kept'"));
}

// [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]
TEST_F(Retained, IsSentAsRetainHandlingSays) {
  publisher.says(retained("a", "x"));
  WireClient client(world, V::v5);
  client.connect();
  const auto subscribed = [&](RetainHandling handling) {
    return client.says(subscribe(1, "a", at_most_once, {.retain_handling = handling})).size() - 1;
  };
  EXPECT_EQ(subscribed(RetainHandling::do_not_send), 0U);
  EXPECT_EQ(subscribed(RetainHandling::send_if_new), 0U);  // it is not new
  EXPECT_EQ(subscribed(RetainHandling::send), 1U);
  EXPECT_EQ(subscribed(RetainHandling::send), 1U);
  client.says(unsubscribe(2, "a"));
  EXPECT_EQ(subscribed(RetainHandling::send_if_new), 1U);
}

// [MQTT311-3.8.4-3]
TEST_F(Retained, IsSentForEverySubscribeOf3_1_1) {
  publisher.says(retained("a", "x"));
  WireClient client(world, V::v3_1_1);
  client.connect();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.says(subscribe(1, "a", at_most_once)).size(), 2U);
}

// [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT311-3.3.1-9]
TEST_F(Retained, KeepsItsFlagTowardsAnEstablishedSubscriptionOnlyIfThatAsks) {
  WireClient plain(world, V::v5, "plain"), as_published(world, V::v5, "as published"), older(world, V::v3_1_1, "older");
  for (WireClient* client : {&plain, &as_published, &older}) client->connect();
  plain.says(subscribe(1, "a", at_most_once));
  older.says(subscribe(1, "a", at_most_once));
  as_published.says(subscribe(1, "a", at_most_once, {.retain_as_published = true}));
  publisher.says(retained("a", "r"), publish("a", "p"));
  const auto* without = "PUBLISH topic=\"a\" qos=0 payload=1B 'r'";
  const auto* not_retained = "PUBLISH topic=\"a\" qos=0 payload=1B 'p'";
  EXPECT_THAT(plain.hears(), ElementsAre(without, not_retained));
  EXPECT_THAT(older.hears(), ElementsAre(without, not_retained));
  EXPECT_THAT(as_published.hears(), ElementsAre("PUBLISH topic=\"a\" qos=0 retain payload=1B 'r'", not_retained));
}

// [MQTT-3.8.3-3]
TEST_F(Retained, IsNotSentToItsOwnPublisherThatAsksForNoLocal) {
  WireClient client(world, V::v5);
  client.connect();
  client.says(retained("mine", "x"));
  publisher.says(retained("theirs", "y"));
  const Lines lines = client.says(subscribe(1, "#", at_most_once, {.no_local = true}));
  EXPECT_THAT(lines, ElementsAre(StartsWith("SUBACK"), StartsWith("PUBLISH topic=\"theirs\" qos=0 retain")));
}

TEST_F(Retained, IsDeliveredWithTheSubscriptionsIdentifierAndQos) {
  publisher.says(publish("a", "x", exactly_once, 1, mqtt::Retain::yes));
  publisher.says(pubrel(1));
  WireClient client(world, V::v5);
  client.connect();
  mqtt::Subscribe packet = subscribe(1, "a", at_least_once);
  packet.properties.subscription_identifiers = {42};
  EXPECT_THAT(client.says(packet),
              ElementsAre(StartsWith("SUBACK"), StartsWith("PUBLISH topic=\"a\" qos=1 id=1 retain payload=1B "
                                                           "subscription_identifier=42")));
}

// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
TEST_F(Retained, ExpiresLikeAnyMessageAndOverARestart) {
  WireClient newer(world, V::v5, "newer");
  newer.connect();
  mqtt::Publish brief = retained("brief", "x"), longer = retained("longer", "y");
  brief.properties.message_expiry_interval = 10;
  longer.properties.message_expiry_interval = 100;
  newer.says(brief, longer);
  EXPECT_EQ(kept(V::v5).size(), 2U);
  EXPECT_EQ(world.metrics().retained_messages.value(), 2U);
  pass(seconds(11));
  EXPECT_EQ(world.metrics().retained_messages.value(), 1U);  // nobody had to ask for it
  world.kill();
  world.advance(seconds(39));
  world.start();
  EXPECT_THAT(kept(V::v5),
              ElementsAre(StartsWith("PUBLISH topic=\"longer\" qos=0 retain payload=1B message_expiry_interval=50")));
  world.kill();
  world.advance(seconds(50));
  world.start();
  EXPECT_EQ(world.metrics().retained_messages.value(), 0U);
  EXPECT_THAT(kept(V::v5), IsEmpty());
}

// [MQTT311-3.1.2-7]
TEST_F(Retained, OutlivesThePublishersSession) {
  publisher.says(retained("a", "x"));
  publisher.connect();  // another session
  publisher.drop();
  EXPECT_EQ(kept(V::v3_1_1).size(), 1U);
}

TEST_F(Retained, WalkThatIsCutOffByTheNetworkGoesOnWhenTheSessionIsResumed) {
  WireClient client(world, V::v5);
  mqtt::Connect connect = client.hello_again();
  connect.properties.receive_maximum = 10;
  client.connect(connect);
  for (int i = 0; i < 600; ++i) {
    const std::string topic = "r/" + std::to_string(i);
    publisher.says(publish(topic, "x", at_least_once, 1, mqtt::Retain::yes));
  }
  EXPECT_EQ(client.says(subscribe(1, "r/#", at_least_once)).size(), 11U);  // SUBACK, and the window full
  client.drop();
  std::size_t count = client.connect(client.hello_again()).size() - 1;  // the same ten again, and 245 more
  for (std::uint16_t id = 1; id <= 600; ++id) count += client.says(puback(id)).size();
  EXPECT_EQ(count, 600U);
}

// A client that subscribes to everything costs each turn a bounded piece of work, whatever is retained: others are
// served in between.
TEST(ManyRetained, AreWalkedOverInBoundedSteps) {
  sim::WorldOptions options = plain_world();
  options.shards = 1;  // both clients on one
  sim::BrokerWorld world(options);
  world.start();
  WireClient publisher(world, V::v3_1_1, "publisher"), greedy(world, V::v3_1_1, "greedy"),
      other(world, V::v3_1_1, "other");
  publisher.connect();
  constexpr int count = 5000;
  Bytes publishes;
  for (int i = 0; i < count; ++i) {
    const std::string topic = "r/" + std::to_string(i);
    encode(publishes, retained(topic, "x"), V::v3_1_1);
  }
  publisher.says_bytes(publishes);
  greedy.connect();
  other.connect();
  const std::uint64_t before = world.metrics().deliveries.value();
  Bytes everything;
  encode(everything, subscribe(1, "#", at_most_once), V::v3_1_1);
  world.send(greedy.connection(), everything);
  int turns = 0;
  std::uint64_t delivered = 0;
  while (delivered < count) {
    world.turn();
    const std::uint64_t now = world.metrics().deliveries.value() - before;
    ASSERT_LE(now - delivered, 1024U);
    ASSERT_LT(++turns, 100);
    delivered = now;
  }
  EXPECT_GE(turns, count / 1024);
}

}  // namespace
}  // namespace bitacora::conformance
