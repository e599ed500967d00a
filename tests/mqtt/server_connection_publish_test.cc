// Packets of an open connection: what becomes an event, what ends the connection, and topic aliases both ways.
#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto client_fault = CloseCause::protocol_error;

Connect v5_with_aliases(std::uint16_t maximum) {
  Connect connect = v5();
  connect.properties.topic_alias_maximum = maximum;
  return connect;
}

// --- events ---

TEST(Publish, OfQoS0NeedsNoAnswer) {
  Talk talk(ConnectionLimits{.receive_maximum = 1});
  talk.open(v5());
  for (int i = 0; i < 3; ++i) {
    talk.client_sends(publish("a/b"));
    EXPECT_EQ(talk.next<PublishEvent>().packet.topic, "a/b");
  }
  EXPECT_EQ(talk.connection.unanswered(), 0);
}

TEST(Acknowledgements, OfTheServersPublishesAreTheSessions) {
  Talk talk;
  talk.open(v5());
  talk.client_sends(ack<Puback>(1, ReasonCode::no_matching_subscribers));
  EXPECT_EQ(describe(talk.next<AckEvent>()), format(ack<Puback>(1, ReasonCode::no_matching_subscribers)));
  talk.client_sends(ack<Pubrec>(2, ReasonCode::quota_exceeded));
  EXPECT_EQ(describe(talk.next<AckEvent>()), format(ack<Pubrec>(2, ReasonCode::quota_exceeded)));
  talk.client_sends(ack<Pubcomp>(3));
  EXPECT_EQ(describe(talk.next<AckEvent>()), format(ack<Pubcomp>(3)));
  EXPECT_THAT(talk.take_sent(), IsEmpty());
}

TEST(Pingreq, IsAnsweredAtOnceAndGivesNoEvent) {  // [MQTT-3.12.4-1]
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends(qos1(1));
  talk.next<PublishEvent>();
  talk.client_sends(Pingreq{});
  talk.expect_no_event();
  EXPECT_EQ(talk.take_sent(), lines({Pingresp{}}));
}

TEST(ServersPackets, AreAProtocolErrorFromAClient) {
  for (const Packet& packet : {Packet(Connack{}), Packet(suback(1)), Packet(unsuback(1)), Packet(Pingresp{})}) {
    Talk talk;
    talk.open(v3_1_1());
    talk.client_sends(packet);
    talk.expect_closed(client_fault, ReasonCode::protocol_error);
  }
}

TEST(AuthPacket, OfA3_1_1ClientIsAProtocolError) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends_hex("f0 00");
  talk.expect_closed(client_fault, ReasonCode::protocol_error);
}

// --- what ends the connection ---

TEST(Publish, WithASubscriptionIdentifierIsAProtocolError) {  // [MQTT-3.3.4-6]
  Talk talk;
  talk.open(v5());
  Publish packet = publish("a");
  packet.properties.subscription_identifiers.push_back(1);
  talk.client_sends(packet);
  talk.expect_closed(client_fault, ReasonCode::protocol_error);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::protocol_error);
}

TEST(Publish, WithoutATopicOrAnAliasIsAProtocolError) {
  Talk talk;
  talk.open(v5());
  talk.client_sends_hex("30 03 00 00 00");
  talk.expect_closed(client_fault, ReasonCode::protocol_error);
}

TEST(Packet, LargerThanTheLimitClosesBeforeItsBodyCame) {
  Talk talk(ConnectionLimits{.max_packet_size = 100});
  talk.open(v5());
  talk.client_sends_hex("30 63");
  talk.expect_closed(client_fault, ReasonCode::packet_too_large);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::packet_too_large);
}

TEST(Packet, AsLargeAsTheLimitIsRead) {
  Talk talk(ConnectionLimits{.max_packet_size = 100});
  talk.open(v5());
  Publish packet = publish("a");
  const Bytes payload(100 - 6);
  packet.payload = payload;
  talk.client_sends(packet);
  EXPECT_EQ(talk.next<PublishEvent>().packet.payload.size(), payload.size());
}

