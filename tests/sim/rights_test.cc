// What a client may do, through the whole of a broker: at every door, and again when the rules change.
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
using R = mqtt::ReasonCode;
using V = mqtt::ProtocolVersion;

constexpr identity::Actions publishing{true, false, false};
constexpr identity::Actions replaying{false, false, true};

class RightsInTheBroker : public BrokerWithUsers {};

// --- publishing ---

TEST_F(RightsInTheBroker, APublishWithoutARightIsToldAndNotStored) {
  rules({of_user("ann", "a", publishing)});
  const auto ann = client("c", "ann");
  const auto refused_1 = ann->publish("b", "no", at_least_once);
  const auto refused_2 = ann->publish("b", "no", exactly_once);
  ann->publish("b", "no", at_most_once);
  const auto taken = ann->publish("a", "yes", exactly_once);
  world.run();
  EXPECT_EQ(ann->refused.at(refused_1), R::not_authorized);
  EXPECT_EQ(ann->refused.at(refused_2), R::not_authorized);
  EXPECT_TRUE(ann->acknowledged.contains(taken));
  EXPECT_TRUE(ann->connected());
  EXPECT_THAT(stored(), ElementsAre("yes"));
  EXPECT_EQ(world.metrics().publishes_not_authorized.value(), 3U);
}

