#include "bridge/group_offsets.h"

#include <gtest/gtest.h>

#include "bridge/log_world.h"

namespace bitacora::bridge {
namespace {

using Kind = OffsetRequest::Kind;

storage::GroupOffset at(std::int32_t partition, storage::Offset offset) {
  storage::GroupOffset position;
  position.log = "mqtt";
  position.partition = partition;
  position.offset = offset;
  return position;
}

class GroupOffsets : public testing::Test {
 protected:
  std::unique_ptr<storage::Catalog> catalog = value_of(storage::Catalog::open(":memory:"));
};

TEST_F(GroupOffsets, CommitsOfOneGroupTakeTheLastOffsetOfEachPartition) {
  const auto answers = serve(*catalog, {{Kind::commit, 0, 1, "g", {at(0, 5), at(1, 7)}},
                                        {Kind::commit, 2, 9, "h", {at(0, 1)}},
                                        {Kind::commit, 0, 2, "g", {at(0, 6)}}});
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[1].shard, 2U);
  EXPECT_EQ(answers[1].id, 9U);
  for (const auto& answer : answers) EXPECT_FALSE(answer.error);
  const auto stored = value_of(catalog->group_offsets("g"));
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].offset, 6);
  EXPECT_EQ(stored[1].offset, 7);
}

TEST_F(GroupOffsets, ALoadSeesWhatWasCommittedBeforeItAndNotWhatComesAfter) {
  const auto answers = serve(*catalog, {{Kind::load, 0, 1, "g"},
                                        {Kind::commit, 0, 2, "g", {at(0, 5)}},
                                        {Kind::load, 0, 3, "g"},
                                        {Kind::commit, 0, 4, "g", {at(0, 6)}}});
  EXPECT_TRUE(answers[0].offsets.empty());
  ASSERT_EQ(answers[2].offsets.size(), 1U);
  EXPECT_EQ(answers[2].offsets[0].offset, 5);
}

TEST_F(GroupOffsets, WhatIsCommittedBehindARemovalStays) {
  const auto answers = serve(*catalog, {{Kind::commit, 0, 1, "g", {at(0, 5), at(1, 5)}},
                                        {Kind::remove, 0, 2, "g"},
                                        {Kind::commit, 0, 3, "g", {at(1, 9)}},
                                        {Kind::remove, 0, 4, "unknown"}});
  for (const auto& answer : answers) EXPECT_FALSE(answer.error);
  const auto stored = value_of(catalog->group_offsets("g"));
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].partition, 1);
}

TEST_F(GroupOffsets, ACommitThatFailsIsToldToEveryoneWhoseOffsetsWereInIt) {
  storage::GroupOffset bad = at(0, 1);
  bad.metadata = std::string(5000, 'x');
  const auto answers = serve(*catalog, {{Kind::commit, 0, 1, "g", {bad}}, {Kind::commit, 1, 2, "g", {at(1, 2)}}});
  EXPECT_TRUE(answers[0].error);
  EXPECT_TRUE(answers[1].error);
  EXPECT_TRUE(value_of(catalog->group_offsets("g")).empty());
}

TEST_F(GroupOffsets, WhileAGroupHasMembersAnOutsiderDoesNotWriteThem) {
  const auto write = [&] { return catalog->put_group_offsets("g", {at(0, 1)}, storage::GroupWriter::outsider); };
  const auto remove = [&] { return catalog->remove_group("g", storage::GroupWriter::outsider); };
  EXPECT_TRUE(write().has_value());
  (void)serve(*catalog, {{Kind::load, 0, 1, "g"}, {Kind::commit, 0, 2, "g", {at(0, 5)}}});
  for (const auto& refused : {write(), remove()}) {
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, storage::Errc::already_exists);
  }
  EXPECT_EQ(catalog->group_offsets("g")->front().offset, 5);
  (void)serve(*catalog, {{Kind::release, 0, 3, "g"}});
  EXPECT_TRUE(write().has_value());
  EXPECT_TRUE(remove().has_value());
}

}  // namespace
}  // namespace bitacora::bridge
