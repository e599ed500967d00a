// From mosquitto.conf to ours: what comes out is in order, says every line's place, and opens nothing that was closed.
#include "mosquitto_import.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "app/command_line.h"
#include "app/config.h"
#include "mosquitto_equals.h"

namespace bitacora::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class MosquittoImport : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitacora-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string file = directory_ / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
    return file;
  }

  // Imports, and holds every import to what each must be: its output passes config-check, and every line that is no
  // comment has its place in it.
  ServerConfig import(const std::string& text) {
    const auto lines = read_mosquitto_config(write("mosquitto.conf", text));
    EXPECT_TRUE(lines) << lines.error();
    imported_ = import_mosquitto(*lines);
    for (const MosquittoLine& line : *lines) EXPECT_THAT(imported_.toml, HasSubstr(line.where() + ": " + line.option));
    const std::string file = write("bitacora.toml", imported_.toml);
    const auto config = load_config(file);
    if (!config) {
      for (const auto& mistake : config.error()) ADD_FAILURE() << format(mistake) << "\n" << imported_.toml;
      return {};
    }
    EXPECT_EQ(refusal_of_exposure(*config), std::nullopt) << imported_.toml;
    return *config;
  }

  [[nodiscard]] static std::vector<Listener> mqtt_listeners(const ServerConfig& config) {
    std::vector<Listener> found;
    for (const Listener& listener : config.listeners) {
      if (listener.protocol == Protocol::mqtt) found.push_back(listener);
    }
    return found;
  }

  std::filesystem::path directory_;
  ImportedConfig imported_;
};

TEST_F(MosquittoImport, OfAnEmptyFileListensOnThisMachineAlone) {
  const ServerConfig config = import("");
  ASSERT_THAT(mqtt_listeners(config), SizeIs(1));
  EXPECT_EQ(mqtt_listeners(config)[0].address, "127.0.0.1");
  EXPECT_EQ(mqtt_listeners(config)[0].port, 1883);
  EXPECT_EQ(mqtt_listeners(config)[0].rules.anonymous, bridge::AnonymousAccess::allowed);
  EXPECT_THAT(imported_.notes, IsEmpty());
}

TEST_F(MosquittoImport, KeepsListenersWithTheirTransportsAndBounds) {
  const ServerConfig config = import(
      "allow_anonymous true\n"
      "listener 1883\n"
      "max_connections 500\n"
      "listener 9001 127.0.0.1\n"
      "protocol websockets\n"
      "listener 8883 192.0.2.7\n"
      "certfile /etc/mosquitto/server.pem\n"
      "keyfile /etc/mosquitto/server.key\n"
      "tls_version tlsv1.3\n"
      "listener 0 /run/mosquitto.sock\n"
      "listener 1884\n"
      "socket_domain ipv4\n");
  const auto listeners = mqtt_listeners(config);
  ASSERT_THAT(listeners, SizeIs(5));
  EXPECT_EQ(listeners[0].address, "::");
  EXPECT_EQ(listeners[0].dual_stack, net::DualStack::yes);
  EXPECT_EQ(listeners[0].rules.max_connections, 500u);
  EXPECT_EQ(listeners[0].rules.anonymous, bridge::AnonymousAccess::allowed);
  EXPECT_EQ(listeners[1].rules.transport, net::Transport::websocket);
  EXPECT_EQ(listeners[2].address, "192.0.2.7");
  EXPECT_EQ(listeners[2].rules.transport, net::Transport::tls);
  EXPECT_EQ(listeners[2].rules.tls.certificate_file, "/etc/mosquitto/server.pem");
  EXPECT_EQ(listeners[2].rules.tls.min_version, net::TlsVersion::v1_3);
  EXPECT_EQ(listeners[3].address, "unix:/run/mosquitto.sock");
  EXPECT_EQ(listeners[4].address, "0.0.0.0");
}

TEST_F(MosquittoImport, KeepsClientCertificatesAndWhoTheyMake) {
  const ServerConfig config = import(
      "listener 8883\n"
      "certfile server.pem\nkeyfile server.key\ncafile ca.pem\ncrlfile revoked.pem\n"
      "require_certificate true\nuse_identity_as_username true\n");
  const auto listeners = mqtt_listeners(config);
  ASSERT_THAT(listeners, SizeIs(1));
  const net::ListenerRules& rules = listeners[0].rules;
  EXPECT_EQ(listeners[0].address, "::");
  EXPECT_EQ(rules.tls.client_certificates, net::ClientCertificates::required);
  EXPECT_EQ(rules.tls.client_ca_file, "ca.pem");
  EXPECT_EQ(rules.tls.crl_file, "revoked.pem");
  EXPECT_EQ(rules.certificate_user, net::CertificateUser::common_name);
  EXPECT_EQ(rules.anonymous, bridge::AnonymousAccess::refused);
}

