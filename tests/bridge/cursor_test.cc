#include "bridge/cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/fake_partition.h"
#include "bridge/topic_search.h"

namespace bitacora::bridge {
namespace {

using storage::Errc;
using storage::Offset;
using testing::ElementsAre;

class CursorTest : public testing::Test {
 protected:
  // "a/0=x": log, offset and value of the next record; "end" or "gap" where there is none, "error" if the disk failed.
  std::string next(Cursor& cursor) {
    auto record = cursor.next();
    if (!record) return "error";
    if (!*record) {
      gap = cursor.take_gap();
      return gap ? "gap" : "end";
    }
    const CursorRecord& it = **record;
    return it.partition->log_name() + "/" + std::to_string(it.record.offset) + "=" +
           std::string(as_text(*it.record.value));
  }
  // Everything up to the first "end".
  std::vector<std::string> rest(Cursor& cursor) {
    std::vector<std::string> all;
    for (std::string one = next(cursor); one != "end"; one = next(cursor)) all.push_back(one);
    return all;
  }
  void append_each(FakePartition& to, std::initializer_list<std::string_view> values) {
    for (const std::string_view value : values) to.append({{.key = "k", .value = value}});
  }

  FakePartition a{"a", 0, 0};
  FakePartition b{"b", 0, 1};
  std::optional<Gap> gap;
};

TEST_F(CursorTest, ReadsBatchesRecordByRecordAndThenIsAtTheEnd) {
  a.append({{.key = "k", .value = "x"}, {.key = "k", .value = "y"}});
  a.append({{.key = "k", .value = "z"}});
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x", "a/1=y", "a/2=z"));
  EXPECT_EQ(cursor.position_of(a)->offset, 3);
}

TEST_F(CursorTest, GoesOnWhenRecordsAreCommittedBehindItsEnd) {
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "end");
  append_each(a, {"x"});
  EXPECT_EQ(next(cursor), "a/0=x");
  EXPECT_EQ(next(cursor), "end");
}

TEST_F(CursorTest, StartsInsideABatch) {
  a.append({{.key = "k", .value = "x"}, {.key = "k", .value = "y"}});
  Cursor cursor({{&a, 1}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/1=y"));
}

TEST_F(CursorTest, NeverPassesTheCommittedOffset) {
  append_each(a, {"x", "y"});
  a.set_committed(1);
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x"));
}

TEST_F(CursorTest, APositionThatIsNotCommittedYetWaitsForIt) {
  append_each(a, {"x", "y"});
  Cursor cursor({{&a, 3}});
  EXPECT_EQ(next(cursor), "end");
  EXPECT_EQ(cursor.position_of(a)->offset, 3);
}

TEST_F(CursorTest, StopsAtItsLimitInsideABatchAndGoesOnWhenTheLimitIsMoved) {
  a.append({{.key = "k", .value = "x"}, {.key = "k", .value = "y"}, {.key = "k", .value = "z"}});
  Cursor cursor({{&a, 0, 1}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x"));
  EXPECT_EQ(cursor.position_of(a)->offset, 1);
  cursor.set_limit(a, 2);
  EXPECT_THAT(rest(cursor), ElementsAre("a/1=y"));
}

TEST_F(CursorTest, TakesPartitionsInTurnAChunkOfEach) {
  const std::string large(Cursor::chunk_bytes / 2 + 1, '.');
  for (FakePartition* partition : {&a, &b}) {
    partition->append({{.key = "k", .value = large}});
    partition->append({{.key = "k", .value = large}});
  }
  Cursor cursor({{&a, 0}, {&b, 0}});
  std::vector<std::string> logs;
  for (const std::string& one : rest(cursor)) logs.push_back(one.substr(0, 3));
  EXPECT_THAT(logs, testing::UnorderedElementsAre("a/0", "b/0", "a/1", "b/1"));
  EXPECT_NE(logs[0].front(), logs[1].front());
  EXPECT_NE(logs[2].front(), logs[3].front());
}

TEST_F(CursorTest, ALaterPartitionIsReadToo) {
  append_each(a, {"x"});
  append_each(b, {"y"});
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "a/0=x");
  cursor.add({&b, 0});
  EXPECT_THAT(rest(cursor), ElementsAre("b/0=y"));
}

TEST_F(CursorTest, ARecordPutBackComesAgain) {
  a.append({{.key = "k", .value = "x"}, {.key = "k", .value = "y"}, {.key = "k", .value = "z"}});
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "a/0=x");
  EXPECT_EQ(next(cursor), "a/1=y");
  cursor.put_back();
  EXPECT_EQ(cursor.position_of(a)->offset, 1);
  EXPECT_THAT(rest(cursor), ElementsAre("a/1=y", "a/2=z"));
  EXPECT_EQ(a.reads(), 1);
}

TEST_F(CursorTest, ARecordPutBackComesAgainWithoutTheChunk) {
  append_each(a, {"x", "y"});
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "a/0=x");
  cursor.put_back();
  cursor.release_chunk();
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x", "a/1=y"));
}

TEST_F(CursorTest, ReleasingTheChunkLosesNothing) {
  append_each(a, {"x", "y", "z"});
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "a/0=x");
  cursor.release_chunk();
  EXPECT_THAT(rest(cursor), ElementsAre("a/1=y", "a/2=z"));
}

TEST_F(CursorTest, RetentionThatOvertookItIsAGapAndReadingGoesOnBehind) {
  append_each(a, {"x", "y", "z"});
  Cursor cursor({{&a, 0}});
  a.remove_before(2);
  EXPECT_EQ(next(cursor), "gap");
  EXPECT_EQ(gap->partition, &a);
  EXPECT_EQ(gap->offsets, (storage::OffsetRange{0, 2}));
  EXPECT_EQ(gap->cause, Gap::Cause::retention);
  EXPECT_THAT(rest(cursor), ElementsAre("a/2=z"));
}

TEST_F(CursorTest, AGapIsNotPassedBeforeItIsTaken) {
  append_each(a, {"x", "y"});
  Cursor cursor({{&a, 0}});
  a.remove_before(1);
  EXPECT_FALSE(cursor.next()->has_value());
  EXPECT_FALSE(cursor.next()->has_value());
  EXPECT_TRUE(cursor.take_gap());
  EXPECT_FALSE(cursor.take_gap());
  EXPECT_EQ(next(cursor), "a/1=y");
}

TEST_F(CursorTest, AGapEndsAtTheLimit) {
  append_each(a, {"x", "y", "z"});
  Cursor cursor({{&a, 0, 1}});
  a.remove_before(2);
  EXPECT_EQ(next(cursor), "gap");
  EXPECT_EQ(gap->offsets, (storage::OffsetRange{0, 1}));
  EXPECT_EQ(next(cursor), "end");
}

TEST_F(CursorTest, DamageIsAGapBetweenTheRecordsAroundIt) {
  append_each(a, {"w", "x", "y", "z"});
  a.damage({1, 3});
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=w", "gap", "a/3=z"));
}

TEST_F(CursorTest, DamageOfOnePartitionDoesNotStopAnother) {
  append_each(a, {"x"});
  append_each(b, {"y"});
  a.damage({0, 1});
  Cursor cursor({{&a, 0}, {&b, 0}});
  EXPECT_THAT(rest(cursor), testing::UnorderedElementsAre("gap", "b/0=y"));
  EXPECT_EQ(gap.has_value(), false);
}

TEST_F(CursorTest, ABatchThatCannotBeDecompressedIsAGapOfItsOffsets) {
  append_each(a, {"x", "y"});
  a.make_last_compressed();
  append_each(a, {"z"});
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "a/0=x");
  EXPECT_EQ(next(cursor), "gap");
  EXPECT_EQ(gap->offsets, (storage::OffsetRange{1, 2}));
  EXPECT_EQ(gap->cause, Gap::Cause::damage);
  EXPECT_EQ(next(cursor), "a/2=z");
}

