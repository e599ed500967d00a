// Records that a start does not find any more, because compaction removed them or a log lost its end, and what of
// sessions hangs on them. The list of what was found: docs/bugs-found.md.
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using mqtt::CleanStart;
using mqtt::QoS;

// A log "state" that is compacted and whose segments are sealed soon.
class CompactedPublishes : public testing::Test {
 protected:
  static WorldOptions options() {
    WorldOptions world;
    storage::LogSettings state;
    state.partitions = 1;
    state.cleanup = storage::Cleanup::compact;
    state.segment_bytes = 2 << 10;
    state.min_cleanable_ratio = 0;
    world.other_logs = {{"state", state}};
    world.broker.routes.push_back({.filter = "state/#", .log = "state"});
    return world;
  }
  CompactedPublishes() {
    world.start();
    client.releases = false;
    client.connect(CleanStart::no);
    world.run();
    pass_a_checkpoint();
  }
  void pass_a_checkpoint() { publish_before_checkpoint(world, "t", "something moves"); }
  // Newer values of the key, until what came before is sealed; then compaction.
  void supersede_and_compact(const std::string& topic) {
    Client other(world, "other");
    other.connect();
    for (int i = 0; i < 5; ++i) {
      other.publish(topic, std::string(1000, '.'));
      world.run();
    }
    ASSERT_TRUE(world.store().run_housekeeping());
  }
  std::vector<storage::Offset> places_of(std::string_view payload) {
    std::vector<storage::Offset> places;
    for (const auto& record : world.records("state")) {
      if (record.value == payload) places.push_back(record.offset);
    }
    return places;
  }
  void end_and_send_again(std::uint16_t id) {
    world.kill();
    world.start();
    client.connect(CleanStart::no);
    client.resend_publish(id, "state/0", "once", QoS::exactly_once);
    world.run();
    EXPECT_TRUE(client.acknowledged.contains(id));
  }

  BrokerWorld world{options()};
  Client client{world, "c"};
};

TEST_F(CompactedPublishes, AtQoS2AreKeptUntilTheJournalKnowsTheirIds) {
  const std::uint16_t id = client.publish("state/0", "once", QoS::exactly_once);
  world.run();
  ASSERT_EQ(places_of("once"), std::vector<storage::Offset>{0});
  supersede_and_compact("state/0");
  end_and_send_again(id);
  EXPECT_EQ(places_of("once"), std::vector<storage::Offset>{0}) << "without its record it was stored again";
}

TEST_F(CompactedPublishes, AreCompactedOnceTheJournalKnowsTheirIds) {
  const std::uint16_t id = client.publish("state/0", "once", QoS::exactly_once);
  world.run();
  supersede_and_compact("state/0");
  pass_a_checkpoint();
  supersede_and_compact("state/0");
  EXPECT_TRUE(places_of("once").empty());
  end_and_send_again(id);
  EXPECT_TRUE(places_of("once").empty());
}

TEST_F(CompactedPublishes, AreCompactedAtOnceWhereNoSessionNeedsThem) {
  client.connect(CleanStart::yes);
  world.run();
  client.drop();
  world.run();
  pass_a_checkpoint();
  Client other(world, "other");
  other.connect();
  other.publish("state/0", "first");
  world.run();
  supersede_and_compact("state/0");
  EXPECT_TRUE(places_of("first").empty());
}

// A log "fast" whose end is not durable before a second has passed.
class LostEnds : public testing::Test {
 protected:
  static WorldOptions options() {
    WorldOptions world;
    storage::LogSettings fast;
    fast.partitions = 1;
    fast.durability = storage::Durability::async;
    fast.flush_interval = std::chrono::hours(1);
    world.other_logs = {{"fast", fast}};
    world.broker.routes.push_back({.filter = "fast/#", .log = "fast"});
    return world;
  }
  LostEnds() { world.start(); }
  void publish(std::initializer_list<const char*> payloads) {
    Client publisher(world, "publisher");
    publisher.connect();
    for (const char* payload : payloads) publisher.publish("fast/0", payload);
    world.run();
    world.advance(std::chrono::milliseconds(1100));
    world.run();
  }
  void lose_the_end() {
    world.crash(1);
    world.start();
    ASSERT_TRUE(world.records("fast").empty()) << "another seed is needed";
  }
  BrokerWorld world{options()};
};

TEST_F(LostEnds, OfALogAreForgottenByThePositionsOfSessions) {
  Client subscriber(world, "s");
  subscriber.connect(CleanStart::no);
  subscriber.subscribe("fast/#");
  world.run();
  publish({"a", "b", "c"});
  EXPECT_EQ(subscriber.received.size(), 3U);
  subscriber.drop();
  world.run();
  lose_the_end();
  publish({"d", "e"});  // under the offsets that were lost
  world.kill();
  world.start();
  subscriber.received.clear();
  subscriber.connect(CleanStart::no);
  world.run();
  EXPECT_EQ(subscriber.payloads(), (std::vector<std::string>{"d", "e"}));
}

}  // namespace
}  // namespace bitacora::sim
