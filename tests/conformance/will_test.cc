// The Will: sections 3.1.2.5 to 3.1.2.7, 3.1.3.2, 3.14.4.
#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using enum mqtt::QoS;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Wills : public Conformance {
 protected:
  Wills() { watch(); }
  void watch() {
    watcher.connect();
    watcher.says(subscribe(1, "will/#", at_most_once));
  }
  mqtt::Connect with_will(const WireClient& client, std::string_view payload = "gone") {
    mqtt::Connect packet = client.hello();
    packet.will = will("will", payload);
    return packet;
  }
  mqtt::Connect with_delayed_will(const WireClient& client, std::uint32_t delay_s, std::uint32_t expiry_s = 3600) {
    mqtt::Connect packet = client.hello_again(expiry_s);
    packet.will = will("will", "gone");
    packet.will->properties.will_delay_interval = delay_s;
    return packet;
  }
  static auto published() { return ElementsAre("PUBLISH topic=\"will\" qos=0 payload=4B 'gone'"); }

  WireClient watcher{world, V::v5, "watcher"};
};

// [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT311-3.1.2-8]
TEST_F(Wills, ArePublishedHoweverTheConnectionEndsButByDisconnect) {
  for (const V version : every_version) {
    WireClient client(world, version), second(world, version);
    client.connect(with_will(client));
    EXPECT_THAT(watcher.hears(), IsEmpty());
    client.drop();
    EXPECT_THAT(watcher.hears(), published());  // the network

    client.connect(with_will(client));
    pass(seconds(90));
    watcher.says(mqtt::Pingreq{});
    EXPECT_FALSE(client.connected());  // keep-alive
    client.connect(with_will(client));
    client.says_wire("36 05 00 01 'a' 00 01");  // a protocol error
    client.connect(with_will(client));
    second.connect();  // taken over
    EXPECT_FALSE(client.connected());
    EXPECT_EQ(world.metrics().wills_published.value() % 4, 0U);
    watcher.connect();
    watch();
  }
  EXPECT_EQ(world.metrics().wills_published.value(), 12U);
}

// [MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT311-3.14.4-3]
TEST_F(Wills, AreDiscardedByDisconnect) {
  for (const V version : every_version) {
    WireClient client(world, version);
    client.connect(with_will(client));
    EXPECT_THAT(client.says(mqtt::Disconnect{}), ElementsAre("closed"));
    EXPECT_THAT(watcher.hears(), IsEmpty());
    client.connect();  // and once published they are gone too: another connection has none
    client.drop();
    EXPECT_THAT(watcher.hears(), IsEmpty());
  }
}

// [MQTT-3.1.2-8]
TEST_F(Wills, ArePublishedAfterADisconnectThatAsksForItOrTellsOfAnError) {
  for (const auto reason : {mqtt::ReasonCode::disconnect_with_will, mqtt::ReasonCode::unspecified_error}) {
    WireClient client(world, V::v5);
    client.connect(with_will(client));
    client.says(mqtt::Disconnect{reason, {}});
    EXPECT_THAT(watcher.hears(), published());
  }
}

// [MQTT-3.1.2-9] [MQTT-3.1.2-12] [MQTT-3.1.2-14] [MQTT-3.1.2-15]
TEST_F(Wills, HaveTheQosAndRetainOfTheirConnect) {
  for (const V version : both_versions) {
    for (const mqtt::QoS qos : {at_most_once, at_least_once, exactly_once}) {
      for (const mqtt::Retain retain : {mqtt::Retain::no, mqtt::Retain::yes}) {
        WireClient client(world, version), live(world, V::v3_1_1, "live"), late(world, V::v3_1_1, "late");
        live.connect();
        live.says(subscribe(1, "w"));
        mqtt::Connect connect = client.hello();
        connect.will = will("w", "x", qos, retain);
        client.connect(connect);
        client.drop();
        EXPECT_THAT(live.hears(),
                    ElementsAre(StartsWith("PUBLISH topic=\"w\" qos=" + std::to_string(static_cast<int>(qos)))));
        late.connect();
        EXPECT_EQ(late.says(subscribe(1, "w")).size(), retain == mqtt::Retain::yes ? 2U : 1U);
        client.connect();
        client.says(retained("w", ""));
      }
    }
  }
}

