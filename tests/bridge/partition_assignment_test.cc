#include "bridge/partition_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace bitacora::bridge {
namespace {

using Owners = std::vector<std::optional<std::size_t>>;

std::vector<std::size_t> counts(const std::vector<std::size_t>& assigned, std::size_t members) {
  std::vector<std::size_t> counts(members, 0);
  for (const std::size_t owner : assigned) ++counts.at(owner);
  return counts;
}

TEST(PartitionAssignment, GivesTheFirstMemberAll) {
  EXPECT_THAT(assign_partitions(Owners(3), 1), testing::ElementsAre(0, 0, 0));
}

TEST(PartitionAssignment, ANewMemberTakesFromWhoHasMost) {
  EXPECT_THAT(assign_partitions(Owners{0, 0, 0, 1}, 3), testing::ElementsAre(0, 0, 2, 1));
}

TEST(PartitionAssignment, WhatALostMemberHadIsAllThatMoves) {
  EXPECT_THAT(assign_partitions(Owners{0, std::nullopt, 1, std::nullopt}, 2), testing::ElementsAre(0, 0, 1, 1));
}

TEST(PartitionAssignment, AMemberTooManyHasNone) {
  EXPECT_THAT(assign_partitions(Owners{0, 1}, 3), testing::ElementsAre(0, 1));
}

RC_GTEST_PROP(PartitionAssignment, IsBalancedAndMovesNoMoreThanItMust, ()) {
  const auto members = *rc::gen::inRange<std::size_t>(1, 8);
  const auto partitions = *rc::gen::inRange<std::size_t>(0, 20);
  Owners owners;
  for (std::size_t i = 0; i < partitions; ++i) {
    const auto owner = *rc::gen::inRange<std::size_t>(0, members + 1);
    owners.push_back(owner == members ? std::nullopt : std::optional(owner));
  }
  const auto assigned = assign_partitions(owners, members);
  RC_ASSERT(assigned.size() == partitions);
  const auto after = counts(assigned, members);
  const auto [least, most] = std::ranges::minmax(after);
  RC_ASSERT(most - least <= 1U);
  // Who keeps what: as many as a balanced assignment can leave in place.
  std::vector<std::size_t> before(members, 0);
  for (const auto& owner : owners) {
    if (owner) ++before[*owner];
  }
  std::ranges::sort(before, std::greater<>());
  std::size_t can_stay = 0;
  for (std::size_t rank = 0; rank < members; ++rank) {
    can_stay += std::min(before[rank], partitions / members + (rank < partitions % members ? 1 : 0));
  }
  std::size_t stayed = 0;
  for (std::size_t i = 0; i < partitions; ++i) stayed += owners[i] == assigned[i] ? 1 : 0;
  RC_ASSERT(stayed == can_stay);
}

}  // namespace
}  // namespace bitacora::bridge
