// CONNECT and CONNACK: sections 3.1 and 3.2 of both standards.
#include <set>

#include "conformance/wire_client.h"

namespace bitacora::conformance {
namespace {

using mqtt::CleanStart;
using mqtt::ReasonCode;
using mqtt::SessionPresent;
using enum mqtt::QoS;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Connecting : public Conformance {
 protected:
  void publish_from_another(std::string_view topic, std::string_view payload) {
    WireClient other(world, V::v5, "another");
    other.connect();
    other.says(publish(topic, payload, at_least_once, 1));
  }
};

// [MQTT-3.1.0-1] [MQTT311-4.8.0-1]
TEST_F(Connecting, StartsWithConnectOrEnds) {
  for (const V version : every_version) {
    WireClient client(world, version);
    client.open();
    EXPECT_THAT(client.says(mqtt::Pingreq{}), ElementsAre("closed"));
  }
}

// [MQTT-3.1.0-2] [MQTT-3.2.0-2]
TEST_F(Connecting, TwiceOnOneConnectionEndsIt) {
  WireClient newer(world, V::v5, "newer"), older(world, V::v3_1_1, "older");
  newer.connect();
  older.connect();
  EXPECT_THAT(newer.says(newer.hello()), ElementsAre(StartsWith("DISCONNECT reason=0x82 (protocol error)"), "closed"));
  EXPECT_THAT(older.says(older.hello()), ElementsAre("closed"));
}

// [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT311-3.1.2-2] [MQTT311-3.2.2-5]
TEST_F(Connecting, WithAnotherProtocolOrLevelIsAnsweredAndClosed) {
  for (const auto* connect : {"10 0c 00 04 'MQTX' 04 02 00 00 00 00", "10 0c 00 04 'MQTT' 06 02 00 00 00 00",
                              "10 0c 00 04 'MQTT' 03 02 00 00 00 00", "10 0e 00 06 'MQIsdp' 04 02 00 00 00 00"}) {
    WireClient client(world, V::v3_1_1);
    client.open();
    EXPECT_THAT(client.says_wire(connect), ElementsAre("CONNACK reason=0x84 (unsupported protocol version)", "closed"));
    EXPECT_EQ(client.last_bytes(), "20020001");
  }
}

// [MQTT-3.1.2-3] [MQTT-3.1.4-1] [MQTT311-3.1.2-3] [MQTT311-3.1.4-1]
TEST_F(Connecting, MalformedIsToldIn5_0AndClosedWithoutAWordIn3_1_1) {
  WireClient newer(world, V::v5), older(world, V::v3_1_1);
  newer.open();
  EXPECT_THAT(newer.says_wire("10 0d 00 04 'MQTT' 05 03 00 00 00 00 00"),
              ElementsAre("CONNACK reason=0x81 (malformed packet)", "closed"));
  older.open();
  EXPECT_THAT(older.says_wire("10 0c 00 04 'MQTT' 04 03 00 00 00 00"), ElementsAre("closed"));
}

// [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT311-3.1.2-6] [MQTT311-3.2.2-1]
TEST_F(Connecting, WithCleanStartDiscardsTheSession) {
  for (const V version : both_versions) {
    WireClient client(world, version);
    client.connect(client.hello_again());
    client.says(subscribe(1, "a"));
    client.drop();
    publish_from_another("a", "missed");
    client.connect();
    EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
    publish_from_another("a", "later");
    EXPECT_THAT(client.hears(), IsEmpty());
    client.connect(client.hello_again());
    EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
  }
}

// [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.1.3-2] [MQTT-3.2.2-3] [MQTT311-3.1.2-5] [MQTT311-3.2.2-2] [MQTT311-4.1.0-2]
TEST_F(Connecting, WithoutCleanStartResumesTheSessionOfItsClientIdAndNoOther) {
  for (const V version : both_versions) {
    WireClient client(world, version, "mine"), stranger(world, version, "stranger");
    client.connect(client.hello_again());
    client.says(subscribe(1, "a", at_least_once));
    client.drop();
    publish_from_another("a", "missed");
    stranger.connect(stranger.hello_again());
    EXPECT_EQ(stranger.last<mqtt::Connack>().session_present, SessionPresent::no);
    EXPECT_THAT(client.connect(client.hello_again()),
                ElementsAre(StartsWith("CONNACK reason=0x00 (success) session_present"),
                            "PUBLISH topic=\"a\" qos=1 id=1 payload=6B 'missed'"));
    client.says(puback(1));
    client.connect();  // ends the sessions for the next version
    stranger.connect();
  }
}

// [MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT311-3.2.2-3]
TEST_F(Connecting, WithoutCleanStartAndWithoutASessionBeginsOne) {
  for (const V version : both_versions) {
    WireClient client(world, version, mqtt::name_of(version));
    client.connect(client.hello_again());
    EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
    EXPECT_EQ(client.last<mqtt::Connack>().reason, ReasonCode::success);
  }
}

// [MQTT-3.1.2-23] [MQTT-4.1.0-2]
TEST_F(Connecting, WithAnExpiryOfZeroEndsTheSessionWithTheConnection) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again(0));
  client.says(subscribe(1, "a"));
  client.drop();
  client.connect(client.hello_again(0));
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
}

