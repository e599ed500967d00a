// mosquitto's acl_file, and the words for rules in the configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "identity/acl_file.h"

namespace bitacora::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(AclFile, IsReadAsMosquittoReadsIt) {
  const auto rules = parse_acl_file(
      "# anonymous first\n"
      "topic read $SYS/#\n"
      "\n"
      "user roger\n"
      "topic foo/bar\n"
      "topic readwrite %u/x\r\n"
      "user a b\n"
      "topic  write\tlevel one/two \n"
      "topic deny secret/#\n"
      "pattern write $SYS/broker/connection/%c/state\n",
      "acl");
  ASSERT_TRUE(rules.has_value());
  constexpr auto as_written = Substitution::none;
  EXPECT_THAT(
      *rules,
      ElementsAre(
          Rule{Audience::anonymous, "", Effect::allow, reading, "$SYS/#", as_written, "acl:2"},
          Rule{Audience::user, "roger", Effect::allow, all_actions, "foo/bar", as_written, "acl:5"},
          Rule{Audience::user, "roger", Effect::allow, all_actions, "%u/x", as_written, "acl:6"},
          Rule{Audience::user, "a b", Effect::allow, {true, false, false}, "level one/two", as_written, "acl:8"},
          Rule{Audience::user, "a b", Effect::deny, all_actions, "secret/#", as_written, "acl:9"},
          Rule{Audience::everyone,
               "",
               Effect::allow,
               {true, false, false},
               "$SYS/broker/connection/%c/state",
               Substitution::applied,
               "acl:10"}));
}

TEST(AclFile, NamesEveryMistakeWithItsLine) {
  const auto rules = parse_acl_file("topic\nuser\nallow a/b\n# fine\ntopic listen a/b\npattern\n", "acl");
  ASSERT_FALSE(rules.has_value());
  std::vector<std::uint32_t> lines;
  for (const FileMistake& mistake : rules.error()) lines.push_back(mistake.line);
  EXPECT_THAT(lines, ElementsAre(1, 2, 3, 5, 6));
  EXPECT_THAT(rules.error()[3].message, HasSubstr("listen"));
}

TEST(Rule, WhomIsReadAndWritten) {
  for (const std::string text : {"everyone", "anonymous", "user:ann", "group:plant 1"}) {
    const auto whom = parse_whom(text);
    ASSERT_TRUE(whom.has_value()) << text;
    EXPECT_EQ(format_whom(*whom), text);
  }
  for (const std::string text : {"", "ann", "user:", "users:ann", "Everyone"}) {
    EXPECT_EQ(parse_whom(text), std::nullopt) << text;
  }
}

TEST(Rule, ActionsAreReadAndWritten) {
  EXPECT_EQ(parse_actions("publish"), (Actions{true, false, false}));
  EXPECT_EQ(parse_actions("read"), reading);
  EXPECT_EQ(parse_actions("publish, read"), all_actions);
  EXPECT_EQ(parse_actions("all"), all_actions);
  EXPECT_EQ(format_actions(reading), "subscribe, replay");
  EXPECT_EQ(parse_actions(format_actions(reading)), reading);
  EXPECT_EQ(format_actions(all_actions), "all");
  for (const std::string text : {"", "write", "publish,", "publish subscribe"}) {
    EXPECT_EQ(parse_actions(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bitacora::identity
