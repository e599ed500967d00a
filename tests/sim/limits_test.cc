// Going over each limit of docs/limits.md: what the client is told, what is counted, and that others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using enum mqtt::QoS;
using namespace std::chrono_literals;
using bridge::Limit;
using mqtt::ReasonCode;
using testing::ElementsAre;
using V = mqtt::ProtocolVersion;

class Limits : public testing::Test {
 protected:
  // Starts the broker with `options`, which each test sets first.
  void start() { world.emplace(options).start(); }
  [[nodiscard]] std::uint64_t reached(Limit limit) { return world->metrics().of(limit).value(); }
  // A connected 5.0 client of that name.
  Client& client(const std::string& name) {
    Client& added = clients.emplace_back(*world, name, V::v5);
    added.connect();
    world->run();
    return added;
  }
  ReasonCode refusal_of(Client& who, std::string_view topic, std::string_view payload, mqtt::QoS qos = at_least_once,
                        mqtt::Retain retain = mqtt::Retain::no) {
    const auto id = who.publish(topic, payload, qos, retain);
    world->run();
    const auto refused = who.refused.find(id);
    return refused == who.refused.end() ? ReasonCode::success : refused->second;
  }
  ReasonCode retain(Client& who, std::string_view topic, std::string_view payload) {
    return refusal_of(who, topic, payload, at_least_once, mqtt::Retain::yes);
  }
  // Sends one packet and expects to be sent away for it.
  void expect_closed(const mqtt::Packet& packet, ReasonCode reason, Limit limit) {
    Client& offender = client("offender");
    offender.send(packet);
    world->run();
    EXPECT_FALSE(offender.connected());
    EXPECT_EQ(offender.disconnect_reason, reason);
    EXPECT_EQ(reached(limit), 1U);
  }

  WorldOptions options;
  std::optional<BrokerWorld> world;
  std::deque<Client> clients;  // behind the world: gone before it
};

TEST_F(Limits, OfThePacketSize) {
  options.broker.connection.max_packet_size = 1000;
  start();
  const std::string large(1000, 'x');
  expect_closed(mqtt::Publish{"t", as_bytes(large)}, ReasonCode::packet_too_large, Limit::packet_size);
}

TEST_F(Limits, OfUserProperties) {
  options.broker.connection.codec.max_user_properties = 2;
  start();
  mqtt::Publish packet{"t", {}};
  packet.properties.user_properties = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  expect_closed(packet, ReasonCode::quota_exceeded, Limit::packet_fields);
}

TEST_F(Limits, OfFiltersInOneSubscribe) {
  options.broker.connection.codec.max_filters = 2;
  start();
  expect_closed(mqtt::Subscribe{mqtt::PacketId(1), {{"a", {}}, {"b", {}}, {"c", {}}}, {}}, ReasonCode::quota_exceeded,
                Limit::packet_fields);
}

TEST_F(Limits, OfTopicLevelsPublishedTo) {
  options.broker.connection.max_topic_levels = 3;
  start();
  expect_closed(mqtt::Publish{"1/2/3/4", {}}, ReasonCode::topic_name_invalid, Limit::topic_levels);
}

TEST_F(Limits, OfTopicLevelsSubscribedTo) {
  options.broker.connection.max_topic_levels = 3;
  start();
  expect_closed(mqtt::Subscribe{mqtt::PacketId(1), {{"1/2/3/#", {}}}, {}}, ReasonCode::topic_filter_invalid,
                Limit::topic_levels);
}

TEST_F(Limits, OfTopicAliases) {
  options.broker.connection.topic_alias_maximum = 4;
  start();
  mqtt::Publish packet{"t", {}};
  packet.properties.topic_alias = 5;
  expect_closed(packet, ReasonCode::topic_alias_invalid, Limit::topic_alias);
}

TEST_F(Limits, AnAliasThatStandsForNothingIsAMistakeAndNoLimit) {
  start();
  Client& offender = client("offender");
  mqtt::Publish packet{"", {}};
  packet.properties.topic_alias = 1;
  offender.send(packet);
  world->run();
  EXPECT_EQ(offender.disconnect_reason, ReasonCode::topic_alias_invalid);
  EXPECT_EQ(reached(Limit::topic_alias), 0U);
}

