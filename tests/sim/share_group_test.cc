// $share: every message to one member. Members live on different shards than their group.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using mqtt::CleanStart;
using mqtt::ReasonCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using V = mqtt::ProtocolVersion;

WorldOptions three_shards() {
  WorldOptions options;
  options.shards = 3;
  return options;
}

class SharedSubscriptions : public testing::Test {
 protected:
  SharedSubscriptions() : world(three_shards()) { world.start(); }

  void publish(int count, mqtt::QoS qos = at_least_once) {
    Client publisher(world, "publisher");
    publisher.connect();
    for (int i = 0; i < count; ++i) publisher.publish("t/" + std::to_string(i % 5), std::to_string(published++), qos);
    world.run();
    ASSERT_EQ(publisher.acknowledged.size(), qos == at_most_once ? 0U : static_cast<std::size_t>(count));
  }
  void member(Client& client, std::string_view filter, CleanStart clean = CleanStart::yes,
              mqtt::QoS qos = at_least_once) {
    client.connect(clean);
    client.subscribe(filter, qos);
    world.run();
    ASSERT_THAT(client.suback, ElementsAre(static_cast<ReasonCode>(qos)));
  }
  std::multiset<std::string> received(std::initializer_list<const Client*> clients) {
    std::multiset<std::string> all;
    for (const Client* client : clients) {
      for (const auto& payload : client->payloads()) all.insert(payload);
    }
    return all;
  }
  std::multiset<std::string> everything() const {
    std::multiset<std::string> all;
    for (int i = 0; i < published; ++i) all.insert(std::to_string(i));
    return all;
  }

  BrokerWorld world;
  int published = 0;
};

TEST_F(SharedSubscriptions, EveryMessageGoesToOneMemberAndAllMembersHaveTheirShare) {
  Client a(world, "a"), b(world, "b", V::v5), c(world, "c");
  member(a, "$share/g/t/#");
  member(b, "$share/g/t/#");
  member(c, "$share/g/t/#");
  publish(30);
  EXPECT_EQ(received({&a, &b, &c}), everything());
  EXPECT_THAT(a.received, SizeIs(10));
  EXPECT_THAT(b.received, SizeIs(10));
  EXPECT_THAT(c.received, SizeIs(10));
}

TEST_F(SharedSubscriptions, AnOrdinarySubscriptionBesideItGetsItsOwnCopies) {
  Client a(world, "a"), b(world, "b");
  member(a, "$share/g/t/#");
  member(b, "t/#");
  publish(4);
  EXPECT_EQ(received({&a}), everything());
  EXPECT_EQ(received({&b}), everything());
}

TEST_F(SharedSubscriptions, AnotherNameOrAnotherFilterIsAnotherGroup) {
  Client a(world, "a"), b(world, "b"), c(world, "c");
  member(a, "$share/g/t/#");
  member(b, "$share/h/t/#");
  member(c, "$share/g/t/+");
  publish(6);
  EXPECT_EQ(received({&a}), everything());
  EXPECT_EQ(received({&b}), everything());
  EXPECT_EQ(received({&c}), everything());
}

TEST_F(SharedSubscriptions, AreDeliveredWithTheMembersOwnQoS) {  // [MQTT-4.8.2-3]
  Client zero(world, "zero"), one(world, "one"), two(world, "two");
  member(zero, "$share/g/t/#", CleanStart::yes, at_most_once);
  member(one, "$share/g/t/#", CleanStart::yes, at_least_once);
  member(two, "$share/g/t/#", CleanStart::yes, exactly_once);
  publish(12, exactly_once);
  ASSERT_EQ(received({&zero, &one, &two}), everything());
  for (const auto& delivered : zero.received) EXPECT_EQ(delivered.qos, at_most_once);
  for (const auto& delivered : one.received) EXPECT_EQ(delivered.qos, at_least_once);
  for (const auto& delivered : two.received) EXPECT_EQ(delivered.qos, exactly_once);
}

