// Sessions: persistence, resumption, takeover, expiry, wills, across restarts too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using mqtt::CleanStart;
using testing::ElementsAre;
using V = mqtt::ProtocolVersion;

class Sessions : public testing::Test {
 protected:
  Sessions() { world.start(); }
  void publish(std::string_view topic, std::string_view payload, mqtt::QoS qos = at_least_once) {
    Client publisher(world, "publisher");
    publisher.connect();
    publisher.publish(topic, payload, qos);
    world.run();
    ASSERT_EQ(publisher.acknowledged.size(), qos == at_most_once ? 0U : 1U);
  }
  BrokerWorld world;
};

// [MQTT-3.1.2-5] [MQTT-4.5.0-1] [MQTT311-3.1.2-5] [MQTT311-3.2.2-2]
TEST_F(Sessions, AnOfflineOneGetsWhatItMissedInOrder) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.drop();
  for (const auto* payload : {"1", "2", "3"}) publish("a", payload);
  publish("b", "not asked for");
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.connack->session_present, mqtt::SessionPresent::yes);
  EXPECT_THAT(subscriber.payloads(), ElementsAre("1", "2", "3"));
}

// [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT311-4.1.0-2]
TEST_F(Sessions, AnOfflineOneSurvivesKillAndPowerCut) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  ASSERT_EQ(subscriber.suback.size(), 1U);
  subscriber.drop();
  world.run();
  publish("a", "1");
  world.crash(1);
  world.start();
  publish("a", "2");
  world.kill();
  world.start();
  publish("a", "3");
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.connack->session_present, mqtt::SessionPresent::yes);
  EXPECT_THAT(subscriber.payloads(), ElementsAre("1", "2", "3"));
}

TEST_F(Sessions, ACrashWhileConnectedLosesNothingThatWasNotAcknowledged) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.acks = Client::Acks::never;
  publish("a", "1");
  publish("a", "2");
  world.advance(std::chrono::seconds(2));  // a checkpoint
  world.run();
  world.crash(3);
  world.start();
  subscriber.received.clear();
  subscriber.acks = Client::Acks::at_once;
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(subscriber.payloads(), ElementsAre("1", "2"));
}

TEST_F(Sessions, WhatWasAcknowledgedBeforeTheLastCheckpointIsNotSentAgainAfterAKill) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  publish("a", "old");
  world.advance(std::chrono::seconds(2));
  world.run();
  world.kill();
  world.start();
  subscriber.received.clear();
  publish("a", "new");
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(subscriber.payloads(), ElementsAre("new"));
}

TEST_F(Sessions, ACleanStopForgetsNoCursorAndRepeatsNothing) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("#");
  for (int i = 0; i < 10; ++i) publish("t/" + std::to_string(i), std::to_string(i));
  world.stop();
  EXPECT_FALSE(subscriber.connected());
  subscriber.received.clear();
  world.start();
  publish("t", "after");
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(subscriber.payloads(), ElementsAre("after"));
}

TEST_F(Sessions, ACleanStartEndsTheOldOneForGood) {  // [MQTT-3.1.2-4]
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.connect(CleanStart::yes);
  world.run();
  EXPECT_EQ(subscriber.connack->session_present, mqtt::SessionPresent::no);
  publish("a", "x");
  world.crash(5);
  world.start();
  subscriber.connect(CleanStart::no);
  publish("a", "y");
  world.run();
  EXPECT_EQ(subscriber.connack->session_present, mqtt::SessionPresent::no);
  EXPECT_TRUE(subscriber.received.empty());
}

TEST_F(Sessions, UnacknowledgedMessagesComeAgainWithTheSameIdAndDup) {  // [MQTT-4.4.0-1] [MQTT-3.3.1-1]
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.acks = Client::Acks::never;
  publish("a", "1");
  publish("a", "2");
  EXPECT_THAT(subscriber.payloads(), ElementsAre("1", "2"));
  subscriber.received.clear();
  subscriber.acks = Client::Acks::at_once;
  subscriber.connect(CleanStart::no);
  world.run();
  ASSERT_THAT(subscriber.payloads(), ElementsAre("1", "2"));
  EXPECT_TRUE(subscriber.received[0].dup);
  publish("a", "3");
  EXPECT_FALSE(subscriber.received.back().dup);
}

TEST_F(Sessions, AnUnsubscribeIsForGood) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  subscriber.unsubscribe("a");
  world.run();
  subscriber.drop();
  world.run();
  world.crash(11);
  world.start();
  publish("a", "x");
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_TRUE(subscriber.received.empty());
}