TEST_F(CursorTest, HolesThatCompactionLeftAreNoGaps) {
  append_each(a, {"x"});
  a.leave_hole(5);
  append_each(a, {"y"});
  a.leave_hole(5);
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x", "a/6=y"));
}

TEST_F(CursorTest, ControlBatchesArePassedOver) {
  append_each(a, {"x", "control"});
  a.make_last_control();
  append_each(a, {"y", "control"});
  a.make_last_control();
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/0=x", "a/2=y"));
  EXPECT_EQ(cursor.position_of(a)->offset, 4);
}

TEST_F(CursorTest, AChunkOfControlBatchesAloneDoesNotLookLikeTheEnd) {
  const std::string large(Cursor::chunk_bytes, '.');
  a.append({{.key = "k", .value = large}});
  a.make_last_control();
  append_each(a, {"x"});
  Cursor cursor({{&a, 0}});
  EXPECT_THAT(rest(cursor), ElementsAre("a/1=x"));
}

TEST_F(CursorTest, ADiskThatFailsIsAnErrorAndThePositionStays) {
  append_each(a, {"x"});
  a.fail_with(Errc::io_error);
  Cursor cursor({{&a, 0}});
  EXPECT_EQ(next(cursor), "error");
  EXPECT_EQ(cursor.position_of(a)->offset, 0);
  a.fail_with(std::nullopt);
  EXPECT_EQ(next(cursor), "a/0=x");
}