TEST_F(SharedSubscriptions, WithoutAGroupsNameOrAFilterAreRefused) {  // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  Client client(world, "c", V::v5);
  client.connect();
  for (const auto* filter : {"$share//t", "$share/g", "$share/g/", "$share/g+/t", "$share/#", "$share/g#/t"}) {
    client.subscribe(filter);
    world.run();
    if (client.connected()) {
      EXPECT_THAT(client.suback, ElementsAre(ReasonCode::topic_filter_invalid)) << filter;
    } else {  // no topic filter at all [MQTT-4.7.1-1]
      EXPECT_EQ(client.disconnect_reason, ReasonCode::topic_filter_invalid) << filter;
      client.connect();
    }
  }
}

TEST_F(SharedSubscriptions, WithNoLocalAreAProtocolError) {  // [MQTT-3.8.3-4]
  Client client(world, "c", V::v5);
  client.connect();
  client.subscribe("$share/g/t", at_least_once, {.no_local = true});
  world.run();
  EXPECT_EQ(client.disconnect_reason, ReasonCode::protocol_error);
}

TEST_F(SharedSubscriptions, BringNoRetainedMessages) {
  Client publisher(world, "p");
  publisher.connect();
  publisher.publish("t/1", "kept", at_least_once, mqtt::Retain::yes);
  world.run();
  Client a(world, "a"), plain(world, "plain");
  member(plain, "t/#");
  ASSERT_THAT(plain.received, SizeIs(1));
  member(a, "$share/g/t/#");
  EXPECT_THAT(a.received, IsEmpty());
}

TEST_F(SharedSubscriptions, CarryTheMembersSubscriptionIdentifier) {
  Client a(world, "a", V::v5);
  a.connect();
  a.subscribe("$share/g/t/#", at_least_once, {}, 7);
  world.run();
  publish(1);
  ASSERT_THAT(a.received, SizeIs(1));
  EXPECT_THAT(a.received[0].identifiers, ElementsAre(7));
}

TEST_F(SharedSubscriptions, WhatALostMemberHadNotAcknowledgedGoesToAnother) {
  Client lost(world, "lost"), other(world, "other");
  member(lost, "$share/g/t/#");
  lost.acks = Client::Acks::never;
  member(other, "$share/g/t/#");
  publish(10);
  EXPECT_THAT(lost.received, SizeIs(5));
  lost.drop();
  world.run();
  EXPECT_EQ(received({&other}), everything());
}

TEST_F(SharedSubscriptions, AMemberWithAFullWindowIsPassedOver) {
  Client full(world, "full"), other(world, "other");
  member(full, "$share/g/t/#");
  full.acks = Client::Acks::never;
  member(other, "$share/g/t/#");
  const int window = WorldOptions{}.broker.sessions.max_in_flight;
  publish(3 * window);
  EXPECT_THAT(full.received, SizeIs(window));
  EXPECT_THAT(other.received, SizeIs(2 * window));
}

TEST_F(SharedSubscriptions, AMemberWhoseSocketIsFullHandsBackWhatItCannotSend) {
  Client stuck(world, "stuck"), other(world, "other");
  member(stuck, "$share/g/t/#", CleanStart::yes, at_most_once);
  member(other, "$share/g/t/#", CleanStart::yes, at_most_once);
  stuck.set_reading(false);
  Client publisher(world, "publisher");
  publisher.connect();
  const std::string large(8 << 10, 'x');
  for (int i = 0; i < 200; ++i) publisher.publish("t", large);
  world.run();
  EXPECT_THAT(stuck.received, IsEmpty());
  const std::size_t went_on = other.received.size();
  EXPECT_GT(went_on, 150U);  // all but what fits into the other's output
  stuck.set_reading(true);
  world.run();
  EXPECT_EQ(stuck.received.size() + went_on, 200U);
  for (int i = 0; i < 10; ++i) publisher.publish("t", "small");
  world.run();
  EXPECT_EQ(stuck.received.size() + other.received.size(), 210U);
  EXPECT_EQ(other.received.size() - went_on, 5U);  // it takes its turns again
}

