// MQTT over TLS: the handshake in every way it can go, client certificates, reloads, the end of a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "net/running_server.h"
#include "net/test_certificates.h"
#include "net/wire.h"

namespace bitacora::net {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;
using testing::HasSubstr;
using namespace std::chrono_literals;

class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }

  [[nodiscard]] ListenerRules rules() const {
    ListenerRules rules;
    rules.name = "secure";
    rules.transport = Transport::tls;
    rules.tls.certificate_file = server_.certificate;
    rules.tls.key_file = server_.key;
    return rules;
  }
  [[nodiscard]] ListenerRules rules_with_clients(ClientCertificates wanted) const {
    ListenerRules wanted_rules = rules();
    wanted_rules.tls.client_certificates = wanted;
    wanted_rules.tls.client_ca_file = authority_.file();
    wanted_rules.certificate_user = CertificateUser::common_name;
    return wanted_rules;
  }
  [[nodiscard]] static RunningServerOptions options_of(const ListenerRules& rules) {
    RunningServerOptions options;
    options.server.listeners = {{.where = {}, .rules = rules}};
    return options;
  }
  [[nodiscard]] std::unique_ptr<TlsWire> dial(const RunningServer& server, const CertificateFiles& own = {}) const {
    return std::make_unique<TlsWire>(
        connect_tcp(server.port()),
        TlsClientOptions{.ca_file = authority_.file(), .certificate_file = own.certificate, .key_file = own.key});
  }
  [[nodiscard]] MqttClient connected(const RunningServer& server, std::string_view id,
                                     const CertificateFiles& own = {}) const {
    MqttClient client(dial(server, own));
    EXPECT_EQ(client.connect(id).reason, ReasonCode::success);
    return client;
  }

  CertificateAuthority authority_{"Test CA"};
  CertificateFiles server_ = authority_.issue_server("first");
};

TEST_F(Tls, CarriesMessagesOfEveryQualityBothWays) {
  const RunningServer server(options_of(rules()));
  MqttClient subscriber = connected(server, "subscriber");
  subscriber.subscribe("t", QoS::exactly_once);
  MqttClient publisher = connected(server, "publisher");
  for (const QoS qos : {QoS::at_least_once, QoS::exactly_once}) {
    EXPECT_EQ(publisher.publish("t", "payload", qos), ReasonCode::success);
    EXPECT_EQ(subscriber.next_message().payload, "payload");
  }
  EXPECT_EQ(server.metrics().tls_handshakes.value(), 2u);
}

TEST_F(Tls, CarriesMoreThanARecordAndASocketHoldInOrder) {
  const RunningServer server(options_of(rules()));
  MqttClient subscriber = connected(server, "subscriber");
  subscriber.subscribe("big", QoS::at_least_once);
  MqttClient publisher = connected(server, "publisher");
  const std::string filler(300'000, '.');
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish("big", std::to_string(i) + filler), ReasonCode::success);
  }
  for (int i = 0; i < 20; ++i) ASSERT_EQ(subscriber.next_message().payload, std::to_string(i) + filler);
}

TEST_F(Tls, TakesAHandshakeAndAConnectThatComeByteByByte) {
  const RunningServer server(options_of(rules()));
  auto bytewise = std::make_unique<BytewiseWire>(connect_tcp(server.port()));
  MqttClient client(std::make_unique<TlsWire>(std::move(bytewise), TlsClientOptions{.ca_file = authority_.file()}));
  EXPECT_EQ(client.connect("drop").reason, ReasonCode::success);
  EXPECT_EQ(client.publish("t", "x"), ReasonCode::success);
}

TEST_F(Tls, SpeaksVersion12AndNothingOlder) {
  const RunningServer server(options_of(rules()));
  const auto dial_with = [&](int version) {
    return std::make_unique<TlsWire>(connect_tcp(server.port()),
                                     TlsClientOptions{.ca_file = authority_.file(), .max_version = version});
  };
  MqttClient client(dial_with(TLS1_2_VERSION));
  EXPECT_EQ(client.connect("older").reason, ReasonCode::success);
  EXPECT_EQ(client.publish("t", "x"), ReasonCode::success);
  EXPECT_THROW((void)dial_with(TLS1_1_VERSION), std::runtime_error);
}

TEST_F(Tls, OfVersion13AloneRefuses12) {
  ListenerRules strict = rules();
  strict.tls.min_version = TlsVersion::v1_3;
  const RunningServer server(options_of(strict));
  EXPECT_THROW(TlsWire(connect_tcp(server.port()), {.ca_file = authority_.file(), .max_version = TLS1_2_VERSION}),
               std::runtime_error);
  (void)connected(server, "newer");
}

TEST_F(Tls, AnswersGarbageWithAnAlertAndCountsIt) {
  RunningServer server(options_of(rules()));
  for (const std::string_view garbage : {"GET / HTTP/1.1\r\n\r\n", "\x10\x20 plain MQTT", "\x16\x03\x01\xFF\xFFxx"}) {
    const auto wire = connect_tcp(server.port());
    wire->send(as_bytes(garbage));
    ::shutdown(wire->socket(), SHUT_WR);
    while (!wire->receive().empty()) {
    }
  }
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
  EXPECT_GE(server.metrics().tls_handshakes_failed.value(), 2u);
  EXPECT_EQ(server.metrics().tls_handshakes.value(), 0u);
  (void)connected(server, "after");
}

