// Who may do what: rules against topics and filters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "bridge/rights.h"
#include "identity/acl_file.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

using enum identity::Action;
using identity::Audience;
using identity::Effect;
using identity::Principal;
using identity::Rule;

Principal user(std::string name) {
  Principal principal;
  principal.source = Principal::Source::password;
  principal.user = std::move(name);
  return principal;
}

AccessSettings with(std::vector<Rule> rules) {
  AccessSettings access;
  access.rules = std::move(rules);
  access.otherwise = Effect::deny;
  return access;
}

Rule allow(std::string filter, identity::Actions actions = identity::all_actions) {
  return {Audience::everyone, {}, Effect::allow, actions, std::move(filter)};
}
Rule deny(std::string filter, identity::Actions actions = identity::all_actions) {
  return {Audience::everyone, {}, Effect::deny, actions, std::move(filter)};
}

TEST(Rights, WithoutRulesEverythingIsAllowed) {
  const Rights rights(AccessSettings{}, Principal{}, "c");
  EXPECT_TRUE(rights.unlimited());
  EXPECT_TRUE(rights.may(publish, "a"));
  EXPECT_TRUE(rights.may_subscribe("#"));
}

TEST(Rights, WithRulesWhatNoneAllowsIsDenied) {
  const Rights rights(with({allow("a/+", {true, false, false})}), Principal{}, "c");
  EXPECT_TRUE(rights.may(publish, "a/b"));
  EXPECT_FALSE(rights.may(publish, "a/b/c"));
  EXPECT_FALSE(rights.may(subscribe, "a/b"));
  EXPECT_FALSE(rights.may(replay, "a/b"));
}

TEST(Rights, ADenyWinsWhateverTheOrder) {
  for (const auto& rules :
       {std::vector{allow("a/#"), deny("a/secret/#")}, std::vector{deny("a/secret/#"), allow("a/#")}}) {
    const Rights rights(with(rules), Principal{}, "c");
    EXPECT_TRUE(rights.may(subscribe, "a/b"));
    EXPECT_FALSE(rights.may(subscribe, "a/secret/b"));
    EXPECT_FALSE(rights.may(subscribe, "a/secret"));
  }
}

TEST(Rights, RulesAreAboutWhomTheySay) {
  AccessSettings access = with({{Audience::user, "ann", Effect::allow, identity::all_actions, "ann/#"},
                                {Audience::group, "plant", Effect::allow, identity::all_actions, "plant/#"},
                                {Audience::anonymous, "", Effect::allow, identity::all_actions, "open/#"},
                                {Audience::everyone, "", Effect::allow, identity::all_actions, "all/#"}});
  access.groups["bob"] = {"plant"};
  const auto reach = [&](const Principal& principal) {
    const Rights rights(access, principal, "c");
    std::string topics;
    for (const std::string topic : {"ann", "plant", "open", "all"})
      topics += rights.may(publish, topic) ? topic[0] : '-';
    return topics;
  };
  EXPECT_EQ(reach(user("ann")), "a--a");
  EXPECT_EQ(reach(user("bob")), "-p-a");
  EXPECT_EQ(reach(Principal{}), "--oa");
  Principal of_token = user("cid");
  of_token.groups = {"plant"};
  EXPECT_EQ(reach(of_token), "-p-a");
  EXPECT_EQ(reach(user("")), "---a") << "an empty name is no anonymous client";
}

TEST(Rights, ClientIdAndUserNameStandInTheirPlaces) {
  const Rights rights(with({allow("u/%u/#"), allow("c/%c"), allow("both/%u-%c/x")}), user("ann"), "c1");
  EXPECT_TRUE(rights.may(publish, "u/ann/x"));
  EXPECT_FALSE(rights.may(publish, "u/bob/x"));
  EXPECT_TRUE(rights.may(publish, "c/c1"));
  EXPECT_FALSE(rights.may(publish, "c/c2"));
  EXPECT_TRUE(rights.may(publish, "both/ann-c1/x"));
}