TEST_F(SharedSubscriptions, WaitInTheLogWhenNobodyHasRoom) {
  Client only(world, "only");
  member(only, "$share/g/t/#");
  only.acks = Client::Acks::never;
  publish(1000);
  EXPECT_THAT(only.received, SizeIs(WorldOptions{}.broker.sessions.max_in_flight));
  Client helper(world, "helper");
  member(helper, "$share/g/t/#");
  EXPECT_EQ(received({&only, &helper}), everything());
}

TEST_F(SharedSubscriptions, OfAPersistentMemberGetWhatCameWhileItWasAway) {
  Client away(world, "away");
  member(away, "$share/g/t/#", CleanStart::no);
  away.drop();
  world.run();
  publish(20);
  away.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(received({&away}), everything());
}

TEST_F(SharedSubscriptions, AnOfflineMemberIsPassedOver) {
  Client away(world, "away"), here(world, "here");
  member(away, "$share/g/t/#", CleanStart::no);
  member(here, "$share/g/t/#", CleanStart::no);
  away.drop();
  world.run();
  publish(20);
  EXPECT_EQ(received({&here}), everything());
  away.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(away.received, IsEmpty());
}

TEST_F(SharedSubscriptions, AQoS2DeliveryIsFinishedWithTheSameClient) {  // [MQTT-4.8.2-4]
  Client first(world, "first"), other(world, "other");
  member(first, "$share/g/t/#", CleanStart::no, exactly_once);
  first.acks = Client::Acks::never;
  publish(3, exactly_once);
  ASSERT_THAT(first.received, SizeIs(3));
  first.drop();
  member(other, "$share/g/t/#", CleanStart::yes, exactly_once);
  EXPECT_THAT(other.received, IsEmpty());
  first.received.clear();
  first.acks = Client::Acks::at_once;
  first.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(other.received, IsEmpty());
  EXPECT_EQ(received({&first}), everything());
}

TEST_F(SharedSubscriptions, AQoS2DeliveryEndsWithItsSession) {  // [MQTT-4.8.2-5]
  Client first(world, "first"), other(world, "other");
  member(other, "$share/g/t/#", CleanStart::no, exactly_once);
  other.drop();
  member(first, "$share/g/t/#", CleanStart::yes, exactly_once);
  first.acks = Client::Acks::never;
  publish(3, exactly_once);
  ASSERT_THAT(first.received, SizeIs(3));
  first.drop();
  other.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(other.received, IsEmpty());
  publish(1, exactly_once);
  EXPECT_THAT(other.payloads(), ElementsAre("3"));
}

TEST_F(SharedSubscriptions, AMessageThatAMemberRefusesGoesToNobodyElse) {  // [MQTT-4.8.2-6]
  Client refusing(world, "refusing", V::v5), other(world, "other", V::v5);
  member(refusing, "$share/g/t/#");
  refusing.acks = Client::Acks::never;
  publish(1);
  ASSERT_THAT(refusing.received, SizeIs(1));
  refusing.send(mqtt::Puback{{mqtt::PacketId(1), ReasonCode::not_authorized, {}}});
  world.run();
  member(other, "$share/g/t/#");
  refusing.drop();
  world.run();
  EXPECT_THAT(other.received, IsEmpty());
}

TEST_F(SharedSubscriptions, BeginWithTheirGroupAndNotBefore) {
  publish(5);
  Client a(world, "a");
  member(a, "$share/g/t/#", CleanStart::no);
  publish(2);
  EXPECT_THAT(a.payloads(), UnorderedElementsAre("5", "6"));
}

TEST_F(SharedSubscriptions, EndWithTheirLastMember) {
  Client a(world, "a");
  member(a, "$share/g/t/#", CleanStart::no);
  EXPECT_FALSE(world.group_offsets("$share/g/t/#").empty());
  a.unsubscribe("$share/g/t/#");
  world.run();
  EXPECT_TRUE(world.group_offsets("$share/g/t/#").empty());
  publish(5);
  member(a, "$share/g/t/#", CleanStart::no);
  EXPECT_THAT(a.received, IsEmpty());
  EXPECT_EQ(world.metrics().group_members.value(), 1U);
  a.connect(CleanStart::yes);
  world.run();
  EXPECT_EQ(world.metrics().groups.value(), 0U);
}

