// A topic filter as a search by key: it wants what the filter matches, and its prefix leaves none of that out.
#include "bridge/topic_search.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

TEST(TopicSearchTest, begins_with_what_stands_in_front_of_the_first_wildcard) {
  EXPECT_EQ(search_for_topics("a/b")->prefix, "a/b");
  EXPECT_EQ(search_for_topics("a/+/c")->prefix, "a/");
  EXPECT_EQ(search_for_topics("a/b/#")->prefix, "a/b");  // "a/b" is matched too
  EXPECT_EQ(search_for_topics("+/b")->prefix, "");
  EXPECT_EQ(search_for_topics("/#")->prefix, "");
  EXPECT_EQ(search_for_topics("#"), nullptr);
}

TEST(TopicSearchTest, wants_what_the_filter_matches_and_all_of_that_has_the_prefix) {
  const std::vector<std::string> levels{"", "a", "b", "ab"};
  std::vector<std::string> topics;
  std::vector<std::string> filters;
  for (const std::string& first : levels) {
    topics.push_back(first);
    for (const std::string& second : levels) {
      topics.push_back(first + "/" + second);
      for (const std::string& third : levels) topics.push_back(first + "/" + second + "/" + third);
    }
  }
  for (const std::string& topic : topics) {
    if (!topic.empty()) filters.push_back(topic);
    for (const char* wildcard : {"+", "#", "+/a", "+/#", "a/+/b"}) filters.push_back(topic + "/" + wildcard);
  }
  filters.insert(filters.end(), {"+", "+/a", "+/+", "+/#"});
  for (const std::string& filter : filters) {
    ASSERT_TRUE(mqtt::is_valid_topic_filter(filter)) << filter;
    const auto search = search_for_topics(filter);
    for (const std::string& topic : topics) {
      const bool wanted = search->matches(topic);
      EXPECT_EQ(wanted, !topic.empty() && mqtt::matches(filter, topic)) << filter << " " << topic;
      EXPECT_TRUE(!wanted || topic.starts_with(search->prefix)) << filter << " " << topic;
    }
  }
}

}  // namespace
}  // namespace bitacora::bridge
