// $stream/<log>[/<filter>]: one log from where a User Property of the SUBSCRIBE says, then live.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using namespace std::chrono_literals;
using mqtt::ReasonCode;
using testing::ElementsAre;
using testing::IsEmpty;
using V = mqtt::ProtocolVersion;

WorldOptions two_logs(std::int32_t partitions) {
  WorldOptions options;
  options.log.partitions = partitions;
  options.more_logs = {"other"};
  options.broker.routes = {{.filter = "other/#", .log = "other"}};
  return options;
}

class Streams : public testing::Test {
 protected:
  explicit Streams(std::int32_t partitions = 4) : world(two_logs(partitions)) {
    world.start();
    publisher.connect();
    world.run();
  }
  void publish(std::string_view topic, std::string_view payload) {
    publisher.publish(topic, payload);
    world.run();
  }
  void subscribe(Client& who, std::string_view filter, std::string_view name, std::string_view value) {
    who.suback.clear();
    mqtt::Subscribe packet{mqtt::PacketId(100), {{filter, {at_least_once}}}, {}};
    if (!name.empty()) packet.properties.user_properties = {{"colour", "red"}, {name, value}};
    who.send(packet);
    world.run();
  }

  BrokerWorld world;
  Client publisher{world, "publisher"};
  Client reader{world, "reader", V::v5};
};

class StreamsOfOnePartition : public Streams {
 protected:
  StreamsOfOnePartition() : Streams(1) {}
};

TEST_F(Streams, GiveOneLogFromTheEarliestAndFlowIntoLive) {
  publish("a", "1");
  publish("other/a", "not here");
  publish("b", "2");
  reader.connect();
  subscribe(reader, "$stream/mqtt", "stream-offset", "earliest");
  EXPECT_THAT(reader.suback, ElementsAre(ReasonCode::granted_qos_1));
  EXPECT_THAT(reader.payloads(), testing::UnorderedElementsAre("1", "2"));
  publish("a", "3");
  publish("other/a", "nor here");
  ASSERT_EQ(reader.received.size(), 3U);
  EXPECT_EQ(reader.received[2].topic, "a");
  EXPECT_EQ(reader.received[2].payload, "3");
  EXPECT_EQ(reader.received[2].user.at("log"), "mqtt");
}

TEST_F(Streams, KeepToTheirFilter) {
  publish("plant/1/temp", "20");
  publish("plant/1/humidity", "40");
  reader.connect();
  subscribe(reader, "$stream/mqtt/plant/+/temp", "offset", "earliest");
  publish("plant/2/humidity", "41");
  publish("plant/2/temp", "21");
  EXPECT_THAT(reader.payloads(), ElementsAre("20", "21"));
}

TEST_F(Streams, StartAtATime) {
  publish("a", "old");
  world.advance(60s);
  publish("a", "new");
  reader.connect();
  subscribe(reader, "$stream/mqtt", "offset", "-30s");
  EXPECT_THAT(reader.payloads(), ElementsAre("new"));
}

TEST_F(Streams, StartWithWhatIsNewWhenNothingIsSaid) {
  publish("a", "old");
  reader.connect();
  subscribe(reader, "$stream/mqtt", "", "");
  publish("a", "new");
  EXPECT_THAT(reader.payloads(), ElementsAre("new"));
}

TEST_F(Streams, Give311ClientsWhatIsNew) {
  publish("a", "old");
  Client old_client(world, "old", V::v3_1_1);
  old_client.connect();
  old_client.subscribe("$stream/mqtt/#");
  world.run();
  EXPECT_THAT(old_client.suback, ElementsAre(ReasonCode::granted_qos_1));
  publish("a", "new");
  publish("other/a", "not here");
  EXPECT_THAT(old_client.payloads(), ElementsAre("new"));
}

TEST_F(StreamsOfOnePartition, StartAtAnOffset) {
  for (const char* payload : {"0", "1", "2"}) publish("a", payload);
  reader.connect();
  subscribe(reader, "$stream/mqtt", "stream-offset", "1");
  EXPECT_THAT(reader.payloads(), ElementsAre("1", "2"));
}

TEST_F(Streams, OfSeveralPartitionsHaveNoOffset) {
  reader.connect();
  subscribe(reader, "$stream/mqtt", "offset", "0");
  EXPECT_THAT(reader.suback, ElementsAre(ReasonCode::topic_filter_invalid));
}

TEST_F(Streams, OfLogsThatAreNotTheClientsAreRefused) {
  reader.connect();
  for (const char* filter : {"$stream/none", "$stream/__sessions", "$stream/mqtt/#/x"}) {
    subscribe(reader, filter, "offset", "earliest");
    if (!reader.connected()) reader.connect();  // a filter that breaks the grammar ends the connection
    EXPECT_THAT(reader.suback, testing::AnyOf(IsEmpty(), ElementsAre(ReasonCode::topic_filter_invalid))) << filter;
  }
}

TEST_F(Streams, GoOnWhereTheyWereAfterAKill) {
  reader.connect(mqtt::CleanStart::no);
  publish("a", "1");
  subscribe(reader, "$stream/mqtt", "offset", "earliest");
  EXPECT_THAT(reader.payloads(), ElementsAre("1"));
  reader.drop();
  world.run();
  publish("a", "2");
  publish("other/a", "not here");
  world.kill();
  world.start();
  publisher.connect();
  reader.received.clear();
  reader.connect(mqtt::CleanStart::no);
  world.run();
  EXPECT_EQ(reader.payloads().back(), "2");
  publish("other/a", "nor here");
  publish("a", "3");
  EXPECT_EQ(reader.payloads().back(), "3");
  EXPECT_THAT(reader.payloads(), testing::Not(testing::Contains(testing::HasSubstr("here"))));
}

TEST_F(Streams, GiveWhatTheClientMayReplay) {
  WorldOptions options;
  options.broker.access.otherwise = identity::Effect::deny;
  options.broker.access.rules = {{.actions = {.publish = true}, .filter = "#"},
                                 {.actions = identity::reading, .filter = "open/#"}};
  BrokerWorld guarded(options);
  guarded.start();
  Client writer(guarded, "w"), who(guarded, "who", V::v5);
  writer.connect();
  who.connect();
  guarded.run();
  writer.publish("open/a", "1");
  writer.publish("closed/a", "2");
  guarded.run();
  mqtt::Subscribe packet{mqtt::PacketId(100), {{"$stream/mqtt/closed/#", {at_least_once}}}, {}};
  packet.properties.user_properties = {{"offset", "earliest"}};
  who.send(packet);
  guarded.run();
  EXPECT_THAT(who.suback, ElementsAre(ReasonCode::not_authorized));
  packet.entries[0].filter = "$stream/mqtt";
  who.send(packet);
  guarded.run();
  EXPECT_THAT(who.payloads(), ElementsAre("1"));
}

TEST_F(Streams, EndWithUnsubscribe) {
  reader.connect();
  subscribe(reader, "$stream/mqtt/a", "offset", "earliest");
  reader.unsubscribe("$stream/mqtt/a");
  publish("a", "1");
  EXPECT_THAT(reader.unsuback, ElementsAre(ReasonCode::success));
  EXPECT_THAT(reader.received, IsEmpty());
}

}  // namespace
}  // namespace bitacora::sim
