// Routes over logs that exist in name only: nothing here is read or written.
#include "bridge/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/murmur2.h"
#include "bridge/allocations.h"

namespace bitacora::bridge {
namespace {

using storage::LogSettings;
using storage::Offset;
using testing::ElementsAre;
using testing::HasSubstr;

class NamedPartition : public storage::Partition {
 public:
  NamedPartition(const std::string& log, std::int32_t number) : log_(log), number_(number) {}
  const std::string& log_name() const noexcept override { return log_; }
  std::int32_t number() const noexcept override { return number_; }
  MOCK_METHOD(storage::PartitionIndex, index, (), (const, noexcept, override));
  MOCK_METHOD(storage::PartitionOffsets, offsets, (), (const, override));
  MOCK_METHOD(std::int32_t, leader_epoch, (), (const, override));
  MOCK_METHOD(std::uint64_t, size_bytes, (), (const, override));
  MOCK_METHOD(std::int32_t, segment_count, (), (const, override));
  MOCK_METHOD(bool, offline, (), (const, override));
  MOCK_METHOD(storage::Result<storage::ReadResult>, read, (Offset, std::size_t, storage::ReadHint), (const, override));
  MOCK_METHOD(storage::Result<std::optional<storage::OffsetAtTime>>, find_time, (Timestamp), (const, override));
  MOCK_METHOD(storage::Result<Offset>, delete_records_before, (Offset), (override));

 private:
  std::string log_;
  std::int32_t number_;
};

class NamedLog : public storage::Log {
 public:
  NamedLog(std::string name, std::int32_t partitions) : name_(std::move(name)) { grow_to(partitions); }
  void grow_to(std::int32_t partitions) {
    for (std::int32_t i = partition_count(); i < partitions; ++i) {
      partitions_.push_back(std::make_unique<NamedPartition>(name_, i));
    }
  }
  const std::string& name() const noexcept override { return name_; }
  std::int32_t partition_count() const override { return static_cast<std::int32_t>(partitions_.size()); }
  storage::Partition& partition(std::int32_t number) const override { return *partitions_.at(number); }
  MOCK_METHOD(std::string, topic_id, (), (const, override));
  MOCK_METHOD(LogSettings, settings, (), (const, override));

 private:
  std::string name_;
  std::vector<std::unique_ptr<storage::Partition>> partitions_;
};

class NamedLogs : public storage::Store {
 public:
  NamedLog& add(const std::string& name, std::int32_t partitions) {
    return *logs_.emplace_back(std::make_unique<NamedLog>(name, partitions));
  }
  storage::Log* find_log(std::string_view name) const override {
    for (const auto& log : logs_) {
      if (log->name() == name) return log.get();
    }
    return nullptr;
  }
  MOCK_METHOD(const storage::RecoveryReport&, recovery_report, (), (const, noexcept, override));
  MOCK_METHOD(storage::Result<storage::Log*>, create_log, (const std::string&, const LogSettings&), (override));
  MOCK_METHOD(std::vector<storage::Log*>, logs, (), (const, override));
  MOCK_METHOD(storage::Result<>, change_settings, (const std::string&, const LogSettings&), (override));
  MOCK_METHOD(std::uint32_t, partition_count, (), (const, override));
  MOCK_METHOD(storage::Partition&, partition, (storage::PartitionIndex), (const, override));
  MOCK_METHOD(storage::DiskSpace, disk_space, (), (const, override));
  MOCK_METHOD(std::vector<storage::KnownDamage>, known_damage, (), (const, override));
  MOCK_METHOD(storage::Result<storage::ScrubResult>, scrub, (std::uint64_t), (override));
  MOCK_METHOD(storage::ScrubTotals, scrub_totals, (), (const, override));
  MOCK_METHOD(storage::Result<std::uint64_t>, index_keys, (std::uint64_t), (override));
  MOCK_METHOD(std::unique_ptr<storage::CompactionHold>, hold_compaction, (std::vector<Offset>), (override));
  MOCK_METHOD(storage::Result<std::uint64_t>, run_housekeeping, (), (override));
  MOCK_METHOD(storage::Result<>, close, (), (override));

 private:
  std::vector<std::unique_ptr<NamedLog>> logs_;
};

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    store_.add("mqtt", 4);
    store_.add("devices", 8);
    store_.add("alarms", 3);
    store_.add("__sessions", 1);
  }

  Router with_routes(std::vector<Route> routes) {
    auto router = Router::create({.routes = std::move(routes)}, store_);
    EXPECT_TRUE(router) << router.error().message;
    return std::move(*router);
  }

  RouteError error_of(BrokerSettings settings) {
    const auto router = Router::create(settings, store_);
    EXPECT_FALSE(router);
    return router ? RouteError{} : router.error();
  }

  static std::string log_of(Router& router, std::string_view topic) { return router.route(topic, "c", {}).log->name(); }

