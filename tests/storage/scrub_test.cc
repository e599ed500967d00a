// Damage that nobody has read yet is found by the scrub: all of it, once, and nothing that is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "storage/compaction_world.h"
#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t everything = std::uint64_t{1} << 40;
constexpr const char* second_segment = "data/x-0/00000000000000000002.log";

class ScrubTest : public testing::Test, public LogWorld {
 protected:
  // Four segments of two batches each, three of them sealed, cleanly stopped: a start reads none of them.
  void fill() {
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = 1024;
    ASSERT_TRUE(store().change_settings("x", settings));
    for (int i = 0; i < 8; ++i) append({std::to_string(i) + std::string(400, ' ')});
    ASSERT_EQ(partition().segment_count(), 4);
    close();
  }
  ScrubResult scrub(std::uint64_t max_bytes = everything) {
    const Result<ScrubResult> done = store().scrub(max_bytes);
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(ScrubResult{});
  }
  std::uint64_t sealed_bytes() const {
    std::uint64_t size = 0;
    for (const char* base : {"0", "2", "4"})
      size += file(std::string("data/x-0/0000000000000000000") + base + ".log").size();
    return size;
  }
};

TEST_F(ScrubTest, finds_damage_that_nobody_has_read_and_the_rest_stays_readable) {
  fill();
  ASSERT_TRUE(disk->flip_bit(second_segment, 100 * 8));
  open();
  ASSERT_TRUE(store().recovery_report().clean_shutdown);
  ASSERT_THAT(store().known_damage(), IsEmpty());
  const ScrubResult found = scrub();
  EXPECT_EQ(found.damages, 1U);
  EXPECT_TRUE(found.pass_ended);
  const std::vector<KnownDamage> known = store().known_damage();
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_EQ(known[0].log, "x");
  EXPECT_EQ(known[0].partition, 0);
  EXPECT_EQ(known[0].quarantine.offsets, (OffsetRange{2, 3}));
  EXPECT_EQ(known[0].quarantine.segment, "00000000000000000002.log");
  EXPECT_EQ(known[0].quarantine.position, 0U);
  EXPECT_FALSE(known[0].quarantine.why.empty());
  EXPECT_EQ(partition().read(2, 1000).error().range, (OffsetRange{2, 3}));
  EXPECT_THAT(values(3), SizeIs(5));
  EXPECT_EQ(append({"8"}), 8);
}

TEST_F(ScrubTest, reports_each_damage_once) {
  fill();
  ASSERT_TRUE(disk->flip_bit(second_segment, 100 * 8));
  open();
  EXPECT_EQ(scrub().damages, 1U);
  EXPECT_EQ(scrub().damages, 0U);
  EXPECT_THAT(store().known_damage(), SizeIs(1));
  kill();
  open();
  static_cast<void>(partition().read(2, 1));  // a reader was first
  ASSERT_THAT(store().known_damage(), SizeIs(1));
  EXPECT_EQ(scrub().damages, 0U);
}

TEST_F(ScrubTest, takes_a_longer_range_in_the_place_of_a_part_of_it_that_a_reader_met) {
  fill();
  const std::size_t first = *BatchView::claimed_size(file(second_segment));
  ASSERT_TRUE(disk->flip_bit(second_segment, (first + 100) * 8));
  open();
  ASSERT_EQ(partition().read(3, 1).error().range, (OffsetRange{3, 4}));
  ASSERT_TRUE(disk->flip_bit(second_segment, 100 * 8));
  EXPECT_EQ(scrub().damages, 1U);
  ASSERT_THAT(store().known_damage(), SizeIs(1));
  EXPECT_EQ(store().known_damage()[0].quarantine.offsets, (OffsetRange{2, 4}));
}

TEST_F(ScrubTest, finds_every_flipped_bit) {
  fill();
  const Bytes good = file(second_segment);
  const Bytes mark = file("data/clean-shutdown");
  for (std::size_t bit = 0; bit < good.size() * 8; bit += bit < 61 * 8 ? 1 : 11) {
    overwrite(second_segment, good);
    overwrite("data/clean-shutdown", mark);
    ASSERT_TRUE(disk->flip_bit(second_segment, bit));
    open();
    EXPECT_EQ(scrub().damages, 1U) << bit;
    EXPECT_EQ(partition().offsets().committed, 8);
    kill();
    if (HasFailure()) return;
  }
}