TEST_F(Limits, OfPublishesWithoutAnAnswer) {
  options.broker.connection.receive_maximum = 3;
  start();
  Client& offender = client("offender");
  for (int i = 0; i < 4; ++i) offender.publish("t", "x");
  world->run();
  EXPECT_EQ(offender.disconnect_reason, ReasonCode::receive_maximum_exceeded);
  EXPECT_EQ(reached(Limit::receive_maximum), 1U);
}

TEST_F(Limits, OfTheClientId) {
  options.broker.connection.max_client_id = 23;
  start();
  Client& offender = client(std::string(24, 'c'));
  EXPECT_EQ(offender.connack->reason, ReasonCode::client_identifier_not_valid);
  EXPECT_EQ(reached(Limit::client_id), 1U);
}

TEST_F(Limits, OfWhatIsSentAheadOfConnack) {
  options.broker.connection.max_packet_size = 1000;
  start();
  Client& offender = clients.emplace_back(*world, "offender", V::v5);
  offender.connect();  // persistent: CONNACK waits for the log
  const std::string half(600, 'x');
  for (int i = 0; i < 2; ++i) offender.publish("t", half, at_most_once);
  world->run(BrokerWorld::Commit::no);
  EXPECT_FALSE(offender.connected());
  EXPECT_EQ(reached(Limit::early_bytes), 1U);
}

TEST_F(Limits, OfSubscriptionsOfOneSession) {
  options.broker.sessions.max_subscriptions = 2;
  start();
  Client& greedy = client("greedy");
  greedy.subscribe("a");
  greedy.subscribe("b");
  greedy.subscribe("c");
  world->run();
  EXPECT_THAT(greedy.suback, ElementsAre(ReasonCode::quota_exceeded));
  EXPECT_EQ(reached(Limit::subscriptions), 1U);
  greedy.subscribe("a", at_most_once);  // replaced, not added
  world->run();
  EXPECT_THAT(greedy.suback, ElementsAre(ReasonCode::success));
}

TEST_F(Limits, OfQos2MessagesThatWaitForTheirRelease) {
  options.broker.sessions.max_awaiting_release = 2;
  start();
  Client& hoarder = client("hoarder");
  hoarder.releases = false;
  const auto first = hoarder.publish("t", "1", exactly_once);
  hoarder.publish("t", "2", exactly_once);
  EXPECT_EQ(refusal_of(hoarder, "t", "3", exactly_once), ReasonCode::quota_exceeded);
  EXPECT_EQ(reached(Limit::awaiting_release), 1U);
  hoarder.release(first);
  world->run();
  EXPECT_EQ(refusal_of(hoarder, "t", "4", exactly_once), ReasonCode::success);
  EXPECT_EQ(world->records().size(), 3U);
}

TEST_F(Limits, OfBytesThatOnePublisherHasOnTheWayToTheLog) {
  options.broker.sessions.max_unwritten_bytes = 10'000;
  start();
  Client& flood = client("flood");
  Client& other = client("other");
  const std::string payload(1000, 'x');
  for (int i = 0; i < 9; ++i) flood.publish("t", payload, at_most_once);
  world->run(BrokerWorld::Commit::no);
  EXPECT_TRUE(flood.is_read());
  for (int i = 0; i < 2; ++i) flood.publish("t", payload, at_most_once);
  world->run(BrokerWorld::Commit::no);
  EXPECT_FALSE(flood.is_read());
  EXPECT_TRUE(other.is_read());
  EXPECT_EQ(reached(Limit::unwritten_bytes), 1U);
  const auto id = other.publish("u", "1");
  world->run();
  EXPECT_TRUE(other.acknowledged.contains(id));
  EXPECT_TRUE(flood.is_read());  // all of it was written
  EXPECT_EQ(world->records().size(), 12U);
}

TEST_F(Limits, NoDeadlineRunsForAPublisherThatIsNotRead) {
  options.broker.sessions.max_unwritten_bytes = 1000;
  start();
  Client& flood = client("flood");
  flood.publish("t", std::string(2000, 'x'));
  world->run(BrokerWorld::Commit::no);
  ASSERT_FALSE(flood.is_read());
  world->advance(10min);  // keep-alive was 60 s
  world->run(BrokerWorld::Commit::no);
  EXPECT_TRUE(flood.connected());
  world->run();
  EXPECT_TRUE(flood.is_read());
  EXPECT_EQ(flood.acknowledged.size(), 1U);
}

