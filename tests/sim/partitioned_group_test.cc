// $group: members own partitions, the position is the group's in the catalog.
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
using V = mqtt::ProtocolVersion;

class PartitionedGroups : public testing::Test {
 protected:
  PartitionedGroups() : world(options()) { world.start(); }
  static WorldOptions options() {
    WorldOptions options;
    options.shards = 3;
    options.log.partitions = 4;
    return options;
  }

  void publish(int count, std::string_view prefix = "t/") {
    Client publisher(world, "publisher");
    publisher.connect();
    for (int i = 0; i < count; ++i) {
      publisher.publish(std::string(prefix) + std::to_string(i % 20), std::to_string(published++));
    }
    world.run();
    ASSERT_EQ(publisher.acknowledged.size(), static_cast<std::size_t>(count));
  }
  void join(Client& client, std::string_view filter = "$group/g/t/#", mqtt::QoS qos = at_least_once) {
    client.connect();
    client.subscribe(filter, qos);
    world.run();
    ASSERT_THAT(client.suback, ElementsAre(static_cast<ReasonCode>(qos)));
  }
  static std::set<std::string> partitions_of(const Client& client) {
    std::set<std::string> partitions;
    for (const auto& delivered : client.received) partitions.insert(delivered.user.at("partition"));
    return partitions;
  }
  std::set<std::string> everything() const {
    std::set<std::string> all;
    for (int i = 0; i < published; ++i) all.insert(std::to_string(i));
    return all;
  }
  static std::set<std::string> received(std::initializer_list<const Client*> clients) {
    std::set<std::string> all;
    for (const Client* client : clients) {
      for (const auto& payload : client->payloads()) all.insert(payload);
    }
    return all;
  }
  std::map<std::int32_t, storage::Offset> ends() const {
    std::map<std::int32_t, storage::Offset> ends{{0, 0}, {1, 0}, {2, 0}, {3, 0}};
    for (const auto& record : world.records()) ends[record.partition] = record.offset + 1;
    return ends;
  }
  void let_it_be_written() {
    world.advance(std::chrono::seconds(2));
    world.run();
  }

  BrokerWorld world;
  int published = 0;
};

TEST_F(PartitionedGroups, EveryPartitionHasOneOwner) {
  Client a(world, "a", V::v5), b(world, "b", V::v5);
  join(a);
  join(b);
  publish(100);
  EXPECT_THAT(partitions_of(a), SizeIs(2));
  EXPECT_THAT(partitions_of(b), SizeIs(2));
  EXPECT_EQ(a.received.size() + b.received.size(), 100U);
  EXPECT_EQ(received({&a, &b}), everything());
}

TEST_F(PartitionedGroups, AMemberTooManyWaitsForAPartition) {
  std::vector<std::unique_ptr<Client>> members;
  for (int i = 0; i < 5; ++i) {
    members.push_back(std::make_unique<Client>(world, "m" + std::to_string(i), V::v5));
    join(*members.back());
  }
  publish(100);
  const auto idle = std::ranges::count_if(members, [](const auto& member) { return member->received.empty(); });
  EXPECT_EQ(idle, 1);
  for (const auto& member : members) {
    if (!member->received.empty()) {
      member->drop();
      break;
    }
  }
  for (const auto& member : members) member->received.clear();
  publish(100);
  EXPECT_EQ(std::ranges::count_if(members, [](const auto& member) { return member->received.empty(); }), 1);
}

TEST_F(PartitionedGroups, DeliveriesSayWhereTheRecordLies) {
  Client a(world, "a", V::v5);
  join(a);
  publish(1);
  ASSERT_THAT(a.received, SizeIs(1));
  EXPECT_EQ(a.received[0].user.at("log"), "mqtt");
  EXPECT_EQ(a.received[0].user.at("offset"), "0");
  EXPECT_EQ(a.received[0].user.at("key"), a.received[0].topic);
}