TEST_F(ScrubTest, goes_on_where_it_stopped_and_reads_everything_that_is_sealed_once_a_pass) {
  fill();
  open();
  for (int pass = 1; pass <= 2; ++pass) {
    std::uint64_t bytes = 0;
    int calls = 0;
    for (bool ended = false; !ended; ++calls) {
      const ScrubResult result = scrub(1);  // a batch at a time
      bytes += result.bytes;
      ended = result.pass_ended;
    }
    EXPECT_EQ(bytes, sealed_bytes());
    EXPECT_GE(calls, 6);
    EXPECT_EQ(store().scrub_totals().passes, static_cast<std::uint64_t>(pass));
    EXPECT_EQ(store().scrub_totals().bytes, static_cast<std::uint64_t>(pass) * sealed_bytes());
  }
}

TEST_F(ScrubTest, passes_over_what_cannot_be_read_and_says_so) {
  fill();
  ASSERT_TRUE(disk->flip_bit("data/x-0/00000000000000000004.log", 100 * 8));
  open();
  faulty->arm({.kind = FaultKind::io_error,
               .target = FaultTarget::reads,
               .at = 1,
               .sticky = true,
               .path_contains = "00000000000000000002.log"});
  EXPECT_EQ(store().scrub(everything).error().code, Errc::io_error);
  EXPECT_EQ(store().scrub_totals().read_errors, 1U);
  const ScrubResult rest = scrub();
  EXPECT_TRUE(rest.pass_ended);
  EXPECT_EQ(rest.damages, 1U) << "the segment behind it";
  faulty->disarm();
  EXPECT_EQ(scrub().bytes, sealed_bytes());
}

TEST_F(ScrubTest, of_nothing_sealed_reads_nothing) {
  open();
  append({"a"});
  EXPECT_TRUE(scrub().pass_ended);
  EXPECT_EQ(store().scrub_totals().bytes, 0U);
}

TEST_F(ScrubTest, forgets_damage_that_retention_took_away) {
  fill();
  ASSERT_TRUE(disk->flip_bit(second_segment, 100 * 8));
  open();
  EXPECT_EQ(scrub().damages, 1U);
  ASSERT_TRUE(partition().delete_records_before(4));
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_THAT(store().known_damage(), IsEmpty());
}

// Where compaction and retention change what is being read, it finds no damage: there is none.
TEST(ScrubModel, beside_compaction_retention_and_restarts_it_finds_nothing_where_nothing_is) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  CompactionWorld world;
  world.open();
  std::uint64_t passes = 0;
  for (int step = 0; step < 3000; ++step) {
    const auto dice = random() % 20;
    if (dice < 8) {
      static_cast<void>(world.try_put({{"k" + std::to_string(random() % 6), CompactionWorld::big("v")}}));
    } else if (dice < 17) {
      const Result<ScrubResult> done = world.store().scrub(1 + random() % 1500);
      ASSERT_TRUE(done) << done.error().message;
      ASSERT_EQ(done->damages, 0U) << "step " << step;
      if (done->pass_ended) ++passes;
    } else if (dice == 17) {
      world.clock.advance(std::chrono::hours(2));
      ASSERT_TRUE(world.store().run_housekeeping());
    } else if (dice == 18) {
      ASSERT_TRUE(world.partition().delete_records_before(world.partition().offsets().committed / 2));
    } else if (random() % 4 == 0) {
      random() % 2 == 0 ? world.close() : world.kill();
      world.open();
    }
  }
  EXPECT_THAT(world.store().known_damage(), IsEmpty());
  EXPECT_GT(passes, 10U);
}

TEST(ScrubThreads, a_scrub_runs_beside_appends_readers_and_compaction) {
  CompactionWorld world;
  world.open();
  std::atomic<bool> done{false};
  std::thread scrubber([&] {
    while (!done) {
      const Result<ScrubResult> result = world.store().scrub(700);
      EXPECT_TRUE(result);
      EXPECT_EQ(result.value_or(ScrubResult{}).damages, 0U);
      static_cast<void>(world.store().known_damage());
      static_cast<void>(world.store().disk_space());
    }
  });
  std::thread keeper([&] {
    while (!done) EXPECT_TRUE(world.store().run_housekeeping());
  });
  for (int i = 0; i < 300; ++i) {
    EXPECT_FALSE(world.try_put({{"k" + std::to_string(i % 5), CompactionWorld::big("v")}}).error);
    const Offset start = world.partition().offsets().log_start;
    EXPECT_TRUE(world.partition().read(start, 2000));
  }
  while (world.store().scrub_totals().passes < 3) std::this_thread::yield();
  done = true;
  scrubber.join();
  keeper.join();
}

}  // namespace
}  // namespace bitacora::storage