TEST_F(Limits, OfOneRetainedPayload) {
  options.broker.max_retained_payload = 10;
  start();
  Client& publisher = client("p");
  EXPECT_EQ(retain(publisher, "t", "12345678901"), ReasonCode::quota_exceeded);
  EXPECT_EQ(refusal_of(publisher, "t", "12345678901"), ReasonCode::success);
  EXPECT_EQ(reached(Limit::retained_payload), 1U);
}

TEST_F(Limits, OfTheNumberOfRetainedMessages) {
  options.broker.max_retained_messages = 2;
  start();
  Client& publisher = client("p");
  EXPECT_EQ(retain(publisher, "a", "1"), ReasonCode::success);
  EXPECT_EQ(retain(publisher, "b", "1"), ReasonCode::success);
  EXPECT_EQ(retain(publisher, "c", "1"), ReasonCode::quota_exceeded);
  EXPECT_EQ(retain(publisher, "b", "2"), ReasonCode::success);  // takes the place of another
  EXPECT_EQ(retain(publisher, "a", ""), ReasonCode::success);   // removes one
  EXPECT_EQ(retain(publisher, "c", "1"), ReasonCode::success);
  EXPECT_EQ(reached(Limit::retained_messages), 1U);
}

TEST_F(Limits, OfTheBytesOfRetainedMessagesAlsoAfterARestart) {
  options.broker.max_retained_bytes = 100;
  start();
  Client& publisher = client("p");
  const auto retain_bytes = [&](const char* topic, std::size_t size) {
    return retain(publisher, topic, std::string(size, 'x'));
  };
  EXPECT_EQ(retain_bytes("a", 59), ReasonCode::success);
  EXPECT_EQ(retain_bytes("b", 40), ReasonCode::quota_exceeded);
  EXPECT_EQ(retain_bytes("b", 39), ReasonCode::success);
  EXPECT_EQ(retain_bytes("a", 60), ReasonCode::quota_exceeded);
  EXPECT_EQ(reached(Limit::retained_bytes), 2U);
  world->kill();
  world->start();
  publisher.connect();
  world->run();
  EXPECT_EQ(retain_bytes("c", 1), ReasonCode::quota_exceeded);
  EXPECT_EQ(retain_bytes("a", 57), ReasonCode::success);
  EXPECT_EQ(retain_bytes("c", 1), ReasonCode::success);
}

TEST_F(Limits, OfTheRetainedMessagesOfOneUserAlsoAfterARestart) {
  options.broker.max_retained_messages_per_user = 2;
  options.broker.max_retained_bytes_per_user = 20;
  start();
  Client& publisher = client("p");
  EXPECT_EQ(retain(publisher, "a", "1"), ReasonCode::success);
  EXPECT_EQ(retain(publisher, "b", "1"), ReasonCode::success);
  EXPECT_EQ(retain(publisher, "c", "1"), ReasonCode::quota_exceeded);
  EXPECT_EQ(retain(publisher, "b", "2"), ReasonCode::success) << "takes the place of another";
  EXPECT_EQ(retain(publisher, "b", "0123456789012345678"), ReasonCode::quota_exceeded) << "too many bytes";
  EXPECT_EQ(reached(Limit::retained_of_user), 2U);
  world->kill();
  world->start();
  publisher.connect();
  world->run();
  EXPECT_EQ(retain(publisher, "c", "1"), ReasonCode::quota_exceeded);
  EXPECT_EQ(retain(publisher, "a", ""), ReasonCode::success);
  EXPECT_EQ(retain(publisher, "c", "1"), ReasonCode::success);
}

