// Acknowledgements and what they move: sections 3.4 to 3.7, 4.3, 4.4, 4.9.
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using mqtt::ReasonCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Handshakes : public Conformance {
 protected:
  Handshakes() { publisher.connect(); }
  // A subscriber of "a" at QoS 2 whose session stays.
  void subscribe_lasting(WireClient& subscriber) {
    subscriber.connect(subscriber.hello_again());
    subscriber.says(subscribe(1, "a"));
  }
  WireClient publisher{world, V::v5, "publisher"};
};

// --- the server receives ---

// [MQTT-4.3.2-5]
TEST_F(Handshakes, OfQos1LeaveTheIdFreeWithPuback) {
  for (const V version : both_versions) {
    const std::size_t before = world.records().size();
    WireClient client(world, version);
    client.connect();
    client.says(publish("a", "1", at_least_once, 7));
    EXPECT_THAT(client.says(dup(publish("a", "2", at_least_once, 7))),
                ElementsAre("PUBACK id=7 reason=0x00 (success)"));
    EXPECT_EQ(world.records().size(), before + 2);  // whatever DUP says
  }
}

// [MQTT-4.3.3-10] [MQTT-4.3.3-8]
TEST_F(Handshakes, OfQos2KeepOneMessageOneHoweverOftenItComes) {
  for (const V version : both_versions) {
    const std::size_t before = world.records().size();
    WireClient client(world, version), subscriber(world, version, "subscriber");
    client.connect(client.hello_again());
    subscriber.connect();
    subscriber.says(subscribe(1, "a", at_most_once));
    EXPECT_THAT(client.says(publish("a", "x", exactly_once, 7), dup(publish("a", "x", exactly_once, 7))),
                ElementsAre("PUBREC id=7 reason=0x00 (success)", "PUBREC id=7 reason=0x00 (success)"));
    client.connect(client.hello_again());
    EXPECT_THAT(client.says(dup(publish("a", "x", exactly_once, 7))), ElementsAre("PUBREC id=7 reason=0x00 (success)"));
    EXPECT_EQ(world.records().size(), before + 1);
    EXPECT_EQ(subscriber.hears().size(), 1U);
    client.connect();
  }
}

// [MQTT-4.3.3-11] [MQTT-4.3.3-12]
TEST_F(Handshakes, OfQos2LeaveTheIdFreeWithPubcomp) {
  for (const V version : both_versions) {
    const std::size_t before = world.records().size();
    WireClient client(world, version);
    client.connect();
    client.says(publish("a", "1", exactly_once, 7));
    EXPECT_THAT(client.says(pubrel(7)), ElementsAre("PUBCOMP id=7 reason=0x00 (success)"));
    EXPECT_THAT(client.says(publish("a", "2", exactly_once, 7)), ElementsAre("PUBREC id=7 reason=0x00 (success)"));
    EXPECT_EQ(world.records().size(), before + 2);
  }
}

// [MQTT-3.7.2-1]
TEST_F(Handshakes, AnswerPubrelOfAnUnknownIdWithPubcompThatSaysSo) {
  WireClient newer(world, V::v5), older(world, V::v3_1_1, "older");
  newer.connect();
  older.connect();
  EXPECT_THAT(newer.says(pubrel(9)), ElementsAre("PUBCOMP id=9 reason=0x92 (packet identifier not found)"));
  older.says(pubrel(9));
  EXPECT_EQ(older.last_bytes(), "70020009");
}

// --- the server sends ---

// [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
TEST_F(Handshakes, GiveEachMessageAnIdThatIsNotInUse) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscribe_lasting(subscriber);
  for (std::uint16_t i = 1; i <= 4; ++i) publisher.says(publish("a", "x", at_least_once, i));
  subscriber.says(puback(2));
  publisher.says(publish("a", "x", exactly_once, 5));
  subscriber.hears();
  std::vector<std::string> ids;
  for (const std::string& line : subscriber.connect(subscriber.hello_again())) {
    if (line.starts_with("PUBLISH")) ids.push_back(line.substr(line.find("id="), 4));
  }
  EXPECT_THAT(ids, ElementsAre("id=1", "id=3", "id=4", "id=5"));
}

