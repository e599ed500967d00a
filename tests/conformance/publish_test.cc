// PUBLISH, from one client through the log to another: section 3.3.
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class Publishes : public Conformance {
 protected:
  Publishes() { publisher.connect(); }
  WireClient publisher{world, V::v5, "publisher"};
};

// [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT-4.3.3-2] [MQTT-4.3.3-3] [MQTT311-4.4.0-1]
TEST_F(Publishes, AreSentAgainAfterAReconnectOnlyWithTheirIdAndDup) {
  for (const V version : both_versions) {
    WireClient subscriber(world, version, mqtt::name_of(version));
    subscriber.connect(subscriber.hello_again());
    subscriber.says(subscribe(1, "a"));
    publisher.says(publish("a", "x", at_least_once, 1), publish("a", "y", exactly_once, 2));
    publisher.says(pubrel(2));
    EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B 'x'",
                                                "PUBLISH topic=\"a\" qos=2 id=2 payload=1B 'y'"));
    pass(seconds(30));
    EXPECT_THAT(subscriber.hears(), IsEmpty());  // at no other time
    EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
                ElementsAre(StartsWith("CONNACK"), "PUBLISH topic=\"a\" qos=1 id=1 dup payload=1B 'x'",
                            "PUBLISH topic=\"a\" qos=2 id=2 dup payload=1B 'y'"));
    subscriber.says(puback(1), pubrec(2), pubcomp(2));
    EXPECT_THAT(subscriber.connect(subscriber.hello_again()), ElementsAre(StartsWith("CONNACK")));
  }
}

// [MQTT-3.3.1-2] [MQTT-3.3.1-3] [MQTT-4.3.1-1]
TEST_F(Publishes, GoOutWithoutTheDupTheyCameWith) {
  for (const V version : both_versions) {
    WireClient subscriber(world, version, mqtt::name_of(version));
    subscriber.connect();
    subscriber.says(subscribe(1, "a"));
    publisher.says(dup(publish("a", "1", at_least_once, 1)), dup(publish("a", "2", exactly_once, 2)));
    publisher.says(pubrel(2));
    publisher.says(publish("a", "0"));
    EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B '1'",
                                                "PUBLISH topic=\"a\" qos=2 id=2 payload=1B '2'",
                                                "PUBLISH topic=\"a\" qos=0 payload=1B '0'"));
  }
}

// [MQTT-3.3.1-2] [MQTT-3.3.1-4]
TEST_F(Publishes, OfQos3OrOfQos0WithDupEndTheConnection) {
  for (const auto* packet : {"36 06 00 01 'a' 00 01 00", "38 04 00 01 'a' 00"}) {
    WireClient client(world, V::v5);
    client.connect();
    EXPECT_THAT(client.says_wire(packet),
                ElementsAre(StartsWith("DISCONNECT reason=0x81 (malformed packet)"), "closed"));
  }
  for (const auto* packet : {"36 05 00 01 'a' 00 01", "38 03 00 01 'a'"}) {
    WireClient client(world, V::v3_1_1);
    client.connect();
    EXPECT_THAT(client.says_wire(packet), ElementsAre("closed"));
  }
  EXPECT_THAT(world.records(), IsEmpty());
}

// [MQTT-3.3.4-1] [MQTT-2.2.1-5] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11]
TEST_F(Publishes, AreAnsweredAsTheirQosAsks) {
  for (const V version : every_version) {
    WireClient client(world, version);
    client.connect();
    EXPECT_THAT(client.says(publish("a", "0")), IsEmpty());
    EXPECT_THAT(client.says(publish("a", "1", at_least_once, 77)), ElementsAre("PUBACK id=77 reason=0x00 (success)"));
    EXPECT_THAT(client.says(publish("a", "2", exactly_once, 78)), ElementsAre("PUBREC id=78 reason=0x00 (success)"));
    EXPECT_THAT(client.says(pubrel(78)), ElementsAre("PUBCOMP id=78 reason=0x00 (success)"));
  }
}