TEST_F(Sessions, AreTakenOverByANewConnection) {  // [MQTT-3.1.4-3]
  Client first(world, "s", V::v5), second(world, "s", V::v5);
  first.connect(CleanStart::no);
  first.subscribe("a");
  world.run();
  second.connect(CleanStart::no);
  world.run();
  EXPECT_FALSE(first.connected());
  EXPECT_EQ(first.disconnect_reason, mqtt::ReasonCode::session_taken_over);
  publish("a", "x");
  EXPECT_THAT(second.payloads(), ElementsAre("x"));
}

TEST_F(Sessions, ExpireAfterTheirTimeAlsoOverARestart) {  // [MQTT-4.1.0-2]
  Client brief(world, "brief", V::v5), longer(world, "longer", V::v5);
  brief.connect(CleanStart::no, std::nullopt, 10);
  longer.connect(CleanStart::no, std::nullopt, 100);
  world.run();
  brief.disconnect();
  longer.disconnect();
  world.run();
  world.advance(std::chrono::seconds(5));
  world.run();
  world.kill();
  world.start();
  world.advance(std::chrono::seconds(6));
  world.run();
  brief.connect(CleanStart::no);
  longer.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(brief.connack->session_present, mqtt::SessionPresent::no);
  EXPECT_EQ(longer.connack->session_present, mqtt::SessionPresent::yes);
}

TEST_F(Sessions, AnOfflineOneDoesNotGetQoS0Messages) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.drop();
  publish("a", "0", at_most_once);
  publish("a", "1", at_least_once);
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(subscriber.payloads(), ElementsAre("1"));
}

TEST_F(Sessions, ASubscriptionMadeWhileBehindDoesNotReachBack) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("a");
  world.run();
  subscriber.drop();
  publish("b", "before");
  for (int i = 0; i < 1000; ++i) publish("a", std::to_string(i));
  subscriber.acks = Client::Acks::never;
  subscriber.connect(CleanStart::no);
  world.run();
  subscriber.subscribe("b");  // while it waits with a full window
  world.run();
  publish("b", "after");
  ASSERT_LT(subscriber.received.size(), 1000U);
  subscriber.received.clear();
  subscriber.acks = Client::Acks::at_once;
  subscriber.connect(CleanStart::no);
  world.run();
  std::vector<std::string> of_b;
  for (const Delivered& delivered : subscriber.received) {
    if (delivered.topic == "b") of_b.push_back(delivered.payload);
  }
  EXPECT_THAT(of_b, ElementsAre("after"));
  EXPECT_EQ(subscriber.received.size(), 1001U);
}

// --- wills ---

TEST_F(Sessions, AWillIsPublishedWhenTheConnectionBreaksAndNotAfterDisconnect) {  // [MQTT-3.1.2-8] [MQTT-3.1.2-10]
  Client watcher(world, "w"), polite(world, "polite"), broken(world, "broken");
  watcher.connect();
  watcher.subscribe("will/#");
  polite.connect(CleanStart::yes, mqtt::Will{"will/polite", as_bytes("gone"), at_least_once, mqtt::Retain::no, {}});
  broken.connect(CleanStart::yes, mqtt::Will{"will/broken", as_bytes("gone"), at_least_once, mqtt::Retain::no, {}});
  world.run();
  polite.disconnect();
  broken.drop();
  world.run();
  ASSERT_EQ(watcher.received.size(), 1U);
  EXPECT_EQ(watcher.received[0].topic, "will/broken");
}

TEST_F(Sessions, AWillOfASessionThatEndsWithItsConnectionIsPublishedByTheStartAfterAKill) {  // [MQTT-3.1.2-7]
  for (const V version : {V::v3_1_1, V::v5}) {
    const std::size_t before = world.records().size();
    Client doomed(world, "doomed", version), polite(world, "polite", version);
    const mqtt::Will will{"will", as_bytes("gone"), at_least_once, mqtt::Retain::no, {}};
    doomed.connect(CleanStart::yes, will, 0);
    polite.connect(CleanStart::yes, will, 0);
    world.run();
    ASSERT_TRUE(doomed.connack.has_value());
    polite.disconnect();
    world.run();
    for (int starts = 0; starts < 2; ++starts) {  // once, however many starts there are
      world.kill();
      world.start();
      world.advance(std::chrono::seconds(1));
      world.run();
      EXPECT_EQ(world.records().size(), before + 1);
    }
    doomed.connect(CleanStart::no, std::nullopt, 0);
    world.run();
    EXPECT_EQ(doomed.connack->session_present, mqtt::SessionPresent::no);
  }
}

