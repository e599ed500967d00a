// What the simulation has found, each as the smallest test that shows it. The list: docs/bugs-found.md.
#include <gtest/gtest.h>

#include "base/murmur2.h"
#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using mqtt::CleanStart;
using mqtt::QoS;

class FoundBySimulation : public testing::Test {
 protected:
  FoundBySimulation() { world.start(); }

  // Calls of this kind on this log fail, those on all others do not.
  void break_log(const std::string& log, storage::FaultKind kind,
                 storage::FaultTarget target = storage::FaultTarget::writes) {
    storage::FaultPlan plan;
    plan.kind = kind;
    plan.target = target;
    plan.sticky = true;
    plan.path_contains = log;
    world.faults().arm(plan);
  }
  // The next write to this log finds no room, those behind it do.
  void fail_next_write_to(const std::string& log) {
    world.faults().arm(
        {.kind = storage::FaultKind::no_space, .target = storage::FaultTarget::writes, .path_contains = log});
  }
  // Publishes, and lets the checkpoint that follows be written.
  void publish_and_checkpoint(const std::string& payload) { publish_before_checkpoint(world, "t", payload); }
  // A checkpoint, for something that no test here looks at.
  void publish_and_checkpoint_elsewhere() { publish_before_checkpoint(world, "elsewhere", "-"); }
  std::vector<std::string> retained() {
    Client reader(world, "reader");
    reader.connect();
    reader.subscribe("r");
    world.run();
    return reader.payloads();
  }

  BrokerWorld world;
};

TEST_F(FoundBySimulation, ARetainedQoS2PublishOfWhichOnlyTheRecordSurvivedIsRetainedWhenItComesAgain) {
  Client client(world, "c");
  client.connect(CleanStart::no);
  world.run();
  break_log("__retained", storage::FaultKind::io_error);
  const std::uint16_t id = client.publish("r", "kept", QoS::exactly_once, mqtt::Retain::yes);
  world.run(BrokerWorld::Commit::no);
  world.commit_unheard();
  world.crash(1);
  world.faults().disarm();
  world.start();
  ASSERT_EQ(world.records().size(), 1U) << "the record itself must have survived for this test to say anything";
  EXPECT_TRUE(retained().empty());

  client.connect(CleanStart::no);
  client.resend_publish(id, "r", "kept", QoS::exactly_once, mqtt::Retain::yes);
  world.run();
  EXPECT_TRUE(client.completed.contains(id));
  EXPECT_EQ(world.records().size(), 1U) << "QoS 2 is exactly once";
  EXPECT_EQ(retained(), std::vector<std::string>{"kept"});
}

TEST_F(FoundBySimulation, QoS2IdsThatCouldNotBeWrittenDownAreWrittenAgainBeforeTheNextMark) {
  Client client(world, "c");
  client.releases = false;
  client.connect(CleanStart::no);
  const std::uint16_t id = client.publish("t", "once", QoS::exactly_once);
  world.run();
  client.drop();
  world.run();
  fail_next_write_to("__sessions");
  world.advance(std::chrono::milliseconds(1100));
  world.run();
  ASSERT_TRUE(world.faults().fired());
  ASSERT_FALSE(world.store().find_log("__sessions")->partition(0).offline());
  world.faults().disarm();
  for (const char* payload : {"a", "b", "c"}) publish_and_checkpoint(payload);
  world.kill();
  world.start();
  client.connect(CleanStart::no);
  client.resend_publish(id, "t", "once", QoS::exactly_once);
  world.run();
  EXPECT_TRUE(client.acknowledged.contains(id));
  EXPECT_EQ(world.records().size(), 4U);
}

