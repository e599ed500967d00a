// MQTT over WebSocket and over WebSocket on TLS, against a whole server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>

#include "net/running_server.h"
#include "net/test_certificates.h"
#include "net/wire.h"
#include "websocket_frames.h"
#include "websocket_handshake.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;
using testing::HasSubstr;
using namespace std::chrono_literals;

RunningServerOptions options_of(const ListenerRules& rules) {
  RunningServerOptions options;
  options.server.listeners = {{.where = {}, .rules = rules}};
  return options;
}

ListenerRules websocket_rules() {
  ListenerRules rules;
  rules.transport = Transport::websocket;
  return rules;
}

class WebSocket : public testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<WebSocketWire> dial(const UpgradeRequest& request = {}) const {
    return std::make_unique<WebSocketWire>(connect_tcp(server_.port()), request);
  }
  [[nodiscard]] MqttClient connected(std::string_view id) const {
    MqttClient client(dial());
    EXPECT_EQ(client.connect(id).reason, ReasonCode::success);
    return client;
  }
  static Bytes connect_packet(std::string_view id) {
    return MqttClient::encode(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .client_id = id},
                              mqtt::ProtocolVersion::v5);
  }
  // What the server says to it, up to the end of the connection.
  static std::optional<unsigned> close_code_after(WebSocketWire& wire) {
    while (!wire.receive().empty()) {
    }
    return wire.close_code();
  }

  RunningServer server_{options_of(websocket_rules())};
};

TEST_F(WebSocket, CarriesMessagesOfEveryQualityBothWays) {
  MqttClient subscriber = connected("subscriber");
  subscriber.subscribe("t", QoS::exactly_once);
  MqttClient publisher = connected("publisher");
  for (const QoS qos : {QoS::at_least_once, QoS::exactly_once}) {
    EXPECT_EQ(publisher.publish("t", "payload", qos), ReasonCode::success);
    EXPECT_EQ(subscriber.next_message().payload, "payload");
  }
  EXPECT_EQ(server_.metrics().websocket_handshakes.value(), 2u);
}

TEST_F(WebSocket, CarriesMoreThanASocketHoldsInOrder) {
  MqttClient subscriber = connected("subscriber");
  subscriber.subscribe("big", QoS::at_least_once);
  MqttClient publisher = connected("publisher");
  const std::string filler(300'000, '.');
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish("big", std::to_string(i) + filler), ReasonCode::success);
  }
  for (int i = 0; i < 20; ++i) ASSERT_EQ(subscriber.next_message().payload, std::to_string(i) + filler);
}

TEST_F(WebSocket, TakesAHandshakeAndPacketsThatComeByteByByte) {
  MqttClient client(std::make_unique<WebSocketWire>(std::make_unique<BytewiseWire>(connect_tcp(server_.port()))));
  EXPECT_EQ(client.connect("drop").reason, ReasonCode::success);
  EXPECT_EQ(client.publish("t", "x"), ReasonCode::success);
}

// [MQTT-6.0.0-2]
TEST_F(WebSocket, TakesPacketsThatSpanFramesAndFramesThatHoldSeveral) {
  auto wire = dial();
  const Bytes connect = connect_packet("cut");
  const Bytes ping = MqttClient::encode(mqtt::Pingreq{}, mqtt::ProtocolVersion::v5);
  wire->send_frame(0x02, ByteView(connect).first(5));  // a message of three frames
  wire->send_frame(0x00, ByteView(connect).subspan(5, 3));
  wire->send_frame(0x80, ByteView(connect).subspan(8, 2));
  Bytes rest(connect.begin() + 10, connect.end());  // the next ends one packet and holds two more
  append(rest, ping);
  append(rest, ping);
  wire->send_frame(0x82, rest);
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.expect<mqtt::Connack>().reason, ReasonCode::success);
  for (int i = 0; i < 2; ++i) (void)client.expect<mqtt::Pingresp>();
}

TEST_F(WebSocket, TakesAConnectInOnePieceWithTheHandshake) {
  auto below = connect_tcp(server_.port());
  Bytes bytes = to_bytes(format(UpgradeRequest{}));
  append(bytes, WebSocketWire::frame(0x82, connect_packet("hasty")));
  below->send(bytes);
  Bytes rest;
  EXPECT_THAT(receive_head(*below, rest), HasSubstr(" 101 "));
  while (rest.size() < 4) append(rest, below->receive());
  EXPECT_EQ(to_hex(ByteView(rest).first(1)), "82");       // a binary frame
  EXPECT_EQ(to_hex(ByteView(rest).subspan(2, 1)), "20");  // with CONNACK
}