TEST_F(PartitionedGroups, TheirPositionMovesByAcknowledgementsOverAContiguousPrefix) {
  Client a(world, "a");
  join(a);
  a.acks = Client::Acks::never;
  Client publisher(world, "publisher");
  publisher.connect();
  for (int i = 0; i < 4; ++i) publisher.publish("t/one", std::to_string(i));
  world.run();
  ASSERT_THAT(a.payloads(), ElementsAre("0", "1", "2", "3"));
  const std::int32_t partition = world.records().front().partition;
  const auto acknowledge = [&](std::uint16_t id) {
    a.send(mqtt::Puback{{mqtt::PacketId(id), ReasonCode::success, {}}});
    world.run();
    let_it_be_written();
    return world.group_offsets("g").at(partition);
  };
  EXPECT_EQ(world.group_offsets("g").at(partition), 0);
  EXPECT_EQ(acknowledge(1), 1);
  EXPECT_EQ(acknowledge(3), 1);
  EXPECT_EQ(acknowledge(2), 3);
  EXPECT_EQ(acknowledge(4), 4);
}

TEST_F(PartitionedGroups, QoS2MovesThePositionWithPubcomp) {
  Client a(world, "a"), publisher(world, "publisher");
  join(a, "$group/g/t/#", exactly_once);
  a.acks = Client::Acks::never;
  publisher.connect();
  publisher.publish("t/one", "0", exactly_once);
  world.run();
  const std::int32_t partition = world.records().front().partition;
  a.send(mqtt::Pubrec{{mqtt::PacketId(1), ReasonCode::success, {}}});
  world.run();
  let_it_be_written();
  EXPECT_EQ(world.group_offsets("g").at(partition), 0);
  a.send(mqtt::Pubcomp{{mqtt::PacketId(1), ReasonCode::success, {}}});
  world.run();
  let_it_be_written();
  EXPECT_EQ(world.group_offsets("g").at(partition), 1);
}

TEST_F(PartitionedGroups, RecordsThatDoNotMatchArePassedOverAndCount) {
  Client a(world, "a");
  join(a, "$group/g/t/1");
  publish(20);
  publish(20, "other/");
  let_it_be_written();
  EXPECT_THAT(a.payloads(), ElementsAre("1"));
  EXPECT_EQ(world.group_offsets("g"), ends());
}

TEST_F(PartitionedGroups, BeginAtTheEndUnlessAskedOtherwise) {
  publish(40);
  Client latest(world, "latest"), earliest(world, "earliest");
  join(latest, "$group/new/t/#");
  EXPECT_EQ(world.group_offsets("new"), ends());  // durable with SUBACK
  join(earliest, "$group/old@earliest/t/#");
  EXPECT_THAT(latest.received, IsEmpty());
  EXPECT_EQ(received({&earliest}), everything());
}

TEST_F(PartitionedGroups, GoOnWhereTheyWereWhateverIsAskedThen) {
  Client a(world, "a"), b(world, "b");
  join(a);
  publish(10);
  a.drop();
  world.run();
  publish(10);
  join(b, "$group/g@earliest/t/#");
  EXPECT_THAT(a.received, SizeIs(10));
  EXPECT_THAT(b.received, SizeIs(10));
  EXPECT_EQ(received({&a, &b}), everything());
}

TEST_F(PartitionedGroups, OneThatHasStartedHearsOfEverythingPublishedAfterItsSuback) {
  Client a(world, "a"), b(world, "b");
  join(a);
  a.drop();
  world.kill();
  world.start();
  publish(20);
  world.kill();
  world.start();
  join(b);
  EXPECT_EQ(received({&b}), everything());
}

TEST_F(PartitionedGroups, WhatALostMemberHadNotAcknowledgedGoesToTheNextOwnerInOrder) {
  Client a(world, "a"), b(world, "b");
  join(a);
  a.acks = Client::Acks::never;
  publish(60);
  ASSERT_THAT(a.received, SizeIs(60));
  join(b);
  EXPECT_THAT(b.received, IsEmpty());  // a has messages of every partition in flight
  a.drop();
  world.run();
  EXPECT_THAT(b.received, SizeIs(60));
  std::map<std::string, int> last;
  for (const auto& delivered : b.received) {
    const auto [at, is_first] = last.try_emplace(delivered.topic, std::stoi(delivered.payload));
    if (is_first) continue;
    EXPECT_LT(at->second, std::stoi(delivered.payload));
    at->second = std::stoi(delivered.payload);
  }
}