TEST(TopicLevels, OfNamesAndFiltersAreLimited) {
  for (const auto& [packet, reason] : {std::pair{Packet(publish("a/b/c")), ReasonCode::topic_name_invalid},
                                       std::pair{Packet(subscribe(1, "a/b/#")), ReasonCode::topic_filter_invalid},
                                       std::pair{Packet(unsubscribe(1, "a/b/#")), ReasonCode::topic_filter_invalid}}) {
    Talk talk(ConnectionLimits{.max_topic_levels = 2});
    talk.open(v5());
    talk.client_sends(packet);
    talk.expect_closed(client_fault, reason);
    EXPECT_EQ(talk.take_only<Disconnect>().reason, reason);
  }
}

TEST(TopicLevels, UpToTheLimitPass) {
  Talk talk(ConnectionLimits{.max_topic_levels = 3});
  talk.open(v5());
  talk.client_sends(publish("a/b/c"));
  EXPECT_EQ(talk.next<PublishEvent>().packet.topic, "a/b/c");
  talk.client_sends(subscribe(1, "$share/g/#"));
  EXPECT_EQ(talk.next<SubscribeEvent>().packet.entries.front().filter, "$share/g/#");
}

TEST(NoLocal, OnASharedSubscriptionIsAProtocolError) {  // [MQTT-3.8.3-4]
  Talk talk;
  talk.open(v5());
  Subscribe packet = subscribe(1, "$share/g/a");
  packet.entries.front().options.no_local = true;
  talk.client_sends(packet);
  talk.expect_closed(client_fault, ReasonCode::protocol_error);
}

TEST(NoLocal, OnAnOrdinarySubscriptionPasses) {
  Talk talk;
  talk.open(v5());
  Subscribe packet = subscribe(1, "$shared/g/a");
  packet.entries.front().options.no_local = true;
  talk.client_sends(packet);
  EXPECT_TRUE(talk.next<SubscribeEvent>().packet.entries.front().options.no_local);
}

TEST(BytesBehindAProtocolError, AreNeverLookedAt) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends_hex("20 02 00 00  c0 00");
  talk.expect_closed(client_fault, ReasonCode::protocol_error);
  talk.client_sends(Pingreq{});
  talk.expect_no_event();
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

// --- the receive maximum ---

// [MQTT-4.13.1-1]
TEST(ReceiveMaximum, IsHeldAgainstA5_0Client) {
  Talk talk(ConnectionLimits{.receive_maximum = 2});
  talk.open(v5());
  for (const Packet& packet : {Packet(qos1(1)), Packet(qos2(2))}) {
    talk.client_sends(packet);
    talk.next<PublishEvent>();
  }
  EXPECT_EQ(talk.connection.unanswered(), 2);
  talk.client_sends(publish("qos 0 does not count"));
  talk.next<PublishEvent>();
  talk.client_sends(qos1(3));
  talk.expect_closed(client_fault, ReasonCode::receive_maximum_exceeded);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::receive_maximum_exceeded);
}

TEST(ReceiveMaximum, IsUnknownToA3_1_1Client) {
  Talk talk(ConnectionLimits{.receive_maximum = 2});
  talk.open(v3_1_1());
  for (std::uint16_t id = 1; id <= 5; ++id) {
    talk.client_sends(qos1(id));
    talk.next<PublishEvent>();
  }
  EXPECT_EQ(talk.connection.unanswered(), 5);
}

TEST(ReceiveMaximum, IsFreedByPubackPubcompAndAnErrorInPubrecOnly) {  // section 4.9
  Talk talk(ConnectionLimits{.receive_maximum = 3});
  talk.open(v5());
  std::vector<AnswerSlot> slots;
  for (const Packet& packet : {Packet(qos1(1)), Packet(qos2(2)), Packet(qos2(3))}) {
    talk.client_sends(packet);
    slots.push_back(talk.next<PublishEvent>().slot);
  }
  talk.connection.answer(slots[0], ack<Puback>(1));
  EXPECT_EQ(talk.connection.unanswered(), 2);
  talk.connection.answer(slots[1], ack<Pubrec>(2));
  EXPECT_EQ(talk.connection.unanswered(), 2);
  talk.connection.answer(slots[2], ack<Pubrec>(3, ReasonCode::quota_exceeded));
  EXPECT_EQ(talk.connection.unanswered(), 1);
  talk.client_sends(ack<Pubrel>(2));
  talk.connection.answer(talk.next<PubrelEvent>().slot, ack<Pubcomp>(2));
  EXPECT_EQ(talk.connection.unanswered(), 0);
}

