// What happens to a connection before it is known whose it is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "net/running_server.h"

namespace bitacora::net {
namespace {

using mqtt::ReasonCode;
using namespace std::chrono_literals;

TEST(Reception, TakesAConnectThatComesByteByByte) {
  const RunningServer server;
  MqttClient client = server.client();
  const Bytes connect = MqttClient::encode(mqtt::Connect{.version = mqtt::ProtocolVersion::v5, .client_id = "drop"},
                                           mqtt::ProtocolVersion::v5);
  for (const std::byte& byte : connect) client.send_bytes({&byte, 1});
  EXPECT_EQ(client.expect<mqtt::Connack>().reason, ReasonCode::success);
}

TEST(Reception, TakesAConnectWithAllThatFollowsInOnePiece) {
  const RunningServer server;
  MqttClient client = server.client();
  const auto v5 = mqtt::ProtocolVersion::v5;
  Bytes bytes = MqttClient::encode(mqtt::Connect{.version = v5, .client_id = "hasty"}, v5);
  append(bytes, MqttClient::encode(mqtt::Publish{.topic = "t",
                                                 .payload = as_bytes("early"),
                                                 .qos = mqtt::QoS::at_least_once,
                                                 .packet_id = mqtt::PacketId(7)},
                                   v5));
  append(bytes, MqttClient::encode(mqtt::Pingreq{}, v5));
  client.send_bytes(bytes);
  EXPECT_EQ(client.expect<mqtt::Connack>().reason, ReasonCode::success);
  std::set<std::string> answers;
  for (int i = 0; i < 2; ++i) answers.insert(mqtt::name_of(mqtt::type_of(client.receive()->packet)));
  EXPECT_EQ(answers, (std::set<std::string>{"PUBACK", "PINGRESP"}));
}

RunningServerOptions with_connect_timeout(std::chrono::milliseconds timeout) {
  RunningServerOptions options;
  options.broker.connection.connect_timeout = timeout;
  return options;
}

void reload_connect_timeout(RunningServer& server, std::chrono::milliseconds timeout) {
  auto settings = std::make_shared<bridge::BrokerSettings>();
  settings->connection.connect_timeout = timeout;
  server.server().reload(settings);
}

TEST(Reception, ClosesAConnectionThatSendsNoConnectInTime) {
  const RunningServer server(with_connect_timeout(50ms));
  MqttClient silent = server.client();
  MqttClient slow = server.client();
  slow.send_bytes(from_hex("10 20 00 04"));
  EXPECT_EQ(silent.receive(), std::nullopt);
  EXPECT_EQ(slow.receive(), std::nullopt);
  EXPECT_EQ(server.metrics().timeouts.value(), 2u);
}

TEST(Reception, GivesNewConnectionsTheTimeOfNewSettings) {
  RunningServer server;
  reload_connect_timeout(server, 50ms);
  MqttClient silent = server.client();
  EXPECT_EQ(silent.receive(), std::nullopt);
}

TEST(Reception, HandsWhatIsNoConnectToAShardWhichRefusesIt) {
  const RunningServer server;
  MqttClient browser = server.client();
  browser.send_bytes(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_EQ(browser.receive(), std::nullopt);
}

TEST(Reception, ForgetsAClientThatLeavesBeforeItsConnect) {
  RunningServer server;
  { const MqttClient gone = server.client(); }
  server.client().reset();
  EXPECT_TRUE(comes_true([&server] { return server.server().open_connections() == 0; }));
}

TEST(Reception, TurnsAwayWhatIsOverTheCapUntilSomebodyLeaves) {
  constexpr std::size_t cap = 4;
  RunningServerOptions options;
  options.server.max_connections = cap;
  RunningServer server(options);
  std::vector<MqttClient> inside;
  for (std::size_t i = 0; i < cap; ++i) inside.push_back(server.connected("client-" + std::to_string(i)));

  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.client().receive(), std::nullopt);
  EXPECT_EQ(server.metrics().connects_refused.value(), 20u);
  for (MqttClient& client : inside) client.ping();

  inside.back().disconnect();
  ASSERT_TRUE(comes_true([&server] { return server.server().open_connections() == cap - 1; }));
  (void)server.connected("newcomer");
}

TEST(Reception, DrivesOutWhoeverWaitsLongestWhenItIsFullSoThatThoseWhoSpeakGetIn) {
  RunningServerOptions options;
  options.server.max_receptions = 3;
  const RunningServer server(options);
  std::vector<MqttClient> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(server.client());
  MqttClient speaks = server.connected("speaks");
  EXPECT_EQ(silent[0].receive(), std::nullopt);
  speaks.ping();
  MqttClient& patient = silent[2];
  EXPECT_EQ(patient.connect("patient").reason, ReasonCode::success);
}

// Leaves the process `spare` descriptors, as long as it lives.
class DescriptorShortage {
 public:
  explicit DescriptorShortage(rlim_t spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest_free);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest_free) + spare;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~DescriptorShortage() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Reception, RefusesAndGoesOnWhenTheProcessHasNoDescriptorLeft) {
  RunningServer server;
  MqttClient inside = server.connected("inside");
  // An accept holds a descriptor also when nobody is there. The one after a connection is over once the timer that
  // dismisses that connection has run, as both are the entrance's.
  reload_connect_timeout(server, 50ms);
  MqttClient silent = server.client();
  EXPECT_EQ(silent.receive(), std::nullopt);
  reload_connect_timeout(server, bridge::BrokerSettings().connection.connect_timeout);
  {
    const DescriptorShortage shortage(1);
    MqttClient outside = server.client();  // takes the last one
    EXPECT_EQ(outside.receive(), std::nullopt);
    inside.ping();
  }
  (void)server.connected("later");
}

}  // namespace
}  // namespace bitacora::net