TEST_F(Limits, OfTheWillsOfASecondMakeTheOthersFollowInTurn) {
  options.broker.sessions.max_wills_per_second = 10;
  options.shards = 1;
  start();
  for (int i = 0; i < 25; ++i) {
    Client& doomed = clients.emplace_back(*world, "doomed-" + std::to_string(i), V::v5);
    const std::string payload = std::to_string(i);
    const std::uint32_t expiry_s = i % 2 == 0 ? 0 : 3600;  // some sessions end with their connection
    doomed.connect(mqtt::CleanStart::yes, mqtt::Will{"t", as_bytes(payload), at_least_once, mqtt::Retain::no, {}},
                   expiry_s);
    world->run();
  }
  for (Client& doomed : clients) doomed.drop();
  world->run();
  const auto published = [&] { return world->records().size(); };
  EXPECT_GE(published(), 10U);
  EXPECT_LE(published(), 11U);
  EXPECT_EQ(reached(Limit::will_rate), 25 - published());
  const std::size_t at_once = published();
  world->advance(500ms);
  world->run();
  EXPECT_LE(published(), at_once + 6);
  // Who comes back meanwhile has its Will published first, and its session is none that has ended.
  Client& back = clients.emplace_back(*world, "doomed-24", V::v5);
  back.connect(mqtt::CleanStart::no, std::nullopt, 0);
  world->run();
  EXPECT_EQ(back.connack->session_present, mqtt::SessionPresent::no);
  world->advance(2s);
  world->run();
  EXPECT_EQ(published(), 25U);
}

TEST_F(Limits, OfRetainedMessagesTakeRetainFromAWillAndPublishIt) {
  options.broker.max_retained_messages = 0;
  start();
  Client& doomed = clients.emplace_back(*world, "doomed", V::v5);
  mqtt::Will will;
  will.topic = "t";
  will.payload = as_bytes("gone");
  will.retain = mqtt::Retain::yes;
  doomed.connect(mqtt::CleanStart::yes, will, 0);
  world->run();
  doomed.drop();
  world->run();
  ASSERT_EQ(world->records().size(), 1U);
  EXPECT_EQ(world->records().front().value, "gone");
  EXPECT_TRUE(world->records("__retained").empty());
  EXPECT_EQ(reached(Limit::retained_messages), 1U);
}

TEST_F(Limits, OfTheWill) {
  options.broker.sessions.max_will_payload = 4;
  options.broker.sessions.max_will_delay = 60s;
  start();
  const auto connack_of = [&](std::string_view payload, std::uint32_t delay_s) {
    Client& client = clients.emplace_back(*world, "c", V::v5);
    mqtt::Will will;
    will.topic = "t";
    will.payload = as_bytes(payload);
    will.properties.will_delay_interval = delay_s;
    client.connect(mqtt::CleanStart::yes, will);
    world->run();
    const ReasonCode reason = client.connack->reason;
    client.disconnect();
    world->run();
    return reason;
  };
  EXPECT_EQ(connack_of("1234", 60), ReasonCode::success);
  EXPECT_EQ(connack_of("12345", 0), ReasonCode::quota_exceeded);
  EXPECT_EQ(connack_of("1", 61), ReasonCode::quota_exceeded);
  EXPECT_EQ(reached(Limit::will_payload), 1U);
  EXPECT_EQ(reached(Limit::will_delay), 1U);
}

TEST_F(Limits, OfTakeoversEndAFightForOneClientId) {
  options.broker.sessions.max_takeovers = 3;
  start();
  for (int i = 0; i < 4; ++i) client("twin");
  EXPECT_EQ(clients[2].disconnect_reason, ReasonCode::session_taken_over);
  ASSERT_TRUE(clients[3].connected());
  Client& fifth = client("twin");
  EXPECT_EQ(fifth.connack->reason, ReasonCode::connection_rate_exceeded);
  EXPECT_EQ(clients[3].disconnect_reason, ReasonCode::connection_rate_exceeded);
  EXPECT_EQ(client("twin").connack->reason, ReasonCode::connection_rate_exceeded);
  EXPECT_EQ(reached(Limit::takeovers), 2U);
  EXPECT_EQ(client("someone else").connack->reason, ReasonCode::success);
  world->advance(61s);
  EXPECT_EQ(client("twin").connack->reason, ReasonCode::success);
}

TEST_F(Limits, OfTakeoversAreOfAMinute) {
  options.broker.sessions.max_takeovers = 3;
  start();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client("slow").connack->reason, ReasonCode::success);
    world->advance(25s);
    world->run();
  }
  EXPECT_EQ(reached(Limit::takeovers), 0U);
}

}  // namespace
}  // namespace bitacora::sim
