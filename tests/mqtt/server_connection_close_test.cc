// How connections end, told by either side or by nobody, and what time has to do with it.
#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

Connect with_keep_alive(Connect connect, std::uint16_t seconds) {
  connect.keep_alive = seconds;
  return connect;
}

// --- the client's end ---

TEST(ClientsDisconnect, OfAnOrdinaryEndDiscardsTheWill) {  // [MQTT-3.14.4-3]
  for (const Connect& connect : {v3_1(), v3_1_1(), v5()}) {
    Talk talk;
    talk.open(connect);
    talk.client_sends(disconnect());
    talk.expect_closed(CloseCause::peer_disconnected, ReasonCode::success);
    EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
  }
}

TEST(ClientsDisconnect, WithAnyOtherReasonKeepsTheWill) {  // [MQTT-3.1.2-8]
  for (const auto reason : {ReasonCode::disconnect_with_will, ReasonCode::unspecified_error}) {
    Talk talk;
    talk.open(v5());
    talk.client_sends(disconnect(reason));
    talk.expect_closed(CloseCause::peer_disconnected_with_will, reason);
  }
}

TEST(ClientsDisconnect, MayChangeTheSessionExpiryInterval) {
  Talk talk;
  Connect connect = v5();
  connect.properties.session_expiry_interval = 60;
  talk.open(connect);
  Disconnect packet = disconnect();
  packet.properties.session_expiry_interval = 90;
  talk.client_sends(packet);
  EXPECT_EQ(talk.expect_closed(CloseCause::peer_disconnected, ReasonCode::success).session_expiry_interval, 90U);
}

TEST(ClientsDisconnect, MayNotMakeASessionLastThatWasToEnd) {  // section 3.14.2.2.2
  Talk talk;
  talk.open(v5());
  Disconnect packet = disconnect();
  packet.properties.session_expiry_interval = 1;
  talk.client_sends(packet);
  talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
}

TEST(ClientsDisconnect, IsTheLastThatIsLookedAt) {
  Talk talk;
  talk.open(v3_1_1());
  talk.client_sends_hex("e0 00  c0 00");
  talk.expect_closed(CloseCause::peer_disconnected, ReasonCode::success);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(TransportsEnd, ClosesWithoutAWord) {
  Talk talk;
  talk.open(v5());
  talk.connection.on_transport_closed();
  talk.expect_closed(CloseCause::transport_closed, ReasonCode::success);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

// --- the server's end ---

TEST(ServersClose, SendsDisconnectWithItsReasonAndPropertiesIn5_0) {  // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
  Talk talk;
  talk.open(v5());
  Properties properties;
  properties.server_reference = "other:1883";
  properties.session_expiry_interval = 5;
  talk.connection.close(ReasonCode::use_another_server, "moving", properties);
  const Disconnect sent = talk.take_only<Disconnect>();
  EXPECT_EQ(sent.reason, ReasonCode::use_another_server);
  EXPECT_EQ(sent.properties.server_reference, "other:1883");
  EXPECT_EQ(sent.properties.reason_string, "moving");
  EXPECT_EQ(sent.properties.session_expiry_interval, std::nullopt);  // [MQTT-3.14.2-2]
  EXPECT_EQ(talk.expect_closed(CloseCause::server, ReasonCode::use_another_server).message, "moving");
}

TEST(ServersClose, SaysNothingIn3_x) {
  for (const Connect& connect : {v3_1(), v3_1_1()}) {
    Talk talk;
    talk.open(connect);
    talk.connection.close(ReasonCode::session_taken_over);
    talk.expect_closed(CloseCause::server, ReasonCode::session_taken_over);
    EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
  }
}

TEST(ServersClose, BeforeConnectSaysNothing) {
  Talk talk;
  talk.connection.close(ReasonCode::server_shutting_down);
  talk.expect_closed(CloseCause::server, ReasonCode::server_shutting_down);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(ServersClose, BeforeConnackIsAConnack) {  // [MQTT-3.14.0-1]
  for (const auto& [connect, bytes] : {std::pair{v5(), "2003008900"}, std::pair{v3_1_1(), "20020003"}}) {
    Talk talk;
    talk.client_sends(connect);
    talk.next<ConnectEvent>();
    talk.connection.close(ReasonCode::server_busy);
    talk.expect_closed(CloseCause::server, ReasonCode::server_busy);
    EXPECT_EQ(to_hex(talk.take_sent_bytes()), bytes);
  }
}

TEST(ServersClose, HappensOnce) {
  Talk talk;
  talk.open(v5());
  talk.connection.close(ReasonCode::session_taken_over);
  talk.connection.close(ReasonCode::server_busy);
  talk.connection.on_transport_closed();
  talk.expect_closed(CloseCause::server, ReasonCode::session_taken_over);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::session_taken_over);
}

TEST(ServersClose, LeavesTheOutputBeforeItInPlace) {
  Talk talk;
  talk.open(v5());
  EXPECT_TRUE(talk.connection.submit(publish("a")));
  talk.connection.close(ReasonCode::session_taken_over);
  EXPECT_EQ(talk.take_sent(), lines({publish("a"), disconnect(ReasonCode::session_taken_over)}));
}

// --- the reason string ---

TEST(ReasonString, OfADisconnectIsTheMessageOfTheLog) {
  Talk talk;
  talk.open(v5());
  talk.client_sends(Pingresp{});
  const ClosedEvent event = talk.expect_closed(CloseCause::protocol_error, ReasonCode::protocol_error);
  EXPECT_EQ(talk.take_only<Disconnect>().properties.reason_string, event.message);
}

TEST(ReasonString, IsNotForAClientThatWantsNoProblemInformation) {
  Talk talk;
  Connect connect = v5();
  connect.properties.request_problem_information = 0;
  talk.open(connect);
  talk.connection.close(ReasonCode::server_busy, "too many");
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "e00189");
}

TEST(ReasonString, IsLeftOutWhereItWouldNotFit) {  // [MQTT-3.14.2-3]
  Talk talk;
  Connect connect = v5();
  connect.properties.maximum_packet_size = 20;
  talk.open(connect);
  talk.connection.close(ReasonCode::server_busy, "more than twenty bytes");
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "e00189");
}

