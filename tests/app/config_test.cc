#include "app/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "config_mistakes.h"

namespace bitacora::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

ServerConfig accepted(std::string_view toml) {
  const auto config = parse_config(toml, "x.toml");
  EXPECT_TRUE(config) << testing::PrintToString(mistakes_in(toml));
  return config ? *config : ServerConfig{};
}

TEST(Config, OfAnEmptyFileIsTheDefault) {
  const ServerConfig config = accepted("");
  EXPECT_EQ(format_config(config), format_config(ServerConfig{}));
  ASSERT_THAT(config.logs, SizeIs(1));
  EXPECT_EQ(config.logs[0].name, "mqtt");
  EXPECT_EQ(config.logs[0].settings.partitions, 4);
  EXPECT_EQ(config.logs[0].settings.durability, storage::Durability::sync);
  ASSERT_THAT(config.listeners, SizeIs(2));
  EXPECT_EQ(format_address(config.listeners[0]), "127.0.0.1:1883");
  EXPECT_EQ(format_address(config.listeners[1]), "127.0.0.1:8080");
}

TEST(Config, IsReadIntoEveryKindOfOption) {
  const ServerConfig config = accepted(R"(
    data_dir = "/var/lib/bitacora"
    log_level = "debug"
    allow_anonymous = true
    [[listeners]]
    protocol = "mqtt"
    address = "::"
    port = 1884
    [[logs]]
    name = "readings"
    partitions = 12
    durability = "async"
    cleanup = "compact"
    retention_bytes = 1048576
    retention_time = "forever"
    min_cleanable_ratio = 1
    [broker]
    default_log = "readings"
    [mqtt]
    max_keep_alive = "1h"
    [sessions]
    queue_qos0 = true
  )");
  EXPECT_EQ(config.data_directory, "/var/lib/bitacora");
  EXPECT_EQ(config.log_level, LogLevel::debug);
  EXPECT_EQ(config.anonymous, Anonymous::everywhere);
  ASSERT_THAT(config.listeners, SizeIs(1));
  EXPECT_EQ(format_address(config.listeners[0]), "[::]:1884");
  EXPECT_EQ(config.listeners[0].declared_in, "x.toml:5");
  ASSERT_THAT(config.logs, SizeIs(1));
  const storage::LogSettings& settings = config.logs[0].settings;
  EXPECT_EQ(settings.partitions, 12);
  EXPECT_EQ(settings.durability, storage::Durability::async);
  EXPECT_EQ(settings.cleanup, storage::Cleanup::compact);
  EXPECT_EQ(settings.retention_bytes, 1 << 20);
  EXPECT_EQ(settings.retention_time, std::nullopt);
  EXPECT_EQ(settings.min_cleanable_ratio, 1.0);
  EXPECT_EQ(config.broker.connection.max_keep_alive_s, 3600);
  EXPECT_EQ(config.broker.sessions.queue_qos0, bridge::QueueQos0::yes);
}

TEST(Config, PrintedReadsBackToTheSame) {
  ServerConfig config = accepted(R"(
    [[logs]]
    name = "a"
    retention_bytes = "1GiB"
    retention_time = "forever"
    durability = "memory"
    [[logs]]
    name = "b"
    [broker]
    default_log = "b"
    receipts = false
    [[routes]]
    filter = "devices/{id}/#"
    log = "a"
    headers = { "quote\"d" = "back\\slash \u0007", site = "ñ" }
    [[routes]]
    filter = "+/x"
    log = "b"
    key = "user_property:plant"
  )");
  EXPECT_EQ(format_config(accepted(format_config(config))), format_config(config));
}

TEST(ConfigRoute, TakesTheCapturedLevelAsItsKey) {
  for (const std::string key : {"", "key = \"{id}\""}) {
    const ServerConfig config = accepted("[[routes]]\nfilter = \"plant/devices/{id}/#\"\nlog = \"mqtt\"\n" + key);
    ASSERT_THAT(config.broker.routes, SizeIs(1));
    EXPECT_EQ(config.broker.routes[0].key, bridge::PartitionKey::level);
    EXPECT_EQ(config.broker.routes[0].key_level, 2U);
  }
}

