// What somebody said who has been shut out since: retained messages of a publisher that has lost its right
// (CVE-2018-12546), and what holds for tokens, whose rights are not kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_with_users.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using identity::Effect;
using mqtt::CleanStart;
using testing::ElementsAre;
using testing::IsEmpty;
using V = mqtt::ProtocolVersion;

class StaleAuthority : public BrokerWithUsers {
 protected:
  StaleAuthority() { rules({of_user("ann", "a/#"), of_user("bob", "a/#", identity::reading)}); }
  void retain(const std::string& user, const std::string& client_id, std::string_view topic) {
    client(client_id, user)->publish(topic, "kept", at_least_once, mqtt::Retain::yes);
    world.run();
  }
  // What somebody who comes now is sent of what is retained.
  std::vector<std::string> newcomer_gets() {
    const auto bob = client("newcomer", "bob");
    subscribe(*bob, "a/#");
    std::vector<std::string> topics;
    for (const Delivered& delivered : bob->received) topics.push_back(delivered.topic);
    return topics;
  }
};

TEST_F(StaleAuthority, CVE_2018_12546_ARetainedMessageIsNotSentOnceItsPublisherHasLostTheRight) {
  retain("ann", "c1", "a/1");
  retain("ann", "c1", "a/2");
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/1", "a/2"));
  rules({of_user("ann", "a/2"), of_user("bob", "a/#", identity::reading)});
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/2"));
  EXPECT_EQ(world.metrics().retained_not_authorized.value(), 1U);
  rules({of_user("ann", "a/#"), of_user("bob", "a/#", identity::reading)});
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/1", "a/2")) << "it is not removed: the right may come back";
}

TEST_F(StaleAuthority, CVE_2018_12546_NorAfterARestart) {
  retain("ann", "c1", "a/1");
  world.kill();
  settings.access.rules = {of_user("ann", "b/#"), of_user("bob", "a/#", identity::reading)};
  world.start();
  world.reload(settings);
  EXPECT_THAT(newcomer_gets(), IsEmpty());
}

TEST_F(StaleAuthority, ARemovedUsersRetainedMessagesAreNotSentWhateverTheRulesSay) {
  rules({{identity::Audience::everyone, "", Effect::allow, identity::all_actions, "a/#"}});
  retain("ann", "c1", "a/1");
  settings.access.users.erase("ann");
  world.reload(settings);
  EXPECT_THAT(newcomer_gets(), IsEmpty());
}

TEST_F(StaleAuthority, ARuleWithTheClientIdIsLookedAtWithThePublishers) {
  const auto own = of_user("ann", "a/%c/#");
  rules({own, of_user("bob", "a/#", identity::reading)});
  retain("ann", "c1", "a/c1/x");
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/c1/x"));
  rules({own, of_user("ann", "a/c1/#", identity::all_actions, Effect::deny), of_user("bob", "a/#", identity::reading)});
  EXPECT_THAT(newcomer_gets(), IsEmpty());
}

TEST_F(StaleAuthority, WhatWaitsInFlightOfARetainedMessageIsNotSentAgainEither) {
  retain("ann", "c1", "a/1");
  const auto bob = client("b", "bob", V::v5, CleanStart::no);
  bob->acks = Client::Acks::never;
  subscribe(*bob, "a/#");
  ASSERT_EQ(bob->received.size(), 1U);
  bob->drop();
  rules({of_user("bob", "a/#", identity::reading)});
  bob->received.clear();
  log_in(*bob, "bob", CleanStart::no);
  EXPECT_THAT(bob->payloads(), IsEmpty());
}

TEST_F(StaleAuthority, OnlyADenyTakesARetainedMessageFromATokensUser) {
  world.judge = [](const identity::Credentials& credentials) {
    identity::Verdict verdict{identity::Verdict::Answer::accepted, {}, {}};
    const bool token = credentials.user_name == "tess";
    verdict.principal.source = token ? identity::Principal::Source::token : identity::Principal::Source::password;
    verdict.principal.user = credentials.user_name;
    verdict.principal.credential = token ? 7 : first_password;
    if (token) verdict.principal.own_rules = {of_user("tess", "a/#")};
    return verdict;
  };
  settings.access.token_key = 7;
  rules({of_user("bob", "a/#", identity::reading)});
  retain("tess", "c1", "a/1");
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/1")) << "no rule speaks of tess: her token did";
  world.kill();
  world.start();
  world.reload(settings);
  EXPECT_THAT(newcomer_gets(), ElementsAre("a/1")) << "the same after a restart";
  rules({of_user("bob", "a/#", identity::reading), of_user("tess", "#", identity::all_actions, Effect::deny)});
  EXPECT_THAT(newcomer_gets(), IsEmpty());
}

TEST_F(StaleAuthority, AWillWhoseRightStoodInATokenIsNotPublishedByALaterStart) {
  world.judge = [](const identity::Credentials&) {
    identity::Verdict verdict{identity::Verdict::Answer::accepted, {}, {}};
    verdict.principal.source = identity::Principal::Source::token;
    verdict.principal.user = "tess";
    verdict.principal.credential = 7;
    verdict.principal.own_rules = {of_user("tess", "a/#")};
    return verdict;
  };
  settings.access.token_key = 7;
  rules({of_user("bob", "a/#", identity::reading)});
  const mqtt::Will will{"a/will", as_bytes("gone"), at_least_once, mqtt::Retain::no, {}};
  const auto tess = client("t", "tess", V::v5, CleanStart::no, will);
  tess->drop();
  world.run();
  EXPECT_THAT(stored(), ElementsAre("gone")) << "while the server lives, the token's rights do";
  log_in(*tess, "tess", CleanStart::no, will);
  world.kill();
  world.start();
  world.reload(settings);
  world.run();
  EXPECT_THAT(stored(), ElementsAre("gone")) << "no rule for tess: the later Will is not published";
}

TEST_F(StaleAuthority, CVE_2021_34434_ASubscriptionThatOutlivesARightDeliversNothing) {
  const auto bob = client("b", "bob", V::v5, CleanStart::no);
  subscribe(*bob, "a/#");
  bob->drop();
  retain("ann", "c1", "a/1");
  rules({of_user("ann", "a/#"), of_user("bob", "b/#", identity::reading)});
  world.kill();
  world.start();
  world.reload(settings);
  log_in(*bob, "bob", CleanStart::no);
  EXPECT_THAT(bob->payloads(), IsEmpty());
}

}  // namespace
}  // namespace bitacora::sim
