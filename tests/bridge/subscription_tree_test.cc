#include "bridge/subscription_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

std::multiset<int> matches(const SubscriptionTree<int>& tree, std::string_view name) {
  std::multiset<int> found;
  tree.match(name, [&](int value) { found.insert(value); });
  return found;
}

TEST(SubscriptionTree, FindsExactNamesPlusesAndHashes) {
  SubscriptionTree<int> tree;
  tree.insert("plant/1/temp", 1);
  tree.insert("plant/+/temp", 2);
  tree.insert("plant/#", 3);
  tree.insert("#", 4);
  EXPECT_THAT(matches(tree, "plant/1/temp"), testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(matches(tree, "plant/2/temp"), testing::ElementsAre(2, 3, 4));
  EXPECT_THAT(matches(tree, "office"), testing::ElementsAre(4));
}

TEST(SubscriptionTree, AHashMatchesItsParentToo) {
  SubscriptionTree<int> tree;
  tree.insert("plant/#", 1);
  EXPECT_THAT(matches(tree, "plant"), testing::ElementsAre(1));
}

TEST(SubscriptionTree, ALeadingWildcardDoesNotSeeDollarTopics) {  // [MQTT-4.7.2-1]
  SubscriptionTree<int> tree;
  tree.insert("#", 1);
  tree.insert("+/broker", 2);
  tree.insert("$SYS/#", 3);
  EXPECT_THAT(matches(tree, "$SYS/broker"), testing::ElementsAre(3));
}

TEST(SubscriptionTree, EmptyLevelsAreLevels) {
  SubscriptionTree<int> tree;
  tree.insert("/a", 1);
  tree.insert("+/a", 2);
  tree.insert("a/", 3);
  EXPECT_THAT(matches(tree, "/a"), testing::ElementsAre(1, 2));
  EXPECT_THAT(matches(tree, "a/"), testing::ElementsAre(3));
  EXPECT_THAT(matches(tree, "a"), testing::ElementsAre());
}

TEST(SubscriptionTree, ErasesOneValueAndKeepsItsNeighbours) {
  SubscriptionTree<int> tree;
  tree.insert("a/b", 1);
  tree.insert("a/b", 2);
  tree.insert("a/b/c", 3);
  EXPECT_TRUE(tree.erase("a/b", 1));
  EXPECT_FALSE(tree.erase("a/b", 1));
  EXPECT_FALSE(tree.erase("x", 1));
  EXPECT_THAT(matches(tree, "a/b"), testing::ElementsAre(2));
  EXPECT_THAT(matches(tree, "a/b/c"), testing::ElementsAre(3));
  EXPECT_EQ(tree.size(), 2U);
}

TEST(SubscriptionTree, ATopicOfManyLevelsIsNoMatterForTheStack) {
  SubscriptionTree<int> tree;
  std::string deep(65535, '/');
  tree.insert("#", 1);
  tree.insert(deep, 2);
  EXPECT_THAT(matches(tree, deep), testing::ElementsAre(1, 2));
  EXPECT_TRUE(tree.erase(deep, 2));
  EXPECT_EQ(tree.size(), 1U);
}

rc::Gen<std::string> text_of_levels(const std::vector<std::string>& levels) {
  return rc::gen::map(
      rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(levels)))),
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const auto& part : parts) text += (text.empty() && &part == &parts.front() ? "" : "/") + part;
        return text.empty() ? std::string("/") : text;
      });
}

RC_GTEST_PROP(SubscriptionTreeProperty, AgreesWithMatchingFilterAfterFilter, ()) {
  const std::vector<std::string> filter_levels{"a", "b", "", "+", "$x"};
  const std::vector<std::string> name_levels{"a", "b", "", "$x"};
  SubscriptionTree<int> tree;
  std::vector<std::pair<std::string, int>> model;
  const int steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    if (!model.empty() && *rc::gen::inRange(0, 4) == 0) {
      const auto at = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(model.size())));
      RC_ASSERT(tree.erase(model[at].first, model[at].second));
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    std::string filter = *text_of_levels(filter_levels);
    if (*rc::gen::arbitrary<bool>()) filter += "/#";
    tree.insert(filter, i);
    model.emplace_back(filter, i);
  }
  for (int i = 0; i < 20; ++i) {
    const std::string name = *text_of_levels(name_levels);
    std::multiset<int> expected;
    for (const auto& [filter, value] : model) {
      if (mqtt::matches(filter, name)) expected.insert(value);
    }
    RC_ASSERT(matches(tree, name) == expected);
  }
}

}  // namespace
}  // namespace bitacora::bridge