TEST(ConfigRoute, NamesItsKeyAndHeaders) {
  const ServerConfig config = accepted(R"(
    routes = [ { filter = "a/#", log = "mqtt", key = "client_id" },
               { filter = "b/#", log = "mqtt", key = "user_property:plant", headers = { site = "north" } },
               { filter = "#", log = "mqtt", key = "topic" } ]
  )");
  ASSERT_THAT(config.broker.routes, SizeIs(3));
  EXPECT_EQ(config.broker.routes[0].key, bridge::PartitionKey::client_id);
  EXPECT_EQ(config.broker.routes[1].key, bridge::PartitionKey::user_property);
  EXPECT_EQ(config.broker.routes[1].key_property, "plant");
  EXPECT_THAT(config.broker.routes[1].headers, ElementsAre(std::pair("site", "north")));
  EXPECT_EQ(config.broker.routes[2].key, bridge::PartitionKey::topic);
}

struct OneMistake {
  std::string_view toml;
  std::string_view place;
  std::string_view says;
};

// One mistake each: where it is, and a part of what is said of it.
constexpr OneMistake one_mistake_each[] = {
    {"shards = = 2", "1:10", "this is not TOML"},
    {"shards = 1\nshards = 2", "2:10", "cannot redefine existing integer 'shards'"},
    {"shard = 1", "1:1", "unknown option shard; did you mean shards?"},
    {"xyzzy = 1", "1:1", "unknown option xyzzy; remove it"},
    {"[storrage]\non_damage = \"start\"", "1:2", "unknown section storrage; did you mean storage?"},
    {"[mqtt]\nmax_packet_szie = 1", "2:1", "in [mqtt]; did you mean max_packet_size?"},
    {"shards = \"two\"", "1:10", "shards must be a whole number from 0 to 256; here it is the string \"two\""},
    {"shards = 1.5", "1:10", "here it is a number with a fraction"},
    {"shards = 1000", "1:10", "here it is the number 1000"},
    {"data_dir = \"\"", "1:12", "must be a directory's path; here it is empty"},
    {"data_dir = 1979-05-27", "1:12", "a date or time"},
    {"log_level = \"loud\"", "1:13", "\"warning\" or \"error\"; here it is the string \"loud\""},
    {"allow_anonymous = \"yes\"", "1:19", "must be true or false"},
    {"storage = 5", "1:11", "must be a section, [storage]"},
    {"[logs]\nname = \"mqtt\"", "1:1", "double its brackets"},
    {"logs = [1]", "1:8", "each begun with [[logs]]"},
    {"logs = []", "1:8", "there must be at least one [[logs]]"},
    {"listeners = []", "1:13", "there must be at least one [[listeners]]"},
    {"[[listeners]]\naddress = \"127.0.0.1\"", "1:1", "[[listeners]] has no protocol"},
    {"[[listeners]]\nprotocol = \"mqtt\"\naddress = \"localhost\"", "3:11", "write the number"},
    {"[[listeners]]\nprotocol = \"mqtt\"\nport = 65536", "3:8", "from 0 to 65535"},
    {"[[listeners]]\nprotocol = \"mqtt\"\nport = 1\n[[listeners]]\nprotocol = \"http\"\nport = 1", "6:8",
     "127.0.0.1:1 is listened on above already"},
    {"[[logs]]\nname = \"mqtt\"\n[[logs]]\nname = \"mqtt\"", "4:8", "log \"mqtt\" is declared twice"},
    {"[[logs]]\nname = \"mqtt\"\n[[logs]]\nname = \"a b\"", "4:8", "name must be the log's name"},
    {"[[logs]]\nname = \"mqtt\"\n[[logs]]\nname = \"__sessions\"", "4:8", "the server's own"},
    {"[[logs]]\nname = \"mqtt\"\npartitions = 0", "3:14", "from 1 to 1024; here it is the number 0"},
    {"[[logs]]\nname = \"mqtt\"\nretention_time = 7", "3:18", "with its unit"},
    {"[[logs]]\nname = \"mqtt\"\nretention_time = \"never\"", "3:18", "or \"forever\""},
    {"[[logs]]\nname = \"mqtt\"\nsegment_bytes = \"128MB\"", "3:17", "as in \"64KiB\""},
    {"[[logs]]\nname = \"mqtt\"\nsegment_bytes = \"4GiB\"", "3:17", "from 1KiB to 2147483647B"},
    {"[[logs]]\nname = \"mqtt\"\nmin_cleanable_ratio = 2", "3:23", "from 0.0 to 1.0"},
    {"[[logs]]\nname = \"readings\"", "1:1", "default_log in [broker] is \"mqtt\", but no [[logs]]"},
    {"[broker]\ndefault_log = \"mqt\"", "2:15", "set default_log to one of: mqtt"},
    {"[[routes]]\nfilter = \"a\"\nlog = \"mqt\"", "3:7", "did you mean \"mqtt\"?"},
    {"[[routes]]\nlog = \"mqtt\"", "1:1", "[[routes]] has no filter"},
    {"[[routes]]\nfilter = \"a\"", "1:1", "[[routes]] has no log"},
    {"[[routes]]\nfilter = \"a/#/b\"\nlog = \"mqtt\"", "2:10", "filter must be an MQTT topic filter"},
    {"[[routes]]\nfilter = \"{a}/{b}\"\nlog = \"mqtt\"", "2:10", "filter must be an MQTT topic filter"},
    {"[[routes]]\nfilter = \"{id}\"\nlog = \"mqtt\"\nkey = \"topic\"", "4:7", "the filter captures {id}"},
    {"[[routes]]\nfilter = \"a\"\nlog = \"mqtt\"\nkey = \"{id}\"", "4:7", "captures no such level"},
    {"[[routes]]\nfilter = \"a\"\nlog = \"mqtt\"\nkey = \"payload\"", "4:7", "there is no such key"},
    {"[[routes]]\nfilter = \"a\"\nlog = \"mqtt\"\nheaders = { x = 1 }", "4:17", "headers.x must be a string"},
    {"routes = [ { filter = \"a\", log = \"mqtt\" }, { filter = \"a\", log = \"mqtt\" } ]", "1:55",
     "the first match wins"}};

