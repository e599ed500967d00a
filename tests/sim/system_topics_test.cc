// $SYS: the server's figures under mosquitto's names. One broker, virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using namespace std::chrono_literals;
using testing::IsEmpty;
using V = mqtt::ProtocolVersion;

class SystemTopics : public testing::Test {
 protected:
  SystemTopics() { world.start(); }

  // What a client that asks now is told, by topic.
  std::map<std::string, std::string> told(const std::string& filter = "$SYS/#") {
    Client reader(world, "reader");
    reader.connect();
    reader.subscribe(filter, at_most_once);
    world.run();
    std::map<std::string, std::string> texts;
    for (const Delivered& message : reader.received) {
      EXPECT_TRUE(message.retain) << message.topic;
      EXPECT_TRUE(texts.emplace(message.topic, message.payload).second) << message.topic << " came twice";
    }
    reader.disconnect();
    world.run();
    return texts;
  }
  std::string text_of(const std::string& name) { return told("$SYS/broker/" + name)["$SYS/broker/" + name]; }
  void next_round() {
    world.advance(10s);
    world.run();
  }

  BrokerWorld world;
};

TEST_F(SystemTopics, SayTheVersionAndTheTimeSinceTheStart) {
  EXPECT_EQ(text_of("uptime"), "0 seconds");
  EXPECT_THAT(text_of("version"), testing::MatchesRegex("bitacora version [0-9]+\\.[0-9]+\\.[0-9]+"));
  world.advance(9s);
  EXPECT_EQ(text_of("uptime"), "0 seconds");
  world.advance(1s);
  EXPECT_EQ(text_of("uptime"), "10 seconds");
}

TEST_F(SystemTopics, CountClients) {
  Client first(world, "first"), second(world, "second"), third(world, "third");
  first.connect(mqtt::CleanStart::no);
  second.connect(mqtt::CleanStart::no);
  third.connect();
  world.run();
  next_round();
  second.disconnect();
  next_round();
  EXPECT_EQ(text_of("clients/total"), "3");
  EXPECT_EQ(text_of("clients/connected"), "2");
  EXPECT_EQ(text_of("clients/active"), "2");
  EXPECT_EQ(text_of("clients/disconnected"), "1");
  EXPECT_EQ(text_of("clients/inactive"), "1");
  EXPECT_EQ(text_of("clients/maximum"), "3");
  EXPECT_EQ(text_of("clients/expired"), "0");
}

TEST_F(SystemTopics, CountSessionsThatExpired) {
  Client brief(world, "brief", V::v5);
  brief.connect(mqtt::CleanStart::yes, std::nullopt, 5);
  world.run();
  brief.disconnect();
  world.run();
  next_round();
  next_round();
  EXPECT_EQ(text_of("clients/expired"), "1");
  EXPECT_EQ(text_of("clients/total"), "0");
}

TEST_F(SystemTopics, CountMessagesAndBytes) {
  Client publisher(world, "p"), subscriber(world, "s");
  publisher.connect();
  subscriber.connect();
  subscriber.subscribe("t");
  world.run();
  publisher.publish("t", "12345", at_least_once);
  publisher.publish("u", "123", at_most_once);
  world.run();
  next_round();
  // In: 2 CONNECT of 13 bytes, SUBSCRIBE of 8, PUBLISH of 12 (QoS 1) and 8 (QoS 0), the subscriber's PUBACK of 4. Out:
  // 2 CONNACK of 4, SUBACK of 5, PUBLISH of 12, PUBACK of 4.
  const auto texts = told();
  const auto text = [&](const std::string& name) { return texts.at("$SYS/broker/" + name); };
  EXPECT_EQ(text("messages/received"), "6");
  EXPECT_EQ(text("messages/sent"), "5");
  EXPECT_EQ(text("bytes/received"), "62");
  EXPECT_EQ(text("bytes/sent"), "29");
  EXPECT_EQ(text("publish/messages/received"), "2");
  EXPECT_EQ(text("publish/messages/sent"), "1");
  EXPECT_EQ(text("publish/messages/dropped"), "0");
  EXPECT_EQ(text("publish/bytes/received"), "8");
  EXPECT_EQ(text("publish/bytes/sent"), "5");
}

TEST_F(SystemTopics, CountWhatASubscriberCouldNotBeGiven) {
  Client publisher(world, "p"), small(world, "s", V::v5);
  publisher.connect();
  small.connect_with_maximum_packet_size(64);
  small.subscribe("t");
  world.run();
  publisher.publish("t", std::string(100, 'x'));
  world.run();
  next_round();
  EXPECT_EQ(text_of("publish/messages/dropped"), "1");
}

