// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK: sections 3.8 to 3.11.
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Subscribing : public Conformance {
 protected:
  Subscribing() { publisher.connect(); }
  WireClient publisher{world, V::v5, "publisher"};
};

// [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2]
// [MQTT-2.2.1-6] [MQTT311-3.9.3-2]
TEST_F(Subscribing, ToSeveralFiltersIsAnsweredByOneSubackWithTheirReasonsInOrder) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    client.connect();
    mqtt::Subscribe packet = subscribe(0x1234, "two", exactly_once);
    packet.entries.push_back({"$replay/nonsense/x", {at_least_once, false, false, {}}});
    packet.entries.push_back({"zero", {at_most_once, false, false, {}}});
    packet.entries.push_back({"one", {at_least_once, false, false, {}}});
    const Lines lines = client.says(packet);
    if (version == V::v5) {
      EXPECT_THAT(lines, ElementsAre(StartsWith("SUBACK id=4660 reason=0x02 (granted QoS 2) reason=0x8f (topic filter "
                                                "invalid) reason=0x00 (success) reason=0x01 (granted QoS 1) "
                                                "reason_string=")));
    } else {
      EXPECT_EQ(client.last_bytes(), "9006123402800001");
    }
    publisher.says(publish("two", "2", exactly_once, 1));
    publisher.says(pubrel(1));
    publisher.says(publish("zero", "0", at_least_once, 2), publish("one", "1", exactly_once, 3));
    publisher.says(pubrel(3));
    EXPECT_THAT(client.hears(), testing::UnorderedElementsAre(StartsWith("PUBLISH topic=\"two\" qos=2"),
                                                              StartsWith("PUBLISH topic=\"zero\" qos=0"),
                                                              StartsWith("PUBLISH topic=\"one\" qos=1")));
  }
}

// [MQTT-3.8.4-3] [MQTT-3.8.4-4]
TEST_F(Subscribing, ToTheSameFilterAgainReplacesTheSubscriptionAndLosesNothing) {
  WireClient client(world, V::v5);
  client.connect();
  mqtt::Subscribe first = subscribe(1, "a", at_most_once), second = subscribe(2, "a", at_least_once);
  first.properties.subscription_identifiers = {7};
  client.says(first);
  // In one piece with what is published around it: before and behind is each delivered once.
  publisher.says(publish("a", "before", at_least_once, 1));
  client.says(second);
  publisher.says(publish("a", "behind", at_least_once, 2));
  EXPECT_THAT(client.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=6B 'behind'"));
  client.says(unsubscribe(3, "a"));  // there was one subscription
  publisher.says(publish("a", "gone", at_least_once, 3));
  EXPECT_THAT(client.hears(), IsEmpty());
}

// [MQTT-3.8.4-4]
TEST_F(Subscribing, AgainWhileMessagesAreUnderWayLosesAndDoublesNone) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again());
  client.says(subscribe(1, "a", at_least_once));
  client.drop();
  for (std::uint16_t i = 1; i <= 3; ++i) publisher.says(publish("a", "x", at_least_once, i));
  client.open();
  EXPECT_THAT(client.says(client.hello_again(), subscribe(2, "a", at_least_once)),
              testing::UnorderedElementsAre(
                  StartsWith("CONNACK"), StartsWith("SUBACK"), StartsWith("PUBLISH topic=\"a\" qos=1 id=1"),
                  StartsWith("PUBLISH topic=\"a\" qos=1 id=2"), StartsWith("PUBLISH topic=\"a\" qos=1 id=3")));
}

// [MQTT-3.8.3-3]
TEST_F(Subscribing, WithNoLocalHearsEveryoneButItself) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again());
  client.says(subscribe(1, "a", at_least_once, {.no_local = true}));
  EXPECT_THAT(client.says(publish("a", "own")), IsEmpty());
  publisher.says(publish("a", "theirs", at_least_once, 1));
  EXPECT_THAT(client.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=6B 'theirs'"));
  client.says(puback(1));
  // It is about the client id, not the connection; and it holds for what is read from the log.
  client.says(publish("a", "own", at_least_once, 9));
  client.drop();
  publisher.says(publish("a", "missed", at_least_once, 2));
  EXPECT_THAT(client.connect(client.hello_again()),
              ElementsAre(StartsWith("CONNACK"), "PUBLISH topic=\"a\" qos=1 id=2 payload=6B 'missed'"));
}