TEST_F(SharedSubscriptions, AnUnsubscribedMemberFinishesWhatItHas) {
  Client leaving(world, "leaving"), other(world, "other");
  member(leaving, "$share/g/t/#");
  leaving.acks = Client::Acks::never;
  publish(2);
  ASSERT_THAT(leaving.received, SizeIs(2));
  leaving.unsubscribe("$share/g/t/#");
  member(other, "$share/g/t/#");
  publish(2);
  EXPECT_THAT(leaving.received, SizeIs(2));
  EXPECT_THAT(other.payloads(), UnorderedElementsAre("2", "3"));
  leaving.send(mqtt::Puback{{mqtt::PacketId(1), ReasonCode::success, {}}});
  leaving.send(mqtt::Puback{{mqtt::PacketId(2), ReasonCode::success, {}}});
  world.run();
  EXPECT_EQ(world.metrics().group_members.value(), 1U);
  leaving.drop();
  world.run();
  EXPECT_THAT(other.received, SizeIs(2));
}

TEST_F(SharedSubscriptions, AMemberThatSubscribesAgainWhileItLeavesIsAMemberOnce) {
  Client member_(world, "m");
  member(member_, "$share/g/t/#");
  member_.acks = Client::Acks::never;
  publish(1);
  member_.unsubscribe("$share/g/t/#");
  member_.subscribe("$share/g/t/#");
  world.run();
  member_.send(mqtt::Puback{{mqtt::PacketId(1), ReasonCode::success, {}}});
  member_.acks = Client::Acks::at_once;
  publish(3);
  EXPECT_EQ(received({&member_}), everything());
  EXPECT_EQ(world.metrics().group_members.value(), 1U);
}

TEST_F(SharedSubscriptions, SurviveAKillWithWhatWasNotAcknowledged) {
  Client a(world, "a"), b(world, "b");
  member(a, "$share/g/t/#", CleanStart::no);
  member(b, "$share/g/t/#", CleanStart::no);
  publish(4);
  world.advance(std::chrono::seconds(2));
  world.run();
  a.acks = b.acks = Client::Acks::never;
  publish(6);
  a.received.clear();
  b.received.clear();
  world.kill();
  world.start();
  a.acks = b.acks = Client::Acks::at_once;
  publish(5);
  a.connect(CleanStart::no);
  b.connect(CleanStart::no);
  world.run();
  std::multiset<std::string> expected = everything();
  for (int i = 0; i < 4; ++i) expected.erase(std::to_string(i));
  EXPECT_EQ(received({&a, &b}), expected);
}

TEST_F(SharedSubscriptions, RepeatNothingOverACleanStop) {
  Client a(world, "a");
  member(a, "$share/g/t/#", CleanStart::no);
  publish(10);
  world.stop();
  world.start();
  a.received.clear();
  publish(1);
  a.connect(CleanStart::no);
  world.run();
  EXPECT_THAT(a.payloads(), ElementsAre("10"));
}

TEST_F(SharedSubscriptions, ATakenOverMembersMessagesGoOn) {
  Client first(world, "m"), second(world, "m");
  member(first, "$share/g/t/#", CleanStart::no);
  first.acks = Client::Acks::never;
  publish(5);
  second.connect(CleanStart::no);
  world.run();
  EXPECT_FALSE(first.connected());
  EXPECT_EQ(received({&second}), everything());
}

TEST_F(SharedSubscriptions, AnExpiredMembersMessagesGoToTheOthers) {
  Client brief(world, "brief", V::v5), here(world, "here");
  brief.connect(CleanStart::no, std::nullopt, 10);
  brief.subscribe("$share/g/t/#");
  world.run();
  brief.drop();
  publish(3);
  world.advance(std::chrono::seconds(11));
  world.run();
  EXPECT_EQ(world.metrics().groups.value(), 0U);
  member(here, "$share/g/t/#");
  publish(1);
  EXPECT_THAT(here.payloads(), ElementsAre("3"));  // the group had ended with its last member
}

}  // namespace
}  // namespace bitacora::sim