// [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT311-3.1.2-22]
TEST_F(Connecting, SaysByItsFlagsWhetherUserNameAndPasswordFollow) {
  const auto first_line = [&](V version, std::string_view connect) {
    WireClient client(world, version);
    client.open();
    return client.says_wire(connect).front();
  };
  EXPECT_THAT(first_line(V::v3_1_1, "10 13 00 04 'MQTT' 04 c2 00 3c 00 01 'c' 00 01 'u' 00 01 'p'"),
              StartsWith("CONNACK reason=0x00"));
  EXPECT_THAT(first_line(V::v5, "10 11 00 04 'MQTT' 05 42 00 3c 00 00 01 'c' 00 01 'p'"),
              StartsWith("CONNACK reason=0x00"));  // a password alone
  EXPECT_EQ(first_line(V::v3_1_1, "10 10 00 04 'MQTT' 04 42 00 3c 00 01 'c' 00 01 'p'"), "closed");
  EXPECT_EQ(first_line(V::v3_1_1, "10 0d 00 04 'MQTT' 04 82 00 3c 00 01 'c'"), "closed");            // none follows
  EXPECT_EQ(first_line(V::v3_1_1, "10 10 00 04 'MQTT' 04 02 00 3c 00 01 'c' 00 01 'u'"), "closed");  // one too many
}

// [MQTT-3.1.2-28]
TEST(ResponseInformation, IsGivenToWhoAsksAndNobodyElse) {
  sim::WorldOptions options = plain_world();
  options.broker.response_information = "response/%c";
  sim::BrokerWorld world(options);
  world.start();
  const auto told = [&](V version, std::optional<std::uint8_t> asks) {
    WireClient client(world, version, "pump-7");
    mqtt::Connect connect = client.hello();
    if (version == V::v5) connect.properties.request_response_information = asks;
    client.connect(connect);
    return std::string(client.last<mqtt::Connack>().properties.response_information.value_or("nothing"));
  };
  EXPECT_EQ(told(V::v5, 1), "response/pump-7");
  EXPECT_EQ(told(V::v5, 0), "nothing");
  EXPECT_EQ(told(V::v5, std::nullopt), "nothing");
  EXPECT_EQ(told(V::v3_1_1, std::nullopt), "nothing");
}