// [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1]
TEST_F(Handshakes, OfQos2SendPubrelUntilPubcompAndThePublishNoMore) {
  for (const V version : both_versions) {
    WireClient subscriber(world, version, "subscriber");
    subscribe_lasting(subscriber);
    publisher.says(publish("a", "x", exactly_once, 1));
    publisher.says(pubrel(1));
    EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"a\" qos=2 id=1 payload=1B 'x'"));
    EXPECT_THAT(subscriber.says(pubrec(1)), ElementsAre("PUBREL id=1 reason=0x00 (success)"));
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
                  ElementsAre(StartsWith("CONNACK"), "PUBREL id=1 reason=0x00 (success)"));
    }
    EXPECT_THAT(subscriber.says(pubcomp(1)), IsEmpty());
    EXPECT_THAT(subscriber.connect(subscriber.hello_again()), ElementsAre(StartsWith("CONNACK")));
    subscriber.connect();
  }
}

// [MQTT-3.3.1-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1]
TEST_F(Handshakes, GoOnWithTheirIdsOverARestartOfTheServer) {
  enum class End { stop, kill, power_cut };
  for (const End end : {End::stop, End::kill, End::power_cut}) {
    for (const V version : both_versions) {
      WireClient subscriber(world, version, "subscriber");
      subscribe_lasting(subscriber);
      publisher.connect();
      for (std::uint16_t i = 1; i <= 3; ++i) publisher.says(publish("a", "x", at_least_once, i));
      publisher.says(publish("a", "y", exactly_once, 4));
      publisher.says(publish("a", "z", exactly_once, 5));
      EXPECT_EQ(subscriber.hears().size(), 5U);
      EXPECT_THAT(subscriber.says(puback(2), pubrec(5)), ElementsAre("PUBREL id=5 reason=0x00 (success)"));
      if (end != End::stop) subscriber.drop();  // away before the server dies; a stop ends the connection itself
      world.run();
      if (end == End::stop) world.stop();
      if (end == End::kill) world.kill();
      if (end == End::power_cut) world.crash(3);
      world.start();
      publisher.connect();
      publisher.says(publish("a", "new", at_least_once, 1));
      subscriber.hears();
      EXPECT_THAT(subscriber.connect(subscriber.hello_again()),
                  ElementsAre(StartsWith("CONNACK"), "PUBREL id=5 reason=0x00 (success)",
                              "PUBLISH topic=\"a\" qos=1 id=1 dup payload=1B 'x'",
                              "PUBLISH topic=\"a\" qos=1 id=3 dup payload=1B 'x'",
                              "PUBLISH topic=\"a\" qos=2 id=4 dup payload=1B 'y'",
                              "PUBLISH topic=\"a\" qos=1 id=6 payload=3B 'new'"));
      subscriber.connect();
    }
  }
}

TEST_F(Handshakes, OfASessionThatWasConnectedWhenTheServerDiedLoseNothing) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscribe_lasting(subscriber);
  for (std::uint16_t i = 1; i <= 3; ++i) publisher.says(publish("a", std::to_string(i), at_least_once, i));
  subscriber.drop();  // 1, 2 and 3 are in flight
  world.run();
  subscriber.connect(subscriber.hello_again());
  subscriber.says(puback(2));
  world.kill();
  world.start();
  std::vector<std::string> payloads;
  for (const std::string& line : subscriber.connect(subscriber.hello_again())) {
    if (line.starts_with("PUBLISH")) payloads.push_back(line.substr(line.find('\'')));
  }
  EXPECT_THAT(payloads, ElementsAre("'1'", "'2'", "'3'"));  // 2 again: which was acknowledged was not written yet
}

