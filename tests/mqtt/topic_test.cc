#include "mqtt/topic.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bitacora::mqtt {
namespace {

using Levels = std::vector<std::string>;

Levels split(const std::string& text) {
  Levels levels(1);
  for (const char c : text) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

std::string join(const Levels& levels) {
  std::string text;
  for (std::size_t i = 0; i < levels.size(); ++i) text += (i == 0 ? "" : "/") + levels[i];
  return text;
}

// Section 4.7 as a definition: by levels, from the left, with a recursion a level.
bool matches_by_definition(const Levels& filter, std::size_t f, const Levels& name, std::size_t n) {
  if (f == filter.size()) return n == name.size();
  if (filter[f] == "#") return true;  // also where the name ends: its parent
  if (n == name.size()) return false;
  return (filter[f] == "+" || filter[f] == name[n]) && matches_by_definition(filter, f + 1, name, n + 1);
}

bool matches_by_definition(const std::string& filter, const std::string& name) {
  if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
  return matches_by_definition(split(filter), 0, split(name), 0);
}

// Every non-empty text of 1 .. max_levels levels, each from `alphabet`.
std::vector<std::string> all_texts(const Levels& alphabet, std::size_t max_levels) {
  std::vector<std::string> texts = alphabet;
  for (std::size_t begin = 0, level = 1; level < max_levels; ++level) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const std::string& last : alphabet) texts.push_back(texts[begin] + "/" + last);
    }
  }
  std::erase(texts, "");
  return texts;
}

std::vector<std::string> all_filters(std::size_t max_levels) {
  std::vector<std::string> filters = all_texts({"a", "b", "", "$x", "+", "#"}, max_levels);
  std::erase_if(filters, [](const std::string& text) { return !is_valid_topic_filter(text); });
  return filters;
}

std::vector<std::string> all_names(std::size_t max_levels) { return all_texts({"a", "b", "", "$x"}, max_levels); }