// [MQTT-3.1.3-10] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
TEST_F(Wills, CarryTheirPropertiesAsTheyWereGiven) {
  for (const bool restarted : {false, true}) {
    WireClient client(world, V::v5);
    mqtt::Connect connect = with_delayed_will(client, 5);
    mqtt::Properties& properties = connect.will->properties;
    properties.payload_format_indicator = 1;
    properties.message_expiry_interval = 60;
    properties.content_type = "text/plain";
    properties.response_topic = "re/ply";
    properties.correlation_data = as_bytes("id");
    properties.user_properties = {{"b", "1"}, {"a", "2"}, {"b", "1"}};
    client.connect(connect);
    client.drop();
    world.run();
    if (restarted) {
      world.kill();
      world.start();
      watch();
    }
    pass(seconds(6));
    EXPECT_THAT(
        watcher.hears(),
        ElementsAre("PUBLISH topic=\"will\" qos=0 payload=4B payload_format_indicator=1 message_expiry_interval=60 "
                    "content_type=\"text/plain\" response_topic=\"re/ply\" correlation_data=2B "
                    "user_property=\"b\":\"1\" user_property=\"a\":\"2\" user_property=\"b\":\"1\" 'gone'"));
  }
}

// --- the Will Delay Interval ---

// [MQTT-3.1.2-8] [MQTT-3.1.2-10]
TEST_F(Wills, WaitForTheirDelay) {
  WireClient client(world, V::v5);
  client.connect(with_delayed_will(client, 10));
  client.drop();
  pass(std::chrono::milliseconds(9'999));
  EXPECT_THAT(watcher.hears(), IsEmpty());
  pass(std::chrono::milliseconds(1));
  EXPECT_THAT(watcher.hears(), published());
  pass(seconds(60));
  EXPECT_THAT(watcher.hears(), IsEmpty());  // once
}

// [MQTT-3.1.2-8]
TEST_F(Wills, WaitNoLongerThanTheirSession) {
  WireClient client(world, V::v5), without(world, V::v5, "without");
  without.connect(with_delayed_will(without, 10, 0));
  without.drop();
  EXPECT_THAT(watcher.hears(), published());  // no session outlives the connection
  client.connect(with_delayed_will(client, 100, 20));
  client.drop();
  pass(seconds(19));
  EXPECT_THAT(watcher.hears(), IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(watcher.hears(), published());
  client.connect(with_delayed_will(client, 100, 20));
  client.drop();
  EXPECT_THAT(watcher.hears(), IsEmpty());
  client.connect();  // Clean Start ends the session
  EXPECT_THAT(watcher.hears(), published());
}

// [MQTT-3.1.3-9]
TEST_F(Wills, AreDroppedWhenTheSessionIsResumedInTime) {
  WireClient client(world, V::v5);
  client.connect(with_delayed_will(client, 10));
  client.drop();
  pass(seconds(9));
  client.connect(client.hello_again());
  pass(seconds(30));
  client.drop();
  pass(seconds(30));
  EXPECT_THAT(watcher.hears(), IsEmpty());
}

// [MQTT-3.1.2-7] [MQTT-3.1.2-8]
TEST_F(Wills, OfSessionsThatStayOutliveTheProcess) {
  WireClient connected(world, V::v5, "connected"), waiting(world, V::v5, "waiting"), polite(world, V::v5, "polite"),
      back(world, V::v5, "back"), expired(world, V::v5, "expired");
  connected.connect(with_delayed_will(connected, 0));  // the kill itself ends its connection
  waiting.connect(with_delayed_will(waiting, 30));
  polite.connect(with_delayed_will(polite, 0));
  back.connect(with_delayed_will(back, 30));
  expired.connect(with_delayed_will(expired, 1000, 20));
  for (WireClient* client : {&waiting, &back, &expired}) client->drop();
  polite.says(mqtt::Disconnect{});
  world.crash(1);
  world.advance(seconds(25));
  world.start();
  watch();
  EXPECT_THAT(watcher.hears(), IsEmpty());
  world.advance(seconds(0));
  EXPECT_EQ(watcher.hears().size(), 2U);  // `connected` and `expired`
  back.connect(back.hello_again());
  pass(seconds(4));
  EXPECT_THAT(watcher.hears(), IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(watcher.hears(), published());  // `waiting`, 30 s after it was left
  world.crash(2);
  world.start();
  watch();
  pass(seconds(80));
  EXPECT_THAT(watcher.hears(), IsEmpty());  // none comes twice
}

// [MQTT-3.1.2-7]
TEST_F(Wills, AreStoredBeforeTheClientIsAccepted) {
  WireClient client(world, V::v5);
  client.open();
  Bytes bytes;
  encode(bytes, mqtt::Packet(with_delayed_will(client, 0)), V::v5);
  world.send(client.connection(), bytes);
  world.run(sim::BrokerWorld::Commit::no);
  EXPECT_EQ(client.last_bytes(), "");  // no CONNACK while the journal has not synced
  EXPECT_THAT(client.hears(), ElementsAre(StartsWith("CONNACK reason=0x00")));
}

}  // namespace
}  // namespace bitacora::conformance