// CVE-2017-7650: mosquitto let a client called '#' or '+' through every pattern.
TEST(Rights, CVE_2017_7650_NamesWithWildcardsWidenNoRule) {
  for (const std::string name : {"#", "+", "a/#", "a+", "a/b", "", "$SYS"}) {
    const Rights rights(with({allow("%c/#"), allow("%u/#"), allow("home/%c/#"), allow("home/%u")}), user(name), name);
    for (const std::string topic : {"a", "a/b", "x/y", "home/a", "home/a/b", "home/x", "$SYS/broker/version"}) {
      const bool own_level = name == "$SYS" && topic.starts_with("home/$SYS");
      EXPECT_EQ(rights.may(publish, topic), own_level) << name << " " << topic;
      EXPECT_EQ(rights.may(subscribe, topic), own_level) << name << " " << topic;
    }
    EXPECT_FALSE(rights.may_subscribe("home/x")) << name;
  }
}

TEST(Rights, ADenyOfANameThatIsNoLevelCoversMoreAndNotLess) {
  const Rights rights(with({allow("#"), deny("private/%c/x")}), user("ann"), "a/b");
  EXPECT_FALSE(rights.may(subscribe, "private/a/b/x"));
  EXPECT_FALSE(rights.may(subscribe, "private/other"));
  EXPECT_TRUE(rights.may(subscribe, "public"));
}

TEST(Rights, AWildcardDoesNotReachTheServersOwnTopics) {
  const Rights all(with({allow("#")}), Principal{}, "c");
  EXPECT_FALSE(all.may(subscribe, "$SYS/broker/uptime"));
  EXPECT_FALSE(all.may_subscribe("$SYS/#"));
  const Rights granted(with({allow("$SYS/#")}), Principal{}, "c");
  EXPECT_TRUE(granted.may(subscribe, "$SYS/broker/uptime"));
  EXPECT_TRUE(granted.may_subscribe("$SYS/#"));
  EXPECT_FALSE(granted.may_subscribe("#"));
}

TEST(Rights, AFilterIsGrantedIfItCanMatchAnythingReadable) {
  const Rights rights(with({allow("a/b/#", identity::reading), deny("a/b/secret/#")}), Principal{}, "c");
  for (const std::string filter : {"#", "a/#", "+/b/c", "a/b", "a/b/c/d", "$share/g/a/#", "$replay/earliest/a/#",
                                   "$log/mqtt/0/0", "$group/g/a/b/c"}) {
    EXPECT_TRUE(rights.may_subscribe(filter)) << filter;
  }
  for (const std::string filter : {"b/#", "a/c", "a/b/secret/x", "a/b/secret/#", "$share/g/b", "$share/g", "$share/a/b",
                                   "$replay/earliest/b", "$SYS/#", "$group/g/c"}) {
    EXPECT_FALSE(rights.may_subscribe(filter)) << filter;
  }
}

TEST(Rights, AdministeringIsNoPartOfAllAndIsAboutTheServer) {
  const Rights everything(with({allow("#")}), Principal{}, "c");
  EXPECT_FALSE(everything.may(administer, "server/metrics"));
  const Rights some(with({allow("group/#", {.administer = true}), deny("group/a", {.administer = true})}), Principal{},
                    "");
  EXPECT_TRUE(some.may(administer, "group/$share/b/x"));
  EXPECT_FALSE(some.may(administer, "group/a"));
  EXPECT_FALSE(some.may(administer, "log/mqtt"));
  EXPECT_FALSE(some.may(publish, "group/b"));
}

