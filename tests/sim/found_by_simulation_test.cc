// What the simulation has found, each as the smallest test that shows it. The list: docs/bugs-found.md.
#include <gtest/gtest.h>

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
  // Publishes, and lets the checkpoint that follows be written.
  void publish_and_checkpoint(const std::string& payload) {
    Client publisher(world, "publisher");
    publisher.connect();
    publisher.publish("t", payload);
    world.run();
    world.advance(std::chrono::milliseconds(1100));
    world.run();
  }
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
  break_log("__sessions", storage::FaultKind::no_space);
  world.advance(std::chrono::milliseconds(1100));
  world.run();
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

TEST_F(FoundBySimulation, ACursorThatCouldNotBeWrittenDownIsWrittenAgainBeforeTheNextMark) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("t");
  world.run();
  publish_and_checkpoint("a");
  break_log("__sessions", storage::FaultKind::no_space);
  subscriber.drop();
  world.run();
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

}  // namespace
}  // namespace bitacora::sim
