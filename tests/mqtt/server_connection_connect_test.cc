// From the first byte to CONNACK.
#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// --- the first packet ---

TEST(FirstPacket, OtherThanConnectClosesAtItsFirstByte) {  // [MQTT-3.1.0-1]
  Talk talk;
  talk.client_sends_hex("c0");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
  EXPECT_THAT(talk.take_sent(), IsEmpty());
}

TEST(FirstPacket, OfWrongFlagsClosesAtItsFirstByte) {  // [MQTT-2.1.3-1]
  Talk talk;
  talk.client_sends_hex("11");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
}

TEST(FirstPacket, LargerThanItsLimitClosesBeforeItsBodyCame) {
  Talk talk(ConnectionLimits{.max_connect_packet_size = 100});
  talk.client_sends_hex("10 63");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::packet_too_large);
  EXPECT_THAT(talk.take_sent(), IsEmpty());
}

TEST(FirstPacket, AsLargeAsItsLimitIsRead) {
  Talk talk(ConnectionLimits{.max_connect_packet_size = 15});
  talk.client_sends_hex("10 0d 00 04 4d 51 54 54 04 02 00 00 00 01 63");
  EXPECT_EQ(talk.next<ConnectEvent>().packet.client_id, "c");
}

TEST(SecondConnect, IsAProtocolError) {  // [MQTT-3.1.0-2]
  Talk talk;
  talk.open(v5());
  talk.client_sends(v5());
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::protocol_error);
}

// --- the version ---

// [MQTT311-3.1.2-2]
TEST(UnsupportedLevel, IsAnsweredInTheFormOf3_1_1) {                                    // [MQTT-3.1.2-2]
  for (const char* connect : {"10 0d 00 04 4d 51 54 54 06 02 00 00 00 01 63",           // "MQTT", level 6
                              "10 0d 00 04 4d 51 54 54 03 02 00 00 00 01 63",           // "MQTT", level 3
                              "10 0f 00 06 4d 51 49 73 64 70 05 02 00 00 00 01 63"}) {  // "MQIsdp", level 5
    Talk talk;
    talk.client_sends_hex(connect);
    talk.expect_closed(CloseCause::protocol_error, ReasonCode::unsupported_protocol_version);
    EXPECT_EQ(to_hex(talk.take_sent_bytes()), "20020001");
  }
}

TEST(MalformedConnect, Of3_1_1ClosesWithoutConnack) {  // [MQTT311-3.1.4-1]: the reserved flag is set
  Talk talk;
  talk.client_sends_hex("10 0d 00 04 4d 51 54 54 04 03 00 00 00 01 63");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::malformed_packet);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(MalformedConnect, Of5_0GetsConnackWithTheReasonAlone) {  // [MQTT-3.1.2-3], [MQTT-3.2.2-19]
  Talk talk;
  talk.client_sends_hex("10 0e 00 04 4d 51 54 54 05 03 00 00 00 00 01 63");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::malformed_packet);
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "2003008100");
}

// [MQTT-3.1.2-1]
TEST(MalformedConnect, BeforeItsLevelIsKnownIsNotAnswered) {
  Talk talk;
  talk.client_sends_hex("10 03 00 04 4d");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::malformed_packet);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

// --- the client id ---

struct EmptyIdCase {
  ProtocolVersion version;
  CleanStart clean_start;
  bool accepted;
};

TEST(EmptyClientId, IsAcceptedWhereTheVersionAllowsIt) {  // [MQTT-3.1.3-6], [MQTT311-3.1.3-7] [MQTT311-3.1.3-8]
  for (const auto& [version, clean_start, accepted] : {
           EmptyIdCase{ProtocolVersion::v5, CleanStart::yes, true},
           EmptyIdCase{ProtocolVersion::v5, CleanStart::no, true},
           EmptyIdCase{ProtocolVersion::v3_1_1, CleanStart::yes, true},
           EmptyIdCase{ProtocolVersion::v3_1_1, CleanStart::no, false},
           EmptyIdCase{ProtocolVersion::v3_1, CleanStart::yes, false},
           EmptyIdCase{ProtocolVersion::v3_1, CleanStart::no, false},
       }) {
    Talk talk;
    Connect connect = connect_of(version);
    connect.client_id = "";
    connect.clean_start = clean_start;
    talk.client_sends(connect);
    if (accepted) {
      EXPECT_EQ(talk.next<ConnectEvent>().packet.client_id, "");
    } else {
      talk.expect_closed(CloseCause::protocol_error, ReasonCode::client_identifier_not_valid);
      EXPECT_EQ(to_hex(talk.take_sent_bytes()), "20020002");
    }
  }
}