TEST_F(Subscribing, KeepsItsOptionsAndIdentifierOverARestart) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again());
  mqtt::Subscribe packet = subscribe(1, "a", at_least_once, {.no_local = true, .retain_as_published = true});
  packet.properties.subscription_identifiers = {77};
  client.says(packet);
  client.drop();
  world.kill();
  world.start();
  client.connect(client.hello_again());
  publisher.connect();
  publisher.says(publish("a", "x", exactly_once, 1, mqtt::Retain::yes));
  EXPECT_THAT(client.says(publish("a", "own")),
              ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 retain payload=1B subscription_identifier=77 'x'"));
}

// [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]
// [MQTT-2.2.1-6] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5]
TEST_F(Subscribing, EndsWithUnsubscribeOfTheSameCharacters) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    client.connect();
    client.says(subscribe(1, "a/+"), subscribe(2, "b"));
    mqtt::Unsubscribe packet = unsubscribe(0x4321, "a/b");  // matches, and is another filter
    packet.filters = {"a/b", "b", "A/+"};
    const Lines lines = client.says(packet);
    if (version == V::v5) {
      EXPECT_THAT(lines, ElementsAre("UNSUBACK id=17185 reason=0x11 (no subscription existed) reason=0x00 (success) "
                                     "reason=0x11 (no subscription existed)"));
    } else {
      EXPECT_EQ(client.last_bytes(), "b0024321");
    }
    publisher.says(publish("a/b", "still"), publish("b", "no more"));
    EXPECT_THAT(client.hears(), ElementsAre("PUBLISH topic=\"a/b\" qos=0 payload=5B 'still'"));
    client.says(unsubscribe(5, "a/+"));
    publisher.says(publish("a/b", "no more"));
    EXPECT_THAT(client.hears(), IsEmpty());
  }
}

// [MQTT-3.10.4-3]
TEST_F(Subscribing, EndsAndWhatWasBegunIsFinished) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    client.connect(client.hello_again());
    client.says(subscribe(1, "a"));
    publisher.says(publish("a", "1", at_least_once, 1), publish("a", "2", exactly_once, 2));
    publisher.says(pubrel(2));
    EXPECT_EQ(client.hears().size(), 2U);
    EXPECT_EQ(client.says(unsubscribe(2, "a")).size(), 1U);
    EXPECT_THAT(client.connect(client.hello_again()),
                ElementsAre(StartsWith("CONNACK"), "PUBLISH topic=\"a\" qos=1 id=1 dup payload=1B '1'",
                            "PUBLISH topic=\"a\" qos=2 id=2 dup payload=1B '2'"));
    EXPECT_THAT(client.says(puback(1), pubrec(2)), ElementsAre("PUBREL id=2 reason=0x00 (success)"));
    EXPECT_THAT(client.says(pubcomp(2)), IsEmpty());
    client.connect();
  }
}

// [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.1.2-29] [MQTT-3.4.2-2] [MQTT-3.5.2-2]
TEST_F(Subscribing, ExplainsARefusalUnlessTheClientHasNoRoomOrNoWishForIt) {
  WireClient client(world, V::v5);
  const auto answers = [&](const mqtt::Connect& connect) {
    client.connect(connect);
    return client.says(subscribe(1, "$replay/nonsense/x"), publish("$SYS/x", "", at_least_once, 2),
                       publish("$SYS/x", "", exactly_once, 3));
  };
  const auto plain =
      ElementsAre("SUBACK id=1 reason=0x8f (topic filter invalid)", "PUBACK id=2 reason=0x90 (topic name invalid)",
                  "PUBREC id=3 reason=0x90 (topic name invalid)");
  const auto explained = testing::HasSubstr(" reason_string=\"");
  EXPECT_THAT(answers(client.hello()), ElementsAre(explained, explained, explained));
  mqtt::Connect uninterested = client.hello(), small = client.hello();
  uninterested.properties.request_problem_information = 0;
  EXPECT_THAT(answers(uninterested), plain);
  small.properties.maximum_packet_size = 40;
  EXPECT_THAT(answers(small), plain);
}

}  // namespace
}  // namespace bitacora::conformance
