// Groups over real threads: members and homes on different shards, the catalog on its own thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;

RunningServerOptions four_shards() {
  RunningServerOptions options;
  options.server.shard_count = 4;
  return options;
}

TEST(Groups, GiveEachMessageToOneMemberWhateverShardsTheyAreOn) {
  RunningServer server(four_shards());
  std::vector<MqttClient> members;
  for (int i = 0; i < 4; ++i) {
    members.push_back(server.connected("member-" + std::to_string(i)));
    members.back().subscribe("$share/g/t/#", QoS::at_least_once);
  }
  MqttClient publisher = server.connected("publisher");
  std::set<std::string> published, received;
  for (int i = 0; i < 40; ++i) {
    published.insert(std::to_string(i));
    ASSERT_EQ(publisher.publish("t/" + std::to_string(i % 7), std::to_string(i)), mqtt::ReasonCode::success);
  }
  for (MqttClient& member : members) {  // in turn, so that each has ten
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(received.insert(member.next_message().payload).second);
  }
  EXPECT_EQ(received, published);
}

TEST(Groups, OfPartitionsGoOnWithTheNextMemberWhereTheLastOneWas) {
  RunningServer server(four_shards());
  MqttClient publisher = server.connected("publisher");
  for (int round = 0; round < 3; ++round) {
    MqttClient member = server.connected("member-" + std::to_string(round));
    member.subscribe("$group/g/t/#", QoS::at_least_once);
    std::set<std::string> published, received;
    for (int i = 0; i < 20; ++i) {
      published.insert(std::to_string(round * 100 + i));
      ASSERT_EQ(publisher.publish("t/" + std::to_string(i), std::to_string(round * 100 + i)),
                mqtt::ReasonCode::success);
    }
    for (int i = 0; i < 20; ++i) received.insert(member.next_message().payload);
    EXPECT_EQ(received, published);
    member.disconnect();
    ASSERT_TRUE(comes_true([&] { return server.metrics().groups.value() == 0; }));
  }
}

TEST(Groups, AStopWaitsForThePositions) {
  RunningServer server(four_shards());
  std::vector<MqttClient> members;
  for (int i = 0; i < 8; ++i) {
    members.push_back(server.connected("member-" + std::to_string(i)));
    members.back().subscribe("$group/g" + std::to_string(i % 3) + "/t/#", QoS::at_least_once);
  }
  MqttClient publisher = server.connected("publisher");
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish("t/" + std::to_string(i), "x"), mqtt::ReasonCode::success);
  }
  ASSERT_TRUE(comes_true([&] { return server.metrics().group_records_handed_over.value() == 60; }));
  server.stop();
  EXPECT_EQ(server.server().open_connections(), 0U);
}

}  // namespace
}  // namespace bitacora::net