TEST_F(SystemTopics, CountWhatTheLogKeepsAndWhatIsRetainedAndSubscribed) {
  Client client(world, "c");
  client.connect();
  client.subscribe("a");
  client.subscribe("b/#");
  world.run();
  client.publish("t", "1");
  client.publish("t", "2", at_least_once, mqtt::Retain::yes);
  world.run();
  next_round();
  const auto texts = told();
  EXPECT_EQ(texts.at("$SYS/broker/store/messages/count"), "2");
  EXPECT_EQ(texts.at("$SYS/broker/messages/stored"), "2");
  std::int64_t bytes = 0;
  const storage::Log& log = *world.store().find_log("mqtt");
  for (std::int32_t i = 0; i < log.partition_count(); ++i) bytes += log.partition(i).size_bytes();
  EXPECT_GT(bytes, 0);
  EXPECT_EQ(texts.at("$SYS/broker/store/messages/bytes"), std::to_string(bytes));
  EXPECT_EQ(texts.at("$SYS/broker/retained messages/count"), "1");
  EXPECT_EQ(texts.at("$SYS/broker/subscriptions/count"), "2");
}

// new = rate + exp(-seconds/window) * (old - rate), the rate being that of the last interval in events a minute.
TEST_F(SystemTopics, AverageLoadsAsMosquittoDoes) {
  Client publisher(world, "p");
  publisher.connect();
  world.run();
  for (int i = 0; i < 30; ++i) publisher.publish("t", "x", at_most_once);
  world.run();
  next_round();
  const auto average = [](double window, int quiet_rounds) {
    const double kept = std::exp(-10.0 / window);
    double value = 180.0 * (1.0 - kept);  // 30 in 10 s
    for (int i = 0; i < quiet_rounds; ++i) value *= kept;
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.2f", value);
    return std::string(text.data());
  };
  EXPECT_EQ(text_of("load/publish/received/1min"), average(60, 0));
  EXPECT_EQ(text_of("load/publish/received/5min"), average(300, 0));
  EXPECT_EQ(text_of("load/publish/received/15min"), average(900, 0));
  next_round();
  EXPECT_EQ(text_of("load/publish/received/1min"), average(60, 1));
  EXPECT_EQ(text_of("load/publish/received/15min"), average(900, 1));
}

TEST_F(SystemTopics, AverageEachLoadThatDashboardsShow) {
  Client publisher(world, "p"), subscriber(world, "s");
  publisher.connect();
  subscriber.connect();
  subscriber.subscribe("t");
  world.run();
  publisher.publish("t", "x");
  world.run();
  next_round();
  const auto texts = told("$SYS/broker/load/#");
  for (const std::string name : {"messages/received", "messages/sent", "publish/received", "publish/sent",
                                 "bytes/received", "bytes/sent", "sockets", "connections"}) {
    for (const std::string window : {"/1min", "/5min", "/15min"}) {
      EXPECT_GT(std::stod(texts.at("$SYS/broker/load/" + name + window)), 0.0) << name << window;
    }
  }
  EXPECT_EQ(texts.at("$SYS/broker/load/publish/dropped/1min"), "0.00");
  EXPECT_EQ(texts.size(), 27U);
}

TEST_F(SystemTopics, ComeOnceWhenSubscribedAndThenWhenTheyChange) {
  Client reader(world, "r", V::v5);
  reader.connect();
  reader.subscribe("$SYS/broker/uptime", exactly_once, {}, 7);
  reader.subscribe("$SYS/broker/version", at_least_once);
  world.run();
  ASSERT_EQ(reader.received.size(), 2U);
  next_round();
  ASSERT_EQ(reader.received.size(), 3U);
  EXPECT_EQ(reader.received[2].topic, "$SYS/broker/uptime");
  EXPECT_EQ(reader.received[2].payload, "10 seconds");
  EXPECT_EQ(reader.received[2].qos, at_most_once);
  EXPECT_FALSE(reader.received[2].retain);
  EXPECT_THAT(reader.received[2].identifiers, testing::ElementsAre(7U));
}

TEST_F(SystemTopics, AreMatchedByNoWildcardInTheFirstLevel) {  // [MQTT-4.7.2-1]
  Client reader(world, "r");
  reader.connect();
  for (const char* filter : {"#", "+/broker/uptime", "+/#"}) reader.subscribe(filter);
  world.run();
  next_round();
  EXPECT_THAT(reader.received, IsEmpty());
}

