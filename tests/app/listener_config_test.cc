// [[listeners]]: what is read, what does not go together, who may be reached without a word.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.h"
#include "config_mistakes.h"

namespace bitacora::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

ConfigResult<ServerConfig> parse(std::string_view toml) { return parse_config(toml, "x.toml"); }

const std::string mqtt = "[[listeners]]\nprotocol = \"mqtt\"\n";

const std::string everything = mqtt + R"(
address = "unix:/run/bitacora.sock"
name = "inside"
socket_mode = "0600"
[[listeners]]
protocol = "mqtt"
address = "::"
port = 8883
dual_stack = true
name = "outside"
transport = "wss"
max_connections = 500
anonymous = "refused"
handshake_timeout = "5s"
tls_certificate = "/etc/bitacora/server.pem"
tls_key = "/etc/bitacora/server.key"
tls_min_version = "1.3"
tls_client_certificates = "required"
tls_client_ca = "/etc/bitacora/clients.pem"
tls_crl = "/etc/bitacora/revoked.pem"
certificate_user = "email"
websocket_path = "/ws"
websocket_origins = ["https://app.example.org"]
proxy_protocol = true
trusted_proxies = ["10.0.0.7", "fd00::/8"]
)";

TEST(ListenerConfig, IsReadIntoEveryOption) {
  const auto config = parse(everything);
  ASSERT_TRUE(config) << testing::PrintToString(mistakes_in(everything));
  ASSERT_EQ(config->listeners.size(), 2u);
  const Listener& inside = config->listeners[0];
  EXPECT_EQ(inside.where(), (net::ListenAddress{.address = "unix:/run/bitacora.sock", .socket_mode = 0600}));
  EXPECT_EQ(inside.rules, (net::ListenerRules{.name = "inside"}));
  EXPECT_EQ(format_address(inside), "unix:/run/bitacora.sock");
  const Listener& outside = config->listeners[1];
  EXPECT_EQ(outside.where(), (net::ListenAddress{.address = "::", .port = 8883, .dual_stack = net::DualStack::yes}));
  const net::ListenerRules expected{.name = "outside",
                                    .transport = net::Transport::secure_websocket,
                                    .max_connections = 500,
                                    .anonymous = bridge::AnonymousAccess::refused,
                                    .handshake_timeout = std::chrono::seconds(5),
                                    .tls = {.certificate_file = "/etc/bitacora/server.pem",
                                            .key_file = "/etc/bitacora/server.key",
                                            .client_ca_file = "/etc/bitacora/clients.pem",
                                            .crl_file = "/etc/bitacora/revoked.pem",
                                            .client_certificates = net::ClientCertificates::required,
                                            .min_version = net::TlsVersion::v1_3},
                                    .certificate_user = net::CertificateUser::email,
                                    .websocket_path = "/ws",
                                    .websocket_origins = {"https://app.example.org"},
                                    .proxy_protocol = net::ProxyProtocol::required,
                                    .trusted_proxies = {"10.0.0.7", "fd00::/8"}};
  EXPECT_EQ(outside.rules, expected);
}

TEST(ListenerConfig, PrintedReadsBackToTheSame) {
  const auto config = parse(everything);
  ASSERT_TRUE(config);
  const std::string printed = format_config(*config);
  const auto again = parse(printed);
  ASSERT_TRUE(again) << printed;
  EXPECT_EQ(format_config(*again), printed);
  EXPECT_EQ(again->listeners[1].rules, config->listeners[1].rules);
}

