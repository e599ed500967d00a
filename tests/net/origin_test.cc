// What the bridge is told of a connection: the reception alone, with clients from addresses that a test can choose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <csignal>
#include <future>
#include <thread>

#include "net/mqtt_client.h"
#include "net/test_certificates.h"
#include "reception.h"

namespace bitacora::net {
namespace {

using bridge::ConnectionOrigin;
using namespace std::chrono_literals;

const std::string proxy_line = "PROXY TCP4 192.0.2.1 198.51.100.2 54321 1883\r\n";

// A reception on a thread of its own. One connection at a time.
class RunningReception {
 public:
  explicit RunningReception(ListenerRules rules) : terms_(make_terms(rules).value()) {
    thread_ = std::thread([this] {
      const auto stay = boost::asio::make_work_guard(loop_);
      loop_.run();
    });
  }
  ~RunningReception() {
    boost::asio::post(loop_, [this] {
      reception_.close();
      loop_.stop();
    });
    thread_.join();
  }

  // The client's end; the server believes that it comes from `peer`.
  std::unique_ptr<Wire> connect_from(const std::optional<std::string>& peer) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const int on = 1;
    EXPECT_EQ(::ioctl(ends[1], FIONBIO, &on), 0);
    std::optional<Endpoint> endpoint;
    if (peer) endpoint = Endpoint{parse_ip_address(*peer).value(), 50'000};
    boost::asio::post(loop_, [this, socket = ends[1], endpoint] {
      ConnectionOrigin origin{.peer = endpoint ? format(*endpoint) : "unix:/run/b.sock",
                              .listener = terms_->rules->name,
                              .certificate_user = {},
                              .anonymous = terms_->rules->anonymous};
      reception_.admit({Descriptor(socket), *seats_.take(), endpoint, std::move(origin), terms_});
    });
    return std::make_unique<SocketWire>(ends[0]);
  }
  ConnectionOrigin next_origin() {
    auto arrived = arrivals_.get_future();
    if (arrived.wait_for(patience) != std::future_status::ready) throw std::runtime_error("nobody was handed over");
    ConnectionOrigin origin = arrived.get();
    arrivals_ = {};
    return origin;
  }
  [[nodiscard]] const bridge::BrokerMetrics& metrics() const { return metrics_; }

 private:
  SystemClock clock_;
  bridge::BrokerMetrics metrics_;
  Seats seats_{100};
  EventLoop loop_{one_thread};
  std::shared_ptr<const ListenerTerms> terms_;
  std::promise<ConnectionOrigin> arrivals_;
  Reception reception_{loop_,    clock_,
                       metrics_, {},
                       {},       [this](bridge::ShardIndex, Arrival arrival) {
                         arrivals_.set_value(arrival.origin); }};
  std::thread thread_;
};

void say_connect(Wire& wire) {
  wire.send(MqttClient::encode(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .client_id = "c"},
                               mqtt::ProtocolVersion::v5));
}

ListenerRules proxied() {
  ListenerRules rules;
  rules.name = "behind-proxy";
  rules.anonymous = bridge::AnonymousAccess::refused;
  rules.proxy_protocol = ProxyProtocol::required;
  rules.trusted_proxies = {"10.0.0.0/8"};
  rules.certificate_user = CertificateUser::common_name;
  return rules;
}

TEST(Origin, TellsTheListenersNameAndRules) {
  ListenerRules rules;
  rules.name = "plain";
  rules.anonymous = bridge::AnonymousAccess::allowed;
  RunningReception reception(rules);
  const auto wire = reception.connect_from("203.0.113.9");
  say_connect(*wire);
  EXPECT_EQ(reception.next_origin(),
            (ConnectionOrigin{"203.0.113.9:50000", "plain", std::nullopt, bridge::AnonymousAccess::allowed}));
}

TEST(Origin, IsTheClientThatATrustedProxyNames) {
  RunningReception reception(proxied());
  const auto wire = reception.connect_from("10.1.2.3");
  wire->send(as_bytes(proxy_line));
  say_connect(*wire);
  EXPECT_EQ(reception.next_origin(),
            (ConnectionOrigin{"192.0.2.1:54321", "behind-proxy", std::nullopt, bridge::AnonymousAccess::refused}));
}

TEST(Origin, IsTheProxyWhereItSpeaksForItself) {
  RunningReception reception(proxied());
  const auto wire = reception.connect_from("10.1.2.3");
  wire->send(from_hex("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 20 00 00 00"));
  say_connect(*wire);
  EXPECT_EQ(reception.next_origin().peer, "10.1.2.3:50000");
}

TEST(Origin, HasTheUserThatAProxyHasVerified) {
  RunningReception reception(proxied());
  BytewiseWire wire(reception.connect_from("10.1.2.3"));
  wire.send(
      from_hex("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 21 11 00 20"
               "C0 00 02 01 C6 33 64 02 D4 31 07 5B"
               "20 00 11 07 00 00 00 00 22 00 09"));
  wire.send(as_bytes("sensor-42"));
  say_connect(wire);
  EXPECT_EQ(reception.next_origin().certificate_user, "sensor-42");
}

TEST(Origin, OfAnUntrustedPeerIsNotAskedFor) {
  RunningReception reception(proxied());
  const auto wire = reception.connect_from("11.1.2.3");
  EXPECT_TRUE(wire->receive().empty());
  EXPECT_EQ(reception.metrics().proxy_headers_refused.value(), 1u);
}

TEST(Origin, OfAProxyThatSendsNoHeaderOrABrokenOneIsRefused) {
  RunningReception reception(proxied());
  for (const std::string& bytes : {std::string("\x10\x0C"), std::string("PROXY TCP4 nonsense\r\n")}) {
    const auto wire = reception.connect_from("10.1.2.3");
    wire->send(as_bytes(bytes));
    EXPECT_TRUE(wire->receive().empty());
  }
  EXPECT_EQ(reception.metrics().proxy_headers_refused.value(), 2u);
}

TEST(Origin, OfAProxyThatIsSlowIsGivenUpInTime) {
  ListenerRules hasty = proxied();
  hasty.handshake_timeout = 50ms;
  RunningReception reception(hasty);
  const auto wire = reception.connect_from("10.1.2.3");
  wire->send(as_bytes("PROXY "));
  EXPECT_TRUE(wire->receive().empty());
  EXPECT_EQ(reception.metrics().handshake_timeouts.value(), 1u);
}

TEST(Origin, OverAUnixSocketNeedsNoTrustBesideThatOfTheFile) {
  RunningReception reception(proxied());
  const auto wire = reception.connect_from(std::nullopt);
  wire->send(as_bytes(proxy_line));
  say_connect(*wire);
  EXPECT_EQ(reception.next_origin().peer, "192.0.2.1:54321");
}

class OriginOverTls : public testing::TestWithParam<std::pair<CertificateUser, std::optional<std::string>>> {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }
  CertificateAuthority authority_{"Test CA"};
};
INSTANTIATE_TEST_SUITE_P(
    EveryName, OriginOverTls,
    testing::Values(std::pair(CertificateUser::none, std::optional<std::string>()),
                    std::pair(CertificateUser::common_name, std::optional<std::string>("ana")),
                    std::pair(CertificateUser::dns_name, std::optional<std::string>("first.example.org")),
                    std::pair(CertificateUser::email, std::optional<std::string>("ana@example.org")),
                    std::pair(CertificateUser::uri, std::optional<std::string>("urn:device:7"))));