TEST(LongClientId, IsRefusedAsTheVersionSaysIt) {  // [MQTT-3.1.3-8], [MQTT311-3.1.3-9]
  for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5}) {
    Talk talk(ConnectionLimits{.max_client_id = 8});
    Connect connect = connect_of(version);
    connect.client_id = "123456789";
    talk.client_sends(connect);
    talk.expect_closed(CloseCause::protocol_error, ReasonCode::client_identifier_not_valid);
    EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::client_identifier_not_valid);
  }
}

TEST(ClientIdOver23Bytes, IsAcceptedFor3_1Too) {
  Talk talk;
  Connect connect = v3_1();
  connect.client_id = "a client id of more than 23 bytes";
  talk.client_sends(connect);
  EXPECT_EQ(talk.next<ConnectEvent>().packet.client_id, connect.client_id);
}

TEST(WillTopic, OfTooManyLevelsIsRefused) {
  Talk talk(ConnectionLimits{.max_topic_levels = 2});
  Connect connect = v5();
  connect.will.emplace().topic = "a/b/c";
  talk.client_sends(connect);
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::topic_name_invalid);
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::topic_name_invalid);
}

// --- waiting for CONNACK ---

TEST(EarlyPackets, WaitForConnackThenComeInOrder) {  // [MQTT-3.1.4-6]
  Talk talk;
  Bytes stream;
  for (const Packet& packet : {Packet(v5()), Packet(qos1(1)), Packet(qos1(2))}) {
    encode(stream, packet, ProtocolVersion::v5);
  }
  talk.client_sends_bytes(stream);
  talk.next<ConnectEvent>();
  talk.client_sends(Pingreq{});
  talk.expect_no_event();
  EXPECT_THAT(talk.take_sent(), IsEmpty());
  talk.accept();
  EXPECT_EQ(talk.next<PublishEvent>().packet.packet_id, PacketId{1});
  EXPECT_EQ(talk.next<PublishEvent>().packet.packet_id, PacketId{2});
  talk.expect_no_event();
}

TEST(EarlyPackets, AreNotProcessedWhenTheOwnerRefuses) {  // [MQTT-3.1.4-6]
  Talk talk;
  Bytes stream;
  encode(stream, v3_1_1(), ProtocolVersion::v3_1_1);
  encode(stream, qos1(1), ProtocolVersion::v3_1_1);
  talk.client_sends_bytes(stream);
  const auto event = talk.next<ConnectEvent>();
  talk.connection.connack(event.slot, {.reason = ReasonCode::not_authorized, .properties = {}}, talk.clock.now());
  talk.expect_closed(CloseCause::server, ReasonCode::not_authorized);  // [MQTT-3.2.2-7]
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "20020005");
}

TEST(EarlyPackets, OfMoreThanOnePacketsLimitAreTooMany) {
  Talk talk(ConnectionLimits{.max_packet_size = 64});
  talk.client_sends(v5());
  talk.next<ConnectEvent>();
  talk.client_sends_bytes(Bytes(64, std::byte{0xc0}));
  talk.expect_no_event();
  talk.client_sends_hex("00");
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::quota_exceeded);
}

// --- CONNACK ---

TEST(ConnackOf5_0, TellsTheLimits) {
  Talk talk(ConnectionLimits{
      .max_packet_size = 5000, .max_keep_alive_s = 60, .receive_maximum = 7, .topic_alias_maximum = 3});
  Connect connect = v5();
  connect.keep_alive = 61;
  talk.client_sends(connect);
  talk.next<ConnectEvent>();
  talk.accept();
  const Connack connack = talk.take_only<Connack>();
  EXPECT_EQ(connack.properties.maximum_packet_size, 5000U);
  EXPECT_EQ(connack.properties.server_keep_alive, 60);
  EXPECT_EQ(connack.properties.receive_maximum, 7);
  EXPECT_EQ(connack.properties.topic_alias_maximum, 3);
}

