// Replay over MQTT, retained messages, slow subscribers: cursors in all their forms.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using testing::ElementsAre;
using V = mqtt::ProtocolVersion;

class Replaying : public testing::Test {
 protected:
  Replaying() {
    world.start();
    publisher.connect();
    world.run();
  }
  void publish(std::string_view topic, std::string_view payload, mqtt::QoS qos = at_least_once,
               mqtt::Retain retain = mqtt::Retain::no) {
    publisher.publish(topic, payload, qos, retain);
    world.run();
  }
  static std::vector<std::string> numbers(int begin, int end) {
    std::vector<std::string> texts;
    for (int i = begin; i < end; ++i) texts.push_back(std::to_string(i));
    return texts;
  }
  BrokerWorld world;
  Client publisher{world, "publisher"};
};

TEST_F(Replaying, FromTheEarliestGivesAllAndThenLiveWithoutGapOrDuplicate) {
  for (int i = 0; i < 500; ++i) publish("a", std::to_string(i));
  Client reader(world, "r");
  reader.connect();
  reader.subscribe("$replay/earliest/a");
  for (int i = 500; i < 700; ++i) {
    publisher.publish("a", std::to_string(i));
    world.turn();
    if (i % 3 == 0) world.commit();
  }
  world.run();
  EXPECT_EQ(reader.payloads(), numbers(0, 700));
}

TEST_F(Replaying, FiltersByTopicAndKeepsTheOriginalTopic) {
  publish("plant/1/temp", "20");
  publish("plant/1/humidity", "40");
  publish("plant/2/temp", "21");
  Client reader(world, "r");
  reader.connect();
  reader.subscribe("$replay/earliest/plant/+/temp");
  world.run();
  ASSERT_EQ(reader.received.size(), 2U);
  EXPECT_THAT((std::vector{reader.received[0].topic, reader.received[1].topic}),
              testing::UnorderedElementsAre("plant/1/temp", "plant/2/temp"));
}

TEST_F(Replaying, FromATimeStartsThere) {
  publish("a", "old");
  world.advance(std::chrono::hours(2));
  const Timestamp between = world.clock().now().wall_ms;
  world.advance(std::chrono::minutes(1));
  publisher.connect();
  world.run();
  publish("a", "new");
  Client by_age(world, "r1"), by_time(world, "r2"), latest(world, "r3");
  for (Client* reader : {&by_age, &by_time, &latest}) reader->connect();
  by_age.subscribe("$replay/-1h/#");
  by_time.subscribe("$replay/@" + std::to_string(between) + "/#");
  latest.subscribe("$replay/latest/#");
  world.run();
  EXPECT_THAT(by_age.payloads(), ElementsAre("new"));
  EXPECT_THAT(by_time.payloads(), ElementsAre("new"));
  publish("a", "live");
  EXPECT_THAT(by_age.payloads(), ElementsAre("new", "live"));
  EXPECT_THAT(latest.payloads(), ElementsAre("live"));
}

TEST_F(Replaying, OnePartitionFromAnOffset) {
  for (int i = 0; i < 20; ++i) publish("a", std::to_string(i));
  const int partition = world.records().front().partition;
  Client reader(world, "r", V::v5);
  reader.connect();
  reader.subscribe("$log/mqtt/" + std::to_string(partition) + "/15");
  world.run();
  EXPECT_EQ(reader.payloads(), numbers(15, 20));
  EXPECT_EQ(reader.received[0].user["offset"], "15");
  EXPECT_EQ(reader.received[0].user["log"], "mqtt");
  EXPECT_EQ(reader.received[0].user["partition"], std::to_string(partition));
  EXPECT_EQ(reader.received[0].user["key"], "a");
  for (int i = 0; i < 8; ++i) publish("elsewhere/" + std::to_string(i), "x");
  for (const Delivered& delivered : reader.received)
    EXPECT_EQ(delivered.user.at("partition"), std::to_string(partition));
}

TEST_F(Replaying, BesideAnOrdinarySubscriptionGivesEachItsCopy) {
  publish("a", "1");
  Client reader(world, "r");
  reader.connect();
  reader.subscribe("a");
  reader.subscribe("$replay/earliest/a");
  world.run();
  EXPECT_THAT(reader.payloads(), ElementsAre("1"));
  publish("a", "2");
  EXPECT_THAT(reader.payloads(), ElementsAre("1", "2", "2"));
  reader.unsubscribe("$replay/earliest/a");
  world.run();
  publish("a", "3");
  EXPECT_THAT(reader.payloads(), ElementsAre("1", "2", "2", "3"));
}