TEST_P(OriginOverTls, HasTheNameOfTheClientsCertificateThatTheListenerAsksFor) {
  const CertificateFiles server = authority_.issue_server();
  const CertificateFiles own = authority_.issue(
      {.common_name = "ana",
       .alternative_names = "DNS:first.example.org,DNS:second.example.org,email:ana@example.org,URI:urn:device:7"});
  ListenerRules rules;
  rules.transport = Transport::tls;
  rules.tls = {.certificate_file = server.certificate,
               .key_file = server.key,
               .client_ca_file = authority_.file(),
               .crl_file = {},
               .client_certificates = ClientCertificates::required};
  rules.certificate_user = GetParam().first;
  RunningReception reception(rules);
  TlsWire wire(reception.connect_from("203.0.113.9"),
               {.ca_file = authority_.file(), .certificate_file = own.certificate, .key_file = own.key});
  say_connect(wire);
  EXPECT_EQ(reception.next_origin().certificate_user, GetParam().second);
}

TEST_F(OriginOverTls, HasTheUserOfAResumedSessionToo) {
  const CertificateFiles server = authority_.issue_server();
  const CertificateFiles own = authority_.issue({.common_name = "ana"});
  ListenerRules rules;
  rules.transport = Transport::tls;
  rules.tls = {.certificate_file = server.certificate,
               .key_file = server.key,
               .client_ca_file = authority_.file(),
               .crl_file = {},
               .client_certificates = ClientCertificates::required};
  rules.certificate_user = CertificateUser::common_name;
  RunningReception reception(rules);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options{
        .ca_file = authority_.file(), .certificate_file = own.certificate, .key_file = own.key, .max_version = version};
    TlsWire first(reception.connect_from("203.0.113.9"), options);
    say_connect(first);
    (void)reception.next_origin();
    EXPECT_TRUE(first.receive().empty());  // but for the ticket
    options.resumed = first.session();
    TlsWire second(reception.connect_from("203.0.113.9"), options);
    EXPECT_TRUE(second.was_resumed());
    say_connect(second);
    EXPECT_EQ(reception.next_origin().certificate_user, "ana");
  }
}

TEST_F(OriginOverTls, BehindAProxyHasTheAddressOfTheHeaderAndTheUserOfTheCertificate) {
  const CertificateFiles server = authority_.issue_server();
  const CertificateFiles own = authority_.issue({.common_name = "ana"});
  ListenerRules rules = proxied();
  rules.transport = Transport::tls;
  rules.tls = {.certificate_file = server.certificate,
               .key_file = server.key,
               .client_ca_file = authority_.file(),
               .crl_file = {},
               .client_certificates = ClientCertificates::required};
  RunningReception reception(rules);
  auto socket = reception.connect_from("10.1.2.3");
  socket->send(as_bytes(proxy_line));
  TlsWire wire(std::move(socket),
               {.ca_file = authority_.file(), .certificate_file = own.certificate, .key_file = own.key});
  say_connect(wire);
  const ConnectionOrigin origin = reception.next_origin();
  EXPECT_EQ(origin.peer, "192.0.2.1:54321");
  EXPECT_EQ(origin.certificate_user, "ana");
}

}  // namespace
}  // namespace bitacora::net