// [MQTT-3.3.2-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]
TEST_F(Publishes, ReachWhomTheTopicMatchesByteForByte) {
  for (const V version : both_versions) {
    WireClient subscriber(world, version, mqtt::name_of(version));
    subscriber.connect();
    mqtt::Subscribe filters = subscribe(1, "a/+/c");
    filters.entries.push_back({"b/#", {exactly_once, false, false, {}}});
    filters.entries.push_back({"caf\xc3\xa9", {exactly_once, false, false, {}}});  // e with acute, one character
    filters.entries.push_back({"/x", {exactly_once, false, false, {}}});
    subscriber.says(filters);
    publisher.says(publish("a/b/c", "1"), publish("a/b/d", "no"), publish("b", "2"), publish("b/x/y", "3"),
                   publish("A/b/c", "no"), publish("caf\xc3\xa9", "4"),
                   publish("cafe\xcc\x81", "no"),  // e and a combining acute: looks the same and is another
                   publish("x", "no"), publish("/x", "5"), publish("a/b/c/", "no"));
    std::vector<std::string> payloads;
    for (const std::string& line : subscriber.hears()) payloads.push_back(line.substr(line.find('\'')));
    EXPECT_THAT(payloads, UnorderedElementsAre("'1'", "'2'", "'3'", "'4'", "'5'"));
  }
}

// [MQTT-3.3.2-4] [MQTT-3.3.2-13] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-19]
// [MQTT-3.3.2-20]
TEST_F(Publishes, CarryTheirPropertiesUnalteredAndInOrder) {
  WireClient subscriber(world, V::v5, "subscriber"), older(world, V::v3_1_1, "older");
  subscriber.connect();
  older.connect();
  subscriber.says(subscribe(1, "a"));
  older.says(subscribe(1, "a"));
  mqtt::Publish packet = publish("a", "x", at_least_once, 1);
  packet.properties.payload_format_indicator = 1;
  packet.properties.content_type = "text/plain";
  packet.properties.response_topic = "re/ply";
  const Bytes correlation = mqtt::wire("00 01 ff '\xef\xbb\xbf'");
  packet.properties.correlation_data = correlation;
  packet.properties.user_properties = {{"b", "1"}, {"a", "2"}, {"b", ""}, {"", "\xef\xbb\xbf"}, {"a", "2"}};
  publisher.says(packet);
  EXPECT_THAT(subscriber.hears(),
              ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B payload_format_indicator=1 "
                          "content_type=\"text/plain\" response_topic=\"re/ply\" correlation_data=6B "
                          "user_property=\"b\":\"1\" user_property=\"a\":\"2\" user_property=\"b\":\"\" "
                          "user_property=\"\":\"\\xef\\xbb\\xbf\" user_property=\"a\":\"2\" 'x'"));
  EXPECT_EQ(to_hex(*subscriber.last<mqtt::Publish>().properties.correlation_data), to_hex(correlation));
  EXPECT_THAT(older.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B 'x'"));
}

// [MQTT-1.5.4-3]
TEST_F(Publishes, KeepTheByteOrderMarkInTheirTopic) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscriber.connect();
  subscriber.says(subscribe(1,
                            "\xef\xbb\xbf"
                            "a"));
  publisher.says(publish("a", "without"), publish("\xef\xbb\xbf"
                                                  "a",
                                                  "with"));
  EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"\\xef\\xbb\\xbfa\" qos=0 payload=4B 'with'"));
}

// --- expiry ---

mqtt::Publish expiring(std::string_view payload, std::uint32_t expiry_s) {
  mqtt::Publish packet = publish("a", payload, at_least_once, 1);
  packet.properties.message_expiry_interval = expiry_s;
  return packet;
}

// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
TEST_F(Publishes, ThatWaitedAreSentWithTheTimeThatIsLeftAndNotWhenThereIsNone) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscriber.connect(subscriber.hello_again());
  subscriber.says(subscribe(1, "a"));
  publisher.says(expiring("at once", 100));
  EXPECT_THAT(subscriber.hears(),
              ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=1 payload=7B message_expiry_interval=100")));
  subscriber.says(puback(1));
  subscriber.drop();
  publisher.says(expiring("brief", 10), expiring("longer", 60), publish("a", "lasting", at_least_once, 1));
  pass(seconds(25));
  EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
              ElementsAre(StartsWith("CONNACK"),
                          "PUBLISH topic=\"a\" qos=1 id=2 payload=6B message_expiry_interval=35 'longer'",
                          "PUBLISH topic=\"a\" qos=1 id=3 payload=7B 'lasting'"));
}

// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
TEST_F(Publishes, ExpireOverARestartToo) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscriber.connect(subscriber.hello_again());
  subscriber.says(subscribe(1, "a"));
  subscriber.drop();
  publisher.says(expiring("brief", 10), expiring("longer", 60));
  world.kill();
  world.advance(seconds(25));
  world.start();
  EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
              ElementsAre(StartsWith("CONNACK"),
                          "PUBLISH topic=\"a\" qos=1 id=1 payload=6B message_expiry_interval=35 'longer'"));
}

// [MQTT-4.3.3-7] [MQTT-4.3.3-13]
TEST_F(Publishes, OfQos2AreFinishedThoughTheirTimeIsOver) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscriber.connect(subscriber.hello_again());
  subscriber.says(subscribe(1, "a"));
  mqtt::Publish brief = expiring("x", 5);
  brief.qos = exactly_once;
  EXPECT_THAT(publisher.says(brief), ElementsAre("PUBREC id=1 reason=0x00 (success)"));
  EXPECT_THAT(subscriber.hears(), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=2 id=1")));
  pass(seconds(30));
  EXPECT_THAT(publisher.says(pubrel(1)), ElementsAre("PUBCOMP id=1 reason=0x00 (success)"));
  EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
              ElementsAre(StartsWith("CONNACK"), StartsWith("PUBLISH topic=\"a\" qos=2 id=1 dup")));
  EXPECT_THAT(subscriber.says(pubrec(1)), ElementsAre("PUBREL id=1 reason=0x00 (success)"));
  EXPECT_THAT(subscriber.says(pubcomp(1)), IsEmpty());
}

// --- topic aliases ---

// [MQTT-3.3.2-7] [MQTT-3.3.2-8] [MQTT-3.3.2-12]
TEST_F(Publishes, MayNameTheirTopicByAnAliasOfTheirConnection) {
  const std::uint16_t most = publisher.last<mqtt::Connack>().properties.topic_alias_maximum.value();
  WireClient subscriber(world, V::v3_1_1, "subscriber");
  subscriber.connect();
  subscriber.says(subscribe(1, "#"));
  mqtt::Publish packet = publish("a/long/topic", "1");
  for (const std::uint16_t alias : {std::uint16_t{1}, most}) {
    packet.topic = "a/long/topic";
    packet.properties.topic_alias = alias;
    publisher.says(packet);
    packet.topic = {};
    publisher.says(packet);
    EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"a/long/topic\" qos=0 payload=1B '1'",
                                                "PUBLISH topic=\"a/long/topic\" qos=0 payload=1B '1'"));
  }
  for (const int alias : {0, most + 1, 2}) {  // 2: stands for nothing on a new connection
    publisher.connect();
    packet.topic = alias == 2 ? "" : "a/long/topic";
    packet.properties.topic_alias = static_cast<std::uint16_t>(alias);
    EXPECT_THAT(publisher.says(packet),
                ElementsAre(StartsWith("DISCONNECT reason=0x94 (topic alias invalid)"), "closed"));
  }
}