// [MQTT-3.3.1-1] [MQTT-4.4.0-1]
TEST_F(Sessions, WhatWasInFlightAtACheckpointIsSentAgainWithDupAndItsPacketIdsAfterAKill) {
  for (const mqtt::QoS qos : {at_least_once, exactly_once}) {
    Client subscriber(world, "s", V::v5);
    subscriber.connect(CleanStart::no);
    subscriber.subscribe("a", qos);
    world.run();
    publish("a", "before", qos);  // acknowledged: of this nothing comes again
    subscriber.acks = Client::Acks::never;
    publish("a", "1", qos);
    publish("a", "2", qos);
    world.advance(std::chrono::seconds(2));
    world.run();
    publish("a", "3", qos);  // the journal does not know of it
    ASSERT_THAT(subscriber.payloads(), ElementsAre("before", "1", "2", "3"));
    subscriber.received.clear();
    world.kill();
    world.start();
    subscriber.connect(CleanStart::no);
    world.run();
    ASSERT_GE(subscriber.received.size(), 2U);
    EXPECT_EQ(subscriber.received[0].payload, "1");
    EXPECT_EQ(subscriber.received[1].payload, "2");
    EXPECT_TRUE(subscriber.received[0].dup && subscriber.received[1].dup);
    if (qos == at_least_once) {
      EXPECT_EQ(subscriber.received.at(2).payload, "3");
      EXPECT_FALSE(subscriber.received.at(2).dup);
      // The ids are those of before the kill: the second and the third that were ever sent.
      for (const std::uint16_t id : {std::uint16_t{2}, std::uint16_t{3}})
        subscriber.send(mqtt::Puback{{mqtt::PacketId(id), mqtt::ReasonCode::success, {}}});
      world.run();
      subscriber.received.clear();
      subscriber.drop();
      subscriber.acks = Client::Acks::at_once;
      subscriber.connect(CleanStart::no);
      world.run();
      EXPECT_THAT(subscriber.payloads(), ElementsAre("3"));
    }
    subscriber.connect(CleanStart::yes, std::nullopt, 0);
    world.run();
    subscriber.disconnect();
    world.run();
  }
}

TEST_F(Sessions, ADelayedWillIsForgottenWhenTheClientIsBackInTime) {  // [MQTT-3.1.3-9]
  Client watcher(world, "w"), client(world, "c", V::v5);
  watcher.connect();
  watcher.subscribe("will");
  mqtt::Will will{"will", as_bytes("gone"), at_least_once, mqtt::Retain::no, {}};
  will.properties.will_delay_interval = 10;
  client.connect(CleanStart::no, will);
  world.run();
  client.drop();
  world.advance(std::chrono::seconds(5));
  world.run();
  client.connect(CleanStart::no, will);
  world.run();
  world.advance(std::chrono::seconds(20));
  world.run();
  EXPECT_TRUE(watcher.received.empty());
  client.drop();
  world.advance(std::chrono::seconds(11));
  world.run();
  EXPECT_EQ(watcher.received.size(), 1U);
}

// --- QoS 2 inbound ---

TEST_F(Sessions, AQoS2PublishSentAgainIsNoSecondRecord) {  // [MQTT-4.3.3-10]
  Client publisher(world, "p");
  publisher.releases = false;
  publisher.connect(CleanStart::no);
  world.run();
  const auto id = publisher.publish("a", "once", exactly_once);
  world.run();
  publisher.resend_publish(id, "a", "once", exactly_once);
  world.run();
  EXPECT_EQ(publisher.ack_order.size(), 2U);
  EXPECT_EQ(world.records().size(), 1U);
}

TEST_F(Sessions, AQoS2PublishIsExactlyOneRecordOverCrashesAtEveryStep) {
  Client publisher(world, "p");
  publisher.releases = false;
  publisher.connect(CleanStart::no);
  world.run();
  const auto id = publisher.publish("a", "once", exactly_once);
  world.run();
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    world.crash(seed);
    world.start();
    publisher.acknowledged.clear();
    publisher.connect(CleanStart::no);
    publisher.resend_publish(id, "a", "once", exactly_once);
    world.run();
    EXPECT_TRUE(publisher.acknowledged.contains(id));
    EXPECT_EQ(world.records().size(), 1U);
  }
  publisher.release(id);
  world.run();
  EXPECT_TRUE(publisher.completed.contains(id));
  world.crash(9);
  world.start();
  publisher.connect(CleanStart::no);
  publisher.resend_publish(id, "a", "another message", exactly_once);  // the id is free: DUP says nothing any more
  world.run();
  EXPECT_EQ(world.records().size(), 2U);
}

TEST_F(Sessions, ARestoredQoS2IdThatComesWithoutDupIsANewMessage) {
  Client publisher(world, "p");
  publisher.releases = false;
  publisher.connect(CleanStart::no);
  world.run();
  const auto id = publisher.publish("a", "first", exactly_once);
  world.run();
  world.kill();
  world.start();
  publisher.connect(CleanStart::no);
  publisher.send(
      mqtt::Publish{"a", as_bytes("second"), exactly_once, mqtt::Retain::no, mqtt::Dup::no, mqtt::PacketId(id), {}});
  world.run();
  EXPECT_EQ(world.records().size(), 2U);
}

}  // namespace
}  // namespace bitacora::sim