// A QoS 2 publish whose sync failed: refused, its id forgotten; and it is in its file all the same.
class RefusedPublishes : public FoundBySimulation {
 protected:
  RefusedPublishes() {
    client.releases = false;
    client.connect(CleanStart::no);
    world.run();
    std::string elsewhere = "a";
    while (partition_of(elsewhere) == partition_of("t")) ++elsewhere[0];
    break_log("mqtt-" + std::to_string(partition_of("t")), storage::FaultKind::io_error, storage::FaultTarget::syncs);
    id = client.publish("t", "refused", QoS::exactly_once);
    world.run();
    EXPECT_FALSE(client.acknowledged.contains(id));
    client.drop();  // 3.1.1 has no other refusal
    client.connect(CleanStart::no);
    client.resend_publish(id, "t", "refused", QoS::exactly_once);  // leaves no record
    world.run();
    EXPECT_FALSE(client.acknowledged.contains(id));
    client.drop();
    client.connect(CleanStart::no);
    world.run();
    const std::uint16_t later = client.publish(elsewhere, "stored", QoS::exactly_once);
    world.run();
    EXPECT_TRUE(client.acknowledged.contains(later));
    client.drop();
    world.run();
    world.advance(std::chrono::milliseconds(1100));  // the checkpoint
    world.run();
    world.faults().disarm();
    world.kill();
    world.start();
    EXPECT_EQ(world.records().size(), 2U);
    client.connect(CleanStart::no);
  }
  std::int32_t partition_of(const std::string& topic) {
    return partition_of_key(as_bytes(topic), world.store().find_log("mqtt")->partition_count());
  }
  Client client{world, "c"};
  std::uint16_t id = 0;
};

TEST_F(RefusedPublishes, AtQoS2AreOneRecordWhereTheirClientNeverHeardOfItAndTheStartFindsTheRecord) {
  client.resend_publish(id, "t", "refused", QoS::exactly_once);
  world.run();
  EXPECT_TRUE(client.acknowledged.contains(id));
  EXPECT_EQ(world.records().size(), 2U);
}

TEST_F(RefusedPublishes, AtQoS2DoNotSwallowTheNextMessageUnderTheirId) {
  client.resend_publish(id, "t", "another", QoS::exactly_once);
  world.run();
  EXPECT_TRUE(client.acknowledged.contains(id));
  EXPECT_EQ(world.records().size(), 3U);
}

TEST_F(RefusedPublishes, AtQoS2AreStillInDoubtAfterOneMoreCrash) {
  world.advance(std::chrono::milliseconds(1100));
  world.run();
  world.kill();
  world.start();
  client.connect(CleanStart::no);
  client.resend_publish(id, "t", "another", QoS::exactly_once);
  world.run();
  EXPECT_EQ(world.records().size(), 3U);
}

TEST_F(FoundBySimulation, ACursorThatCouldNotBeWrittenDownIsWrittenAgainBeforeTheNextMark) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("t");
  world.run();
  publish_and_checkpoint("a");
  fail_next_write_to("__sessions");
  subscriber.drop();
  world.run();
  ASSERT_TRUE(world.faults().fired());
  ASSERT_FALSE(world.store().find_log("__sessions")->partition(0).offline());
  world.faults().disarm();
  for (const char* payload : {"b", "c", "d"}) publish_and_checkpoint(payload);
  world.kill();
  world.start();
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.payloads(), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(FoundBySimulation, AMessageThatCouldNotBeReadWhenItWasToBeSentAgainIsNotForgotten) {
  Client subscriber(world, "s");
  subscriber.acks = Client::Acks::never;
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("t");
  world.run();
  publish_and_checkpoint("a");
  ASSERT_EQ(subscriber.payloads(), std::vector<std::string>{"a"});
  subscriber.drop();
  world.run();
  break_log("data/mqtt", storage::FaultKind::io_error, storage::FaultTarget::reads);
  subscriber.acks = Client::Acks::at_once;
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_FALSE(subscriber.connected());
  world.faults().disarm();
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.payloads(), (std::vector<std::string>{"a", "a"}));
}

