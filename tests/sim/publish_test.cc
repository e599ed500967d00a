// From PUBLISH to acknowledgement and delivery, one broker, virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using testing::ElementsAre;
using V = mqtt::ProtocolVersion;

class Publishing : public testing::Test {
 protected:
  Publishing() { world.start(); }
  BrokerWorld world;
};

TEST_F(Publishing, IsAcknowledgedOnlyWhenTheCommitterHasSynced) {
  Client publisher(world, "p");
  publisher.connect();
  world.run();
  const auto id = publisher.publish("a", "1");
  world.run(BrokerWorld::Commit::no);
  EXPECT_FALSE(publisher.acknowledged.contains(id));
  EXPECT_TRUE(world.records().empty());
  world.run();
  EXPECT_TRUE(publisher.acknowledged.contains(id));
  EXPECT_EQ(world.records().size(), 1U);
}

TEST_F(Publishing, AnUnacknowledgedMessageMayBeGoneAfterAPowerCutAnAcknowledgedOneNever) {
  Client publisher(world, "p");
  publisher.connect();
  publisher.publish("a", "kept");
  world.run();
  publisher.publish("a", "on its way");
  world.run(BrokerWorld::Commit::no);
  world.crash(7);
  world.start();
  ASSERT_EQ(world.records().size(), 1U);
  EXPECT_EQ(world.records().front().value, "kept");
}

TEST_F(Publishing, ReachesLiveSubscribersAtTheLowerQoS) {  // [MQTT-3.8.4-8]
  Client publisher(world, "p"), zero(world, "s0"), one(world, "s1"), two(world, "s2");
  for (Client* client : {&publisher, &zero, &one, &two}) client->connect();
  zero.subscribe("a/+", at_most_once);
  one.subscribe("a/#", at_least_once);
  two.subscribe("a/b", exactly_once);
  world.run();
  publisher.publish("a/b", "x", exactly_once);
  world.run();
  ASSERT_EQ(zero.received.size(), 1U);
  EXPECT_EQ(zero.received[0].qos, at_most_once);
  ASSERT_EQ(one.received.size(), 1U);
  EXPECT_EQ(one.received[0].qos, at_least_once);
  ASSERT_EQ(two.received.size(), 1U);
  EXPECT_EQ(two.received[0].qos, exactly_once);
  EXPECT_EQ(publisher.completed.size(), 1U);
}

TEST_F(Publishing, AcknowledgementsComeInTheOrderOfThePublishes) {  // [MQTT-4.6.0-2]
  Client publisher(world, "p");
  publisher.connect();
  world.run();
  std::vector<std::uint16_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(publisher.publish("topic/" + std::to_string(i), "x"));
  world.run();
  EXPECT_EQ(publisher.ack_order, ids);
}

// [MQTT-4.6.0-5]
TEST_F(Publishing, OfATopicKeepsItsOrder) {
  Client publisher(world, "p"), subscriber(world, "s");
  publisher.connect();
  subscriber.connect();
  subscriber.subscribe("t");
  world.run();
  std::vector<std::string> sent;
  for (int i = 0; i < 3000; ++i) {
    sent.push_back(std::to_string(i));
    publisher.publish("t", sent.back());
    if (i % 7 == 0) world.turn();
    if (i % 31 == 0) world.commit();
  }
  world.run();
  EXPECT_EQ(subscriber.payloads(), sent);
}

TEST_F(Publishing, AReceiptSaysWhereTheRecordIs) {
  Client publisher(world, "p", V::v5);
  publisher.connect();
  world.run();
  const auto id = publisher.publish("plant/1", "x");
  const auto id2 = publisher.publish("plant/1", "y", exactly_once);
  world.run();
  const auto records = world.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(publisher.receipts[id]["log"], "mqtt");
  EXPECT_EQ(publisher.receipts[id]["partition"], std::to_string(records[0].partition));
  EXPECT_EQ(publisher.receipts[id]["offset"], "0");
  EXPECT_EQ(publisher.receipts[id2]["offset"], "1");
  EXPECT_EQ(publisher.receipts[id]["ts"], std::to_string(world.clock().now().wall_ms));
}

TEST(PublishingWithoutReceipts, AcknowledgesPlainly) {
  WorldOptions options;
  options.broker.receipts = bridge::Receipts::off;
  BrokerWorld world(options);
  world.start();
  Client publisher(world, "p", V::v5);
  publisher.connect();
  const auto id = publisher.publish("a", "x");
  world.run();
  EXPECT_TRUE(publisher.acknowledged.contains(id));
  EXPECT_TRUE(publisher.receipts.empty());
}

TEST_F(Publishing, ToADollarTopicIsRefused) {
  Client newer(world, "p", V::v5), older(world, "q");
  newer.connect();
  older.connect();
  world.run();
  const auto id = newer.publish("$SYS/x", "x");
  older.publish("$SYS/x", "x");
  world.run();
  EXPECT_EQ(newer.refused[id], mqtt::ReasonCode::topic_name_invalid);
  EXPECT_FALSE(older.connected());  // 3.1.1 has no way to say no
  EXPECT_TRUE(world.records().empty());
}

TEST_F(Publishing, OnAFullDiskIsNeverAFalseSuccessAndGoesOnWhenThereIsRoom) {
  Client newer(world, "p", V::v5), older(world, "q");
  newer.connect();
  older.connect();
  world.run();
  world.disk().set_capacity(world.disk().used());
  std::string big(200'000, 'x');
  const auto id = newer.publish("a", big);
  older.publish("a", big);
  world.run();
  EXPECT_EQ(newer.refused[id], mqtt::ReasonCode::quota_exceeded);
  EXPECT_FALSE(older.connected());
  EXPECT_TRUE(world.records().empty());
  world.disk().set_capacity(UINT64_MAX);
  const auto again = newer.publish("a", big);
  world.run();
  EXPECT_TRUE(newer.acknowledged.contains(again));
}

TEST_F(Publishing, ANoLocalSubscriberDoesNotHearItself) {  // [MQTT-3.8.3-3]
  Client client(world, "c", V::v5), other(world, "o", V::v5);
  client.connect();
  other.connect();
  mqtt::SubscriptionOptions options;
  options.no_local = true;
  client.subscribe("#", at_least_once, options);
  world.run();
  client.publish("a", "own");
  other.publish("a", "other's");
  world.run();
  EXPECT_THAT(client.payloads(), ElementsAre("other's"));
}

TEST_F(Publishing,
       OverlappingSubscriptionsGiveOneCopyWithAllIdentifiers) {  // [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]
  Client subscriber(world, "s", V::v5), publisher(world, "p");
  subscriber.connect();
  publisher.connect();
  subscriber.subscribe("a/#", at_most_once, {}, 7);
  subscriber.subscribe("a/b", at_least_once, {}, 9);
  world.run();
  publisher.publish("a/b", "x");
  world.run();
  ASSERT_EQ(subscriber.received.size(), 1U);
  EXPECT_EQ(subscriber.received[0].qos, at_least_once);
  EXPECT_THAT(subscriber.received[0].identifiers, testing::UnorderedElementsAre(7, 9));
}

}  // namespace
}  // namespace bitacora::sim