TEST(ReasonString, ThatIsNoUtf8IsForTheLogOnly) {  // [MQTT-1.5.4-1]
  Talk talk;
  talk.open(v5());
  talk.connection.close(ReasonCode::server_busy, "\xff");
  EXPECT_EQ(to_hex(talk.take_sent_bytes()), "e00189");
}

// --- time ---

TEST(ConnectTimeout, EndsAConnectionThatSaysNothing) {
  Talk talk(ConnectionLimits{.connect_timeout = 10s});
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 10s);
  talk.pass(9999ms);
  EXPECT_FALSE(talk.connection.closed());
  talk.pass(1ms);
  talk.expect_closed(CloseCause::timeout, ReasonCode::keep_alive_timeout);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(ConnectTimeout, IsNotPutOffByPartsOfAConnect) {
  Talk talk(ConnectionLimits{.connect_timeout = 10s});
  talk.pass(9s);
  talk.client_sends_hex("10 0d 00 04");
  talk.expect_no_event();
  talk.pass(1s);
  talk.expect_closed(CloseCause::timeout, ReasonCode::keep_alive_timeout);
}

TEST(ConnectTimeout, DoesNotRunWhileTheOwnerThinks) {
  Talk talk;
  talk.client_sends(with_keep_alive(v5(), 1));
  talk.next<ConnectEvent>();
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
  talk.pass(1h);
  talk.accept();
  talk.pass(1499ms);  // keep-alive runs from CONNACK
  EXPECT_FALSE(talk.connection.closed());
}

TEST(ConnectTimeout, HoldsForTheWholeOfAnAuthentication) {
  Talk talk(ConnectionLimits{.connect_timeout = 10s});
  Connect connect = v5();
  connect.properties.authentication_method = "M";
  talk.client_sends(connect);
  talk.next<ConnectEvent>();
  Auth auth{ReasonCode::continue_authentication, {}};
  auth.properties.authentication_method = "M";
  EXPECT_TRUE(talk.connection.submit(auth));
  talk.take_sent_bytes();
  talk.pass(10s);
  talk.expect_closed(CloseCause::timeout, ReasonCode::not_authorized);
  EXPECT_EQ(talk.take_only<Connack>().reason, ReasonCode::not_authorized);
}

TEST(KeepAlive, EndsASilentConnectionAfterOneAndAHalfTimesItsLength) {  // [MQTT-3.1.2-22]
  Talk talk;
  talk.open(with_keep_alive(v5(), 10));
  talk.pass(14999ms);
  EXPECT_FALSE(talk.connection.closed());
  talk.pass(1ms);
  talk.expect_closed(CloseCause::timeout, ReasonCode::keep_alive_timeout);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::keep_alive_timeout);
}