// [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
TEST(Topic, NamesFollowTheTable) {
  for (const auto* valid : {"a", "/", "//", "a/b", "a//b/", " ", "$SYS/x", "caf\xc3\xa9", "A b/c"}) {
    EXPECT_TRUE(is_valid_topic_name(valid)) << valid;
  }
  for (const std::string_view invalid : {"", "#", "+", "a/+", "a#", "a+b", "a/#/b"}) {
    EXPECT_FALSE(is_valid_topic_name(invalid)) << invalid;
  }
  EXPECT_FALSE(is_valid_topic_name(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_valid_topic_name(std::string(65535, 'a')));
  EXPECT_FALSE(is_valid_topic_name(std::string(65536, 'a')));
}

// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
TEST(Topic, FiltersFollowTheTable) {
  for (const auto* valid : {"a", "/", "#", "+", "/#", "/+", "+/", "+/+", "+/#", "a/+/b", "a/#", "a//#", "$share/g/+"}) {
    EXPECT_TRUE(is_valid_topic_filter(valid)) << valid;
  }
  for (const std::string_view invalid :
       {"", "##", "#/", "#/a", "a#", "a/b#", "a/#/b", "++", "a+", "+a", "a/b+/c", "/+a"}) {
    EXPECT_FALSE(is_valid_topic_filter(invalid)) << invalid;
  }
  EXPECT_FALSE(is_valid_topic_filter(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_valid_topic_filter(std::string(65534, '/') + "#"));
  EXPECT_FALSE(is_valid_topic_filter(std::string(65535, '/') + "#"));
}

// [MQTT-4.7.2-1]
TEST(Topic, MatchesTheExamplesOfTheStandard) {
  for (const auto* name :
       {"sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"}) {
    EXPECT_TRUE(matches("sport/tennis/player1/#", name)) << name;
  }
  EXPECT_TRUE(matches("sport/#", "sport"));
  EXPECT_TRUE(matches("sport/tennis/+", "sport/tennis/player1"));
  EXPECT_FALSE(matches("sport/tennis/+", "sport/tennis/player1/ranking"));
  EXPECT_FALSE(matches("sport/+", "sport"));
  EXPECT_TRUE(matches("sport/+", "sport/"));
  EXPECT_TRUE(matches("+/+", "/finance"));
  EXPECT_TRUE(matches("/+", "/finance"));
  EXPECT_FALSE(matches("+", "/finance"));
  EXPECT_FALSE(matches("#", "$SYS/monitor/Clients"));
  EXPECT_FALSE(matches("+/monitor/Clients", "$SYS/monitor/Clients"));
  EXPECT_TRUE(matches("$SYS/#", "$SYS/monitor/Clients"));
  EXPECT_TRUE(matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
  EXPECT_FALSE(matches("ACCOUNTS", "Accounts"));
  EXPECT_TRUE(matches("+/$x", "a/$x"));  // a '$' further right is a character like others
}

TEST(Topic, MatchesAsDefinedInTheWholeOfASmallWorld) {
  const auto filters = all_filters(4);
  const auto names = all_names(4);
  ASSERT_GT(filters.size(), 500U);
  ASSERT_GT(names.size(), 300U);
  for (const std::string& filter : filters) {
    for (const std::string& name : names) {
      ASSERT_EQ(matches(filter, name), matches_by_definition(filter, name)) << filter << " and " << name;
    }
  }
}

// A name of at most as many levels as the longer filter is witness enough: "#" may stand for nothing more.
TEST(Topic, OverlapsWhereSomeNameMatchesBothInTheWholeOfASmallWorld) {
  const auto filters = all_filters(3);
  const auto names = all_names(3);
  std::vector<std::vector<bool>> matched;
  for (const std::string& filter : filters) {
    matched.emplace_back();
    for (const std::string& name : names) matched.back().push_back(matches_by_definition(filter, name));
  }
  for (std::size_t a = 0; a < filters.size(); ++a) {
    for (std::size_t b = 0; b < filters.size(); ++b) {
      bool has_witness = false;
      for (std::size_t n = 0; n < names.size() && !has_witness; ++n) has_witness = matched[a][n] && matched[b][n];
      ASSERT_EQ(overlap(filters[a], filters[b]), has_witness) << filters[a] << " and " << filters[b];
    }
  }
}

rc::Gen<Levels> levels_of(const Levels& alphabet) {
  return rc::gen::nonEmpty(rc::gen::container<Levels>(rc::gen::elementOf(alphabet)));
}

TEST(Topic, MatchesDeepNamesAsDefined) {
  EXPECT_TRUE(rc::check("a filter made from a name", [] {
    const Levels name = *levels_of({"a", "b", "ab", "", "$"});
    RC_PRE(!join(name).empty());
    Levels filter;
    for (const std::string& level : name) {  // mostly the name's own levels, so that matches are common
      filter.push_back(*rc::gen::weightedElement<std::string>({{6, level}, {3, "+"}, {1, "a"}}));
    }
    filter.resize(*rc::gen::inRange<std::size_t>(1, name.size() + 1));
    if (*rc::gen::arbitrary<bool>()) filter.push_back("#");
    RC_PRE(is_valid_topic_filter(join(filter)));
    const bool expected = matches_by_definition(join(filter), join(name));
    RC_CLASSIFY(expected);
    RC_ASSERT(matches(join(filter), join(name)) == expected);
    if (expected) RC_ASSERT(overlap(join(filter), join(name)));
  }));
}

TEST(Topic, TakesLevelsOffTheFrontUntilThereIsNoneLeft) {
  EXPECT_TRUE(rc::check("levels come back in order", [] {
    const Levels levels = *levels_of({"a", "", "long level", "+"});
    const std::string text = join(levels);
    RC_ASSERT(level_count(text) == levels.size());
    std::string_view rest = text;
    for (const std::string& level : levels) {
      RC_ASSERT(rest.data() != nullptr);
      RC_ASSERT(take_level(rest) == level);
    }
    RC_ASSERT(rest.data() == nullptr);
  }));
}

TEST(Topic, KnowsItsWildcards) {
  EXPECT_TRUE(has_wildcard("a/+/b"));
  EXPECT_TRUE(has_wildcard("#"));
  EXPECT_FALSE(has_wildcard("a/b"));
}

}  // namespace
}  // namespace bitacora::mqtt