// [MQTT-4.4.0-2]
TEST_F(Handshakes, EndWithAnErrorOfTheClient) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscribe_lasting(subscriber);
  publisher.says(publish("a", "x", at_least_once, 1), publish("a", "y", exactly_once, 2));
  publisher.says(pubrel(2));
  EXPECT_EQ(subscriber.hears().size(), 2U);
  EXPECT_THAT(subscriber.says(ack<mqtt::Puback>(1, ReasonCode::quota_exceeded),
                              ack<mqtt::Pubrec>(2, ReasonCode::implementation_specific_error)),
              IsEmpty());
  EXPECT_THAT(subscriber.connect(subscriber.hello_again()), ElementsAre(StartsWith("CONNACK")));
}

// [MQTT-3.6.2-1]
TEST_F(Handshakes, AnswerPubrecOfAnUnknownIdWithPubrelThatSaysSo) {
  WireClient client(world, V::v5);
  client.connect();
  EXPECT_THAT(client.says(pubrec(9)), ElementsAre("PUBREL id=9 reason=0x92 (packet identifier not found)"));
}

// --- how much at once ---

// [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]
TEST_F(Handshakes, KeepToTheClientsReceiveMaximumAndHoldNothingElseBack) {
  WireClient subscriber(world, V::v5, "subscriber");
  mqtt::Connect connect = subscriber.hello();
  connect.properties.receive_maximum = 2;
  subscriber.connect(connect);
  subscriber.says(subscribe(1, "a"));
  publisher.says(publish("a", "1", at_least_once, 1), publish("a", "2", exactly_once, 2),
                 publish("a", "3", at_least_once, 3), publish("a", "4", at_least_once, 4));
  EXPECT_THAT(subscriber.hears(), ElementsAre("PUBLISH topic=\"a\" qos=1 id=1 payload=1B '1'",
                                              "PUBLISH topic=\"a\" qos=2 id=2 payload=1B '2'"));
  // Everything but PUBLISH goes on.
  EXPECT_THAT(subscriber.says(mqtt::Pingreq{}, subscribe(2, "b"), publish("b", "own", at_least_once, 9), pubrec(2)),
              ElementsAre("PINGRESP", "SUBACK id=2 reason=0x02 (granted QoS 2)", "PUBREL id=2 reason=0x00 (success)",
                          "PUBACK id=9 reason=0x00 (success)"));
  EXPECT_THAT(subscriber.says(puback(1)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=3")));
  EXPECT_THAT(subscriber.says(pubcomp(2)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=4")));
}

// [MQTT-3.3.4-9] [MQTT-4.4.0-1]
TEST_F(Handshakes, KeepToASmallerReceiveMaximumWhenTheyAreTakenUpAgain) {
  WireClient subscriber(world, V::v5, "subscriber");
  subscribe_lasting(subscriber);
  for (std::uint16_t i = 1; i <= 5; ++i)
    publisher.says(publish("a", "x", i % 2 == 0 ? exactly_once : at_least_once, i));
  EXPECT_EQ(subscriber.hears().size(), 5U);
  mqtt::Connect connect = subscriber.hello_again();
  connect.properties.receive_maximum = 2;
  EXPECT_THAT(subscriber.connect(connect),
              ElementsAre(StartsWith("CONNACK"), StartsWith("PUBLISH topic=\"a\" qos=1 id=1 dup"),
                          StartsWith("PUBLISH topic=\"a\" qos=2 id=2 dup")));
  publisher.says(publish("a", "new", at_least_once, 6));
  EXPECT_THAT(subscriber.hears(), IsEmpty());
  EXPECT_THAT(subscriber.says(puback(1)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=3 dup")));
  EXPECT_THAT(subscriber.says(puback(3)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=2 id=4 dup")));
  EXPECT_THAT(subscriber.says(pubrec(2)), ElementsAre("PUBREL id=2 reason=0x00 (success)"));
  EXPECT_THAT(subscriber.says(pubcomp(2)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=5 dup")));
  EXPECT_THAT(subscriber.says(puback(5)), ElementsAre(StartsWith("PUBLISH topic=\"a\" qos=1 id=6 payload=3B")));
}

TEST(TooManyUnreleased, AreRefusedOneByOneInEveryVersion) {
  sim::WorldOptions options = plain_world();
  options.broker.sessions.max_awaiting_release = 2;
  sim::BrokerWorld world(options);
  world.start();
  WireClient newer(world, V::v5, "newer"), older(world, V::v3_1_1, "older");
  newer.connect();
  older.connect();
  EXPECT_THAT(newer.says(publish("a", "1", exactly_once, 1), publish("a", "2", exactly_once, 2),
                         publish("a", "3", exactly_once, 3)),
              ElementsAre("PUBREC id=1 reason=0x00 (success)", "PUBREC id=2 reason=0x00 (success)",
                          StartsWith("PUBREC id=3 reason=0x97 (quota exceeded)")));
  newer.says(pubrel(1));
  EXPECT_THAT(newer.says(publish("a", "3", exactly_once, 3)), ElementsAre("PUBREC id=3 reason=0x00 (success)"));
  older.says(publish("a", "1", exactly_once, 1), publish("a", "2", exactly_once, 2));
  EXPECT_THAT(older.says(publish("a", "3", exactly_once, 3)), ElementsAre("closed"));
}

TEST_F(Handshakes, OverTheServersReceiveMaximumEndTheConnection) {
  WireClient client(world, V::v5);
  client.connect();
  const std::uint16_t most = client.last<mqtt::Connack>().properties.receive_maximum.value();
  Bytes bytes;
  for (std::uint16_t id = 1; id <= most; ++id) encode(bytes, publish("a", "x", exactly_once, id), V::v5);
  EXPECT_EQ(client.says_bytes(bytes).size(), most);  // each with its PUBREC, none released
  EXPECT_THAT(client.says(publish("a", "x", exactly_once, static_cast<std::uint16_t>(most + 1))),
              ElementsAre(StartsWith("DISCONNECT reason=0x93 (receive maximum exceeded)"), "closed"));
}

// --- how large ---

// [MQTT-3.1.2-24] [MQTT-3.1.2-25]
TEST_F(Handshakes, ThatWouldBeTooLargeForTheClientAreTakenForDone) {
  for (const mqtt::QoS qos : {at_most_once, at_least_once, exactly_once}) {
    WireClient subscriber(world, V::v5, "subscriber");
    mqtt::Connect connect = subscriber.hello_again();
    connect.properties.maximum_packet_size = 50;
    subscriber.connect(connect);
    subscriber.says(subscribe(1, "a"));
    const std::string fitting(50 - 2 - 3 - 1 - (qos == at_most_once ? 0 : 2), 'f'), large = fitting + "l";
    publisher.says(publish("a", large, qos, qos == at_most_once ? 0 : 1),
                   publish("a", fitting, qos, qos == at_most_once ? 0 : 2));
    EXPECT_THAT(subscriber.hears(), ElementsAre(testing::EndsWith("'" + fitting + "'")));
    EXPECT_EQ(subscriber.last_bytes().size(), 2 * 50U);
    publisher.says(pubrel(1), pubrel(2));
    subscriber.connect();
  }
}

TEST_F(Handshakes, ThatAreTooLargeForTheServerEndTheConnection) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    client.connect();
    const std::string payload(1 << 20, 'x');
    const Lines lines = client.says(publish("a", payload));
    if (version == V::v5) {
      EXPECT_EQ(client.last<mqtt::Connack>().properties.maximum_packet_size, 1U << 20);
      EXPECT_THAT(lines, ElementsAre(StartsWith("DISCONNECT reason=0x95 (packet too large)"), "closed"));
    } else {
      EXPECT_THAT(lines, ElementsAre("closed"));
    }
  }
}

}  // namespace
}  // namespace bitacora::conformance