TEST(KeepAlive, Of3_1_1EndsWithoutAWord) {  // [MQTT311-3.1.2-24]
  Talk talk;
  talk.open(with_keep_alive(v3_1_1(), 10));
  talk.pass(15s);
  talk.expect_closed(CloseCause::timeout, ReasonCode::keep_alive_timeout);
  EXPECT_THAT(talk.take_sent_bytes(), IsEmpty());
}

TEST(KeepAlive, StartsAnewWithWhateverTheClientSends) {
  Talk talk;
  talk.open(with_keep_alive(v3_1_1(), 10));
  for (int i = 0; i < 3; ++i) {
    talk.pass(14s);
    talk.client_sends(Pingreq{});
    talk.expect_no_event();
  }
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 15s);
}

TEST(KeepAlive, IsNotKeptUpByWhatTheServerSends) {
  Talk talk;
  talk.open(with_keep_alive(v3_1_1(), 10));
  talk.pass(14s);
  EXPECT_TRUE(talk.connection.submit(publish("a")));
  talk.pass(1s);
  EXPECT_TRUE(talk.connection.closed());
}

TEST(KeepAlive, OfZeroIsNoneFor3_1_1) {
  Talk talk;
  talk.open(with_keep_alive(v3_1_1(), 0));
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
}

TEST(KeepAlive, OfZeroBecomesTheServersFor5_0) {
  Talk talk(ConnectionLimits{.max_keep_alive_s = 100});
  talk.open(with_keep_alive(v5(), 0));
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 150s);
}

TEST(KeepAlive, OfZeroStaysWhereTheServerHasNoLimit) {
  Talk talk(ConnectionLimits{.max_keep_alive_s = 0});
  talk.open(with_keep_alive(v5(), 0));
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
}

TEST(KeepAlive, ThatTheOwnerPutIntoConnackIsTheOne) {
  Talk talk;
  talk.client_sends(with_keep_alive(v5(), 10));
  talk.next<ConnectEvent>();
  Connack connack;
  connack.properties.server_keep_alive = 4;
  talk.accept(connack);
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 6s);
}

TEST(PacketTimeout, EndsAConnectionWhosePacketDoesNotGetWhole) {
  Talk talk(ConnectionLimits{.packet_timeout = 30s});
  talk.open(with_keep_alive(v5(), 60));
  talk.client_sends_hex("30 10 00");
  talk.expect_no_event();
  talk.pass(20s);
  talk.client_sends_hex("01");  // keeps the client alive, not the packet
  talk.expect_no_event();
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 10s);
  talk.pass(10s);
  talk.expect_closed(CloseCause::timeout, ReasonCode::implementation_specific_error);
  EXPECT_EQ(talk.take_only<Disconnect>().reason, ReasonCode::implementation_specific_error);
}

TEST(PacketTimeout, EndsWithThePacketAndStartsWithTheNext) {
  Talk talk(ConnectionLimits{.packet_timeout = 30s});
  talk.open(v3_1_1());
  talk.client_sends_hex("c0");
  talk.expect_no_event();
  talk.pass(29s);
  talk.client_sends_hex("00 c0");
  talk.expect_no_event();
  EXPECT_EQ(talk.connection.next_deadline(), talk.clock.now().monotonic + 30s);
  talk.client_sends_hex("00");
  talk.expect_no_event();
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
}

TEST(PausedReading, IsNotHeldAgainstTheClient) {
  Talk talk;
  talk.open(with_keep_alive(v5(), 10));
  talk.client_sends_hex("c0");
  talk.expect_no_event();
  talk.connection.on_reading_paused();
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
  talk.pass(1h);
  talk.connection.on_reading_resumed(talk.clock.now());
  talk.pass(14999ms);
  EXPECT_FALSE(talk.connection.closed());
  talk.pass(1ms);
  EXPECT_TRUE(talk.connection.closed());
}

TEST(ClosedConnection, HasNoDeadline) {
  Talk talk;
  talk.open(with_keep_alive(v5(), 10));
  talk.connection.close(ReasonCode::server_busy);
  EXPECT_EQ(talk.connection.next_deadline(), std::nullopt);
  talk.pass(1h);
  talk.expect_closed(CloseCause::server, ReasonCode::server_busy);
}

}  // namespace
}  // namespace bitacora::mqtt