  // The partition that a Java client's default partitioner picks for a record with this key.
  static std::int32_t kafka_partition(std::string_view key, std::int32_t count) {
    return partition_of_key(as_bytes(key), count);
  }

  NamedLogs store_;
};

TEST_F(RouterTest, SendsWhatNoRouteMatchesToTheDefaultLog) {
  Router router = with_routes({{.filter = "alarm/#", .log = "alarms"}});
  EXPECT_EQ(log_of(router, "plant/1/temp"), "mqtt");
  EXPECT_EQ(log_of(router, "alarm/fire"), "alarms");
}

TEST_F(RouterTest, LetsTheFirstMatchingRouteWin) {
  Router router = with_routes({{.filter = "a/+", .log = "alarms"}, {.filter = "a/#", .log = "devices"}});
  EXPECT_EQ(log_of(router, "a/b"), "alarms");
  EXPECT_EQ(log_of(router, "a/b/c"), "devices");
}

TEST_F(RouterTest, SendsTopicsThatBeginWithADollarToTheDefaultLogThoughHashDoesNotMatchThem) {
  Router router = with_routes({{.filter = "#", .log = "devices"}});
  EXPECT_EQ(log_of(router, "$internal/x"), "mqtt");
}

TEST_F(RouterTest, KeysByTheWholeTopicUnlessToldOtherwise) {
  Router router = with_routes({});
  const Destination to = router.route("plant/1/temp", "client", {});
  EXPECT_EQ(to.partition->number(), kafka_partition("plant/1/temp", 4));
  EXPECT_EQ(to.partition->log_name(), "mqtt");
  EXPECT_TRUE(to.headers.empty());
}

TEST_F(RouterTest, KeysByTheCapturedLevelSoThatOneDeviceStaysInOnePartition) {
  Router router = with_routes({{.filter = "devices/{id}/#", .log = "devices", .key = PartitionKey::level}});
  for (const std::string_view topic : {"devices/d-17", "devices/d-17/temp", "devices/d-17/a/b"}) {
    EXPECT_EQ(router.route(topic, "c", {}).partition->number(), kafka_partition("d-17", 8)) << topic;
  }
  EXPECT_EQ(router.route("devices//temp", "c", {}).partition->number(), kafka_partition("", 8));
}

TEST_F(RouterTest, KeysByALevelGivenAsANumberWhereTheFilterHasNoBraces) {
  Router router = with_routes({{.filter = "+/+/state", .log = "devices", .key = PartitionKey::level, .key_level = 1}});
  EXPECT_EQ(router.route("site/d-9/state", "c", {}).partition->number(), kafka_partition("d-9", 8));
}

TEST_F(RouterTest, KeysByTheClientId) {
  Router router = with_routes({{.filter = "#", .log = "devices", .key = PartitionKey::client_id}});
  EXPECT_EQ(router.route("any", "pump-4", {}).partition->number(), kafka_partition("pump-4", 8));
}

TEST_F(RouterTest, KeysByAUserPropertyAndByTheTopicWhereItIsAbsent) {
  Router router =
      with_routes({{.filter = "#", .log = "devices", .key = PartitionKey::user_property, .key_property = "order"}});
  mqtt::Properties properties;
  properties.user_properties = {{"color", "red"}, {"order", "4711"}, {"order", "second"}};
  EXPECT_EQ(router.route("t", "c", properties).partition->number(), kafka_partition("4711", 8));
  EXPECT_EQ(router.route("t", "c", {}).partition->number(), kafka_partition("t", 8));
}

TEST_F(RouterTest, FollowsALogThatGrows) {
  Router router = with_routes({});
  (void)router.route("plant/1/temp", "c", {});
  dynamic_cast<NamedLog*>(store_.find_log("mqtt"))->grow_to(61);
  EXPECT_EQ(router.route("plant/1/temp", "c", {}).partition->number(), kafka_partition("plant/1/temp", 61));
}

TEST_F(RouterTest, KeepsTheHeadersOfARouteAliveWhenTheRouterMoves) {
  Router first = with_routes({{.filter = "a/#", .log = "devices", .headers = {{"line", "7"}, {"site", "Vigo"}}}});
  Router router = std::move(first);
  const auto headers = router.route("a/b", "c", {}).headers;
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[0].name, "line");
  EXPECT_EQ(as_text(headers[0].value.value()), "7");
  EXPECT_EQ(headers[1].name, "site");
  EXPECT_EQ(as_text(headers[1].value.value()), "Vigo");
}

TEST_F(RouterTest, AllocatesNothingForATopicItRemembers) {
  Router router = with_routes({{.filter = "devices/{id}/#", .log = "devices", .key = PartitionKey::level}});
  const std::string topic = "devices/a-device-with-quite-a-long-name/temperature";
  const mqtt::Properties properties;
  (void)router.route(topic, "c", properties);
  const std::size_t before = allocation_count();
  const Destination again = router.route(topic, "c", properties);
  EXPECT_EQ(allocation_count(), before);
  EXPECT_EQ(again.log->name(), "devices");
}

