// Who is let in: passwords, tokens and certificates between CONNECT and CONNACK, and whose session it then is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_with_users.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using identity::Effect;
using identity::Principal;
using identity::Verdict;
using mqtt::CleanStart;
using testing::ElementsAre;
using testing::IsEmpty;
using R = mqtt::ReasonCode;
using V = mqtt::ProtocolVersion;

class LoginToTheBroker : public BrokerWithUsers {};

// --- coming in ---

// [MQTT-3.1.4-2] [MQTT-3.2.2-7]
TEST_F(LoginToTheBroker, AWrongPasswordIsToldAsTheVersionCan) {
  for (const V version : {V::v3_1_1, V::v5}) {
    Client ann(world, "c", version);
    ann.user_name = "ann";
    ann.password = "guess";
    ann.connect();
    world.run();
    EXPECT_EQ(ann.connack->reason, R::bad_user_name_or_password);
    EXPECT_FALSE(ann.connected());
  }
  EXPECT_EQ(world.metrics().logins_refused.value(), 2U);
}

TEST_F(LoginToTheBroker, AnonymousClientsComeInOnlyWhereTheyAreLetIn) {
  Client nobody(world, "c", V::v5);
  nobody.connect();
  world.run();
  EXPECT_EQ(nobody.connack->reason, R::not_authorized);
  world.origin.anonymous = bridge::AnonymousAccess::allowed;
  nobody.connect();
  world.run();
  EXPECT_EQ(nobody.connack->reason, R::success);
  let_in_anonymous();
  world.origin.anonymous = bridge::AnonymousAccess::refused;
  nobody.connect();
  world.run();
  EXPECT_EQ(nobody.connack->reason, R::not_authorized);
}

TEST_F(LoginToTheBroker, AWrongPasswordDoesNotMakeAnAnonymousClient) {
  let_in_anonymous();
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.connect();
  world.run();
  EXPECT_EQ(ann.connack->reason, R::bad_user_name_or_password) << "a name without a password";
  ann.user_name.reset();
  ann.password = "nna";
  ann.connect();
  world.run();
  EXPECT_EQ(ann.connack->reason, R::bad_user_name_or_password) << "a password without a name";
}

// CVE-2026-32696: a login without a user name ended NanoMQ.
TEST_F(LoginToTheBroker, CVE_2026_32696_EveryMixOfNameAndPasswordIsAnswered) {
  using Text = std::optional<std::string>;
  int count = 0;
  for (const auto anonymous : {bridge::Anonymous::refused, bridge::Anonymous::allowed}) {
    settings.access.anonymous = anonymous;
    world.reload(settings);
    for (const Text& name : {Text(), Text(""), Text("ann"), Text("nobody")}) {
      for (const Text& password : {Text(), Text(""), Text("nna")}) {
        Client client(world, "c" + std::to_string(++count), V::v5);
        client.user_name = name;
        client.password = password;
        client.connect();
        world.run();
        ASSERT_TRUE(client.connack.has_value());
        const bool gives_nothing = name.value_or("").empty() && !password;
        const bool right = name == "ann" && password == "nna";
        R wanted = right ? R::success : R::bad_user_name_or_password;
        if (gives_nothing) wanted = anonymous == bridge::Anonymous::allowed ? R::success : R::not_authorized;
        EXPECT_EQ(client.connack->reason, wanted) << name.value_or("-") << ' ' << password.value_or("-");
      }
    }
  }
}