TEST(ConnackOf5_0, LeavesAKeepAliveWithinTheLimitToTheClient) {  // [MQTT-3.2.2-22]
  Talk talk;
  Connect connect = v5();
  connect.keep_alive = 600;
  talk.client_sends(connect);
  talk.next<ConnectEvent>();
  talk.accept();
  EXPECT_EQ(talk.take_only<Connack>().properties.server_keep_alive, std::nullopt);
}

TEST(ConnackOf5_0, KeepsWhatTheOwnerSetInPlaceOfALimitAndHoldsTheClientToIt) {
  Talk talk;
  talk.client_sends(v5());
  talk.next<ConnectEvent>();
  Connack owners;
  owners.properties.receive_maximum = 1;
  owners.properties.topic_alias_maximum = 0;
  talk.accept(owners);
  const Connack connack = talk.take_only<Connack>();
  EXPECT_EQ(connack.properties.receive_maximum, 1);
  EXPECT_EQ(connack.properties.topic_alias_maximum, 0);
  talk.client_sends(aliased("topic", 1));
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::topic_alias_invalid);
}

TEST(ConnackOf3_1_1, CarriesSessionPresentAndNothingElse) {  // [MQTT311-3.2.2-2]
  Talk talk;
  talk.client_sends(v3_1_1());
  talk.next<ConnectEvent>();
  talk.accept({.session_present = SessionPresent::yes, .properties = {}});
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "20020100");
}

TEST(ConnackOfAnError, NeverHasSessionPresent) {  // [MQTT-3.2.2-6]
  Talk talk;
  talk.client_sends(v5());
  talk.next<ConnectEvent>();
  talk.accept({.session_present = SessionPresent::yes, .reason = ReasonCode::banned, .properties = {}});
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "2003008a00");
}

TEST(ConnackOfAnError, GivesEachReturnCodeOf3_1_1) {  // 3.1.1 table 3.1
  for (const auto& [reason, code] :
       {std::pair{ReasonCode::unsupported_protocol_version, "20020001"},
        std::pair{ReasonCode::client_identifier_not_valid, "20020002"}, std::pair{ReasonCode::server_busy, "20020003"},
        std::pair{ReasonCode::bad_user_name_or_password, "20020004"},
        std::pair{ReasonCode::not_authorized, "20020005"}}) {
    Talk talk;
    talk.client_sends(v3_1_1());
    talk.next<ConnectEvent>();
    talk.accept({.reason = reason, .properties = {}});
    EXPECT_EQ(to_hex(talk.take_sent_bytes()), code);
    talk.expect_closed(CloseCause::server, reason);
  }
}

TEST(ConnackTooLargeForTheClient, LosesUserPropertiesThenTheReasonString) {  // [MQTT-3.2.2-19] [MQTT-3.2.2-20]
  for (const auto& [maximum, user_properties, has_reason_string] :
       {std::tuple{100U, 1U, true}, std::tuple{20U, 0U, true}, std::tuple{5U, 0U, false}}) {
    Talk talk;
    Connect connect = v5();
    connect.properties.maximum_packet_size = maximum;
    talk.client_sends(connect);
    talk.next<ConnectEvent>();
    Connack refusal{.reason = ReasonCode::banned, .properties = {}};
    refusal.properties.reason_string = "go away";
    refusal.properties.user_properties.push_back({"until", "the twelfth of never"});
    talk.accept(refusal);
    const Connack connack = talk.take_only<Connack>();
    EXPECT_EQ(connack.properties.user_properties.size(), user_properties) << maximum;
    EXPECT_EQ(connack.properties.reason_string.has_value(), has_reason_string) << maximum;
  }
}

TEST(ConnackTooLargeForTheClient, WithNothingToLeaveOutEndsTheConnection) {  // [MQTT-3.1.2-24]
  Talk talk;
  Connect connect = v5();
  connect.properties.maximum_packet_size = 6;
  talk.client_sends(connect);
  talk.next<ConnectEvent>();
  talk.accept();
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::packet_too_large);
  talk.expect_closed(CloseCause::server, ReasonCode::packet_too_large);
}

TEST(RefusalByTheConnection, SaysWhyIn5_0) {
  Talk talk(ConnectionLimits{.max_client_id = 8});
  Connect connect = v5();
  connect.client_id = "123456789";
  talk.client_sends(connect);
  const ClosedEvent event = talk.expect_closed(CloseCause::protocol_error, ReasonCode::client_identifier_not_valid);
  EXPECT_EQ(talk.take_only<Connack>().properties.reason_string, event.message);
}