// [MQTT-3.1.3-5]
TEST_F(Connecting, TakesEveryClientIdOfOneTo23LettersAndDigits) {
  for (const V version : every_version) {
    for (const auto* id : {"a", "0", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ0123456"}) {
      WireClient client(world, version, id);
      EXPECT_THAT(client.connect(), ElementsAre(StartsWith("CONNACK reason=0x00 (success)")));
    }
  }
}

// [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
TEST_F(Connecting, WithoutAClientIdIsAssignedANewOneIn5_0) {
  std::set<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    WireClient client(world, V::v5, "");
    client.connect(client.hello_again());
    ids.emplace(client.last<mqtt::Connack>().properties.assigned_client_identifier.value_or(""));
  }
  EXPECT_EQ(ids.size(), 20U);
  EXPECT_FALSE(ids.contains(""));
  WireClient back(world, V::v5, *ids.begin());  // it is a client id like others
  back.connect(back.hello_again());
  EXPECT_EQ(back.last<mqtt::Connack>().session_present, SessionPresent::yes);
  EXPECT_FALSE(back.last<mqtt::Connack>().properties.assigned_client_identifier);
}

// [MQTT311-3.1.3-7] [MQTT311-3.1.3-8]
TEST_F(Connecting, WithoutAClientIdIn3_1_1NeedsACleanSession) {
  WireClient clean(world, V::v3_1_1, ""), lasting(world, V::v3_1_1, ""), oldest(world, V::v3_1, "");
  EXPECT_THAT(clean.connect(), ElementsAre("CONNACK reason=0x00 (success)"));
  EXPECT_THAT(lasting.connect(lasting.hello_again()),
              ElementsAre("CONNACK reason=0x85 (client identifier not valid)", "closed"));
  EXPECT_EQ(lasting.last_bytes(), "20020002");
  EXPECT_THAT(oldest.connect(), ElementsAre("CONNACK reason=0x85 (client identifier not valid)", "closed"));
}

// [MQTT-3.1.3-8] [MQTT-3.2.2-7] [MQTT311-3.1.3-9] [MQTT311-3.2.2-5]
TEST_F(Connecting, WithAClientIdThatIsNotAcceptedIsToldSoAndClosed) {
  for (const V version : every_version) {
    WireClient client(world, version, std::string(257, 'x'));
    EXPECT_THAT(client.connect(),
                ElementsAre(StartsWith("CONNACK reason=0x85 (client identifier not valid)"), "closed"));
  }
}

// [MQTT-3.1.4-3] [MQTT311-3.1.4-2]
TEST_F(Connecting, WithAClientIdThatIsConnectedTakesOver) {
  for (const V version : both_versions) {
    WireClient first(world, version), second(world, version);
    first.connect(first.hello_again());
    EXPECT_THAT(second.connect(second.hello_again()),
                ElementsAre(StartsWith("CONNACK reason=0x00 (success) session_present")));
    if (version == V::v5) {
      EXPECT_THAT(first.hears(), ElementsAre("DISCONNECT reason=0x8e (session taken over)", "closed"));
    } else {
      EXPECT_THAT(first.hears(), ElementsAre("closed"));
    }
    EXPECT_TRUE(second.connected());
    second.connect();  // clean: the end of the session
  }
}

// [MQTT-3.1.4-5] [MQTT-3.2.2-1]
TEST_F(Connecting, IsAcceptedWithConnackOfZero) {
  WireClient older(world, V::v3_1_1, "older"), newer(world, V::v5, "newer");
  older.connect();
  EXPECT_EQ(older.last_bytes(), "20020000");
  newer.connect();
  EXPECT_EQ(newer.last_bytes().substr(4, 4), "0000");  // flags and reason
}

// [MQTT-3.1.4-6]
TEST_F(Connecting, InVainKeepsWhatFollowsFromBeingProcessed) {
  for (const V version : both_versions) {
    WireClient client(world, version, std::string(257, 'x'));
    client.open();
    const Lines heard = client.says(client.hello(), publish("a", "behind", at_least_once, 1), subscribe(2, "a"));
    EXPECT_THAT(heard, ElementsAre(StartsWith("CONNACK reason=0x85"), "closed"));
  }
  EXPECT_THAT(world.records(), IsEmpty());
}