TEST_F(Replaying, AskedAgainStartsAgain) {
  publish("a", "1");
  Client reader(world, "r");
  reader.connect();
  for (int i = 0; i < 2; ++i) {
    reader.subscribe("$replay/earliest/a");
    world.run();
  }
  EXPECT_THAT(reader.payloads(), ElementsAre("1", "1"));
}

TEST_F(Replaying, ResumesWhereItWasAfterAPowerCut) {
  for (int i = 0; i < 300; ++i) publish("a", std::to_string(i));
  Client reader(world, "r");
  reader.connect(mqtt::CleanStart::no);
  reader.subscribe("$replay/earliest/a");
  world.run();
  EXPECT_EQ(reader.received.size(), 300U);
  reader.drop();
  world.run();
  world.crash(2);
  world.start();
  publisher.connect();
  publish("a", "300");
  reader.received.clear();
  reader.connect(mqtt::CleanStart::no);
  world.run();
  EXPECT_THAT(reader.payloads(), ElementsAre("300"));
}

TEST_F(Replaying, SaysWhatItCannotDo) {
  Client reader(world, "r", V::v5);
  reader.connect();
  for (const auto* filter : {"$replay/yesterday/#", "$replay/5/#", "$log/none/0/0", "$log/mqtt/99/0", "$log/mqtt/0/999",
                             "$log/__sessions/0/0", "$replay/earliest/a/#/b"}) {
    reader.subscribe(filter);
    world.run();
    if (std::string(filter) == "$replay/earliest/a/#/b") break;  // no topic filter at all: the codec's to refuse
    EXPECT_THAT(reader.suback, ElementsAre(mqtt::ReasonCode::topic_filter_invalid)) << filter;
  }
  EXPECT_TRUE(reader.received.empty());
}

TEST_F(Replaying, ASubscriberThatDoesNotReadLosesNothingAndCostsNoCopies) {
  Client slow(world, "slow");
  slow.connect();
  slow.subscribe("a", at_most_once);
  world.run();
  slow.set_reading(false);
  const std::string padding(1000, '.');
  for (int i = 0; i < 5000; ++i) {
    publisher.publish("a", std::to_string(i) + padding);
    if (i % 50 == 0) world.run();
  }
  world.run();
  EXPECT_EQ(world.metrics().left_live_path.value(), 1U);
  slow.set_reading(true);
  world.run();
  ASSERT_EQ(slow.received.size(), 5000U);
  for (int i = 0; i < 5000; ++i)
    EXPECT_EQ(slow.received[static_cast<std::size_t>(i)].payload, std::to_string(i) + padding);
  EXPECT_EQ(world.metrics().sessions_behind.value(), 0U);
  publish("a", "live again");
  EXPECT_EQ(slow.received.back().payload, "live again");
}

TEST_F(Replaying, AFullWindowIsNoLossEither) {
  Client slow(world, "slow");
  slow.acks = Client::Acks::never;
  slow.connect(mqtt::CleanStart::no);
  slow.subscribe("a");
  world.run();
  for (int i = 0; i < 1000; ++i) publish("a", std::to_string(i));
  EXPECT_EQ(slow.received.size(), 256U);
  slow.received.clear();
  slow.acks = Client::Acks::at_once;
  slow.connect(mqtt::CleanStart::no);
  world.run();
  EXPECT_EQ(slow.payloads(), numbers(0, 1000));
}

// --- retained ---

TEST_F(Replaying, ARetainedMessageIsForWhoComesLater) {
  publish("a", "1", at_least_once, mqtt::Retain::yes);
  publish("a", "2", at_least_once, mqtt::Retain::yes);
  publish("b", "3");
  Client late(world, "late");
  late.connect();
  late.subscribe("#");
  world.run();
  ASSERT_THAT(late.payloads(), ElementsAre("2"));
  EXPECT_TRUE(late.received[0].retain);
  publish("a", "4", at_least_once, mqtt::Retain::yes);
  EXPECT_FALSE(late.received.back().retain);  // [MQTT-3.3.1-12]
}