TEST_F(Tls, DismissesWhoIsSlowOverTheHandshake) {
  ListenerRules hasty = rules();
  hasty.handshake_timeout = 50ms;
  const RunningServer server(options_of(hasty));
  const auto silent = connect_tcp(server.port());
  const auto slow = connect_tcp(server.port());
  slow->send(from_hex("16 03 01"));
  EXPECT_TRUE(silent->receive().empty());
  EXPECT_TRUE(slow->receive().empty());
  EXPECT_EQ(server.metrics().handshake_timeouts.value(), 2u);
  EXPECT_EQ(server.metrics().timeouts.value(), 0u);
}

TEST_F(Tls, DismissesWhoSendsNoConnectBehindTheHandshake) {
  RunningServerOptions options = options_of(rules());
  options.broker.connection.connect_timeout = 50ms;
  const RunningServer server(options);
  const auto silent = dial(server);
  EXPECT_TRUE(silent->receive().empty());
  EXPECT_EQ(server.metrics().timeouts.value(), 1u);
}

// --- the end ---

TEST_F(Tls, AnswersCloseNotifyWithItsOwn) {
  RunningServer server(options_of(rules()));
  auto wire = dial(server);
  TlsWire& tls = *wire;
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("polite").reason, ReasonCode::success);
  tls.finish();
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_TRUE(tls.peer_said_goodbye());
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
}

TEST_F(Tls, TakesWhatCameTogetherWithCloseNotify) {
  const RunningServer server(options_of(rules()));
  MqttClient subscriber = connected(server, "subscriber");
  subscriber.subscribe("t", QoS::at_least_once);
  MqttClient hasty(dial(server));
  {
    const Cork cork(hasty.wire());
    hasty.send(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .client_id = "hasty"});
    (void)hasty.send_publish("t", "all at once");
    hasty.wire().finish();
  }
  EXPECT_EQ(subscriber.next_message().payload, "all at once");
}

TEST_F(Tls, SaysCloseNotifyBehindItsLastWords) {
  RunningServer server(options_of(rules()));
  auto wire = dial(server);
  TlsWire& tls = *wire;
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("rude").reason, ReasonCode::success);
  client.send_bytes(from_hex("30 00"));  // PUBLISH without a topic
  EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::malformed_packet);
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_TRUE(tls.peer_said_goodbye());
}

TEST_F(Tls, PublishesTheWillOfWhoIsCutOffAndOfWhoOnlySaysCloseNotify) {
  RunningServer server(options_of(rules()));
  MqttClient heir = connected(server, "heir");
  heir.subscribe("will", QoS::at_least_once);
  for (const bool polite : {true, false}) {
    MqttClient dying(dial(server));
    (void)dying.connect(mqtt::Connect{.version = mqtt::ProtocolVersion::v3_1_1,
                                      .client_id = "dying",
                                      .will = mqtt::Will{.topic = "will", .payload = as_bytes("gone")}});
    if (polite) dying.wire().finish();
    dying.half_close();
    EXPECT_EQ(heir.next_message().payload, "gone") << polite;
  }
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 1; }));
}

TEST_F(Tls, EndsAConnectionWhoseRecordsWereTamperedWith) {
  RunningServer server(options_of(rules()));
  MqttClient client(dial(server));
  EXPECT_EQ(client.connect("forged").reason, ReasonCode::success);
  const Bytes record = from_hex(
      "17 03 03 00 20 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16"
      "17 18 19 1A 1B 1C 1D 1E 1F");
  ASSERT_EQ(::send(client.wire().socket(), record.data(), record.size(), 0), static_cast<ssize_t>(record.size()));
  EXPECT_THROW((void)client.receive(), std::runtime_error);  // bad_record_mac
  client.half_close();
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
  EXPECT_GE(server.metrics().protocol_errors.value(), 1u);
}

TEST_F(Tls, TellsItsClientsThatTheServerStops) {
  RunningServer server(options_of(rules()));
  auto wire = dial(server);
  TlsWire& tls = *wire;
  MqttClient client(std::move(wire));
  EXPECT_EQ(client.connect("told").reason, ReasonCode::success);
  std::jthread stopping([&server] { server.stop(); });
  EXPECT_EQ(client.expect<mqtt::Disconnect>().reason, ReasonCode::server_shutting_down);
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_TRUE(tls.peer_said_goodbye());
  client.half_close();
}

// --- client certificates ---

