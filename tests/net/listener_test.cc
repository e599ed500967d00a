// Listeners beside each other: Unix sockets, both families at once, each with rules of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net/running_server.h"
#include "net/wire.h"

namespace bitacora::net {
namespace {

using mqtt::ReasonCode;
using testing::AllOf;
using testing::HasSubstr;

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() {
    std::string path = std::filesystem::temp_directory_path() / "bitacora-unix-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = path;
    path_ = directory_ / "mqtt.sock";
  }
  ~UnixSocket() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] RunningServerOptions options() const {
    RunningServerOptions options;
    options.server.listeners = {{.where = {.address = "unix:" + path_}, .rules = {}}};
    return options;
  }
  [[nodiscard]] std::string error_of_start() const {
    try {
      const RunningServer server(options());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  // A socket's file as a killed server leaves it.
  void leave_a_file_behind() const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(socket, 1), 0);
    ::close(socket);
  }
  [[nodiscard]] MqttClient connected(std::string_view id) const {
    MqttClient client(connect_unix(path_));
    EXPECT_EQ(client.connect(id).reason, ReasonCode::success);
    return client;
  }

  std::filesystem::path directory_;
  std::string path_;
};

TEST_F(UnixSocket, CarriesMessagesAndIsGoneAfterTheStop) {
  RunningServer server(options());
  EXPECT_EQ(server.port(), 0);
  MqttClient client = connected("local");
  client.subscribe("t", mqtt::QoS::at_least_once);
  EXPECT_EQ(client.publish("t", "x"), ReasonCode::success);
  EXPECT_EQ(client.next_message().payload, "x");
  client.disconnect();
  server.stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, HasTheModeThatWasAskedFor) {
  RunningServerOptions wanted = options();
  wanted.server.listeners[0].where.socket_mode = 0640;
  const RunningServer server(wanted);
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0640U);
}

TEST_F(UnixSocket, TakesThePlaceOfOneWhoseServerIsNoMore) {
  leave_a_file_behind();
  const RunningServer server(options());
  (void)connected("local");
}

TEST_F(UnixSocket, DoesNotTakeThePlaceOfAServerThatListens) {
  RunningServer first(options());
  EXPECT_THAT(error_of_start(), AllOf(HasSubstr(path_), HasSubstr("another bitacora")));
  (void)connected("still served");
  first.stop();
}

TEST_F(UnixSocket, DoesNotRemoveAFileThatIsNoSocket) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(error_of_start(), HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UnixSocket, DoesNotRemoveTheFileOfWhoCameAfterIt) {
  RunningServer server(options());
  std::filesystem::remove(path_);
  leave_a_file_behind();
  server.stop();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, ThatCannotBeMadeSaysWhy) {
  path_ = directory_ / "missing" / "mqtt.sock";
  EXPECT_THAT(error_of_start(), HasSubstr("directory must exist"));
  path_ = "/" + std::string(200, 'x');
  EXPECT_THAT(error_of_start(), HasSubstr("shorter"));
}

TEST(Listeners, OfBothFamiliesTakeBothOnOneSocket) {
  RunningServerOptions options;
  options.server.listeners = {{.where = {.address = "::", .port = 0, .dual_stack = DualStack::yes}, .rules = {}}};
  std::unique_ptr<RunningServer> server;
  try {
    server = std::make_unique<RunningServer>(options);
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << error.what();
  }
  for (const std::string address : {"127.0.0.1", "::1"}) {
    MqttClient client(server->port(), address);
    EXPECT_EQ(client.connect(address).reason, ReasonCode::success);
  }
}

TEST(Listeners, HaveEachACapOfTheirOwnWhichAReloadChanges) {
  RunningServerOptions options;
  options.server.listeners = {{.where = {}, .rules = {.max_connections = 1}}, {}};
  RunningServer server(options);
  const std::uint16_t narrow = server.server().ports()[0];
  const std::uint16_t wide = server.server().ports()[1];
  MqttClient first(narrow);
  EXPECT_EQ(first.connect("first").reason, ReasonCode::success);
  EXPECT_EQ(MqttClient(narrow).receive(), std::nullopt);
  MqttClient other(wide);
  EXPECT_EQ(other.connect("other").reason, ReasonCode::success);
  EXPECT_EQ(server.metrics().connects_refused.value(), 1u);
  EXPECT_EQ(server.metrics().of(bridge::Limit::connections).value(), 1u);

  const auto prepared = MqttServer::prepare({{.max_connections = 2}, {}});
  ASSERT_TRUE(prepared) << prepared.error();
  server.server().reload(std::make_shared<bridge::BrokerSettings>(), *prepared);
  MqttClient second(narrow);
  EXPECT_EQ(second.connect("second").reason, ReasonCode::success);
  first.ping();
}

TEST(Listeners, HaveACapTogetherWhichChangesWhileTheServerRuns) {
  RunningServerOptions options;
  options.server.listeners = {{}, {}};
  options.server.max_connections = 1;
  RunningServer server(options);
  MqttClient first(server.server().ports()[0]);
  EXPECT_EQ(first.connect("first").reason, ReasonCode::success);
  EXPECT_EQ(MqttClient(server.server().ports()[1]).receive(), std::nullopt);
  EXPECT_EQ(server.metrics().of(bridge::Limit::connections).value(), 1u);
  server.server().set_max_connections(2);
  MqttClient second(server.server().ports()[1]);
  EXPECT_EQ(second.connect("second").reason, ReasonCode::success);
}

TEST(Listeners, MeetInOneBrokerWhateverTheirTransport) {
  RunningServerOptions options;
  options.server.listeners = {{}, {.where = {}, .rules = {.transport = Transport::websocket}}};
  RunningServer server(options);
  MqttClient plain(server.server().ports()[0]);
  EXPECT_EQ(plain.connect("plain").reason, ReasonCode::success);
  plain.subscribe("t", mqtt::QoS::at_least_once);
  MqttClient page(std::make_unique<WebSocketWire>(connect_tcp(server.server().ports()[1])));
  EXPECT_EQ(page.connect("page").reason, ReasonCode::success);
  EXPECT_EQ(page.publish("t", "hello"), ReasonCode::success);
  EXPECT_EQ(plain.next_message().payload, "hello");
}

TEST(Listeners, AreAllBoundOrNone) {
  const RunningServer other;
  RunningServerOptions options;
  options.server.listeners = {{}, {.where = {.address = "127.0.0.1", .port = other.port()}, .rules = {}}};
  EXPECT_THROW(RunningServer{options}, std::runtime_error);
}

}  // namespace
}  // namespace bitacora::net