TEST_F(Replaying, ARetainedMessageSurvivesRestartsUntilItIsRemoved) {
  publish("a", "kept", at_least_once, mqtt::Retain::yes);
  publish("gone", "x", at_least_once, mqtt::Retain::yes);
  publish("gone", "", at_least_once, mqtt::Retain::yes);
  world.crash(4);
  world.start();
  Client late(world, "late");
  late.connect();
  late.subscribe("#");
  world.run();
  EXPECT_THAT(late.payloads(), ElementsAre("kept"));
}

TEST_F(Replaying, RetainHandlingIsAsAsked) {  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
  publish("a", "r", at_least_once, mqtt::Retain::yes);
  Client client(world, "c", V::v5);
  client.connect();
  mqtt::SubscriptionOptions options;
  options.retain_handling = mqtt::RetainHandling::do_not_send;
  client.subscribe("a", at_least_once, options);
  world.run();
  EXPECT_TRUE(client.received.empty());
  options.retain_handling = mqtt::RetainHandling::send_if_new;
  client.subscribe("a", at_least_once, options);
  world.run();
  EXPECT_TRUE(client.received.empty());
  options.retain_handling = mqtt::RetainHandling::send;
  client.subscribe("a", at_least_once, options);
  world.run();
  EXPECT_THAT(client.payloads(), ElementsAre("r"));
}

TEST_F(Replaying, ManyRetainedMessagesArePacedAndAllArrive) {
  for (int i = 0; i < 3000; ++i) publisher.publish("r/" + std::to_string(i), "x", at_least_once, mqtt::Retain::yes);
  world.run();
  Client late(world, "late");
  late.connect();
  late.subscribe("r/#");
  world.run();
  EXPECT_EQ(late.received.size(), 3000U);
}

// Sealed segments have an index, what came later has none; a replay finds what there is, in order, and goes on live.
TEST(ReplayingBySearch, FindsTheSameAsReadingEverything) {
  WorldOptions options;
  options.log.partitions = 2;
  options.log.segment_bytes = 4096;
  BrokerWorld world(options);
  world.start();
  Client publisher(world, "publisher");
  publisher.connect();
  world.run();
  const std::string filler(300, '.');
  std::vector<std::string> expected;
  for (int i = 0; i < 400; ++i) {
    const bool rare = i % 40 == 7;
    const std::string payload = rare ? std::to_string(i) : filler;
    if (rare) expected.push_back(payload);
    publisher.publish(rare ? "rare/1/x" : "many/" + std::to_string(i % 20), payload);
    world.run();
    if (i == 250) {
      ASSERT_GT(*world.store().index_keys(1 << 30), 20'000U);
    }
  }
  for (const std::string filter : {"rare/+/x", "rare/1/x", "rare/#", "+/1/x"}) {
    Client reader(world, "reads " + filter);
    reader.connect();
    reader.subscribe("$replay/earliest/" + filter);
    world.run();
    EXPECT_EQ(reader.payloads(), expected) << filter;
    publisher.publish("many/1", "not wanted");
    publisher.publish("rare/1/x", "live");
    world.run();
    expected.emplace_back("live");
    EXPECT_EQ(reader.payloads(), expected) << filter;
  }
}

TEST_F(Replaying, OfOnePartitionGoesOnWithItAloneAfterAKill) {
  publish("a", "1");
  const std::int32_t partition = world.records().at(0).partition;
  Client reader(world, "r", V::v5);
  reader.connect(mqtt::CleanStart::no);
  reader.subscribe("$log/mqtt/" + std::to_string(partition) + "/0");
  world.run();
  publish("a", "2");
  world.advance(std::chrono::seconds(2));  // it is live, and the journal says so
  world.run();
  world.kill();
  world.start();
  publisher.connect();
  reader.connect(mqtt::CleanStart::no);
  world.run();
  for (int i = 0; i < 20; ++i) publish("elsewhere/" + std::to_string(i), "-");
  publish("a", "3");
  reader.received.erase(reader.received.begin(), reader.received.begin() + 2);
  for (const Delivered& delivered : reader.received) {
    EXPECT_EQ(delivered.user.at("partition"), std::to_string(partition)) << delivered.topic;
  }
  EXPECT_EQ(reader.received.back().payload, "3");
}

}  // namespace
}  // namespace bitacora::sim
