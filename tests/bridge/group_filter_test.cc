#include "bridge/group_filter.h"

#include <gtest/gtest.h>

namespace bitacora::bridge {
namespace {

TEST(GroupFilter, OfAShareIsItsNameAndItsFilter) {
  const auto parsed = parse_group_filter("$share/readers/plant/+/temp");
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->kind, GroupKind::share);
  EXPECT_EQ((*parsed)->group, "readers");
  EXPECT_EQ((*parsed)->topic_filter, "plant/+/temp");
  EXPECT_EQ(catalog_name(**parsed), "$share/readers/plant/+/temp");
}

TEST(GroupFilter, OfAGroupMaySayWhereItBegins) {
  const auto parsed = parse_group_filter("$group/readers@-1h//x");
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->kind, GroupKind::partitioned);
  EXPECT_EQ((*parsed)->group, "readers");
  EXPECT_EQ((*parsed)->topic_filter, "/x");
  EXPECT_EQ((*parsed)->from, StartPosition(TimeAgo{std::chrono::hours(1)}));
  EXPECT_EQ(catalog_name(**parsed), "readers");
}

TEST(GroupFilter, AnAtSignIsPartOfAShareName) {
  const auto parsed = parse_group_filter("$share/a@b/x");
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->group, "a@b");
}

TEST(GroupFilter, OtherFiltersAreNoGroups) {
  for (const auto* filter : {"a/b", "#", "$replay/earliest/#", "$shared/g/t", "$groups/g/t", "a/$share/g/t"}) {
    const auto parsed = parse_group_filter(filter);
    EXPECT_TRUE(parsed && !*parsed) << filter;
  }
}

TEST(GroupFilter, WithoutNameOrFilterItIsWrongAndSaysWhy) {  // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  for (const std::string filter :
       {"$share", "$share/", "$share/g", "$share/g/", "$share//t", "$share/+/t", "$share/a#/t", "$share/g/a#", "$group",
        "$group/g", "$group//t", "$group/@earliest/t", "$group/g@/t", "$group/g@12/t", "$group/g/$SYS/#",
        "$share/g/$share/g/t"}) {
    const auto parsed = parse_group_filter(filter);
    ASSERT_FALSE(parsed) << filter;
    EXPECT_NE(parsed.error().find(filter), std::string::npos);
  }
  EXPECT_FALSE(parse_group_filter("$share/" + std::string(256, 'g') + "/t"));
  EXPECT_TRUE(parse_group_filter("$share/" + std::string(255, 'g') + "/t"));
}

}  // namespace
}  // namespace bitacora::bridge