TEST_F(MosquittoImport, OpensNothingToTheNetworkThatAskedForPasswords) {
  for (const std::string text :
       {"listener 1883\n", "listener 1883\nacl_file /etc/mosquitto/acl\n", "port 1883\n", "bind_address 192.0.2.7\n",
        "per_listener_settings true\nlistener 1882 127.0.0.1\npassword_file /a\nlistener 1883\npassword_file /b\n"}) {
    const ServerConfig config = import(text);
    for (const Listener& listener : mqtt_listeners(config)) EXPECT_TRUE(is_loopback(listener.address)) << text;
    EXPECT_THAT(imported_.notes, Contains(HasSubstr("on loopback instead of"))) << text;
  }
}

TEST_F(MosquittoImport, CarriesOverTheFilesOfUsersAndRights) {
  const ServerConfig config =
      import("listener 1883\npassword_file /etc/mosquitto/passwd\nacl_file /etc/mosquitto/acl\n");
  EXPECT_EQ(config.auth.password_file, "/etc/mosquitto/passwd");
  EXPECT_EQ(config.auth.acl_file, "/etc/mosquitto/acl");
  const auto listeners = mqtt_listeners(config);
  ASSERT_THAT(listeners, SizeIs(1));
  EXPECT_EQ(listeners[0].address, "::");
  EXPECT_EQ(listeners[0].rules.anonymous, bridge::AnonymousAccess::refused);
}

TEST_F(MosquittoImport, LetsAnonymousClientsInBesideUsersWhereMosquittoDoes) {
  const ServerConfig config = import("allow_anonymous true\npassword_file /p\nacl_file /a\nlistener 1883\n");
  EXPECT_EQ(mqtt_listeners(config).at(0).rules.anonymous, bridge::AnonymousAccess::allowed);
  EXPECT_EQ(config.auth.acl_file, "/a");
}

TEST_F(MosquittoImport, LeavesOutAListenerWhoseProtectionHasNoEqual) {
  for (const std::string text : {"allow_anonymous true\nlistener 8883\npsk_hint here\n",
                                 "allow_anonymous true\nlistener 8883\ncertfile server.pem\n",
                                 "listener 8883\ncertfile server.pem\nkeyfile server.key\ncapath /ca\n"
                                 "require_certificate true\n",
                                 "allow_anonymous true\nlistener 1883 broker.example.org\n"}) {
    EXPECT_THAT(mqtt_listeners(import(text)), IsEmpty()) << text;
    EXPECT_THAT(imported_.notes, Contains(HasSubstr("left out"))) << text;
  }
}

TEST_F(MosquittoImport, GivesEachListenerItsOwnRuleWithPerListenerSettings) {
  const ServerConfig config = import(
      "listener 1883\nallow_anonymous true\n"
      "listener 1884 127.0.0.1\nallow_anonymous false\n"
      "per_listener_settings true\n");
  const auto listeners = mqtt_listeners(config);
  ASSERT_THAT(listeners, SizeIs(2));
  EXPECT_EQ(listeners[0].address, "::");
  EXPECT_EQ(listeners[0].rules.anonymous, bridge::AnonymousAccess::allowed);
  EXPECT_EQ(listeners[1].rules.anonymous, bridge::AnonymousAccess::refused);
}