TEST_F(WebSocket, AnswersPings) {
  auto wire = dial();
  WebSocketWire& socket = *wire;
  socket.send_frame(0x89, as_bytes("before CONNECT"));
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("pinged").reason, ReasonCode::success);
  socket.send_frame(0x89, as_bytes("after"));
  client.ping();
  EXPECT_EQ(socket.pongs(), (std::vector<std::string>{"before CONNECT", "after"}));
}

TEST_F(WebSocket, AnswersACloseWithACloseAndEndsTheConnection) {
  auto wire = dial();
  WebSocketWire& socket = *wire;
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("leaves").reason, ReasonCode::success);
  socket.finish();
  EXPECT_EQ(close_code_after(socket), 1000u);
  EXPECT_TRUE(comes_true([this] { return server_.server().open_connections() == 0; }));
}

TEST_F(WebSocket, TakesWhatCameTogetherWithTheClose) {
  MqttClient subscriber = connected("subscriber");
  subscriber.subscribe("t", QoS::at_least_once);
  MqttClient hasty(dial());
  {
    const Cork cork(hasty.wire());
    hasty.send(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .client_id = "hasty"});
    (void)hasty.send_publish("t", "all at once");
    hasty.wire().finish();
  }
  EXPECT_EQ(subscriber.next_message().payload, "all at once");
}

TEST_F(WebSocket, SaysCloseBehindItsLastWords) {
  auto wire = dial();
  WebSocketWire& socket = *wire;
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("rude").reason, ReasonCode::success);
  client.send_bytes(from_hex("30 00"));
  EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::malformed_packet);
  EXPECT_EQ(close_code_after(socket), 1000u);
}

// [MQTT-6.0.0-1]
TEST_F(WebSocket, ClosesWithTheCodeThatSaysWhatWasWrong) {
  const struct {
    unsigned first;
    std::size_t size;
    unsigned code;
  } cases[] = {{0x81, 4, 1003}, {0x83, 4, 1002}, {0x82, (1 << 20) + (64 << 10) + 1, 1009}};
  for (const auto& one : cases) {
    // Of a frame that is too large the head is enough: what the server does not read any more would reset the
    // connection.
    const Bytes frame = WebSocketWire::frame(one.first, Bytes(one.size));
    const ByteView sent = ByteView(frame).first(std::min<std::size_t>(frame.size(), 64));
    const auto before_connect = dial();
    before_connect->below().send(sent);
    EXPECT_EQ(close_code_after(*before_connect), one.code) << "before CONNECT";

    auto wire = dial();
    WebSocketWire& socket = *wire;
    MqttClient client(std::move(wire));
    EXPECT_EQ(client.connect("wrong").reason, ReasonCode::success);
    socket.below().send(sent);
    EXPECT_EQ(close_code_after(socket), one.code);
  }
  EXPECT_EQ(server_.metrics().protocol_errors.value(), 6u);
  EXPECT_TRUE(comes_true([this] { return server_.server().open_connections() == 0; }));
}

TEST_F(WebSocket, CountsABadFrameInOnePieceWithTheHandshakeAsAMistakeOfItsOwn) {
  const auto wire = connect_tcp(server_.port());
  Bytes bytes = to_bytes(format(UpgradeRequest{}));
  append(bytes, WebSocketWire::frame(0x81, as_bytes("text")));
  wire->send(bytes);
  while (!wire->receive().empty()) {
  }
  EXPECT_EQ(server_.metrics().websocket_handshakes.value(), 1u);
  EXPECT_EQ(server_.metrics().websocket_handshakes_failed.value(), 0u);
  EXPECT_EQ(server_.metrics().protocol_errors.value(), 1u);
}

