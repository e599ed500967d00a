#include "app/units.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace bitacora::app {
namespace {

using std::chrono::milliseconds;

TEST(Duration, IsReadInItsUnits) {
  EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("1m1ms"), milliseconds(60'001));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
}

TEST(Duration, ThatIsNoneIsRefused) {
  for (const auto* text : {"", "7", "d", "-1h", "1.5h", "1 h", "30m1h", "1h1h", "1w", "1H", "9223372036854775807d",
                           "99999999999999999999ms", "1h-1m", "1h "}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Bytes, AreReadInTheirUnits) {
  EXPECT_EQ(parse_bytes("128MiB"), 128LL << 20);
  EXPECT_EQ(parse_bytes("4096"), 4096);
  EXPECT_EQ(parse_bytes("1B"), 1);
  EXPECT_EQ(parse_bytes("2TiB"), 2LL << 40);
}

TEST(Bytes, ThatAreNoneAreRefused) {
  for (const auto* text : {"", "MiB", "-1", "128MB", "1.5GiB", "1 KiB", "1KiB1B", "9223372036854775807KiB", "1kib"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Units, ComeBackAsTheyWere) {
  EXPECT_TRUE(rc::check("any duration and size", [] {
    const auto number =
        *rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t n) { return n < 0 ? -(n + 1) : n; });
    RC_ASSERT(parse_duration(format_duration(milliseconds(number))) == milliseconds(number));
    RC_ASSERT(parse_bytes(format_bytes(number)) == number);
  }));
  EXPECT_EQ(format_bytes(128 << 20), "128MiB");
  EXPECT_EQ(format_bytes(65535), "65535B");
  EXPECT_EQ(format_duration(std::chrono::minutes(90)), "1h30m");
}

}  // namespace
}  // namespace bitacora::app