TEST(ReceiveMaximum, IsNotFreedByAnAnswerThatHasNotLeft) {
  Talk talk(ConnectionLimits{.receive_maximum = 2});
  talk.open(v5());
  talk.client_sends(qos1(1));
  talk.next<PublishEvent>();
  talk.client_sends(qos1(2));
  talk.connection.answer(talk.next<PublishEvent>().slot, ack<Puback>(2));
  EXPECT_EQ(talk.connection.unanswered(), 2);
  talk.client_sends(qos1(3));
  talk.expect_closed(client_fault, ReasonCode::receive_maximum_exceeded);
}

TEST(ReceiveMaximum, GivesWayForAPublishOfTheLastConnectionThatIsFinishedHere) {  // section 4.9, send quota
  Talk talk(ConnectionLimits{.receive_maximum = 1});
  talk.open(v5());
  talk.client_sends(ack<Pubrel>(9));
  talk.connection.answer(talk.next<PubrelEvent>().slot, ack<Pubcomp>(9));
  talk.client_sends(qos1(1));  // sent before the client saw the PUBCOMP
  talk.next<PublishEvent>();
  talk.client_sends(qos1(2));  // and after
  talk.next<PublishEvent>();
  talk.client_sends(qos1(3));
  talk.expect_closed(client_fault, ReasonCode::receive_maximum_exceeded);
}

TEST(ReceiveMaximum, IsAtMostDoubledByPubrels) {
  Talk talk(ConnectionLimits{.receive_maximum = 1});
  talk.open(v5());
  for (int i = 0; i < 10; ++i) {
    talk.client_sends(ack<Pubrel>(9));
    talk.connection.answer(talk.next<PubrelEvent>().slot, ack<Pubcomp>(9, ReasonCode::packet_identifier_not_found));
  }
  for (std::uint16_t id = 1; id <= 2; ++id) {
    talk.client_sends(qos1(id));
    talk.next<PublishEvent>();
  }
  talk.client_sends(qos1(3));
  talk.expect_closed(client_fault, ReasonCode::receive_maximum_exceeded);
}

// --- topic aliases of the client ---

TEST(TopicAlias, StandsForTheTopicItCameWith) {  // [MQTT-3.3.2-12]
  Talk talk;
  talk.open(v5());
  talk.client_sends(aliased("plant/1", 32));
  EXPECT_EQ(format(talk.next<PublishEvent>().packet), format(publish("plant/1")));
  talk.client_sends(aliased("", 32));
  EXPECT_EQ(format(talk.next<PublishEvent>().packet), format(publish("plant/1")));
}

TEST(TopicAlias, MayBeGivenAnotherTopic) {
  Talk talk;
  talk.open(v5());
  talk.client_sends(aliased("old", 1));
  talk.next<PublishEvent>();
  talk.client_sends(aliased("new", 1));
  talk.next<PublishEvent>();
  talk.client_sends(aliased("", 1));
  EXPECT_EQ(talk.next<PublishEvent>().packet.topic, "new");
}

TEST(TopicAlias, AboveTheMaximumOrZeroOrUnknownIsInvalid) {  // [MQTT-3.3.2-8], section 3.3.2.3.4
  for (const Publish& packet : {aliased("topic", 4), aliased("topic", 0), aliased("", 1)}) {
    Talk talk(ConnectionLimits{.topic_alias_maximum = 3});
    talk.open(v5());
    talk.client_sends(packet);
    talk.expect_closed(client_fault, ReasonCode::topic_alias_invalid);
    EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::topic_alias_invalid);
  }
}

TEST(TopicAlias, EndsWithTheConnection) {  // [MQTT-3.3.2-7]
  Talk first;
  first.open(v5());
  first.client_sends(aliased("topic", 1));
  first.next<PublishEvent>();
  Talk second;
  second.open(v5());
  second.client_sends(aliased("", 1));
  second.expect_closed(client_fault, ReasonCode::topic_alias_invalid);
}

// --- topic aliases of the server ---

TEST(ServersTopicAlias, ReplacesATopicThatWasSentBefore) {  // [MQTT-3.3.2-11]
  Talk talk;
  talk.open(v5_with_aliases(1));
  EXPECT_TRUE(talk.connection.submit(publish("plant/1")));
  EXPECT_TRUE(talk.connection.submit(publish("plant/1")));
  EXPECT_EQ(talk.take_sent(), lines({aliased("plant/1", 1), aliased("", 1)}));
}