TEST_F(PartitionedGroups, APartitionChangesHandsWhenNothingOfItIsInFlight) {
  Client a(world, "a", V::v5), b(world, "b", V::v5);
  join(a);
  a.acks = Client::Acks::never;
  publish(40);
  ASSERT_THAT(a.received, SizeIs(40));
  join(b);
  publish(40);
  for (const auto& delivered : b.received) ADD_FAILURE() << delivered.payload;
  for (std::uint16_t id = 1; id <= 80; ++id) a.send(mqtt::Puback{{mqtt::PacketId(id), ReasonCode::success, {}}});
  a.acks = Client::Acks::at_once;
  world.run();
  EXPECT_THAT(partitions_of(b), SizeIs(2));
  EXPECT_EQ(a.received.size() + b.received.size(), 80U);
  EXPECT_EQ(received({&a, &b}), everything());
}

TEST_F(PartitionedGroups, AMemberThatUnsubscribesKeepsItsPartitionUntilItHasAcknowledged) {
  Client a(world, "a"), b(world, "b");
  join(a);
  a.acks = Client::Acks::never;
  publish(20);
  a.unsubscribe("$group/g/t/#");
  join(b);
  publish(20);
  EXPECT_THAT(b.received, IsEmpty());
  for (std::uint16_t id = 1; id <= 20; ++id) a.send(mqtt::Puback{{mqtt::PacketId(id), ReasonCode::success, {}}});
  world.run();
  EXPECT_THAT(b.received, SizeIs(20));
  EXPECT_EQ(world.metrics().group_members.value(), 1U);
}

// What its home handed over to the membership that has ended is not for the one that takes its place: of that partition
// the home begins again with what was lost on the way to the first.
TEST_F(PartitionedGroups, AMemberThatLeavesAndJoinsAgainAtOnceGetsItsRecordsInOrder) {
  Client member(world, "a", V::v5), publisher(world, "publisher");
  join(member);
  publisher.connect();
  world.run();
  publisher.publish("t/one", "0");
  (void)world.turn();
  ASSERT_TRUE(world.commit());
  publisher.publish("t/one", "1");
  (void)world.turn();  // "0" is handed over
  ASSERT_TRUE(world.commit());
  member.unsubscribe("$group/g/t/#");
  (void)world.turn();  // "0" finds no member, "1" is handed over; the home is told that the member has left
  member.subscribe("$group/g/t/#");
  world.run();
  EXPECT_THAT(member.payloads(), ElementsAre("0", "1"));
  EXPECT_EQ(world.metrics().group_records_taken_back.value(), 2U);
}

TEST_F(PartitionedGroups, AnotherFilterIsRefusedWhileThereAreMembers) {
  Client a(world, "a"), b(world, "b", V::v5);
  join(a);
  b.connect(CleanStart::no);
  b.subscribe("$group/g/other/#");
  world.run();
  EXPECT_THAT(b.suback, ElementsAre(ReasonCode::topic_filter_invalid));
  publish(5, "other/");
  EXPECT_THAT(b.received, IsEmpty());
  a.drop();
  world.run();
  b.subscribe("$group/g/other/#");
  world.run();
  EXPECT_THAT(b.suback, ElementsAre(ReasonCode::granted_qos_1));
}

TEST_F(PartitionedGroups, AFilterThatIsNoneIsRefused) {
  Client client(world, "c", V::v5);
  client.connect();
  for (const auto* filter : {"$group//t", "$group/g", "$group/g@/t", "$group/g@17/t", "$group/g@soon/t",
                             "$group/g/$SYS/x", "$group/@earliest/t"}) {
    client.subscribe(filter);
    world.run();
    EXPECT_THAT(client.suback, ElementsAre(ReasonCode::topic_filter_invalid)) << filter;
  }
}

TEST_F(PartitionedGroups, OneSessionIsAMemberOnce) {
  Client client(world, "c", V::v5);
  join(client);
  client.subscribe("$group/g@earliest/t/#");
  world.run();
  EXPECT_THAT(client.suback, ElementsAre(ReasonCode::topic_filter_invalid));
}

TEST_F(PartitionedGroups, AtQoS0ThePositionMovesAsMessagesAreSent) {
  Client a(world, "a");
  join(a, "$group/g/t/#", at_most_once);
  publish(20);
  let_it_be_written();
  EXPECT_THAT(a.received, SizeIs(20));
  EXPECT_EQ(world.group_offsets("g"), ends());
}