TEST_F(LoginToTheBroker, WhereNobodyIsAskedANameGivesNoRights) {
  settings.access = {};
  settings.access.rules = {of_user("ann", "a")};
  settings.access.otherwise = Effect::deny;
  world.reload(settings);
  const auto pretender = client("c", "ann");
  pretender->publish("a", "x");
  world.run();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(LoginToTheBroker, WhatAClientSendsAheadOfItsVerdictWaits) {
  world.hold_verdicts = true;
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.password = "nna";
  ann.connect();
  const auto id = ann.publish("a", "early");
  world.run();
  EXPECT_FALSE(ann.connack.has_value());
  EXPECT_THAT(stored(), IsEmpty());
  world.hold_verdicts = false;
  world.run();
  EXPECT_EQ(ann.connack->reason, R::success);
  EXPECT_TRUE(ann.acknowledged.contains(id));
  EXPECT_THAT(stored(), ElementsAre("early"));
}

TEST_F(LoginToTheBroker, AFloodAheadOfTheVerdictEndsTheConnection) {
  world.hold_verdicts = true;
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.password = "nna";
  ann.connect();
  const std::string payload(100'000, 'x');
  for (int i = 0; i < 20; ++i) ann.publish("a", payload, at_most_once);
  world.run();
  EXPECT_FALSE(ann.connected());
  world.hold_verdicts = false;
  world.run();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(LoginToTheBroker, AVerdictThatDoesNotComeInTimeIsARefusal) {
  world.hold_verdicts = true;
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.password = "nna";
  ann.connect();
  world.run();
  world.advance(settings.connection.connect_timeout);
  world.run();
  EXPECT_EQ(ann.connack->reason, R::server_busy);
  EXPECT_FALSE(ann.connected());
  world.hold_verdicts = false;
  world.run();
  EXPECT_EQ(world.metrics().connects_accepted.value(), 0U);
}

TEST_F(LoginToTheBroker, WhenTooManyWaitTheServerIsBusy) {
  world.judge = [](const auto&) { return Verdict{Verdict::Answer::busy, {}, {}}; };
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.password = "nna";
  ann.connect();
  world.run();
  EXPECT_EQ(ann.connack->reason, R::server_busy);
}

TEST_F(LoginToTheBroker, AVerdictForAUserRemovedMeanwhileDoesNotCount) {
  world.hold_verdicts = true;
  Client ann(world, "c", V::v5);
  ann.user_name = "ann";
  ann.password = "nna";
  ann.connect();
  world.run();
  settings.access.users.erase("ann");
  world.reload(settings);
  world.hold_verdicts = false;
  world.run();
  EXPECT_EQ(ann.connack->reason, R::bad_user_name_or_password);
}

TEST_F(LoginToTheBroker, TheNameOfAVerifiedCertificateIsBelieved) {
  world.origin.certificate_user = "ann";
  rules({of_user("ann", "a")});
  Client ann(world, "c", V::v5);
  ann.connect();
  world.run();
  ASSERT_EQ(ann.connack->reason, R::success);
  ann.publish("a", "x");
  world.run();
  EXPECT_THAT(stored(), ElementsAre("x"));
}

TEST_F(LoginToTheBroker, ATokenHoldsUntilItExpires) {
  settings.access.token_key = 9;
  world.reload(settings);
  world.judge = [&](const auto&) {
    Verdict verdict{Verdict::Answer::accepted, {}, {}};
    verdict.principal.source = Principal::Source::token;
    verdict.principal.user = "ann";
    verdict.principal.credential = 9;
    verdict.principal.valid_until = world.clock().now().wall_ms + 60'000;
    return verdict;
  };
  const auto ann = client("c", "ann");
  world.advance(std::chrono::seconds(59));
  world.run();
  EXPECT_TRUE(ann->connected());
  world.advance(std::chrono::seconds(1));
  world.run();
  EXPECT_FALSE(ann->connected());
  EXPECT_EQ(ann->disconnect_reason, R::not_authorized);
}

// --- whose session it is ---

// A client id is no secret, so it must not be a key to another's session.
TEST_F(LoginToTheBroker, ASessionOfAnotherUserIsNeitherTakenOverNorResumed) {
  auto ann = client("shared-id", "ann", V::v5, CleanStart::no);
  subscribe(*ann, "secret/#");
  Client bob(world, "shared-id", V::v5);
  for (const CleanStart clean : {CleanStart::no, CleanStart::yes}) {
    log_in(bob, "bob", clean);
    EXPECT_EQ(bob.connack->reason, R::client_identifier_not_valid);
    EXPECT_TRUE(ann->connected());
  }
  ann->drop();
  log_in(bob, "bob", CleanStart::no);
  EXPECT_EQ(bob.connack->reason, R::client_identifier_not_valid) << "while ann is offline";
  world.kill();
  world.start();
  log_in(bob, "bob", CleanStart::no);
  EXPECT_EQ(bob.connack->reason, R::client_identifier_not_valid) << "after a restart";
  log_in(*ann, "ann", CleanStart::no);
  EXPECT_EQ(ann->connack->session_present, mqtt::SessionPresent::yes);
}

}  // namespace
}  // namespace bitacora::sim