TEST(ServersTopicAlias, PassesToTheLatestTopicInItsPlace) {
  Talk talk;
  talk.open(v5_with_aliases(1));
  for (const char* topic : {"plant/1", "plant/2", "plant/2", "plant/1"}) {
    EXPECT_TRUE(talk.connection.submit(publish(topic)));
  }
  EXPECT_EQ(talk.take_sent(),
            lines({aliased("plant/1", 1), aliased("plant/2", 1), aliased("", 1), aliased("plant/1", 1)}));
}

TEST(ServersTopicAlias, IsNeverAboveTheClientsMaximumNorOurs) {  // [MQTT-3.1.2-26]
  for (const auto& [clients, ours] : {std::pair{2, 100}, std::pair{100, 2}}) {
    Talk talk(ConnectionLimits{.topic_alias_maximum_out = static_cast<std::uint16_t>(ours)});
    talk.open(v5_with_aliases(static_cast<std::uint16_t>(clients)));
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(talk.connection.submit(publish("a topic " + std::to_string(i))));
      EXPECT_LE(talk.take_only<Publish>().properties.topic_alias.value_or(0), 2);
    }
  }
}

TEST(ServersTopicAlias, IsNotUsedIfTheClientGaveNoMaximum) {  // [MQTT-3.1.2-27]
  Talk talk;
  talk.open(v5());
  EXPECT_TRUE(talk.connection.submit(publish("plant/1")));
  EXPECT_TRUE(talk.connection.submit(publish("plant/1")));
  EXPECT_EQ(talk.take_sent(), lines({publish("plant/1"), publish("plant/1")}));
}

TEST(ServersTopicAlias, IsNotSpentOnATopicThatIsNoLongerThanTheAlias) {
  Talk talk;
  talk.open(v5_with_aliases(8));
  EXPECT_TRUE(talk.connection.submit(publish("abc")));
  EXPECT_EQ(talk.take_sent(), lines({publish("abc")}));
}

TEST(ServersTopicAlias, IsNotTakenForKnownWhenItsPublishWasTooLarge) {
  Talk talk;
  Connect connect = v5_with_aliases(8);
  connect.properties.maximum_packet_size = 40;
  talk.open(connect);
  const Bytes payload(40);
  Publish large = publish("plant/1");
  large.payload = payload;
  EXPECT_FALSE(talk.connection.submit(large));
  EXPECT_TRUE(talk.connection.submit(publish("plant/1")));
  EXPECT_EQ(talk.take_only<Publish>().topic, "plant/1");
}

TEST(ServersTopicAlias, GivesWayWhereOnlyThePlainPublishFits) {
  Talk talk;
  Connect connect = v5_with_aliases(8);
  connect.properties.maximum_packet_size = 40;
  talk.open(connect);
  const Bytes payload(40 - 12);  // two bytes of header, two and seven of topic, one of properties
  Publish tight = publish("plant/1");
  tight.payload = payload;
  EXPECT_TRUE(talk.connection.submit(tight));
  const Publish sent = talk.take_only<Publish>();
  EXPECT_EQ(sent.topic, "plant/1");
  EXPECT_EQ(sent.properties.topic_alias, std::nullopt);
}

TEST(ServersPublish, LargerThanTheClientTakesIsNotSent) {  // [MQTT-3.1.2-24]
  Talk talk;
  Connect connect = v5();
  connect.properties.maximum_packet_size = 30;
  talk.open(connect);
  Bytes payload(30 - 6);
  Publish packet = publish("a");
  packet.payload = payload;
  EXPECT_TRUE(talk.connection.submit(packet));
  EXPECT_EQ(talk.take_sent_bytes().size(), 30U);
  payload.push_back({});
  packet.payload = payload;
  EXPECT_FALSE(talk.connection.submit(packet));
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(ServersPubrel, LeavesAtOnce) {
  Talk talk;
  talk.open(v3_1_1());
  EXPECT_TRUE(talk.connection.submit(ack<Pubrel>(5)));
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "62020005");
}

}  // namespace
}  // namespace bitacora::mqtt
