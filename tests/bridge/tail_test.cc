#include "bridge/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/fake_partition.h"
#include "bridge/log_world.h"

namespace bitacora::bridge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST(PositionText, GroupsPartitionsByTheirLog) {
  FakePartition a0("mqtt", 0, 0), a1("mqtt", 1, 1), b("other.log", 0, 2);
  const std::vector<PartitionPosition> positions{{&a0, 123}, {&a1, 456}, {&b, 9}};
  std::string text;
  format_positions(text, positions);
  EXPECT_EQ(text, "mqtt:0=123,1=456;other.log:0=9");
  const auto parsed = parse_positions(text);
  ASSERT_TRUE(parsed);
  EXPECT_THAT(*parsed, ElementsAre(NamedPosition{"mqtt", 0, 123}, NamedPosition{"mqtt", 1, 456},
                                   NamedPosition{"other.log", 0, 9}));
}

TEST(PositionText, RefusesWhatIsNone) {
  for (const char* text : {"", "mqtt", "mqtt:", ":0=1", "mqtt:0", "mqtt:0=", "mqtt:=1", "mqtt:0=-1", "mqtt:0=1x",
                           "mqtt:x=1", ";mqtt:0=1", "a/b:0=1", "mqtt:0=1,,1=2", "mqtt:0=99999999999999999999"}) {
    const auto parsed = parse_positions(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(text));
  }
}

class TailTest : public testing::Test {
 protected:
  // "log/partition/offset" of each record there is.
  static std::vector<std::string> rest(Tail& tail) {
    std::vector<std::string> all;
    while (true) {
      const auto record = tail.next();
      if (!record) return {record.error().message};
      if (*record) {
        all.push_back((*record)->partition->log_name() + "/" + std::to_string((*record)->partition->number()) + "/" +
                      std::to_string((*record)->record.offset));
      } else if (const auto gap = tail.take_gap()) {
        all.push_back("gap to " + std::to_string(gap->offsets.end));
      } else if (tail.at_end()) {
        return all;
      }
    }
  }
  static std::string position_of(const Tail& tail) {
    std::string text;
    format_positions(text, tail.positions());
    return text;
  }
  Tail start(const char* filter, const char* from) {
    return value_of(Tail::start(filter, {&a, &b}, *parse_start_position(from), world.clock.now().wall_ms));
  }

  LogWorld world;
  storage::Log& a = world.create_log("a", 2);
  storage::Log& b = world.create_log("b", 1);
};

TEST_F(TailTest, GivesWhatTheFilterMatchesFromAllLogs) {
  world.append(a.partition(0), "plant/1/temp", "x");
  world.append(a.partition(0), "plant/1/humidity", "x");
  world.append(a.partition(1), "plant/2/temp", "x");
  world.append(b.partition(0), "plant/3/temp", "x");
  Tail tail = start("plant/+/temp", "earliest");
  EXPECT_THAT(rest(tail), UnorderedElementsAre("a/0/0", "a/1/0", "b/0/0"));
  EXPECT_EQ(position_of(tail), "a:0=2,1=1;b:0=1");
}

TEST_F(TailTest, ARecordWhoseKeyIsNoTopicIsPassedOver) {
  world.append(a.partition(0), "a/+", "x");
  world.append(a.partition(0), "", "x");
  world.append(a.partition(0), "$SYS/x", "x");
  Tail tail = start("#", "earliest");
  EXPECT_THAT(rest(tail), ElementsAre());
}

TEST_F(TailTest, FromLatestOnlyWhatComesLater) {
  world.append(a.partition(0), "t", "x");
  Tail tail = start("#", "latest");
  EXPECT_THAT(rest(tail), ElementsAre());
  world.append(a.partition(0), "t", "x");
  EXPECT_THAT(rest(tail), ElementsAre("a/0/1"));
}

TEST_F(TailTest, APositionBringsItBackToTheNextRecord) {
  for (int i = 0; i < 3; ++i) world.append(a.partition(0), "t", "x");
  Tail tail = start("#", "earliest");
  ASSERT_TRUE(tail.next()->has_value());
  const auto positions = parse_positions(position_of(tail));
  Tail resumed = value_of(Tail::resume("#", {&a, &b}, *positions));
  EXPECT_THAT(rest(resumed), ElementsAre("a/0/1", "a/0/2"));
}

TEST_F(TailTest, APartitionThePositionDoesNotNameIsReadFromItsStart) {
  world.append(a.partition(1), "t", "x");
  const std::vector<NamedPosition> positions{{"a", 0, 0}, {"b", 0, 0}};
  Tail tail = value_of(Tail::resume("#", {&a, &b}, positions));
  EXPECT_THAT(rest(tail), ElementsAre("a/1/0"));
}

TEST_F(TailTest, APositionOfAnotherTailIsRefused) {
  const std::vector<NamedPosition> positions{{"c", 0, 0}};
  EXPECT_EQ(Tail::resume("#", {&a, &b}, positions).error().code, storage::Errc::invalid_argument);
}

TEST_F(TailTest, RetentionThatOvertookItIsToldAndPassed) {
  for (int i = 0; i < 3; ++i) world.append(a.partition(0), "t", "x");
  Tail tail = start("#", "earliest");
  ASSERT_TRUE(a.partition(0).delete_records_before(2));
  EXPECT_THAT(rest(tail), ElementsAre("gap to 2", "a/0/2"));
}

TEST_F(TailTest, PartitionsThatAreAddedAreReadFromTheirStart) {
  Tail tail = start("#", "latest");
  ASSERT_TRUE(world.store->change_settings("a", with_partitions(3)));
  world.append(a.partition(2), "t", "x");
  EXPECT_THAT(rest(tail), ElementsAre());
  tail.add_new_partitions();
  EXPECT_THAT(rest(tail), ElementsAre("a/2/0"));
  EXPECT_EQ(position_of(tail), "a:0=0,1=0,2=1;b:0=0");
}

TEST_F(TailTest, ALongStretchWithoutAMatchIsNoEnd) {
  storage::BatchBuilder builder;
  for (std::size_t i = 0; i <= Tail::max_passed_over; ++i) builder.add({0, 1, as_bytes("no"), as_bytes(""), {}});
  builder.add({0, 1, as_bytes("yes"), as_bytes(""), {}});
  ASSERT_TRUE(world.committer->submit({&a.partition(0), builder.take(), 0, 0}));
  world.committer->run_once();
  Tail tail = start("yes", "earliest");
  EXPECT_FALSE(tail.next()->has_value());
  EXPECT_FALSE(tail.at_end());
  EXPECT_TRUE(tail.next()->has_value());
}

}  // namespace
}  // namespace bitacora::bridge