TEST_F(CursorTest, WithoutPartitionsItIsAtTheEnd) {
  Cursor cursor;
  EXPECT_EQ(next(cursor), "end");
}

class SearchingCursor : public CursorTest {
 protected:
  // Ten batches of one record; those at 2 and 7 have the key that is looked for.
  SearchingCursor() {
    for (int i = 0; i < 10; ++i) {
      const std::string value = std::to_string(i);
      a.append({{.key = i % 5 == 2 ? "rare" : "many", .value = value}});
    }
    cursor.search_for(search_for_topics("rare"));
  }
  // Everything up to the end, however often it goes on searching.
  std::vector<std::string> found() {
    std::vector<std::string> all;
    for (int calls = 0; calls < 100; ++calls) {
      const std::string one = next(cursor);
      if (one != "end") {
        all.push_back(one);
      } else if (!cursor.is_searching()) {
        return all;
      } else {
        ++searches;
      }
    }
    ADD_FAILURE() << "it does not come to an end";
    return all;
  }

  Cursor cursor{{{&a, 0}}};
  int searches = 0;
};

TEST_F(SearchingCursor, ReadsOnlyWhatTheLogNames) {
  a.index_keys(100);
  EXPECT_THAT(found(), ElementsAre("a/2=2", "a/7=7"));
  EXPECT_EQ(a.reads(), 2);
  EXPECT_EQ(cursor.position_of(a)->offset, 10);
}

TEST_F(SearchingCursor, GivesOthersTheirTurnAfterEachAnswerThatNamesNothing) {
  a.index_keys(1);
  EXPECT_THAT(found(), ElementsAre("a/2=2", "a/7=7"));
  EXPECT_EQ(searches, 8);
}

TEST_F(SearchingCursor, WithoutAnIndexItReadsEverything) {
  EXPECT_THAT(found(), testing::SizeIs(10));
  EXPECT_EQ(searches, 0);
}

TEST_F(SearchingCursor, StopsAtItsLimitAndGoesOnFromThere) {
  a.index_keys(100);
  cursor.set_limit(a, 5);
  EXPECT_THAT(found(), ElementsAre("a/2=2"));
  EXPECT_EQ(cursor.position_of(a)->offset, 5);
  cursor.set_limit(a, INT64_MAX);
  EXPECT_THAT(found(), ElementsAre("a/7=7"));
}

TEST_F(SearchingCursor, FindsWhatIsCommittedBehindItsLastAnswer) {
  a.index_keys(100);
  EXPECT_THAT(found(), testing::SizeIs(2));
  a.append({{.key = "many", .value = "10"}});
  a.append({{.key = "rare", .value = "11"}});
  EXPECT_THAT(found(), ElementsAre("a/11=11"));
}

TEST_F(SearchingCursor, GivesARecordAgainThatWasPutBack) {
  a.index_keys(100);
  while (next(cursor) != "a/2=2") {
  }
  cursor.put_back();
  cursor.release_chunk();
  EXPECT_THAT(found(), ElementsAre("a/2=2", "a/7=7"));
}

TEST_F(SearchingCursor, TellsOfRetentionAndDamageWhereItIsSent) {
  a.index_keys(100);
  a.damage({7, 8});
  a.remove_before(1);
  EXPECT_THAT(found(), ElementsAre("gap", "a/2=2", "gap"));
  EXPECT_EQ(gap->offsets, (storage::OffsetRange{7, 8}));
}

}  // namespace
}  // namespace bitacora::bridge
