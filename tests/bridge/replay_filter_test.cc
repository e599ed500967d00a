#include "bridge/replay_filter.h"

#include <gtest/gtest.h>

namespace bitacora::bridge {
namespace {

TEST(ReplayFilter, AnOrdinaryFilterIsLive) {
  for (const auto* filter : {"#", "a/b", "$SYS/#", "$replays/x", "$replay2", "a/$replay/earliest"}) {
    const auto target = parse_subscription_target(filter);
    ASSERT_TRUE(target) << filter;
    EXPECT_TRUE(std::holds_alternative<LiveFilter>(*target)) << filter;
  }
}

TEST(ReplayFilter, ReadsWhereToStartAndWhatFor) {
  const auto target = parse_subscription_target("$replay/earliest/plant/+/temp");
  ASSERT_TRUE(target);
  const auto& replay = std::get<ReplayByFilter>(*target);
  EXPECT_EQ(replay.from, StartPosition(Earliest{}));
  EXPECT_EQ(replay.filter, "plant/+/temp");
  const auto ago = parse_subscription_target("$replay/-1h/#");
  ASSERT_TRUE(ago);
  EXPECT_EQ(std::get<ReplayByFilter>(*ago).from, StartPosition(TimeAgo{std::chrono::hours(1)}));
}

TEST(ReplayFilter, ReadsOnePartitionFromAnOffset) {
  const auto target = parse_subscription_target("$log/readings/3/1234");
  ASSERT_TRUE(target);
  const auto& partition = std::get<ReplayOfPartition>(*target);
  EXPECT_EQ(partition.log, "readings");
  EXPECT_EQ(partition.partition, 3);
  EXPECT_EQ(partition.from, StartPosition(AtOffset{1234}));
}

TEST(ReplayFilter, ReadsAStreamOfOneLogWithAndWithoutAFilter) {
  const auto whole = parse_subscription_target("$stream/readings");
  ASSERT_TRUE(whole);
  EXPECT_EQ(std::get<ReplayOfLog>(*whole).log, "readings");
  EXPECT_EQ(std::get<ReplayOfLog>(*whole).filter, "#");
  const auto part = parse_subscription_target("$stream/readings/plant/+/temp");
  ASSERT_TRUE(part);
  EXPECT_EQ(std::get<ReplayOfLog>(*part).filter, "plant/+/temp");
}

TEST(ReplayFilter, AStreamStartsWhereTheFirstPropertyOfItsNamesSays) {
  mqtt::Properties properties;
  EXPECT_EQ(start_of_stream(properties), StartPosition(Latest{}));
  properties.user_properties = {{"colour", "red"}, {"stream-offset", "earliest"}, {"offset", "17"}};
  EXPECT_EQ(start_of_stream(properties), StartPosition(Earliest{}));
  properties.user_properties = {{"offset", "17"}};
  EXPECT_EQ(start_of_stream(properties), StartPosition(AtOffset{17}));
  properties.user_properties = {{"offset", "soon"}};
  EXPECT_FALSE(start_of_stream(properties));
}

TEST(ReplayFilter, SaysWhatIsWrong) {
  for (const auto* filter : {"$replay", "$replay/earliest", "$replay/yesterday/#", "$replay/17/#", "$log", "$log/mqtt",
                             "$log/mqtt/0", "$log/mqtt/x/0", "$log/mqtt/-1/0", "$log//0/0", "$log/mqtt/0/then",
                             "$replay/earliest/", "$stream", "$stream/", "$stream//a", "$stream/mqtt/"}) {
    const auto target = parse_subscription_target(filter);
    ASSERT_FALSE(target) << filter;
    EXPECT_NE(target.error().find(filter), std::string::npos) << target.error();
  }
}

}  // namespace
}  // namespace bitacora::bridge