// [MQTT-3.2.0-1] [MQTT-3.2.0-2]
TEST_F(Connecting, IsAnsweredByOneConnackBeforeAnythingElse) {
  for (const V version : every_version) {
    WireClient client(world, version);
    client.open();
    const Lines heard = client.says(client.hello_again(), subscribe(1, "a", at_most_once), publish("a", "x"),
                                    publish("a", "y", at_least_once, 2), mqtt::Pingreq{});
    ASSERT_FALSE(heard.empty());
    EXPECT_THAT(heard.front(), StartsWith("CONNACK reason=0x00"));
    EXPECT_EQ(std::ranges::count_if(heard, [](const std::string& line) { return line.starts_with("CONNACK"); }), 1);
    EXPECT_EQ(heard.size(), 6U) << testing::PrintToString(heard);
    client.connect();
  }
}

// [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-4.12.0-1] [MQTT-4.12.0-4]
TEST_F(Connecting, WithAnUnknownAuthenticationMethodIsRefusedWithoutSessionPresent) {
  WireClient client(world, V::v5);
  client.connect(client.hello_again());
  client.drop();
  mqtt::Connect connect = client.hello_again();
  connect.properties.authentication_method = "no such method";
  EXPECT_THAT(client.connect(connect),
              ElementsAre(StartsWith("CONNACK reason=0x8c (bad authentication method)"), "closed"));
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
  client.connect(client.hello_again());  // the session is as it was
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::yes);
}

// [MQTT311-3.2.2-4]
TEST_F(Connecting, InVainIn3_1_1HasNoSessionPresent) {
  WireClient client(world, V::v3_1_1);
  client.connect(client.hello_again());
  mqtt::Connect connect = client.hello_again();
  connect.will = will("$SYS/no", "x");
  EXPECT_THAT(client.connect(connect), testing::Contains(StartsWith("CONNACK reason=0x88 (server unavailable)")));
  EXPECT_EQ(client.last_bytes(), "20020003");
}

// [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-12] [MQTT-3.2.2-13]
TEST_F(Connecting, FindsEveryQosAndRetainSupportedSoThatNothingHasToBeSaid) {
  WireClient client(world, V::v5), watcher(world, V::v5, "watcher");
  mqtt::Connect connect = client.hello();
  connect.will = will("last", "words", exactly_once, mqtt::Retain::yes);
  client.connect(connect);
  const mqtt::Properties told = client.last<mqtt::Connack>().properties;
  EXPECT_EQ(client.last<mqtt::Connack>().reason, ReasonCode::success);
  EXPECT_FALSE(told.maximum_qos);
  EXPECT_EQ(told.retain_available.value_or(1), 1);
  EXPECT_EQ(told.wildcard_subscription_available.value_or(1), 1);
  EXPECT_EQ(told.subscription_identifier_available.value_or(1), 1);
  EXPECT_THAT(client.says(subscribe(1, "0", at_most_once), subscribe(2, "1", at_least_once), subscribe(3, "2")),
              ElementsAre("SUBACK id=1 reason=0x00 (success)", "SUBACK id=2 reason=0x01 (granted QoS 1)",
                          "SUBACK id=3 reason=0x02 (granted QoS 2)"));
  client.drop();
  watcher.connect();
  EXPECT_THAT(watcher.says(subscribe(1, "last")),
              ElementsAre(StartsWith("SUBACK"), StartsWith("PUBLISH topic=\"last\" qos=2 id=1 retain payload=5B")));
}

TEST_F(Connecting, IsToldHowLongItsSessionLasts) {
  sim::WorldOptions options = plain_world();
  options.broker.sessions.max_expiry = std::chrono::seconds(100);
  sim::BrokerWorld short_lived(options);
  short_lived.start();
  WireClient client(short_lived, V::v5);
  client.connect(client.hello_again(4'000'000'000));
  EXPECT_EQ(client.last<mqtt::Connack>().properties.session_expiry_interval, 100U);
  mqtt::Disconnect longer;
  longer.properties.session_expiry_interval = 1000;  // asks once more: the limit holds
  client.says(longer);
  short_lived.advance(std::chrono::seconds(101));
  client.connect(client.hello_again());
  EXPECT_EQ(client.last<mqtt::Connack>().session_present, SessionPresent::no);
}

}  // namespace
}  // namespace bitacora::conformance
