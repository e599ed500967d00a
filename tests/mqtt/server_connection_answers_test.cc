// Acknowledgements: their order, and what they may carry.
#include <algorithm>
#include <numeric>
#include <random>

#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {
namespace {

using testing::IsEmpty;

Connect v5_with_maximum_packet_size(std::uint32_t size) {
  Connect connect = v5();
  connect.properties.maximum_packet_size = size;
  return connect;
}

Puback explained_puback(std::uint16_t id) {
  auto packet = ack<Puback>(id);
  packet.properties.reason_string = "stored";
  packet.properties.user_properties = {{"log", "mqtt"}, {"offset", "7"}};
  return packet;
}

// --- order ---

// One of each packet that is answered, and its answer.
const std::vector<std::pair<Packet, Packet>>& questions_and_answers() {
  static const std::vector<std::pair<Packet, Packet>> table{
      {qos1(1), ack<Puback>(1)},
      {qos2(2), ack<Pubrec>(2)},
      {ack<Pubrel>(2), ack<Pubcomp>(2)},
      {subscribe(3, "a/#"), suback(3)},
      {unsubscribe(4, "a/#"), unsuback(4)},
      {qos1(5), ack<Puback>(5)},
  };
  return table;
}

AnswerSlot slot_of(const Event& event) {
  return std::visit(
      [](const auto& e) {
        if constexpr (requires { e.slot; }) return e.slot;
        return AnswerSlot{};
      },
      event);
}

TEST(Answers, GivenInAnyOrderLeaveInOrder) {  // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4]; all 720 orders
  const auto& table = questions_and_answers();
  std::vector<std::string> expected;
  for (const auto& [question, answer] : table) expected.push_back(format(answer));
  std::vector<std::size_t> order(table.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Talk talk;
    talk.open(v5());
    std::vector<AnswerSlot> slots;
    for (const auto& [question, answer] : table) {
      talk.client_sends(question);
      slots.push_back(slot_of(*talk.connection.poll_event()));
    }
    for (const std::size_t i : order) talk.connection.answer(slots[i], table[i].second);
    ASSERT_EQ(talk.take_sent(), expected) << testing::PrintToString(order);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Answers, LeaveAsSoonAsNothingIsInFrontOfThem) {
  Talk talk;
  talk.open(v3_1_1());
  std::vector<AnswerSlot> slots;
  for (std::uint16_t id = 1; id <= 3; ++id) {
    talk.client_sends(qos1(id));
    slots.push_back(talk.next<PublishEvent>().slot);
  }
  talk.connection.answer(slots[1], ack<Puback>(2));
  EXPECT_THAT(talk.take_sent(), IsEmpty());
  talk.connection.answer(slots[0], ack<Puback>(1));
  EXPECT_EQ(talk.take_sent(), lines({ack<Puback>(1), ack<Puback>(2)}));
  talk.connection.answer(slots[2], ack<Puback>(3));
  EXPECT_EQ(talk.take_sent(), lines({ack<Puback>(3)}));
}

TEST(Answers, ToManyPublishesKeepTheirOrderWhileMoreComeIn) {
  constexpr std::uint16_t count = 1000;
  std::mt19937 random(7);
  Talk talk;
  talk.open(v3_1_1());
  std::vector<std::pair<AnswerSlot, std::uint16_t>> waiting;
  std::vector<std::string> sent;
  std::vector<std::string> expected;
  for (std::uint16_t id = 1; id <= count || !waiting.empty();) {
    if (id <= count && (waiting.empty() || random() % 2 == 0)) {
      talk.client_sends(qos1(id));
      waiting.emplace_back(talk.next<PublishEvent>().slot, id);
      expected.push_back(format(ack<Puback>(id++)));
    } else {
      std::swap(waiting[random() % waiting.size()], waiting.back());
      talk.connection.answer(waiting.back().first, ack<Puback>(waiting.back().second));
      waiting.pop_back();
      for (auto& line : talk.take_sent()) sent.push_back(std::move(line));
    }
  }
  EXPECT_EQ(sent, expected);
}

TEST(Answers, ThatComeAfterTheEndAreForgotten) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends(qos1(1));
  const AnswerSlot slot = talk.next<PublishEvent>().slot;
  talk.connection.on_transport_closed();
  talk.connection.answer(slot, ack<Puback>(1));
  EXPECT_FALSE(talk.connection.submit(publish("a")));
  talk.accept();
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(AnswersDeath, OfAnotherPacketIdOrTypeOrTwiceAreABug) {  // [MQTT-2.2.1-5] [MQTT-2.2.1-6]
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends(qos1(1));
  const AnswerSlot slot = talk.next<PublishEvent>().slot;
  EXPECT_DEATH(talk.connection.answer(slot, ack<Puback>(2)), "");
  EXPECT_DEATH(talk.connection.answer(slot, ack<Pubrec>(1)), "");
  EXPECT_DEATH(talk.connection.answer(AnswerSlot{slot.value() + 1}, ack<Puback>(1)), "");
  talk.connection.answer(slot, ack<Puback>(1));
  EXPECT_DEATH(talk.connection.answer(slot, ack<Puback>(1)), "");
}

// --- explanations ---

TEST(Explanations, AreSentToA5_0Client) {
  Talk talk;
  talk.open(v5());
  talk.client_sends(qos1(1));
  talk.connection.answer(talk.next<PublishEvent>().slot, explained_puback(1));
  EXPECT_EQ(talk.take_sent(), lines({explained_puback(1)}));
}

TEST(Explanations, AreLeftOutForAClientThatDoesNotWantThem) {  // [MQTT-3.1.2-29]
  Talk talk;
  Connect connect = v5();
  connect.properties.request_problem_information = 0;
  talk.open(connect);
  talk.client_sends(qos1(1));
  talk.connection.answer(talk.next<PublishEvent>().slot, explained_puback(1));
  Suback explained = suback(2);
  explained.properties.reason_string = "granted";
  talk.client_sends(subscribe(2, "a"));
  talk.connection.answer(talk.next<SubscribeEvent>().slot, explained);
  EXPECT_EQ(talk.take_sent(), lines({ack<Puback>(1), suback(2)}));
}

TEST(Explanations, StayOnPublishAndConnackEvenSo) {  // [MQTT-3.1.2-29]
  Talk talk;
  Connect connect = v5();
  connect.properties.request_problem_information = 0;
  talk.client_sends(connect);
  talk.next<ConnectEvent>();
  Connack connack;
  connack.properties.user_properties = {{"k", "v"}};
  talk.accept(connack);
  EXPECT_EQ(talk.take_only<Connack>().properties.user_properties.size(), 1U);
  Publish packet = publish("a");
  packet.properties.user_properties = {{"k", "v"}};
  EXPECT_TRUE(talk.connection.submit(packet));
  EXPECT_EQ(talk.take_sent(), lines({packet}));
}

// [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1]
// [MQTT-3.11.2-2]
TEST(Explanations, GiveWayToTheClientsMaximumPacketSize) {  // [MQTT-3.4.2-2] [MQTT-3.4.2-3] and for each other answer
  struct Case {
    Packet question;
    Packet plain;
  };
  for (const auto& [question, plain] :
       {Case{qos1(1), ack<Puback>(1)}, Case{qos2(1), ack<Pubrec>(1)}, Case{ack<Pubrel>(1), ack<Pubcomp>(1)},
        Case{subscribe(1, "a"), suback(1)}, Case{unsubscribe(1, "a"), unsuback(1)}}) {
    Talk talk;
    talk.open(v5_with_maximum_packet_size(30));
    talk.client_sends(question);
    const AnswerSlot slot = slot_of(*talk.connection.poll_event());
    Packet explained = plain;
    Packet with_reason = plain;
    std::visit(
        [](auto& full, auto& short_form) {
          if constexpr (requires {
                          full.properties;
                          short_form.properties;
                        }) {
            full.properties.reason_string = "why";
            full.properties.user_properties = {{"name", "a value that is too long to fit"}};
            short_form.properties.reason_string = "why";
          }
        },
        explained, with_reason);
    talk.connection.answer(slot, explained);
    EXPECT_EQ(talk.take_sent(), lines({with_reason}));
  }
}

// [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3]
TEST(Explanations, OnPacketsOfTheServersOwnGiveWayToTheClientsMaximumPacketSize) {
  const UserProperty too_long{"name", "a value that is too long to fit"};
  Connect connect = v5_with_maximum_packet_size(30);
  connect.properties.authentication_method = "method";
  Talk talk;
  talk.open(connect);
  Pubrel pubrel = ack<Pubrel>(7), explained_pubrel = pubrel;
  Auth auth{ReasonCode::continue_authentication, {}}, explained_auth = auth;
  auth.properties.authentication_method = explained_auth.properties.authentication_method = "method";
  const auto explain = [&](Properties& full, Properties& fitting) {
    full.reason_string = fitting.reason_string = "why";
    full.user_properties = {too_long};
  };
  explain(explained_pubrel.properties, pubrel.properties);
  explain(explained_auth.properties, auth.properties);
  EXPECT_TRUE(talk.connection.submit(explained_pubrel));
  EXPECT_TRUE(talk.connection.submit(explained_auth));
  EXPECT_EQ(talk.take_sent(), lines({pubrel, auth}));
  Disconnect fitting{ReasonCode::server_busy, {}}, explained_disconnect = fitting;
  explain(explained_disconnect.properties, fitting.properties);
  talk.connection.close(ReasonCode::server_busy, {}, explained_disconnect.properties);
  EXPECT_EQ(talk.take_sent(), lines({fitting}));
  talk.expect_closed(CloseCause::server, ReasonCode::server_busy);
}

TEST(Explanations, OfBothKindsGiveWayWhereNeitherFits) {
  Talk talk;
  talk.open(v5_with_maximum_packet_size(20));
  talk.client_sends(qos1(1));
  Puback explained = explained_puback(1);
  explained.properties.reason_string = "a reason of many words";
  talk.connection.answer(talk.next<PublishEvent>().slot, explained);
  EXPECT_EQ(talk.take_sent(), lines({ack<Puback>(1)}));
}

TEST(Answer, ThatDoesNotFitTheClientEndsTheConnection) {  // [MQTT-3.1.2-24]
  Talk talk;
  talk.open(v5_with_maximum_packet_size(20));
  Subscribe many = subscribe(1, "a");
  many.entries.resize(20, many.entries.front());
  talk.client_sends(many);
  const AnswerSlot slot = talk.next<SubscribeEvent>().slot;
  talk.connection.answer(slot, Suback{PacketId{1}, std::vector<ReasonCode>(20), {}});
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::packet_too_large);
  talk.expect_closed(CloseCause::server, ReasonCode::packet_too_large);
}

// --- 3.x ---

// [MQTT311-3.3.5-2]
TEST(RefusedPublish, OfA3_xClientIsNeverAcknowledged) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends(qos1(1));
  talk.connection.answer(talk.next<PublishEvent>().slot, ack<Puback>(1, ReasonCode::quota_exceeded));
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
  talk.expect_closed(CloseCause::server, ReasonCode::quota_exceeded);
}

TEST(RefusedPublish, OfA5_0ClientIsToldSo) {
  Talk talk;
  talk.open(v5());
  talk.client_sends(qos2(1));
  talk.connection.answer(talk.next<PublishEvent>().slot, ack<Pubrec>(1, ReasonCode::quota_exceeded));
  EXPECT_EQ(talk.take_sent(), lines({ack<Pubrec>(1, ReasonCode::quota_exceeded)}));
  EXPECT_FALSE(talk.connection.closed());
}

TEST(PubcompForAnUnknownId, IsAnOrdinaryPubcompIn3_x) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends(ack<Pubrel>(1));
  talk.connection.answer(talk.next<PubrelEvent>().slot, ack<Pubcomp>(1, ReasonCode::packet_identifier_not_found));
  EXPECT_EQ(talk.take_sent(), lines({ack<Pubcomp>(1)}));
}

}  // namespace
}  // namespace bitacora::mqtt