TEST(ListenerConfig, ThatContradictsItselfIsToldWithItsPlace) {
  const std::string tls = mqtt + "transport = \"tls\"\ntls_certificate = \"c\"\ntls_key = \"k\"\n";
  const struct {
    std::string toml;
    std::string place;
    std::string says;
  } cases[] = {
      {mqtt + "transport = \"tls\"\n", "3:13", "needs tls_certificate and tls_key"},
      {mqtt + "tls_certificate = \"c\"\n", "3:19", "is for transport = \"tls\" or \"wss\""},
      {mqtt + "tls_client_certificates = \"required\"\n", "3:27", "is for transport"},
      {tls + "tls_client_certificates = \"optional\"\n", "6:27", "need tls_client_ca"},
      {tls + "tls_client_ca = \"a\"\n", "6:17", "no client certificate is asked for"},
      {tls + "certificate_user = \"common_name\"\n", "6:20", "nobody shows a certificate"},
      {mqtt + "websocket_origins = [\"*\"]\n", "3:21", "is for transport = \"ws\" or \"wss\""},
      {mqtt + "transport = \"ws\"\nwebsocket_path = \"mqtt\"\n", "4:18", "begin it with /"},
      {mqtt + "proxy_protocol = true\n", "3:18", "whoever may, can claim any address"},
      {mqtt + "trusted_proxies = [\"10.0.0.7\"]\n", "3:19", "nobody's PROXY header is read"},
      {mqtt + "proxy_protocol = true\ntrusted_proxies = [\"10.0.0.1/8\"]\n", "4:19", "\"10.0.0.1/8\" is no address"},
      {mqtt + "address = \"unix:/x\"\nport = 1\n", "4:8", "a Unix socket has no port"},
      {mqtt + "address = \"unix:\"\n", "3:11", "write the path behind it"},
      {mqtt + "address = \"0.0.0.0\"\ndual_stack = true\n", "4:14", "dual_stack is for address = \"::\""},
      {mqtt + "socket_mode = \"rw\"\n", "3:15", "three octal digits"},
      {mqtt + "socket_mode = \"1777\"\n", "3:15", "three octal digits"},
      {mqtt + "name = \"a b\"\n", "3:8", "letters, digits"},
      {mqtt + "name = \"a\"\n" + mqtt + "name = \"a\"\n", "6:8", "called \"a\" already"},
      {mqtt + "address = \"unix:/x\"\n" + mqtt + "address = \"unix:/x\"\n", "6:11", "listened on above"},
      {"[[listeners]]\nprotocol = \"http\"\naddress = \"unix:/x\"\n", "3:11", "only MQTT"},
      {"[[listeners]]\nprotocol = \"http\"\ntransport = \"tls\"\n", "3:13", "needs tls_certificate and tls_key"},
      {"[[listeners]]\nprotocol = \"http\"\ntransport = \"ws\"\n", "3:13", "HTTP has \"tcp\" and \"tls\""},
      {"[[listeners]]\nprotocol = \"http\"\nsocket_mode = \"0660\"\n", "3:1", "unknown option socket_mode"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(mistakes_in(one.toml),
                ElementsAre(AllOf(StartsWith("x.toml:" + one.place + ": "), HasSubstr(one.says))))
        << one.toml;
  }
}

TEST(ListenerConfig, OfAProxyOnAUnixSocketNeedsNoListOfProxies) {
  EXPECT_THAT(mistakes_in(mqtt + "address = \"unix:/x\"\nproxy_protocol = true\n"), ElementsAre());
}

TEST(ListenerExposure, IsNotThatOfAUnixSocketNorOfOneThatEachClientNeedsACertificateFor) {
  const auto refusal = [](const std::string& toml) { return refusal_of_exposure(parse(toml).value()); };
  const std::string open = mqtt + "address = \"0.0.0.0\"\n";
  EXPECT_TRUE(refusal(open));
  EXPECT_FALSE(refusal(mqtt + "address = \"unix:/x\"\n"));
  EXPECT_FALSE(refusal(open + "anonymous = \"allowed\"\n"));
  const std::string tls = open + "transport = \"tls\"\ntls_certificate = \"c\"\ntls_key = \"k\"\n";
  EXPECT_TRUE(refusal(tls));
  EXPECT_TRUE(refusal(tls + "tls_client_certificates = \"optional\"\ntls_client_ca = \"a\"\n"));
  EXPECT_FALSE(refusal(tls + "tls_client_certificates = \"required\"\ntls_client_ca = \"a\"\n"));
}

TEST(ListenerFlag, TakesAUnixSocketForMqttAlone) {
  const auto listener = parse_listener(Protocol::mqtt, "unix:/run/bitacora.sock");
  ASSERT_TRUE(listener);
  EXPECT_EQ(format_address(*listener), "unix:/run/bitacora.sock");
  EXPECT_FALSE(parse_listener(Protocol::mqtt, "unix:"));
  EXPECT_FALSE(parse_listener(Protocol::http, "unix:/run/bitacora.sock"));
}

}  // namespace
}  // namespace bitacora::app