TEST_F(MosquittoImport, KeepsLimitsAndSessions) {
  const ServerConfig config = import(
      "max_inflight_messages 50\nmax_packet_size 100000\nmax_keepalive 120\nmax_topic_alias 7\n"
      "persistent_client_expiration 2w\nqueue_qos0_messages true\npersistence true\n"
      "persistence_location /var/lib/mosquitto/\nlog_type warning\nlog_type error\nsys_interval 30\n");
  EXPECT_EQ(config.broker.sys_interval, std::chrono::seconds(30));
  EXPECT_EQ(config.broker.sessions.max_in_flight, 50);
  EXPECT_EQ(config.broker.connection.max_packet_size, 100'000u);
  EXPECT_EQ(config.broker.connection.max_keep_alive_s, 120);
  EXPECT_EQ(config.broker.connection.topic_alias_maximum, 7);
  EXPECT_EQ(config.broker.sessions.max_expiry, std::chrono::hours(14 * 24));
  EXPECT_EQ(config.data_directory, "/var/lib/mosquitto/bitacora");
  EXPECT_EQ(config.log_level, LogLevel::warning);
}

TEST_F(MosquittoImport, HasMosquittosDefaultsWhereOursAreTighter) {
  const ServerConfig config = import("");
  EXPECT_EQ(config.broker.connection.max_packet_size, 256u << 20);
  EXPECT_EQ(config.broker.connection.max_keep_alive_s, 0);
  EXPECT_EQ(config.broker.connection.max_topic_levels, 200);
  EXPECT_GT(config.broker.sessions.max_expiry, std::chrono::hours(50 * 365 * 24));
}

TEST_F(MosquittoImport, SaysOfEveryLineWithoutEqualWhereItIsAndWhy) {
  (void)import(
      "# a comment\n"
      "autosave_interval 300\n"
      "\n"
      "max_queued_messages 1000\n"
      "connection other\n"
      "address broker.example.org:1883\n"
      "topic # both 1\n"
      "nonsense 1\n");
  const std::string file = directory_ / "mosquitto.conf";
  EXPECT_THAT(imported_.notes,
              ElementsAre(HasSubstr(file + ":2: autosave_interval: nothing is saved now and then"),
                          HasSubstr(file + ":4: max_queued_messages: there is no queue"),
                          HasSubstr(file + ":5: connection: no bridges"), HasSubstr(file + ":6: address: no bridges"),
                          HasSubstr(file + ":7: topic: no bridges"),
                          HasSubstr(file + ":8: nonsense: mosquitto 2.0 has no such option")));
}

TEST_F(MosquittoImport, HoldsNumbersToWhatIsPossibleAndSaysSo) {
  const ServerConfig config = import("max_packet_size 20\nmax_inflight_messages lots\n");
  EXPECT_EQ(config.broker.connection.max_packet_size, 1'024u);
  EXPECT_THAT(imported_.notes, ElementsAre(HasSubstr("1024 is written"), HasSubstr("\"lots\" is no number")));
}

TEST_F(MosquittoImport, ReadsTheFilesOfADirectoryInTheirPlace) {
  write("conf.d/b.conf", "max_keepalive 60\n");
  write("conf.d/a.conf", "max_keepalive 50\n");
  write("conf.d/ignored.txt", "nonsense\n");
  const ServerConfig config = import("max_keepalive 40\ninclude_dir " + (directory_ / "conf.d").string() + "\n");
  EXPECT_EQ(config.broker.connection.max_keep_alive_s, 60);
  EXPECT_THAT(imported_.toml, HasSubstr("b.conf:1: max_keepalive 60"));
}

TEST_F(MosquittoImport, SaysWhichFileCannotBeRead) {
  const auto missing = read_mosquitto_config("/nowhere/mosquitto.conf");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), HasSubstr("/nowhere/mosquitto.conf"));
  const auto included = read_mosquitto_config(write("m.conf", "include_dir /nowhere\n"));
  ASSERT_FALSE(included);
  EXPECT_THAT(included.error(), HasSubstr("/nowhere"));
}

TEST_F(MosquittoImport, WritesTextsSoThatTheyStayWhatTheyAre) {
  const ServerConfig config = import("persistence_location /a \"b\" \\c\n");
  EXPECT_EQ(config.data_directory, "/a \"b\" \\c/bitacora");
}

TEST_F(MosquittoImport, IsACommandThatWritesTheFileAndTellsTheRest) {
  const std::string file = write("mosquitto.conf", "max_keepalive 60\nautosave_interval 5\n");
  const std::array argv{"bitacora", "import-mosquitto", file.c_str()};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = run(static_cast<int>(argv.size()), argv.data());
  std::fflush(stdout);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("max_keep_alive = \"60s\""));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(":2: autosave_interval: "));
  EXPECT_EQ(status, exit_ok);
}

// The options that the manual of mosquitto 2.0.11 names, each on a line of its own. None may fall through as unknown.
TEST_F(MosquittoImport, KnowsEveryOptionOfMosquitto) {
  std::ifstream manual(BITACORA_SOURCE_DIR "/tests/app/mosquitto_2.0_options.txt");
  std::string text;
  int count = 0;
  for (std::string option; std::getline(manual, option); ++count) {
    if (option != "include_dir") text += option + " x\n";
  }
  ASSERT_GT(count, 100);
  (void)import(text);
  EXPECT_THAT(imported_.notes, Not(Contains(HasSubstr("has no such option"))));
}

}  // namespace
}  // namespace bitacora::app