TEST_F(WebSocket, PublishesTheWillOfWhoIsCutOff) {
  MqttClient heir = connected("heir");
  heir.subscribe("will", QoS::at_least_once);
  MqttClient dying(dial());
  (void)dying.connect(mqtt::Connect{.version = mqtt::ProtocolVersion::v3_1_1,
                                    .client_id = "dying",
                                    .will = mqtt::Will{.topic = "will", .payload = as_bytes("gone")}});
  dying.reset();
  EXPECT_EQ(heir.next_message().payload, "gone");
}

TEST_F(WebSocket, RefusesOtherPathsProtocolsAndPages) {
  EXPECT_THROW((void)dial({.path = "/"}), std::runtime_error);
  EXPECT_THROW((void)dial({.protocol = "chat"}), std::runtime_error);
  EXPECT_THROW((void)dial({.origin = "https://evil.example.com"}), std::runtime_error);
  EXPECT_EQ(server_.metrics().websocket_handshakes_failed.value(), 3u);
  EXPECT_TRUE(comes_true([this] { return server_.server().open_connections() == 0; }));
}

TEST_F(WebSocket, RefusesARequestThatDoesNotEnd) {
  const auto wire = connect_tcp(server_.port());
  wire->send(as_bytes("GET /mqtt HTTP/1.1\r\nX: " + std::string(max_upgrade_request, 'x')));
  Bytes rest;
  EXPECT_THAT(receive_head(*wire, rest), HasSubstr(" 431 "));
}

TEST(WebSocketHandshake, ThatIsSlowIsDismissed) {
  ListenerRules hasty = websocket_rules();
  hasty.handshake_timeout = 50ms;
  const RunningServer server(options_of(hasty));
  const auto slow = connect_tcp(server.port());
  slow->send(as_bytes("GET /mqtt HT"));
  EXPECT_TRUE(slow->receive().empty());
  EXPECT_EQ(server.metrics().handshake_timeouts.value(), 1u);
}

class SecureWebSocket : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }
  [[nodiscard]] RunningServerOptions options() {
    const CertificateFiles files = authority_.issue_server();
    ListenerRules rules;
    rules.transport = Transport::secure_websocket;
    rules.tls.certificate_file = files.certificate;
    rules.tls.key_file = files.key;
    return options_of(rules);
  }
  [[nodiscard]] std::unique_ptr<WebSocketWire> dial(std::unique_ptr<Wire> socket) const {
    return std::make_unique<WebSocketWire>(
        std::make_unique<TlsWire>(std::move(socket), TlsClientOptions{.ca_file = authority_.file()}));
  }

  CertificateAuthority authority_{"Test CA"};
  RunningServer server_{options()};
};

TEST_F(SecureWebSocket, CarriesLargeMessagesBothWays) {
  MqttClient subscriber(dial(connect_tcp(server_.port())));
  EXPECT_EQ(subscriber.connect("subscriber").reason, ReasonCode::success);
  subscriber.subscribe("big", QoS::at_least_once);
  MqttClient publisher(dial(connect_tcp(server_.port())));
  EXPECT_EQ(publisher.connect("publisher").reason, ReasonCode::success);
  const std::string filler(300'000, '.');
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(publisher.publish("big", std::to_string(i) + filler), ReasonCode::success);
    ASSERT_EQ(subscriber.next_message().payload, std::to_string(i) + filler);
  }
  EXPECT_EQ(server_.metrics().tls_handshakes.value(), 2u);
  EXPECT_EQ(server_.metrics().websocket_handshakes.value(), 2u);
}

TEST_F(SecureWebSocket, TakesEverythingByteByByte) {
  MqttClient client(dial(std::make_unique<BytewiseWire>(connect_tcp(server_.port()))));
  EXPECT_EQ(client.connect("drop").reason, ReasonCode::success);
  EXPECT_EQ(client.publish("t", "x"), ReasonCode::success);
}

TEST_F(SecureWebSocket, CountsARefusedUpgradeBehindAGoodTlsHandshake) {
  auto tls = std::make_unique<TlsWire>(connect_tcp(server_.port()), TlsClientOptions{.ca_file = authority_.file()});
  EXPECT_THROW(WebSocketWire(std::move(tls), {.path = "/elsewhere"}), std::runtime_error);
  EXPECT_EQ(server_.metrics().tls_handshakes.value(), 1u);
  EXPECT_EQ(server_.metrics().websocket_handshakes_failed.value(), 1u);
}

}  // namespace
}  // namespace bitacora::net