// --- what the client said ---

TEST(ClientTerms, OfA5_0ClientAreWhatItsConnectSays) {
  Talk talk;
  Connect connect = v5();
  connect.properties.receive_maximum = 11;
  connect.properties.maximum_packet_size = 2000;
  talk.open(connect);
  EXPECT_EQ(talk.connection.version(), ProtocolVersion::v5);
  EXPECT_EQ(talk.connection.client_receive_maximum(), 11);
  EXPECT_EQ(talk.connection.client_maximum_packet_size(), 2000U);
}

TEST(ClientTerms, OfA3_xClientHaveNoLimits) {
  Talk talk;
  talk.open(v3_1());
  EXPECT_EQ(talk.connection.version(), ProtocolVersion::v3_1);
  EXPECT_EQ(talk.connection.client_receive_maximum(), 65535);
  EXPECT_EQ(talk.connection.client_maximum_packet_size(), 0xFFFFFFFFU);
}

// --- enhanced authentication ---

Connect connect_with_method() {
  Connect connect = v5();
  connect.properties.authentication_method = "SCRAM-SHA-256";
  return connect;
}

Auth auth(ReasonCode reason, std::string_view method = "SCRAM-SHA-256") {
  Auth packet{reason, {}};
  packet.properties.authentication_method = method;
  return packet;
}

TEST(AuthenticationMethod, IsTheOwnersToRefuse) {  // [MQTT-4.12.0-1]
  Talk talk;
  talk.client_sends(connect_with_method());
  EXPECT_EQ(talk.next<ConnectEvent>().packet.properties.authentication_method, "SCRAM-SHA-256");
  talk.accept({.reason = ReasonCode::bad_authentication_method, .properties = {}});
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::bad_authentication_method);
  talk.expect_closed(CloseCause::server, ReasonCode::bad_authentication_method);
}

// [MQTT-3.2.0-1] [MQTT-4.12.0-2] [MQTT-4.12.0-3]
TEST(AuthenticationMethod, LetsAuthPacketsGoBackAndForthBeforeConnack) {
  Talk talk;
  talk.client_sends(connect_with_method());
  talk.next<ConnectEvent>();
  EXPECT_TRUE(talk.connection.submit(auth(ReasonCode::continue_authentication)));
  EXPECT_EQ(talk.take_only<Auth>().reason, ReasonCode::continue_authentication);
  talk.client_sends(auth(ReasonCode::continue_authentication));
  EXPECT_EQ(talk.next<AuthEvent>().packet.reason, ReasonCode::continue_authentication);
  talk.client_sends(auth(ReasonCode::continue_authentication));
  talk.expect_no_event();  // it is the server's turn
  talk.accept();
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::success);
  EXPECT_EQ(talk.next<AuthEvent>().packet.reason, ReasonCode::continue_authentication);
}

TEST(AuthenticationMethod, MakesOtherPacketsAProtocolErrorUntilItIsDone) {
  Talk talk;
  talk.client_sends(connect_with_method());
  talk.next<ConnectEvent>();
  EXPECT_TRUE(talk.connection.submit(auth(ReasonCode::continue_authentication)));
  talk.take_sent_bytes();
  talk.client_sends(qos1(1));
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::protocol_error);  // not DISCONNECT [MQTT-3.14.0-1]
}

TEST(AuthenticationMethod, MayBeUsedAgainOnAnOpenConnection) {
  Talk talk;
  talk.open(connect_with_method());
  talk.client_sends(auth(ReasonCode::reauthenticate));
  EXPECT_EQ(talk.next<AuthEvent>().packet.reason, ReasonCode::reauthenticate);
}

TEST(Auth, WithoutOrWithAnotherMethodOrAServersReasonIsAProtocolError) {  // [MQTT-4.12.0-6], 4.12.1-1, 3.15.2-1
  for (const auto& [connect, packet] : {std::pair{v5(), auth(ReasonCode::reauthenticate)},
                                        std::pair{connect_with_method(), auth(ReasonCode::reauthenticate, "GS2")},
                                        std::pair{connect_with_method(), auth(ReasonCode::success)}}) {
    Talk talk;
    talk.open(connect);
    talk.client_sends(packet);
    talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
  }
}

}  // namespace
}  // namespace bitacora::mqtt