// [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-8] [MQTT-3.3.2-11]
TEST_F(Publishes, GoOutUnderAnAliasWhereTheClientAllowsIt) {
  WireClient with(world, V::v5, "with"), without(world, V::v5, "without");
  mqtt::Connect connect = with.hello();
  connect.properties.topic_alias_maximum = 1;
  with.connect(connect);
  without.connect();
  for (WireClient* subscriber : {&with, &without}) subscriber->says(subscribe(1, "#"));
  for (const mqtt::Publish& packet :
       {publish("a/topic", "1"), publish("a/topic", "2"), publish("other", "3"), publish("a/topic", "4")}) {
    publisher.says(packet);  // each in a turn of its own: different topics have no order among them
  }
  EXPECT_THAT(with.hears(), ElementsAre("PUBLISH topic=\"a/topic\" qos=0 payload=1B topic_alias=1 '1'",
                                        "PUBLISH topic=\"\" qos=0 payload=1B topic_alias=1 '2'",
                                        "PUBLISH topic=\"other\" qos=0 payload=1B topic_alias=1 '3'",
                                        "PUBLISH topic=\"a/topic\" qos=0 payload=1B topic_alias=1 '4'"));
  EXPECT_THAT(
      without.hears(),
      ElementsAre("PUBLISH topic=\"a/topic\" qos=0 payload=1B '1'", "PUBLISH topic=\"a/topic\" qos=0 payload=1B '2'",
                  "PUBLISH topic=\"other\" qos=0 payload=1B '3'", "PUBLISH topic=\"a/topic\" qos=0 payload=1B '4'"));
  with.connect(connect);  // a new connection: the alias stands for nothing
  with.says(subscribe(1, "#"));
  publisher.says(publish("a/topic", "5"));
  EXPECT_THAT(with.hears(), ElementsAre("PUBLISH topic=\"a/topic\" qos=0 payload=1B topic_alias=1 '5'"));
}

// --- who gets it, and how ---

// [MQTT-3.8.4-8]
TEST_F(Publishes, ArriveAtTheLowerOfPublishedAndGrantedQos) {
  const mqtt::QoS levels[] = {at_most_once, at_least_once, exactly_once};
  for (const V version : both_versions) {
    for (const mqtt::QoS granted : levels) {
      WireClient subscriber(world, version, "subscriber");
      subscriber.connect();
      subscriber.says(subscribe(1, "a", granted));
      publisher.says(publish("a", "0"), publish("a", "1", at_least_once, 1), publish("a", "2", exactly_once, 2));
      publisher.says(pubrel(2));
      std::vector<int> got;
      for (const std::string& line : subscriber.hears()) got.push_back(line.at(line.find("qos=") + 4) - '0');
      const int most = static_cast<int>(granted);
      EXPECT_THAT(got, ElementsAre(0, std::min(1, most), std::min(2, most)));
    }
  }
}

// [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT311-3.3.5-1]
TEST_F(Publishes, ThatSeveralSubscriptionsOfASessionMatchComeOnceAtTheHighestQosWithAllIdentifiers) {
  for (const V version : both_versions) {
    WireClient subscriber(world, version, "subscriber");
    subscriber.connect();
    mqtt::Subscribe low = subscribe(1, "a/#", at_most_once), high = subscribe(2, "a/b", exactly_once),
                    anonymous = subscribe(3, "+/b", at_least_once);
    low.properties.subscription_identifiers = {7};
    high.properties.subscription_identifiers = {268435455};
    subscriber.says(low, high, anonymous);
    publisher.says(publish("a/b", "x", exactly_once, 1));
    publisher.says(pubrel(1));
    EXPECT_THAT(subscriber.hears(), ElementsAre(StartsWith("PUBLISH topic=\"a/b\" qos=2 id=1 payload=1B")));
    EXPECT_THAT(subscriber.last<mqtt::Publish>().properties.subscription_identifiers,
                version == V::v5 ? testing::Matcher<std::vector<std::uint32_t>>(UnorderedElementsAre(7, 268435455))
                                 : testing::Matcher<std::vector<std::uint32_t>>(IsEmpty()));
  }
}

// [MQTT-3.3.4-5]
TEST_F(Publishes, ThatComeInSeveralCopiesHaveEachItsOwnIdentifier) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscriber.connect();
  mqtt::Subscribe live = subscribe(1, "a", at_most_once), replay = subscribe(2, "$replay/latest/a", at_most_once);
  live.properties.subscription_identifiers = {7};
  replay.properties.subscription_identifiers = {9};
  subscriber.says(live, replay);
  publisher.says(publish("a", "x"));
  EXPECT_THAT(subscriber.hears(),
              UnorderedElementsAre("PUBLISH topic=\"a\" qos=0 payload=1B subscription_identifier=7 'x'",
                                   StartsWith("PUBLISH topic=\"a\" qos=0 payload=1B subscription_identifier=9")));
}

