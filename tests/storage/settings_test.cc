#include "storage/settings.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

namespace bitacora::storage {
namespace {

TEST(Settings, DefaultsPassTheirOwnCheck) { EXPECT_TRUE(check(LogSettings{})); }

TEST(Settings, EveryDurabilityAndCleanupIsReadBackFromItsName) {
  for (const Durability durability : {Durability::sync, Durability::async, Durability::memory}) {
    EXPECT_EQ(parse_durability(name_of(durability)), durability);
  }
  EXPECT_EQ(name_of(Cleanup::remove), "delete");
  EXPECT_EQ(name_of(Cleanup::compact), "compact");
  for (const Cleanup cleanup : {Cleanup::remove, Cleanup::compact}) EXPECT_EQ(parse_cleanup(name_of(cleanup)), cleanup);
}

TEST(Settings, WordsThatNameNothingAreNotParsed) {
  for (const char* word : {"", "Sync", "sync ", "fsync", "unknown"}) EXPECT_FALSE(parse_durability(word)) << word;
  for (const char* word : {"", "remove", "Delete", "compact,delete", "unknown"})
    EXPECT_FALSE(parse_cleanup(word)) << word;
}

struct Bounds {
  const char* setting;
  std::function<void(LogSettings&, std::int64_t)> set;
  std::int64_t least;
  std::optional<std::int64_t> most;
};

class SettingsBounds : public testing::TestWithParam<Bounds> {
 protected:
  static Result<> check_with(std::int64_t value) {
    LogSettings settings;
    GetParam().set(settings, value);
    return check(settings);
  }
};

TEST_P(SettingsBounds, AreAllowedAndOneBeyondIsRefusedByName) {
  const Bounds& bounds = GetParam();
  EXPECT_TRUE(check_with(bounds.least));
  const auto below = check_with(bounds.least - 1);
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().code, Errc::invalid_argument);
  EXPECT_NE(below.error().message.find(bounds.setting), std::string::npos) << below.error().message;
  EXPECT_NE(below.error().message.find(std::to_string(bounds.least - 1)), std::string::npos) << below.error().message;
  if (!bounds.most) return;
  EXPECT_TRUE(check_with(*bounds.most));
  EXPECT_FALSE(check_with(*bounds.most + 1));
}

constexpr std::int64_t max_int32 = std::numeric_limits<std::int32_t>::max();

INSTANTIATE_TEST_SUITE_P(
    Each, SettingsBounds,
    testing::Values(
        Bounds{"partitions", [](LogSettings& s, std::int64_t v) { s.partitions = static_cast<std::int32_t>(v); }, 1,
               1024},
        Bounds{"segment_bytes", [](LogSettings& s, std::int64_t v) { s.segment_bytes = v; }, 1024, max_int32},
        Bounds{
            "segment_age", [](LogSettings& s, std::int64_t v) { s.segment_age = std::chrono::milliseconds(v); }, 1, {}},
        Bounds{"retention_bytes", [](LogSettings& s, std::int64_t v) { s.retention_bytes = v; }, 0, {}},
        Bounds{"retention_time",
               [](LogSettings& s, std::int64_t v) { s.retention_time = std::chrono::milliseconds(v); },
               0,
               {}},
        Bounds{"max_batch_bytes", [](LogSettings& s, std::int64_t v) { s.max_batch_bytes = v; }, 128, max_int32},
        Bounds{"flush_interval",
               [](LogSettings& s, std::int64_t v) { s.flush_interval = std::chrono::milliseconds(v); },
               1,
               {}},
        Bounds{"memory_bytes", [](LogSettings& s, std::int64_t v) { s.memory_bytes = v; }, 1024, {}},
        Bounds{"delete_retention",
               [](LogSettings& s, std::int64_t v) { s.delete_retention = std::chrono::milliseconds(v); },
               0,
               {}}),
    [](const auto& param) { return std::string(param.param.setting); });

TEST(Settings, TheCleanableRatioIsAShare) {
  LogSettings settings;
  for (const double share : {0.0, 1.0}) {
    settings.min_cleanable_ratio = share;
    EXPECT_TRUE(check(settings)) << share;
  }
  for (const double share : {-0.01, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
    settings.min_cleanable_ratio = share;
    EXPECT_FALSE(check(settings)) << share;
  }
}

TEST(Settings, NoRetentionAtAllIsAllowed) {
  LogSettings settings;
  settings.retention_bytes.reset();
  settings.retention_time.reset();
  EXPECT_TRUE(check(settings));
}

TEST(LogName, WhatKafkaAllowsIsAllowed) {
  for (const std::string& name : {std::string("a"), std::string("mqtt"), std::string("A-z_0.9"),
                                  std::string("__internal"), std::string("..."), std::string(249, 'x')}) {
    EXPECT_TRUE(check_log_name(name)) << name;
  }
}

TEST(LogName, EverythingElseIsRefused) {
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string(250, 'x'),
                                  std::string("a/b"), std::string("a b"), std::string("a\0b", 3), std::string("ñ")}) {
    const auto checked = check_log_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, Errc::invalid_argument);
  }
}

TEST(LogName, AMessageAboutItCarriesNoControlCharacters) {
  const auto checked = check_log_name("a\x1b[2J\nb");
  ASSERT_FALSE(checked);
  for (const char c : checked.error().message) EXPECT_GE(c, ' ');
}

TEST(ErrcName, IsADifferentOneForEachValue) {
  std::set<std::string> names;
  const int count = static_cast<int>(Errc::closed) + 1;
  for (int code = 0; code < count; ++code) names.insert(name_of(static_cast<Errc>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_EQ(names.count("unknown"), 0U);
}

}  // namespace
}  // namespace bitacora::storage
