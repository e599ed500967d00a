// What the server does on the side, on a disk in memory and a clock that the test moves, told by what it logs.
#include "upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "storage/committer.h"
#include "storage/memory_file_system.h"

namespace bitacora::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
    open();
  }
  ~UpkeepTest() override { spdlog::set_default_logger(before_); }

  void open() {
    committer_.reset();
    store_.reset();
    auto store = storage::Store::open(
        *files_, clock_, *catalog_,
        {.directory = "data", .preallocate_bytes = 0, .disk_warn_percent = 80, .disk_stop_percent = 90});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    if (store_->find_log("x") == nullptr) {
      storage::LogSettings settings;
      settings.partitions = 1;
      settings.segment_bytes = 1024;
      settings.retention_time = hours(24);
      ASSERT_TRUE(store_->create_log("x", settings));
    }
    committer_ = std::make_unique<storage::Committer>(*store_, clock_, storage::CommitterOptions{});
  }
  // A segment of its own, each.
  void append(int count) {
    for (int i = 0; i < count; ++i) {
      storage::BatchBuilder builder;
      const std::string value(900, 'v');
      builder.add({0, clock_.now().wall_ms, as_bytes("k"), as_bytes(value), {}});
      ASSERT_TRUE(committer_->submit({&store_->find_log("x")->partition(0), builder.take(), 0, 0}));
      committer_->run_once();
    }
  }
  void damage(int segment) {
    const std::string name = "data/x-0/0000000000000000000" + std::to_string(segment) + ".log";
    ASSERT_TRUE(files_->flip_bit(name, 100 * 8));
  }
  void use_percent(std::uint64_t percent) { files_->set_capacity(files_->used() * 100 / percent); }
  std::string told() { return std::exchange(log_, std::ostringstream()).str(); }
  void turn(Upkeep& upkeep, std::chrono::nanoseconds later = seconds(1)) {
    clock_.advance(later);
    upkeep.turn();
  }
  [[nodiscard]] std::uint64_t scrubbed() const { return store_->scrub_totals().bytes; }

  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::unique_ptr<storage::MemoryFileSystem> files_ = storage::make_memory_file_system();
  VirtualClock clock_;
  std::unique_ptr<storage::Catalog> catalog_ = *storage::Catalog::open(":memory:");
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Committer> committer_;
};

TEST_F(UpkeepTest, TellsEachCrossingOfAMarkOnce) {
  append(30);
  Upkeep upkeep(*store_, clock_, {});
  turn(upkeep);
  EXPECT_EQ(told(), "");
  use_percent(85);
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("[warning] disk space: 85.0 % are used"));
  turn(upkeep);
  EXPECT_EQ(told(), "");
  use_percent(95);
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("[error] disk space: 95"));
  use_percent(82);
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("publishes are taken again"));
  use_percent(10);
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("below disk_warn_percent again"));
}

TEST_F(UpkeepTest, KeepsHouseAtItsIntervalAndFromTheNextTurnOnAtAnother) {
  append(4);
  clock_.advance(hours(48));
  Upkeep upkeep(*store_, clock_, {.housekeeping_interval = seconds(10)});
  turn(upkeep, seconds(9));
  EXPECT_EQ(told(), "");
  turn(upkeep);  // the first of the two that must agree on what is old
  turn(upkeep, seconds(10));
  EXPECT_THAT(told(), HasSubstr("bytes given back"));
  append(4);
  clock_.advance(hours(48));
  upkeep.change({.housekeeping_interval = milliseconds(100)});
  turn(upkeep, milliseconds(100));
  turn(upkeep, milliseconds(100));
  EXPECT_THAT(told(), HasSubstr("bytes given back"));
}

TEST_F(UpkeepTest, MakesTheKeyIndexesAtItsRateAndNotOnAFullDisk) {
  append(31);  // 30 sealed segments of about 1000 bytes
  const auto indexes = [this] {
    const auto entries = *files_->list("data/x-0");
    return std::ranges::count_if(entries, [](const auto& entry) { return entry.name.ends_with(".keyindex"); });
  };
  Upkeep upkeep(*store_, clock_, {.key_index_bytes_per_second = 5000});
  use_percent(95);
  turn(upkeep);
  EXPECT_EQ(indexes(), 0);
  use_percent(10);
  turn(upkeep);
  EXPECT_GE(indexes(), 4);
  EXPECT_LE(indexes(), 7);
  for (int i = 0; i < 10; ++i) turn(upkeep);
  EXPECT_EQ(indexes(), 30);
}

TEST_F(UpkeepTest, ScrubsAtItsRateAndThenRestsUntilTheIntervalIsOver) {
  append(21);  // 20 of them sealed
  Upkeep upkeep(*store_, clock_, {.scrub_interval = hours(1), .scrub_bytes_per_second = 2000});
  turn(upkeep);
  const std::uint64_t first = scrubbed();
  EXPECT_GE(first, 2000U);
  EXPECT_LT(first, 4000U);
  turn(upkeep, std::chrono::minutes(30));  // a long turn is made up for by no burst
  EXPECT_LT(scrubbed(), 8000U);
  for (int i = 0; i < 20; ++i) turn(upkeep);
  EXPECT_EQ(store_->scrub_totals().passes, 1U);
  const std::uint64_t whole = scrubbed();
  for (int i = 0; i < 20; ++i) turn(upkeep);
  EXPECT_EQ(scrubbed(), whole);
  turn(upkeep, hours(1));
  EXPECT_GT(scrubbed(), whole);
}

TEST_F(UpkeepTest, WithARateOfNothingItDoesNotScrub) {
  append(5);
  Upkeep upkeep(*store_, clock_, {.scrub_bytes_per_second = 0});
  for (int i = 0; i < 5; ++i) turn(upkeep);
  EXPECT_EQ(scrubbed(), 0U);
}

TEST_F(UpkeepTest, TellsDamageThatTheScrubFindsOnce) {
  append(6);
  damage(2);
  Upkeep upkeep(*store_, clock_, {.scrub_interval = seconds(1), .scrub_bytes_per_second = 1 << 20});
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("[error] damage: x/0: records 2 to before 3 cannot be read: 00000000000000000002.log"));
  turn(upkeep);
  turn(upkeep);
  EXPECT_EQ(store_->scrub_totals().passes, 3U);
  EXPECT_EQ(told(), "");
}

TEST_F(UpkeepTest, TellsDamageThatAReaderMetButNotWhatTheStartToldAlready) {
  append(6);
  damage(4);  // the start looks at the ends of sealed segments
  open();
  ASSERT_EQ(store_->recovery_report().partitions.at(0).quarantined.size(), 1U);
  Upkeep upkeep(*store_, clock_, {.housekeeping_interval = seconds(1)});
  turn(upkeep);
  EXPECT_EQ(told(), "");
  append(3);
  damage(6);
  EXPECT_FALSE(store_->find_log("x")->partition(0).read(6, 1));
  turn(upkeep);
  EXPECT_THAT(told(), HasSubstr("damage: x/0: records 6 to before 7"));
}

TEST_F(UpkeepTest, OnItsOwnThreadItIsStoppedAtOnce) {
  SystemClock real;
  append(6);
  damage(2);
  Upkeep upkeep(*store_, real, {.scrub_bytes_per_second = 1 << 30});
  upkeep.start();
  while (store_->known_damage().empty()) std::this_thread::yield();
  upkeep.stop();
  upkeep.stop();
  EXPECT_THAT(told(), HasSubstr("damage: x/0"));
}

}  // namespace
}  // namespace bitacora::app
