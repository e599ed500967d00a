// QoS 1 publishes that come again because their PUBACK was lost: stored, and marked (reliability.md §6.4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using testing::ElementsAre;
using V = mqtt::ProtocolVersion;

class Duplicates : public testing::Test {
 protected:
  Duplicates() {
    options.log.partitions = 1;
    world.emplace(options).start();
    publisher.emplace(*world, "p");
    publisher->connect(mqtt::CleanStart::no);
    world->run();
  }
  void reconnect() {
    publisher->drop();
    world->run();
    publisher->connect(mqtt::CleanStart::no);
    world->run();
  }
  void resend(std::uint16_t id, std::string_view payload, std::string_view topic = "t") {
    publisher->resend_publish(id, topic, payload, at_least_once);
    world->run();
  }
  // Of each record its value, then " dup" and the offset of the first copy as its headers tell them.
  std::vector<std::string> marks() {
    std::vector<std::string> marks;
    for (const BrokerWorld::Record& record : world->records()) {
      std::string mark = record.value;
      if (record.headers.contains("mqtt.dup")) mark += " dup " + record.headers.at("mqtt.dup");
      if (record.headers.contains("mqtt.dup-of")) mark += " of " + record.headers.at("mqtt.dup-of");
      marks.push_back(std::move(mark));
    }
    return marks;
  }

  WorldOptions options;
  std::optional<BrokerWorld> world;
  std::optional<Client> publisher;
};

TEST_F(Duplicates, AreMarkedWithTheOffsetOfTheFirstCopy) {
  publisher->publish("t", "other");
  const auto id = publisher->publish("t", "m");
  world->run();
  reconnect();
  resend(id, "m");
  EXPECT_THAT(marks(), ElementsAre("other", "m", "m dup 1 of 1"));
}

TEST_F(Duplicates, OfDuplicatesNameTheFirstCopyToo) {
  const auto first = publisher->publish("t", "m");
  const auto second = publisher->publish("t", "n");
  world->run();
  reconnect();
  resend(first, "m");  // and the connection breaks before `second` was sent again
  reconnect();
  resend(first, "m");
  resend(second, "n");
  EXPECT_THAT(marks(), ElementsAre("m", "n", "m dup 1 of 0", "m dup 1 of 0", "n dup 1 of 1"));
}

TEST_F(Duplicates, AreNotWhatTheServerNeverGot) {
  reconnect();
  resend(1, "m");
  EXPECT_THAT(marks(), ElementsAre("m"));
}

TEST_F(Duplicates, AreNotMessagesThatDifferInPayloadOrTopic) {
  const auto id = publisher->publish("t", "m");
  world->run();
  reconnect();
  resend(id, "another");
  reconnect();
  resend(id, "another", "u");
  EXPECT_THAT(marks(), ElementsAre("m", "another", "another"));
}

TEST_F(Duplicates, AreNotMessagesUnderAnotherPacketId) {
  const auto id = publisher->publish("t", "m");
  world->run();
  reconnect();
  resend(static_cast<std::uint16_t>(id + 1), "m");
  EXPECT_THAT(marks(), ElementsAre("m", "m"));
}

TEST_F(Duplicates, AreNotMessagesWithoutTheFlag) {
  const auto id = publisher->publish("t", "m");
  world->run();
  reconnect();
  publisher->send(
      mqtt::Publish{"t", as_bytes("m"), at_least_once, mqtt::Retain::no, mqtt::Dup::no, mqtt::PacketId(id), {}});
  world->run();
  EXPECT_THAT(marks(), ElementsAre("m", "m"));
}

TEST_F(Duplicates, ComeOnlyOnAnotherConnection) {  // [MQTT-4.3.2-5]: after PUBACK it is a new message whatever DUP says
  const auto id = publisher->publish("t", "m");
  world->run();
  resend(id, "m");
  EXPECT_THAT(marks(), ElementsAre("m", "m"));
}