TEST_F(FoundBySimulation, ARecordThatAGroupsMemberCouldNotReadIsNotPassedOver) {
  Client member(world, "m");
  member.connect(CleanStart::no);
  member.subscribe("$group/g/t");
  world.run();
  storage::FaultPlan plan;  // the group's home reads the record, the member does not
  plan.target = storage::FaultTarget::reads;
  plan.at = 2;
  plan.path_contains = "data/mqtt";
  plan.sticky = true;
  world.faults().arm(plan);
  publish_and_checkpoint("a");
  EXPECT_TRUE(member.received.empty());
  EXPECT_TRUE(world.faults().fired());
  world.faults().disarm();
  member.connect(CleanStart::no);
  world.run();
  publish_and_checkpoint("b");
  EXPECT_EQ(member.payloads(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FoundBySimulation, AMarkOnItsWayDoesNotSayMoreThanTheJournalWhereAnEarlierWriteFails) {
  Client subscriber(world, "s");
  subscriber.acks = Client::Acks::never;
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("t");
  world.run();
  publish_and_checkpoint_elsewhere();
  Client publisher(world, "publisher");
  publisher.connect();
  publisher.publish("t", "a");
  world.run();
  ASSERT_EQ(subscriber.payloads(), std::vector<std::string>{"a"});

  subscriber.drop();
  (void)world.turn();
  fail_next_write_to("__sessions");
  world.commit_unheard();  // that it was in flight is not written; the shard has not heard of it yet
  world.faults().disarm();
  world.advance(std::chrono::milliseconds(1100));
  (void)world.turn();  // the checkpoint
  (void)world.commit();
  world.kill();
  world.start();
  subscriber.acks = Client::Acks::at_once;
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.payloads(), (std::vector<std::string>{"a", "a"}));
}

TEST_F(FoundBySimulation, AQoS2PublishWhoseRetainedCopyHasNoRoomIsStillOneRecord) {
  for (const auto version : {mqtt::ProtocolVersion::v3_1_1, mqtt::ProtocolVersion::v5}) {
    const std::size_t before = world.records().size();
    Client client(world, "c", version);
    client.connect(CleanStart::no);
    world.run();
    fail_next_write_to("__retained");
    const std::uint16_t id = client.publish("r", "kept", QoS::exactly_once, mqtt::Retain::yes);
    world.run();
    EXPECT_TRUE(world.faults().fired());
    EXPECT_FALSE(client.connected()) << "there is no answer that is true";
    for (const bool has_room : {false, true}) {
      if (!has_room) fail_next_write_to("__retained");
      client.connect(CleanStart::no);
      client.resend_publish(id, "r", "kept", QoS::exactly_once, mqtt::Retain::yes);
      world.run();
      EXPECT_EQ(client.completed.contains(id), has_room);
    }
    EXPECT_EQ(world.records().size(), before + 1);
    EXPECT_EQ(retained(), std::vector<std::string>{"kept"});
    client.publish("r", "", QoS::at_least_once, mqtt::Retain::yes);
    world.run();
    client.connect(CleanStart::yes);
    world.run();
    client.drop();
  }
}

TEST_F(FoundBySimulation, ARepeatedQoS2PublishWhoseWriteToTheJournalFailsIsStillOneRecord) {
  Client client(world, "c");
  client.releases = false;
  client.connect(CleanStart::no);
  world.run();
  fail_next_write_to("__sessions");
  const std::uint16_t id = client.publish("t", "once", QoS::exactly_once);
  client.resend_publish(id, "t", "once", QoS::exactly_once);  // its answer waits for the first one's record
  world.run();
  EXPECT_TRUE(world.faults().fired());
  EXPECT_TRUE(client.acknowledged.contains(id));
  client.connect(CleanStart::no);
  client.resend_publish(id, "t", "once", QoS::exactly_once);
  world.run();
  EXPECT_TRUE(client.connected());
  EXPECT_EQ(world.records().size(), 1U);
}

TEST_F(FoundBySimulation, AMessageThatCouldNotBeReadWhenItsPacketIdWasClearIsNotForgotten) {
  Client subscriber(world, "s", mqtt::ProtocolVersion::v5);
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("t", QoS::exactly_once);
  world.run();
  publish_and_checkpoint("a");
  world.kill();
  world.start();  // which packet ids the client holds is not known any more: each is cleared by PUBREL first
  subscriber.connect(CleanStart::no);
  world.run();
  subscriber.received.clear();
  break_log("data/mqtt", storage::FaultKind::io_error, storage::FaultTarget::reads);
  Client publisher(world, "publisher");
  publisher.connect();
  publisher.publish("t", "b", QoS::exactly_once);
  world.run();
  EXPECT_FALSE(subscriber.connected());
  world.faults().disarm();
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.payloads(), std::vector<std::string>{"b"});
}