// [MQTT-3.3.4-6]
TEST_F(Publishes, WithASubscriptionIdentifierAreAProtocolError) {
  EXPECT_THAT(publisher.says_wire("30 06 00 01 'a' 02 0b 01"),
              ElementsAre(StartsWith("DISCONNECT reason=0x82 (protocol error)"), "closed"));
}

// [MQTT-4.5.0-1]
TEST_F(Publishes, AreThereForEverySessionThatMatches) {
  WireClient online(world, V::v5, "online"), offline(world, V::v5, "offline"), other(world, V::v5, "other");
  for (WireClient* client : {&online, &offline, &other}) {
    client->connect(client->hello_again());
    client->says(subscribe(1, client == &other ? "b" : "a"));
  }
  offline.drop();
  publisher.says(publish("a", "x", at_least_once, 1));
  EXPECT_THAT(online.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B 'x'"));
  EXPECT_THAT(offline.connect(offline.hello_again()),
              ElementsAre(StartsWith("CONNACK"), "PUBLISH topic=\"a\" qos=1 id=1 payload=1B 'x'"));
  EXPECT_THAT(other.hears(), IsEmpty());
}

// [MQTT-4.6.0-5] [MQTT-4.6.0-6]
TEST_F(Publishes, OfATopicKeepTheirOrderAtEachQosLiveAndCaughtUp) {
  for (const mqtt::QoS qos : {at_most_once, at_least_once, exactly_once}) {
    WireClient live(world, V::v5, "live"), late(world, V::v5, "late");
    for (WireClient* client : {&live, &late}) {
      client->connect(client->hello_again());
      client->says(subscribe(1, "ordered"));
    }
    if (qos != at_most_once) late.drop();
    Lines wanted;
    for (std::uint16_t i = 1; i <= 50; ++i) {
      const std::string payload = std::to_string(i);
      publisher.says(publish("ordered", payload, qos, qos == at_most_once ? std::uint16_t{0} : i));
      if (qos == exactly_once) publisher.says(pubrel(i));
      wanted.push_back("'" + std::to_string(i) + "'");
    }
    const auto payloads_of = [](const Lines& lines) {
      Lines payloads;
      for (const std::string& line : lines) {
        if (line.starts_with("PUBLISH")) payloads.push_back(line.substr(line.find('\'')));
      }
      return payloads;
    };
    EXPECT_EQ(payloads_of(live.hears()), wanted);
    EXPECT_EQ(payloads_of(late.connected() ? late.hears() : late.connect(late.hello_again())), wanted);
    live.connect();
    late.connect();
  }
}

// --- refused ---

// [MQTT311-3.3.5-2]
TEST_F(Publishes, ThatAreRefusedAreToldSoIn5_0AndEndA3_1_1Connection) {
  WireClient older(world, V::v3_1_1, "older");
  older.connect();
  EXPECT_THAT(publisher.says(publish("$SYS/x", "no", at_least_once, 1), publish("$SYS/x", "no", exactly_once, 2)),
              ElementsAre(StartsWith("PUBACK id=1 reason=0x90 (topic name invalid) reason_string="),
                          StartsWith("PUBREC id=2 reason=0x90 (topic name invalid) reason_string=")));
  EXPECT_THAT(publisher.says(publish("$SYS/x", "no")),
              ElementsAre(StartsWith("DISCONNECT reason=0x90 (topic name invalid) reason_string="), "closed"));
  EXPECT_THAT(older.says(publish("$SYS/x", "no", at_least_once, 1)), ElementsAre("closed"));
  EXPECT_THAT(world.records(), IsEmpty());
}

// [MQTT-4.3.3-9]
TEST_F(Publishes, OfQos2ThatWereRefusedLeaveTheirIdFree) {
  publisher.says(publish("$SYS/x", "no", exactly_once, 2));
  EXPECT_THAT(publisher.says(publish("a", "yes", exactly_once, 2)), ElementsAre("PUBREC id=2 reason=0x00 (success)"));
  EXPECT_EQ(world.records().size(), 1U);
}

}  // namespace
}  // namespace bitacora::conformance