TEST_F(Duplicates, AreNotWhatTheSamePacketIdCarriedBeforeTheLast) {
  publisher->publish("t", "m");  // id 1
  world->run();
  publisher->send(
      mqtt::Publish{"t", as_bytes("newer"), at_least_once, mqtt::Retain::no, mqtt::Dup::no, mqtt::PacketId(1), {}});
  world->run();
  reconnect();
  resend(1, "m");
  EXPECT_THAT(marks(), ElementsAre("m", "newer", "m"));
}

TEST_F(Duplicates, AreOfTheSameSession) {
  const auto id = publisher->publish("t", "m");
  world->run();
  publisher->drop();
  publisher->connect(mqtt::CleanStart::yes);
  world->run();
  resend(id, "m");
  EXPECT_THAT(marks(), ElementsAre("m", "m"));
}

// CONNACK of a kept session is behind the first copy in the committer's queue.
TEST_F(Duplicates, OfAMessageThatWasOnItsWayWhenTheConnectionBrokeNameItToo) {
  const auto id = publisher->publish("t", "m");
  world->run(BrokerWorld::Commit::no);
  publisher->drop();
  publisher->connect(mqtt::CleanStart::no);
  publisher->resend_publish(id, "t", "m", at_least_once);  // waits in the connection for CONNACK
  world->run();
  EXPECT_THAT(marks(), ElementsAre("m", "m dup 1 of 0"));
}

TEST_F(Duplicates, MayBeAnyWithTheFlagRightAfterARestart) {
  const auto id = publisher->publish("t", "m");
  world->run();
  world->kill();
  world->start();
  publisher->connect(mqtt::CleanStart::no);
  world->run();
  resend(id, "m");
  const auto fresh = publisher->publish("t", "n");
  world->run();
  EXPECT_THAT(marks(), ElementsAre("m", "m dup 1", "n"));
  reconnect();
  resend(fresh, "n");
  resend(77, "never came");
  EXPECT_THAT(marks(), ElementsAre("m", "m dup 1", "n", "n dup 1 of 2", "never came"));
}

// What its client left behind is known then; what the client published before is not. Found by `bitacora torture`.
TEST_F(Duplicates, MayBeAnyWithTheFlagAfterAStopToo) {
  const auto id = publisher->publish("t", "m");
  world->run();
  world->stop();
  world->start();
  publisher->connect(mqtt::CleanStart::no);
  world->run();
  resend(id, "m");
  EXPECT_THAT(marks(), ElementsAre("m", "m dup 1"));
}

TEST_F(Duplicates, OfQos2DoNotExist) {
  publisher->releases = false;
  const auto id = publisher->publish("t", "m", exactly_once);
  world->run();
  reconnect();
  publisher->resend_publish(id, "t", "m", exactly_once);
  world->run();
  EXPECT_THAT(marks(), ElementsAre("m"));
}

TEST_F(Duplicates, AreToldToReadersOfTheHistory) {
  const auto id = publisher->publish("t", "m");
  world->run();
  reconnect();
  resend(id, "m");
  Client reader(*world, "r", V::v5);
  reader.connect();
  reader.subscribe("$replay/earliest/t");
  world->run();
  ASSERT_EQ(reader.received.size(), 2U);
  EXPECT_FALSE(reader.received[0].user.contains("dup-of"));
  EXPECT_EQ(reader.received[1].user.at("dup-of"), "0");
}

TEST_F(Duplicates, AreFoundAmongAsManyPublishesAsMayBeUnanswered) {
  options.broker.connection.receive_maximum = 4;
  BrokerWorld small(options);
  small.start();
  Client sender(small, "s");
  sender.connect(mqtt::CleanStart::no);
  small.run();
  std::vector<std::uint16_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(sender.publish("t", std::to_string(i)));
  small.run();
  sender.drop();
  sender.connect(mqtt::CleanStart::no);
  small.run();
  sender.resend_publish(ids[1], "t", "1", at_least_once);
  small.run();
  sender.resend_publish(ids[0], "t", "0", at_least_once);
  small.run();
  const auto records = small.records();
  ASSERT_EQ(records.size(), 7U);
  EXPECT_EQ(records[5].headers.at("mqtt.dup-of"), "1");
  EXPECT_FALSE(records[6].headers.contains("mqtt.dup"));
}

}  // namespace
}  // namespace bitacora::sim