TEST_F(FoundBySimulation, AnEndOfTheConnectionDoesNotKeepARefusalFromBeingCounted) {
  Client client(world, "c");
  client.connect(CleanStart::no);
  world.run();
  fail_next_write_to("data/mqtt");
  client.publish("t", "a");
  (void)world.turn();
  client.drop();
  world.run();
  EXPECT_TRUE(world.records().empty());
  EXPECT_EQ(world.metrics().publishes_refused.value(), 1U);
}

TEST_F(FoundBySimulation, QoS2IdsAreWrittenDownInACleanStopSinceRetentionMayHaveRemovedTheirRecords) {
  Client client(world, "c");
  client.releases = false;
  client.connect(CleanStart::no);
  const std::uint16_t id = client.publish("t", "once", QoS::exactly_once);
  world.run();
  ASSERT_TRUE(client.acknowledged.contains(id));
  client.drop();
  world.run();
  const std::int32_t partition = world.records().front().partition;
  ASSERT_TRUE(world.store().find_log("mqtt")->partition(partition).delete_records_before(1));
  world.stop();
  world.start();
  client.connect(CleanStart::no);
  client.acknowledged.clear();
  client.resend_publish(id, "t", "once", QoS::exactly_once);
  world.run();
  EXPECT_TRUE(client.acknowledged.contains(id));
  EXPECT_EQ(world.records().size(), 0U);
}

class PublishedWills : public FoundBySimulation {
 protected:
  // A client with a Will has gone, its Will's record was committed, and the process has ended in that commit: of what
  // was to be written to logs with `broken` in their name nothing was.
  void end_in_the_commit_of_a_will(std::uint32_t expiry_s, const std::string& broken, mqtt::Retain retain) {
    Client doomed(world, "doomed", mqtt::ProtocolVersion::v5);
    doomed.connect(CleanStart::no, mqtt::Will{"r", as_bytes("gone"), QoS::at_least_once, retain, {}}, expiry_s);
    world.run();
    doomed.drop();
    (void)world.turn();
    break_log(broken, storage::FaultKind::io_error);
    world.commit_unheard();
    world.crash(1);
    world.faults().disarm();
    start_again();
  }
  void start_again() {
    world.start();
    world.advance(std::chrono::seconds(2));
    world.run();
  }
};

TEST_F(PublishedWills, AreKnownByTheirRecordWhereTheJournalHasThemStill) {
  std::size_t records = 0;
  for (const std::uint32_t expiry_s : {0U, 0xFFFFFFFFU}) {
    end_in_the_commit_of_a_will(expiry_s, "__sessions", mqtt::Retain::no);
    EXPECT_EQ(world.records().size(), ++records);
    world.kill();
    start_again();
    EXPECT_EQ(world.records().size(), records);
  }
}

TEST_F(PublishedWills, AreKnownByTheirRecordAndItsRetainedCopy) {
  end_in_the_commit_of_a_will(0, "__sessions", mqtt::Retain::yes);
  EXPECT_EQ(world.records().size(), 1U);
  EXPECT_EQ(retained(), std::vector<std::string>{"gone"});
}

TEST_F(PublishedWills, OfWhichTheRetainedCopyIsNotThereArePublishedOnceMore) {
  end_in_the_commit_of_a_will(0, "data/__", mqtt::Retain::yes);
  EXPECT_EQ(world.records().size(), 2U);
  EXPECT_EQ(retained(), std::vector<std::string>{"gone"});
}

TEST_F(PublishedWills, WhoseRemovalCouldNotBeWrittenDownAreRemovedBeforeTheNextMark) {
  for (const std::uint32_t expiry_s : {0U, 0xFFFFFFFFU}) {
    const std::size_t before = world.records().size();
    Client doomed(world, "doomed", mqtt::ProtocolVersion::v5);
    doomed.connect(CleanStart::no, mqtt::Will{"r", as_bytes("gone"), QoS::at_least_once, mqtt::Retain::no, {}},
                   expiry_s);
    world.run();
    fail_next_write_to("__sessions");
    doomed.drop();
    world.run();
    EXPECT_TRUE(world.faults().fired());
    for (const char* payload : {"a", "b", "c"}) publish_and_checkpoint(payload);
    world.kill();
    start_again();
    EXPECT_EQ(world.records().size(), before + 4);
  }
}

}  // namespace
}  // namespace bitacora::sim