TEST_F(PartitionedGroups, AnOfflinePersistentMemberOwnsNothing) {
  Client a(world, "a"), b(world, "b");
  a.connect(CleanStart::no);
  a.subscribe("$group/g/t/#");
  join(b);
  a.drop();
  world.run();
  publish(20);
  EXPECT_THAT(b.received, SizeIs(20));
  a.connect(CleanStart::no);
  world.run();
  publish(60);
  EXPECT_FALSE(a.received.empty());
  EXPECT_EQ(a.received.size() + b.received.size(), 80U);
}

TEST_F(PartitionedGroups, GoOnAfterAKillFromWhatWasWrittenLast) {
  Client a(world, "a");
  join(a);
  publish(20);
  let_it_be_written();
  EXPECT_EQ(world.group_offsets("g"), ends());
  a.acks = Client::Acks::never;
  publish(20);
  let_it_be_written();
  a.received.clear();
  world.crash(7);
  world.start();
  a.acks = Client::Acks::at_once;
  join(a);
  EXPECT_THAT(a.received, SizeIs(20));
}

TEST_F(PartitionedGroups, RepeatNothingOverACleanStop) {
  Client a(world, "a");
  join(a);
  publish(20);
  world.stop();
  world.start();
  a.received.clear();
  publish(3);
  join(a);
  EXPECT_THAT(a.received, SizeIs(3));
}

TEST_F(PartitionedGroups, APersistentMemberIsOneAgainAfterAKill) {
  Client a(world, "a");
  a.connect(CleanStart::no);
  a.subscribe("$group/g/t/#");
  world.run();
  world.kill();
  world.start();
  publish(20);
  a.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(received({&a}), everything());
}

TEST_F(PartitionedGroups, AMemberThatComesWhileTheLastOnesPositionIsBeingWrittenGoesOnFromThere) {
  Client a(world, "a"), b(world, "b");
  join(a);
  publish(20);
  a.acks = Client::Acks::never;
  publish(20);
  b.connect();
  world.run();
  a.drop();
  while (world.turn()) {
  }  // the catalog is asked and has not answered
  b.subscribe("$group/g/t/#");
  while (world.turn()) {
  }
  world.run();
  EXPECT_THAT(b.received, SizeIs(20));
}

// What is in flight for the session itself is resent to it; what is in flight for its group goes to a member, over a
// stop that writes the journal and over a kill that does not.
TEST_F(PartitionedGroups, WhatIsInFlightWithASessionsOwnMessagesIsNotLostOverARestart) {
  for (const bool clean : {true, false}) {
    Client member(world, clean ? "stopped" : "killed", V::v5);
    member.connect(CleanStart::no);
    member.subscribe("t/own");
    member.subscribe("$group/h/t/#");
    world.run();
    member.acks = Client::Acks::never;
    published = 0;
    publish(1, "t/own-not-");
    Client publisher(world, "p");
    publisher.connect();
    publisher.publish("t/own", "mine");
    world.run();
    ASSERT_EQ(member.received.size(), 3U);  // "mine" by both of its subscriptions
    member.received.clear();
    if (clean) {
      world.stop();
    } else {
      world.kill();
    }
    world.start();
    member.acks = Client::Acks::at_once;
    member.connect(CleanStart::no);
    world.run();
    const auto payloads = member.payloads();
    EXPECT_THAT(payloads, testing::UnorderedElementsAre("0", "mine", "mine"));
    for (const Delivered& delivered : member.received) {
      const bool resent = delivered.user.count("partition") == 0;  // its own subscription's
      if (resent && clean) {
        EXPECT_TRUE(delivered.dup);
      }
    }
    member.received.clear();
    member.drop();
    member.connect(CleanStart::no);
    world.run();
    EXPECT_THAT(member.received, IsEmpty()) << "all of it is acknowledged";
    member.unsubscribe("$group/h/t/#");
    world.run();
  }
}

TEST_F(PartitionedGroups, ReadPartitionsThatAreAddedLaterFromTheirBeginning) {
  Client a(world, "a", V::v5);
  join(a);
  storage::LogSettings more = options().log;
  more.partitions = 6;
  ASSERT_TRUE(world.store().change_settings("mqtt", more).has_value());
  publish(200);
  EXPECT_THAT(partitions_of(a), SizeIs(6));
  EXPECT_EQ(received({&a}), everything());
}

}  // namespace
}  // namespace bitacora::sim