TEST(ConfigMistake, IsToldOnceWithItsPlaceAndWhatToDo) {
  for (const auto& [toml, place, says] : one_mistake_each) {
    EXPECT_THAT(mistakes_in(toml),
                ElementsAre(AllOf(StartsWith(fmt::format("x.toml:{}: ", place)), HasSubstr(std::string(says)))))
        << toml;
  }
}

TEST(ConfigMistakes, AreAllToldAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      mistakes_in(
          "[mqtt]\nmax_filters = 0\n[broker]\nreceipts = 1\nretained = 2\n[[routes]]\nfilter = \"a\"\nlog = \"b\""),
      ElementsAre(StartsWith("x.toml:2:15: "), StartsWith("x.toml:4:12: "), StartsWith("x.toml:5:1: "),
                  StartsWith("x.toml:8:7: ")));
}

TEST(Config, TakesAListOfNamesAndSaysWhichEntryIsNone) {
  EXPECT_THAT(accepted("[http]\nhost_names = [\"log.example.org\", \"log\"]").http.host_names,
              ElementsAre("log.example.org", "log"));
  EXPECT_THAT(mistakes_in("[http]\nhost_names = \"log\""), ElementsAre(StartsWith("x.toml:2:14: ")));
  EXPECT_THAT(mistakes_in("[http]\nhost_names = [\"log\", 7,\n\"\"]"),
              ElementsAre(AllOf(StartsWith("x.toml:2:22: "), HasSubstr("the number 7")), StartsWith("x.toml:3:1: ")));
}

TEST(ConfigFile, ThatIsNotThereIsToldWithItsName) {
  const auto config = load_config("/nonexistent/bitacora.toml");
  ASSERT_FALSE(config);
  ASSERT_THAT(config.error(), SizeIs(1));
  EXPECT_THAT(format(config.error()[0]), AllOf(StartsWith("/nonexistent/bitacora.toml: cannot be read: No such file"),
                                               HasSubstr("check the path")));
}

// --- config/bitacora.toml and the code say the same
// -----------------------------------------------------------------------

std::string shipped_file() {
  std::ifstream stream(BITACORA_SOURCE_DIR "/config/bitacora.toml");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The lines that match, with group 1 taken out of each.
std::vector<std::string> lines_matching(const std::string& text, const std::string& expression) {
  const std::regex pattern(expression);
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (std::smatch match; std::regex_match(line, match, pattern)) lines.push_back(match[1]);
  }
  return lines;
}