TEST_F(Tls, LetsOnlyThoseInWhoseCertificateIsGoodWhereOneIsRequired) {
  const RunningServer server(options_of(rules_with_clients(ClientCertificates::required)));
  (void)connected(server, "good", authority_.issue({.common_name = "sensor-7"}));

  CertificateAuthority stranger("Somebody else");
  const CertificateFiles wrong[] = {
      {}, stranger.issue({.common_name = "sensor-7"}), authority_.issue({.common_name = "late", .valid_days = -1})};
  for (const CertificateFiles& files : wrong) {
    // TLS 1.3: the client believes that it is in until it reads.
    EXPECT_THROW(
        {
          MqttClient client(dial(server, files));
          (void)client.connect("bad");
        },
        std::runtime_error);
  }
  EXPECT_EQ(server.metrics().tls_handshakes.value(), 1u);
  EXPECT_EQ(server.metrics().tls_handshakes_failed.value(), 3u);
}

TEST_F(Tls, LetsThoseInWithoutACertificateWhereItIsOptionalButNobodyWithABadOne) {
  const RunningServer server(options_of(rules_with_clients(ClientCertificates::optional)));
  (void)connected(server, "without");
  (void)connected(server, "with", authority_.issue({.common_name = "sensor-7"}));
  CertificateAuthority stranger("Somebody else");
  const CertificateFiles bad = stranger.issue({.common_name = "sensor-7"});
  EXPECT_THROW((void)MqttClient(dial(server, bad)).connect("bad"), std::runtime_error);
}

TEST_F(Tls, RefusesACertificateWithoutTheNameThatIsTheUser) {
  ListenerRules by_email = rules_with_clients(ClientCertificates::required);
  by_email.certificate_user = CertificateUser::email;
  const RunningServer server(options_of(by_email));
  EXPECT_THROW((void)MqttClient(dial(server, authority_.issue({.common_name = "nameless"}))).connect("x"),
               std::runtime_error);
  (void)connected(server, "y",
                  authority_.issue({.common_name = "named", .alternative_names = "email:ana@example.org"}));
}

TEST_F(Tls, RefusesARevokedCertificate) {
  ListenerRules with_list = rules_with_clients(ClientCertificates::required);
  const CertificateFiles revoked = authority_.issue({.common_name = "lost device"});
  with_list.tls.crl_file = authority_.revoke_all();
  const CertificateFiles good = authority_.issue({.common_name = "kept device"});
  const RunningServer server(options_of(with_list));
  (void)connected(server, "good", good);
  EXPECT_THROW((void)MqttClient(dial(server, revoked)).connect("revoked"), std::runtime_error);
}

// --- reload ---

TEST_F(Tls, ServesANewCertificateAfterAReloadAndDropsNobody) {
  RunningServer server(options_of(rules()));
  auto wire = dial(server);
  EXPECT_EQ(wire->server_name(), "first");
  MqttClient before(std::move(wire));
  EXPECT_EQ(before.connect("before").reason, ReasonCode::success);
  TlsClientOptions resuming{.ca_file = authority_.file(), .resumed = dynamic_cast<TlsWire&>(before.wire()).session()};
  EXPECT_TRUE(TlsWire(connect_tcp(server.port()), resuming).was_resumed());

  // The same file names, as certbot leaves them.
  const CertificateFiles renewed = authority_.issue_server("second");
  const auto overwrite = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(renewed.certificate, server_.certificate, overwrite);
  std::filesystem::copy_file(renewed.key, server_.key, overwrite);
  const auto prepared = MqttServer::prepare({rules()});
  ASSERT_TRUE(prepared) << prepared.error();
  server.server().reload(std::make_shared<bridge::BrokerSettings>(), *prepared);

  EXPECT_TRUE(comes_true([&] { return dial(server)->server_name() == "second"; }));
  EXPECT_FALSE(TlsWire(connect_tcp(server.port()), resuming).was_resumed()) << "what began under the old files";
  before.ping();
  EXPECT_EQ(before.publish("t", "still here"), ReasonCode::success);
}

TEST_F(Tls, PreparesNothingFromFilesThatDoNotFit) {
  const auto error_of = [](const ListenerRules& wanted) {
    const auto prepared = MqttServer::prepare({wanted});
    return prepared ? std::string("no error") : prepared.error();
  };
  ListenerRules wrong = rules();
  wrong.tls.key_file = authority_.issue_server("other").key;
  EXPECT_THAT(error_of(wrong), HasSubstr("is not that of the certificate"));
  wrong = rules();
  wrong.tls.certificate_file = "/nowhere/at-all.pem";
  EXPECT_THAT(error_of(wrong),
              testing::AllOf(HasSubstr("\"secure\""), HasSubstr("/nowhere/at-all.pem"), HasSubstr("No such file")));
  wrong = rules();
  wrong.tls.certificate_file = authority_.directory() + "/empty.pem";
  std::ofstream(wrong.tls.certificate_file) << "not PEM\n";
  EXPECT_THAT(error_of(wrong), HasSubstr("empty.pem"));
  wrong = rules_with_clients(ClientCertificates::required);
  wrong.tls.client_ca_file = wrong.tls.key_file;
  EXPECT_THAT(error_of(wrong), HasSubstr("client CA"));
  EXPECT_EQ(error_of(rules()), "no error");
}

}  // namespace
}  // namespace bitacora::net
