#include "bridge/start_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/fake_partition.h"

namespace bitacora::bridge {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr Timestamp eight_o_clock = 1'795'420'800'000;  // date -d 2026-11-23T08:00:00Z +%s000

struct Accepted {
  const char* text;
  StartPosition position;
};

TEST(StartPosition, ReadsEveryFormOfItsGrammar) {
  const Accepted table[] = {
      {"earliest", Earliest{}},
      {"latest", Latest{}},
      {"0", AtOffset{0}},
      {"1234", AtOffset{1234}},
      {"9223372036854775807", AtOffset{INT64_MAX}},
      {"-0s", TimeAgo{seconds(0)}},
      {"-90s", TimeAgo{seconds(90)}},
      {"-15m", TimeAgo{minutes(15)}},
      {"-1h", TimeAgo{hours(1)}},
      {"-7d", TimeAgo{hours(24 * 7)}},
      {"@0", AtTime{0}},
      {"@1700000000000", AtTime{1'700'000'000'000}},
      {"@2026-11-23T08:00:00Z", AtTime{eight_o_clock}},
      {"@2026-11-23t08:00:00z", AtTime{eight_o_clock}},
      {"@2026-11-23 08:00:00", AtTime{eight_o_clock}},
      {"@2026-11-23T08:00:00", AtTime{eight_o_clock}},
      {"@2026-11-23T09:30:00+01:30", AtTime{eight_o_clock}},
      {"@2026-11-23T03:00:00-05:00", AtTime{eight_o_clock}},
      {"@2026-11-23T08:00:00.25Z", AtTime{eight_o_clock + 250}},
      {"@2026-11-23T08:00:00.1239Z", AtTime{eight_o_clock + 123}},
      {"@2026-11-23T07:59:60Z", AtTime{eight_o_clock}},
      {"@2024-02-29T00:00:00Z", AtTime{1'709'164'800'000}},
      {"@1969-12-31T23:59:59Z", AtTime{-1000}},
  };
  for (const Accepted& row : table) {
    const auto parsed = parse_start_position(row.text);
    ASSERT_TRUE(parsed) << row.text << ": " << parsed.error();
    EXPECT_EQ(*parsed, row.position) << row.text;
  }
}

TEST(StartPosition, RefusesAnythingElseAndSaysWhatIsPossible) {
  const char* table[] = {
      "",
      "Earliest",
      "earliest ",
      "+5",
      "1.5",
      "0x10",
      "9223372036854775808",
      "-",
      "-h",
      "-1",
      "-1w",
      "--1h",
      "-1 h",
      "-1.5h",
      "-99999999999999999d",
      "@",
      "@-5",
      "@2026-11-23",
      "@2026-13-01T00:00:00Z",
      "@2026-02-29T00:00:00Z",
      "@2026-11-23T24:00:00Z",
      "@2026-11-23T08:60:00Z",
      "@2026-11-23T08:00:61Z",
      "@2026-11-23T08:00Z",
      "@2026-11-23T08:00:00.Z",
      "@2026-11-23T08:00:00+1",
      "@2026-11-23T08:00:00+01:60",
      "@2026-11-23T08:00:00Zjunk",
      "@2026-11-23X08:00:00Z",
      "@-026-11-23T08:00:00Z",
      "1h",
      "yesterday",
  };
  for (const char* text : table) {
    const auto parsed = parse_start_position(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(std::string("\"") + text + "\""));
    EXPECT_THAT(parsed.error(), HasSubstr("earliest, latest")) << text;
  }
}

class Resolve : public testing::Test {
 protected:
  Resolve() {
    for (const Timestamp at : {1000, 2000, 3000}) partition.append({{.key = "k", .value = "v", .timestamp = at}});
    partition.remove_before(1);
  }
  storage::Offset offset(const char* from, Timestamp now_ms = 10'000) const {
    return resolve(*parse_start_position(from), partition, now_ms).value();
  }
  FakePartition partition;
};

TEST_F(Resolve, EarliestIsTheLogStart) { EXPECT_EQ(offset("earliest"), 1); }
TEST_F(Resolve, LatestIsTheCommittedOffset) { EXPECT_EQ(offset("latest"), 3); }
TEST_F(Resolve, AnOffsetComesBackUnchecked) { EXPECT_EQ(offset("77"), 77); }

TEST_F(Resolve, ATimeIsTheFirstRecordAtOrAfterIt) {
  EXPECT_EQ(offset("@2000"), 1);
  EXPECT_EQ(offset("@2001"), 2);
  EXPECT_EQ(offset("-7s"), 2);
}

TEST_F(Resolve, ATimeWithoutALaterRecordIsTheCommittedOffset) {
  EXPECT_EQ(offset("@3001"), 3);
  EXPECT_EQ(offset("-1s"), 3);
}

TEST_F(Resolve, ADiskThatFailsIsAnError) {
  partition.fail_with(storage::Errc::io_error);
  EXPECT_EQ(resolve(AtTime{0}, partition, 0).error().code, storage::Errc::io_error);
}

}  // namespace
}  // namespace bitacora::bridge