const std::string setting = R"(\[+[a-z0-9_]+\]+|[a-z0-9_]+ = .+)";

TEST(ShippedConfig, SetsNothing) { EXPECT_THAT(lines_matching(shipped_file(), "(" + setting + ")"), ElementsAre()); }

TEST(ShippedConfig, ShowsEveryOptionWithTheCodesDefaultAndNoOther) {
  EXPECT_EQ(lines_matching(shipped_file(), "#(" + setting + ")"),
            lines_matching(format_config(ServerConfig{}), "(" + setting + ")"));
}

TEST(ShippedConfig, WithAllItsExamplesTakenInIsAcceptedAndShowsEveryOptionOfRulesGroupsAndRoutes) {
  std::string everything;
  for (const auto& line : lines_matching(shipped_file(), "# ?(" + setting + ")")) everything += line + "\n";
  const ServerConfig config = accepted(everything);
  ASSERT_THAT(config.broker.routes, SizeIs(1));
  ASSERT_THAT(config.rules, SizeIs(2));
  ASSERT_THAT(config.user_groups, SizeIs(1));
  ServerConfig without_examples = config;
  without_examples.broker.routes.clear();
  without_examples.rules.clear();
  without_examples.user_groups.clear();
  EXPECT_EQ(format_config(without_examples), format_config(ServerConfig{}));
  std::vector<std::string> in_file = lines_matching(shipped_file(), "# (" + setting + ")");
  const std::string printed = format_config(config);
  const auto part = [&](const char* from, const char* to) {
    return printed.substr(printed.find(from), printed.find(to) - printed.find(from));
  };
  const std::string printed_examples = part("[[rules]]", "[storage]") + part("[[routes]]", "[sessions]");
  const std::string key = "([a-z_]+) = .*";
  std::string examples;
  for (const auto& line : in_file) examples += line + "\n";
  EXPECT_EQ(lines_matching(examples, key), lines_matching(printed_examples, key));
}

// --- who may reach the server
// -----------------------------------------------------------------------------------------------

TEST(Exposure, OnLoopbackNeedsNoWord) {
  EXPECT_EQ(refusal_of_exposure(ServerConfig{}), std::nullopt);
  EXPECT_EQ(refusal_of_exposure(accepted("[[listeners]]\nprotocol = \"mqtt\"\naddress = \"::1\"\nport = 1")),
            std::nullopt);
  EXPECT_EQ(refusal_of_exposure(accepted("[[listeners]]\nprotocol = \"mqtt\"\naddress = \"127.8.9.1\"")), std::nullopt);
}

TEST(Exposure, ToOtherMachinesIsRefusedUnlessItIsWanted) {
  for (const std::string address : {"0.0.0.0", "::", "192.168.1.1", "fe80::1", "128.0.0.1"}) {
    const std::string listener =
        fmt::format("[[listeners]]\nprotocol = \"mqtt\"\nport = 1883\naddress = \"{}\"\n", address);
    const auto refusal = refusal_of_exposure(accepted(listener));
    ASSERT_TRUE(refusal) << address;
    EXPECT_THAT(*refusal, AllOf(HasSubstr(address), HasSubstr("x.toml:1"), HasSubstr("allow_anonymous = true")));
    EXPECT_EQ(refusal_of_exposure(accepted("allow_anonymous = true\n" + listener)), std::nullopt);
  }
}

TEST(ListenerText, ComesBackAsItWas) {
  for (const std::string text : {"127.0.0.1:1883", "[::1]:0", "0.0.0.0:65535"}) {
    const auto listener = parse_listener(Protocol::http, text);
    ASSERT_TRUE(listener) << text;
    EXPECT_EQ(format_address(*listener), text);
    EXPECT_EQ(listener->protocol, Protocol::http);
  }
  EXPECT_EQ(format_address(parse_listener(Protocol::mqtt, ":1884").value()), "127.0.0.1:1884");
}

TEST(ListenerText, ThatIsNotAnAddressAndAPortIsRefused) {
  for (const std::string text :
       {"", "1883", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:1x", "::1:1883",
        "[127.0.0.1]:1", "localhost:1883", "[]:1", "127.0.0.1:-1"}) {
    EXPECT_FALSE(parse_listener(Protocol::mqtt, text)) << text;
  }
}

}  // namespace
}  // namespace bitacora::app