TEST(Rights, EverythingIsWhatNoRuleTakesAPartOf) {
  EXPECT_TRUE(Rights(AccessSettings{}, Principal{}, "c").may_everything(replay));
  EXPECT_TRUE(Rights(with({allow("#")}), Principal{}, "c").may_everything(replay));
  EXPECT_FALSE(Rights(with({allow("#"), deny("a/b")}), Principal{}, "c").may_everything(replay));
  EXPECT_FALSE(Rights(with({allow("+/#")}), Principal{}, "c").may_everything(replay));
  EXPECT_FALSE(Rights(with({allow("#", {.publish = true})}), Principal{}, "c").may_everything(replay));
}

TEST(Rights, SubscribingAndReplayingAreTwoRights) {
  const Rights live(with({allow("a", {false, true, false})}), Principal{}, "c");
  EXPECT_TRUE(live.may_subscribe("a"));
  EXPECT_FALSE(live.may_subscribe("$replay/earliest/a"));
  EXPECT_FALSE(live.may_subscribe("$log/mqtt/0/0"));
  const Rights history(with({allow("a", {false, false, true})}), Principal{}, "c");
  EXPECT_FALSE(history.may_subscribe("a"));
  EXPECT_TRUE(history.may_subscribe("$replay/-1h/a"));
}

TEST(Rights, ATokensOwnRulesAreAllThatHolds) {
  Principal principal = user("ann");
  principal.own_rules = {allow("token/#")};
  const Rights rights(with({allow("server/#")}), principal, "c");
  EXPECT_TRUE(rights.may(publish, "token/a"));
  EXPECT_FALSE(rights.may(publish, "server/a"));
  principal.own_rules.emplace();
  EXPECT_FALSE(Rights(AccessSettings{}, principal, "c").may(publish, "a")) << "none at all";
}

TEST(Rights, AreMosquittosForItsAclFile) {
  const auto rules = identity::parse_acl_file(
      "topic read open/#\nuser ann\ntopic deny a/secret\ntopic a/#\ntopic write w\npattern %u/own/%c\n", "acl");
  ASSERT_TRUE(rules.has_value());
  const AccessSettings access = with(*rules);
  const Rights ann(access, user("ann"), "c1"), nobody(access, Principal{}, "c1");
  EXPECT_TRUE(nobody.may(subscribe, "open/x"));
  EXPECT_FALSE(nobody.may(publish, "open/x"));
  EXPECT_FALSE(nobody.may(publish, "/own/c1"));
  EXPECT_FALSE(ann.may(subscribe, "open/x"));
  EXPECT_TRUE(ann.may(publish, "a/b"));
  EXPECT_FALSE(ann.may(publish, "a/secret"));
  EXPECT_TRUE(ann.may(publish, "w"));
  EXPECT_FALSE(ann.may(subscribe, "w"));
  EXPECT_TRUE(ann.may(publish, "ann/own/c1"));
  EXPECT_FALSE(ann.may(publish, "ann/own/c2"));
}

std::string random_filter(bool wildcards) {
  const int levels = *rc::gen::inRange(1, 4);
  std::string text;
  for (int i = 0; i < levels; ++i) {
    if (i > 0) text += '/';
    const int pick = *rc::gen::inRange(0, wildcards ? 6 : 3);
    if (pick == 5 && i + 1 == levels) return text + "#";
    text += pick >= 3 ? "+" : std::string(1, static_cast<char>('a' + pick % 3));
  }
  return text;
}

// Nothing that may be read is kept back by a refused SUBSCRIBE, whatever the rules.
RC_GTEST_PROP(RightsProperties, ARefusedFilterMatchesNothingReadable, ()) {
  std::vector<Rule> rules;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    const std::string filter = random_filter(true);
    rules.push_back(*rc::gen::arbitrary<bool>() ? allow(filter) : deny(filter));
  }
  const Rights rights(with(rules), Principal{}, "c");
  const std::string filter = random_filter(true), topic = random_filter(false);
  if (mqtt::matches(filter, topic) && rights.may(subscribe, topic)) RC_ASSERT(rights.may_subscribe(filter));
}

}  // namespace
}  // namespace bitacora::bridge