TEST_F(SystemTopics, AreNotWrittenToAnyLog) {
  Client reader(world, "r");
  reader.connect();
  reader.subscribe("$SYS/#");
  next_round();
  ASSERT_FALSE(reader.received.empty());
  EXPECT_THAT(world.records(), IsEmpty());
  EXPECT_THAT(world.records("__retained"), IsEmpty());
}

TEST_F(SystemTopics, HaveNoHistory) {
  Client reader(world, "r");
  reader.connect();
  reader.subscribe("$replay/earliest/$SYS/#");
  next_round();
  EXPECT_THAT(reader.received, IsEmpty());
}

TEST_F(SystemTopics, AreNotKeptForAClientThatIsAway) {
  Client reader(world, "r");
  reader.connect(mqtt::CleanStart::no);
  reader.subscribe("$SYS/broker/uptime");
  world.run();
  reader.drop();
  for (int i = 0; i < 3; ++i) next_round();
  reader.received.clear();
  reader.connect(mqtt::CleanStart::no);
  world.run();
  EXPECT_THAT(reader.received, IsEmpty());
  next_round();
  EXPECT_THAT(reader.payloads(), testing::ElementsAre("40 seconds"));
}

TEST_F(SystemTopics, AreLeftOutForAClientThatDoesNotReadAndThatIsCounted) {
  WorldOptions options;
  options.broker.sessions.max_output_bytes = 1024;
  options.broker.sys_interval = 1s;
  BrokerWorld small(options);
  small.start();
  Client reader(small, "r");
  reader.connect();
  reader.subscribe("$SYS/broker/uptime", at_most_once);
  small.run();
  reader.set_reading(false);
  for (int i = 0; i < 80; ++i) {  // shorter than its keep-alive
    small.advance(1s);
    small.run();
  }
  EXPECT_GT(small.metrics().system_messages_dropped.value(), 0U);
  const std::size_t before = reader.received.size();
  reader.set_reading(true);
  small.run();
  EXPECT_LT(reader.received.size() - before, 50U);
  small.advance(1s);
  small.run();
  EXPECT_EQ(reader.received.back().payload, "81 seconds");
}

TEST_F(SystemTopics, AreTheServersAloneToPublish) {
  Client writer(world, "w", V::v5), reader(world, "r");
  writer.connect();
  reader.connect();
  reader.subscribe("$SYS/broker/uptime");
  world.run();
  reader.received.clear();
  const auto id = writer.publish("$SYS/broker/uptime", "for ever");
  world.run();
  EXPECT_EQ(writer.refused[id], mqtt::ReasonCode::topic_name_invalid);
  EXPECT_THAT(reader.received, IsEmpty());
}

TEST_F(SystemTopics, AreReadWithARightToThemOnly) {
  WorldOptions options;
  options.broker.access.otherwise = identity::Effect::deny;
  options.broker.access.rules = {{.filter = "#"}, {.actions = identity::reading, .filter = "$SYS/broker/uptime"}};
  BrokerWorld guarded(options);
  guarded.start();
  Client reader(guarded, "r", V::v5);
  reader.connect();
  reader.subscribe("$SYS/broker/clients/#");  // a right to "#" is none to topics that begin with $
  guarded.run();
  EXPECT_THAT(reader.suback, testing::ElementsAre(mqtt::ReasonCode::not_authorized));
  reader.subscribe("$SYS/#");
  guarded.run();
  EXPECT_THAT(reader.payloads(), testing::ElementsAre("0 seconds"));
  guarded.advance(10s);
  guarded.run();
  EXPECT_THAT(reader.payloads(), testing::ElementsAre("0 seconds", "10 seconds"));
}

TEST_F(SystemTopics, AreNotThereWithAnIntervalOfZero) {
  WorldOptions options;
  options.broker.sys_interval = 0ms;
  BrokerWorld silent(options);
  silent.start();
  Client reader(silent, "r");
  reader.connect();
  reader.subscribe("$SYS/#");
  silent.run();
  silent.advance(10s);
  silent.run();
  EXPECT_THAT(reader.suback, testing::ElementsAre(mqtt::ReasonCode::granted_qos_1));
  EXPECT_THAT(reader.received, IsEmpty());
}

}  // namespace
}  // namespace bitacora::sim