TEST_F(RightsInTheBroker, AnAcknowledgementOf3_1_1IsNeverSentForWhatWasNotStored) {
  rules({of_user("ann", "a", publishing)});
  const auto ann = client("c", "ann", V::v3_1_1);
  ann->publish("b", "no", at_most_once);
  world.run();
  EXPECT_TRUE(ann->connected());
  ann->publish("b", "no", at_least_once);
  world.run();
  EXPECT_THAT(ann->acknowledged, IsEmpty());
  EXPECT_FALSE(ann->connected());
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(RightsInTheBroker, ARetainedPublishWithoutARightReplacesNothing) {
  rules({of_user("ann", "a"), of_user("bob", "a", identity::reading)});
  client("c1", "ann")->publish("a", "kept", at_least_once, mqtt::Retain::yes);
  world.run();
  const auto bob = client("c2", "bob");
  bob->publish("a", "", at_least_once, mqtt::Retain::yes);
  world.run();
  subscribe(*bob, "a");
  EXPECT_THAT(bob->payloads(), ElementsAre("kept"));
}

TEST_F(RightsInTheBroker, AQos2PublishThatIsInTheLogIsAcknowledgedAgainEvenIfTheRightIsGone) {
  const auto ann = client("c", "ann");
  ann->releases = false;
  const auto id = ann->publish("a", "x", exactly_once);
  world.run();
  ASSERT_TRUE(ann->acknowledged.contains(id));
  rules({of_user("ann", "b")});
  ann->acknowledged.clear();
  ann->resend_publish(id, "a", "x", exactly_once);
  world.run();
  EXPECT_TRUE(ann->acknowledged.contains(id));
  EXPECT_THAT(stored(), ElementsAre("x"));
}

// --- wills ---

mqtt::Will will_to(std::string_view topic) {
  mqtt::Will will;
  will.topic = topic;
  will.payload = as_bytes("gone");
  return will;
}

// "Burglars' IoT Paradise" (S&P 2020): Wills that outlive the right to publish.
TEST_F(RightsInTheBroker, AWillWithoutARightIsRefusedAtConnect) {
  rules({of_user("ann", "a")});
  Client ann(world, "c", V::v5);
  log_in(ann, "ann", CleanStart::yes, will_to("b"));
  EXPECT_EQ(ann.connack->reason, R::not_authorized);
}

TEST_F(RightsInTheBroker, AWillWhoseRightIsGoneIsNotPublished) {
  rules({of_user("ann", "a"), of_user("ann", "b")});
  auto first = client("c1", "ann", V::v5, CleanStart::yes, will_to("a"));
  auto second = client("c2", "ann", V::v5, CleanStart::yes, will_to("b"));
  rules({of_user("ann", "b")});
  first->drop();
  second->drop();
  world.run();
  EXPECT_THAT(stored(), ElementsAre("gone")) << "the second one's alone";
  EXPECT_EQ(world.metrics().publishes_not_authorized.value(), 1U);
}

// --- reading ---

TEST_F(RightsInTheBroker, AFilterThatCanMatchNothingReadableIsRefused) {
  rules({of_user("ann", "a/#", identity::reading)});
  for (const V version : {V::v3_1_1, V::v5}) {
    const auto ann = client("c", "ann", version);
    const R refusal = version == V::v5 ? R::not_authorized : R::unspecified_error;
    EXPECT_THAT(subscribe(*ann, "b/#"), ElementsAre(refusal));
    EXPECT_THAT(subscribe(*ann, "$replay/earliest/b"), ElementsAre(refusal));
    EXPECT_THAT(subscribe(*ann, "a/+"), ElementsAre(R::granted_qos_1));
  }
  EXPECT_EQ(world.metrics().subscribes_not_authorized.value(), 4U);
}

TEST_F(RightsInTheBroker, OfAWiderFilterOnlyWhatIsReadableIsDelivered) {
  rules({of_user("ann", "#"), of_user("bob", "a/#", identity::reading),
         of_user("bob", "a/secret", identity::reading, Effect::deny)});
  const auto ann = client("c1", "ann");
  for (const std::string topic : {"a/1", "a/secret", "b"}) {
    ann->publish(topic, topic, at_least_once, mqtt::Retain::yes);
  }
  world.run();
  const auto bob = client("c2", "bob");
  subscribe(*bob, "#");
  EXPECT_THAT(bob->payloads(), ElementsAre("a/1")) << "retained";
  for (const std::string topic : {"a/2", "a/secret", "b"}) ann->publish(topic, topic);
  world.run();
  EXPECT_THAT(bob->payloads(), ElementsAre("a/1", "a/2")) << "live";
}

TEST_F(RightsInTheBroker, ReplayChecksEachRecordsOwnTopic) {
  rules({of_user("ann", "#"), of_user("bob", "a/#", replaying)});
  const auto ann = client("c1", "ann");
  for (const std::string topic : {"a/1", "b/1", "a/2"}) ann->publish(topic, topic);
  world.run();
  const auto bob = client("c2", "bob");
  EXPECT_THAT(subscribe(*bob, "a/#"), ElementsAre(R::not_authorized));
  EXPECT_THAT(subscribe(*bob, "$replay/earliest/#"), ElementsAre(R::granted_qos_1));
  EXPECT_THAT(bob->payloads(), testing::UnorderedElementsAre("a/1", "a/2"));
  ann->publish("b/2", "b/2");
  ann->publish("a/3", "a/3");
  world.run();
  EXPECT_THAT(bob->payloads(), testing::UnorderedElementsAre("a/1", "a/2", "a/3")) << "where it has become live";
  bob->unsubscribe("$replay/earliest/#");
  world.run();
  bob->received.clear();
  for (const std::string partition : {"0", "1", "2", "3"}) subscribe(*bob, "$log/mqtt/" + partition + "/0");
  EXPECT_THAT(bob->payloads(), testing::UnorderedElementsAre("a/1", "a/2", "a/3"));
}

// --- rights that change ---

TEST_F(RightsInTheBroker, ARevokedRightTakesEffectAtOnce) {
  rules({of_user("ann", "#"), of_user("bob", "a")});
  const auto ann = client("c1", "ann"), bob = client("c2", "bob");
  subscribe(*bob, "a");
  ann->publish("a", "1");
  world.run();
  rules({of_user("ann", "#"), of_user("bob", "b")});
  ann->publish("a", "2");
  const auto refused = bob->publish("a", "3");
  world.run();
  EXPECT_THAT(bob->payloads(), ElementsAre("1"));
  EXPECT_EQ(bob->refused.at(refused), R::not_authorized);
  rules({of_user("ann", "#"), of_user("bob", "a")});
  ann->publish("a", "4");
  world.run();
  EXPECT_THAT(bob->payloads(), ElementsAre("1", "4"));
}

// CVE-2021-34434: a durable subscription outlived the right to it.
TEST_F(RightsInTheBroker, CVE_2021_34434_AResumedSessionIsSentNothingThatItMayNotReadAnyMore) {
  rules({of_user("ann", "#"), of_user("bob", "#")});
  const auto ann = client("c1", "ann");
  auto bob = client("c2", "bob", V::v5, CleanStart::no);
  subscribe(*bob, "#");
  bob->acks = Client::Acks::never;
  ann->publish("a", "in flight");
  world.run();
  ASSERT_THAT(bob->payloads(), ElementsAre("in flight"));
  bob->drop();
  for (const std::string topic : {"a", "b", "a"}) ann->publish(topic, "missed " + topic);
  world.run();
  rules({of_user("ann", "#"), of_user("bob", "b")});
  bob->received.clear();
  bob->acks = Client::Acks::at_once;
  log_in(*bob, "bob", CleanStart::no);
  EXPECT_EQ(bob->connack->session_present, mqtt::SessionPresent::yes);
  EXPECT_THAT(bob->payloads(), ElementsAre("missed b"));
}

TEST_F(RightsInTheBroker, AUserThatIsRemovedOrHasAnotherPasswordIsDisconnectedAtOnce) {
  const auto ann = client("c1", "ann"), bob = client("c2", "bob");
  settings.access.users["ann"].credential = second_password;
  world.reload(settings);
  world.run();
  EXPECT_FALSE(ann->connected());
  EXPECT_EQ(ann->disconnect_reason, R::not_authorized);
  EXPECT_TRUE(bob->connected());
  settings.access.users.erase("bob");
  world.reload(settings);
  world.run();
  EXPECT_FALSE(bob->connected());
}

TEST_F(RightsInTheBroker, AnonymousClientsLeaveWhenTheyAreNotLetInAnyMore) {
  let_in_anonymous();
  Client nobody(world, "c", V::v5);
  nobody.connect();
  world.run();
  ASSERT_TRUE(nobody.connected());
  settings.access.anonymous = bridge::Anonymous::refused;
  world.reload(settings);
  world.run();
  EXPECT_FALSE(nobody.connected());
}

}  // namespace
}  // namespace bitacora::sim