TEST_F(RouterTest, RemembersABoundedNumberOfTopicsOfBoundedSize) {
  Router router = with_routes({{.filter = "a/#", .log = "devices"}});
  EXPECT_EQ(log_of(router, "a/" + std::string(Router::max_remembered_topic_size, 'x')), "devices");
  EXPECT_EQ(router.remembered_topic_count(), 0u);
  for (std::size_t i = 0; i < Router::max_remembered_topics; ++i) {
    (void)router.route("a/" + std::to_string(i), "c", {});
  }
  EXPECT_EQ(router.remembered_topic_count(), Router::max_remembered_topics);
  EXPECT_EQ(log_of(router, "one/more"), "mqtt");
  EXPECT_EQ(router.remembered_topic_count(), 1u);
  EXPECT_EQ(log_of(router, "a/0"), "devices");
}

std::vector<std::string> names(const std::vector<storage::Log*>& logs) {
  std::vector<std::string> result;
  for (const storage::Log* log : logs) result.push_back(log->name());
  return result;
}

TEST_F(RouterTest, NamesEachLogThatASubscriptionCanMeetOnce) {
  const Router router = with_routes({{.filter = "devices/{id}/#", .log = "devices"},
                                     {.filter = "alarm/#", .log = "alarms"},
                                     {.filter = "old/#", .log = "devices"}});
  EXPECT_THAT(names(router.logs_for("devices/+/temp")), ElementsAre("devices", "mqtt"));
  EXPECT_THAT(names(router.logs_for("plant/#")), ElementsAre("mqtt"));
  EXPECT_THAT(names(router.logs_for("#")), ElementsAre("devices", "alarms", "mqtt"));
}

TEST_F(RouterTest, RefusesRoutesThatCannotWorkAndSaysWhichAndWhatToDo) {
  const Route good{.filter = "a/#", .log = "devices"};

  RouteError error = error_of({.routes = {good, {.filter = "b/#", .log = "nowhere"}}});
  EXPECT_EQ(error.index, 1u);
  EXPECT_THAT(error.message, HasSubstr("there is no log \"nowhere\""));

  error = error_of({.default_log = "gone", .routes = {good}});
  EXPECT_EQ(error.index, 1u);
  EXPECT_THAT(error.message, HasSubstr("\"gone\""));

  EXPECT_THAT(error_of({.routes = {{.filter = "a", .log = "__sessions"}}}).message, HasSubstr("the server's own"));
  EXPECT_THAT(error_of({.routes = {{.filter = "a/#/b", .log = "mqtt"}}}).message, HasSubstr("no topic filter"));
  EXPECT_THAT(error_of({.routes = {{.filter = "a", .log = "mqtt", .headers = {{"mqtt.qos", "9"}}}}}).message,
              HasSubstr("\"mqtt.qos\""));
  EXPECT_THAT(error_of({.routes = {{.filter = "a", .log = "mqtt", .key = PartitionKey::user_property}}}).message,
              HasSubstr("not said which"));
}

TEST_F(RouterTest, RefusesAKeyLevelThatSomeMatchingTopicLacks) {
  const auto refused = [this](std::string filter, std::size_t level) {
    return !Router::create(
        {.routes = {{.filter = std::move(filter), .log = "mqtt", .key = PartitionKey::level, .key_level = level}}},
        store_);
  };
  EXPECT_FALSE(refused("a/+/#", 1));
  EXPECT_TRUE(refused("a/+/#", 2));
  EXPECT_FALSE(refused("a/+/b", 2));
  EXPECT_TRUE(refused("a/+/b", 3));
  EXPECT_TRUE(refused("#", 0));
}

TEST(CapturedFilter, BecomesAFilterAndTheLevelThatWasInBraces) {
  const auto captured = parse_captured_filter("devices/{id}/#");
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->filter, "devices/+/#");
  EXPECT_EQ(captured->level, 1u);

  const auto first = parse_captured_filter("{site}");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->filter, "+");
  EXPECT_EQ(first->level, 0u);
}

TEST(CapturedFilter, WithoutBracesComesBackAsItIs) {
  for (const std::string_view text : {"a", "/", "a//b", "+/b/#", "/a/"}) {
    const auto captured = parse_captured_filter(text);
    ASSERT_TRUE(captured) << text;
    EXPECT_EQ(captured->filter, text);
    EXPECT_FALSE(captured->level);
  }
}

TEST(CapturedFilter, RefusesWhatIsNoCaptureOfOneWholeLevel) {
  for (const std::string_view text :
       {"a/{id}x/b", "x{id}", "{id", "id}", "{}", "{a}{b}", "{{a}}", "{a}/{b}", "", "a+"}) {
    const auto captured = parse_captured_filter(text);
    ASSERT_FALSE(captured) << text;
    EXPECT_FALSE(captured.error().empty()) << text;
  }
}

}  // namespace
}  // namespace bitacora::bridge
