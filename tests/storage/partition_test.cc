#include "storage/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class PartitionTest : public testing::Test, public LogWorld {
 protected:
  void change(const std::function<void(LogSettings&)>& how) {
    LogSettings settings = store().find_log("x")->settings();
    how(settings);
    ASSERT_TRUE(store().change_settings("x", settings));
  }
  // One batch to a segment, a minute apart.
  void fill_segments(int count) {
    change([](LogSettings& settings) { settings.segment_bytes = 1024; });
    for (int i = 0; i < count; ++i) {
      append({std::to_string(i) + std::string(600, '.')});
      clock.advance(std::chrono::minutes(1));
    }
    ASSERT_EQ(partition().segment_count(), count);
  }
};

TEST_F(PartitionTest, a_read_gives_the_whole_batch_that_holds_the_offset) {
  open();
  append({"a", "b", "c"});
  append({"d"});
  const auto read = partition().read(1, 1);
  ASSERT_TRUE(read);
  EXPECT_EQ(BatchView::check(read->bytes)->base_offset(), 0);
  EXPECT_EQ(read->next, 3);
}

TEST_F(PartitionTest, reading_at_the_end_gives_nothing_and_past_it_is_out_of_range) {
  open();
  EXPECT_TRUE(partition().read(0, 100)->bytes.empty());
  append({"a"});
  const auto at_end = partition().read(1, 100);
  ASSERT_TRUE(at_end);
  EXPECT_TRUE(at_end->bytes.empty());
  EXPECT_EQ(at_end->next, 1);
  EXPECT_EQ(partition().read(2, 100).error().code, Errc::offset_out_of_range);
  EXPECT_EQ(partition().read(-1, 100).error().code, Errc::offset_out_of_range);
}

TEST_F(PartitionTest, a_read_goes_over_segments_up_to_its_bound) {
  open();
  fill_segments(4);
  const auto all = partition().read(0, 1 << 20);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->next, 4);
  const auto some = partition().read(0, all->bytes.size() / 2);
  EXPECT_EQ(some->next, 2);
  EXPECT_LE(some->bytes.size(), all->bytes.size() / 2);
}

TEST_F(PartitionTest, a_stale_or_foreign_hint_costs_only_a_search) {
  open();
  append({"a"});
  append({"b"});
  append({"c"});
  for (const ReadHint hint :
       {ReadHint{1, 0, 3}, ReadHint{1, 0, 1 << 30}, ReadHint{1, 77, 0}, ReadHint{2, 0, 0}, ReadHint{1, 0, 0}}) {
    const auto read = partition().read(1, 1, hint);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(BatchView::check(read->bytes)->base_offset(), 1);
  }
}

TEST_F(PartitionTest, nothing_is_readable_before_its_round_is_through) {
  open();
  submit({"a"});
  EXPECT_EQ(partition().offsets(), (PartitionOffsets{0, 0, 0}));
  committer().run_once();
  EXPECT_EQ(partition().offsets(), (PartitionOffsets{0, 1, 1}));
}

TEST_F(PartitionTest, a_time_is_found_in_active_and_sealed_segments_and_after_a_restart) {
  open();
  const Timestamp begin = clock.now().wall_ms;
  fill_segments(4);
  append({"4"});
  append({"5"});
  const auto check = [&] {
    EXPECT_EQ(partition().find_time(0)->value().offset, 0);
    EXPECT_EQ(partition().find_time(begin)->value().offset, 0);
    EXPECT_EQ(partition().find_time(begin + 1)->value().offset, 1);
    EXPECT_EQ(partition().find_time(begin + 60'000)->value().offset, 1);
    EXPECT_EQ(partition().find_time(begin + 60'000)->value().timestamp, begin + 60'000);
    EXPECT_EQ(partition().find_time(begin + 200'000)->value().offset, 4);
    EXPECT_FALSE(*partition().find_time(begin + 240'001));
  };
  check();
  close();
  open();
  check();
  kill();
  open();
  check();
  ASSERT_TRUE(partition().delete_records_before(2));
  EXPECT_EQ(partition().find_time(0)->value().offset, 2);
}

TEST_F(PartitionTest, time_never_runs_backwards_and_the_shift_is_told) {
  open();
  const Timestamp begin = clock.now().wall_ms;
  append({"a"});
  clock.jump_wall(-hours(1));
  const AppendOutcome outcome = try_append({"b"});
  EXPECT_EQ(outcome.timestamp_shift_ms, milliseconds(hours(1)).count());
  EXPECT_EQ(BatchView::check(partition().read(1, 1)->bytes)->max_timestamp(), begin);
  close();
  open();
  EXPECT_EQ(try_append({"c"}).timestamp_shift_ms, milliseconds(hours(1)).count());
  kill();
  open();
  EXPECT_EQ(try_append({"d"}).timestamp_shift_ms, milliseconds(hours(1)).count());
}

TEST_F(PartitionTest, records_deleted_before_an_offset_stay_deleted) {
  open();
  fill_segments(4);
  EXPECT_EQ(partition().delete_records_before(5).error().code, Errc::offset_out_of_range);
  EXPECT_EQ(*partition().delete_records_before(2), 2);
  EXPECT_EQ(*partition().delete_records_before(1), 2);
  EXPECT_EQ(partition().read(1, 1).error().code, Errc::offset_out_of_range);
  EXPECT_TRUE(partition().read(2, 1));
  kill();
  open();
  EXPECT_EQ(partition().offsets().log_start, 2);
  EXPECT_EQ(partition().segment_count(), 2);  // the start finished what deletion had begun
  EXPECT_EQ(append({"e"}), 4);
}

TEST_F(PartitionTest, deleting_inside_a_segment_keeps_its_batches_whole) {
  open();
  append({"a", "b", "c"});
  append({"d"});
  EXPECT_EQ(*partition().delete_records_before(2), 2);
  EXPECT_THAT(values(), ElementsAre("c", "d"));
  kill();
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_THAT(values(), ElementsAre("c", "d"));
}

TEST_F(PartitionTest, retention_by_size_removes_the_oldest_segments_but_keeps_that_many_bytes) {
  open();
  fill_segments(6);
  const std::uint64_t each = partition().size_bytes() / 6;
  change([&](LogSettings& settings) { settings.retention_bytes = static_cast<std::int64_t>(each * 5 / 2); });
  EXPECT_EQ(*store().run_housekeeping(), 3 * each);
  EXPECT_EQ(partition().segment_count(), 3);
  EXPECT_EQ(partition().offsets().log_start, 3);
  EXPECT_EQ(*store().run_housekeeping(), 0U);
  kill();
  open();
  EXPECT_EQ(partition().offsets(), (PartitionOffsets{3, 6, 6}));
}

TEST_F(PartitionTest, retention_by_time_wants_to_see_the_clock_past_the_limit_twice) {
  open();
  fill_segments(4);
  change([](LogSettings& settings) { settings.retention_time = hours(1); });
  clock.jump_wall(hours(24 * 365));
  EXPECT_EQ(*store().run_housekeeping(), 0U);
  clock.jump_wall(-hours(24 * 365));
  EXPECT_EQ(*store().run_housekeeping(), 0U);
  EXPECT_EQ(partition().offsets().log_start, 0);
  clock.advance(hours(2));
  EXPECT_EQ(*store().run_housekeeping(), 0U);
  EXPECT_GT(*store().run_housekeeping(), 0U);
  EXPECT_EQ(partition().offsets().log_start, 4);
  EXPECT_EQ(append({"new"}), 4);
}

TEST_F(PartitionTest, a_reader_in_a_segment_may_finish_it_while_retention_removes_it) {
  open();
  fill_segments(3);
  const auto first = partition().read(0, 1);
  change([&](LogSettings& settings) { settings.retention_bytes = 1; });
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_EQ(partition().read(first->next, 1, first->hint).error().code, Errc::offset_out_of_range);
  EXPECT_TRUE(partition().read(2, 1));
}

TEST_F(PartitionTest, the_active_segment_is_rolled_by_age_even_when_idle) {
  open();
  append({"a"});
  change([](LogSettings& settings) { settings.segment_age = hours(1); });
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_EQ(partition().segment_count(), 1);
  clock.advance(hours(2));
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_EQ(partition().segment_count(), 2);
  append({"b"});
  clock.advance(hours(2));
  append({"c"});
  EXPECT_EQ(partition().segment_count(), 3);
  EXPECT_THAT(values(), ElementsAre("a", "b", "c"));
}

class MemoryPartitionTest : public PartitionTest {
 protected:
  void SetUp() override {
    options.directory = "data";
    auto opened = Store::open(*faulty, clock, *catalog, options);
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->create_log("x", one_partition(Durability::memory)));
    opened->reset();
    open();
  }
};

TEST_F(MemoryPartitionTest, holds_no_more_than_its_ring_and_nothing_on_disk) {
  change([](LogSettings& settings) { settings.memory_bytes = 1 << 20; });
  for (int i = 0; i < 300; ++i) append({std::string(10'000, 'x')});
  EXPECT_LE(partition().size_bytes(), 1U << 20);
  EXPECT_GT(partition().offsets().log_start, 150);
  EXPECT_EQ(partition().offsets().committed, 300);
  EXPECT_EQ(static_cast<Offset>(values().size()), 300 - partition().offsets().log_start);
  EXPECT_FALSE(*disk->exists("data/x-0"));
}

TEST_F(MemoryPartitionTest, never_uses_an_offset_twice_and_says_what_was_lost) {
  append({"a", "b"});
  kill();
  open();
  const Offset begin = partition().offsets().log_start;
  EXPECT_GE(begin, 2);
  EXPECT_EQ(recovery().memory_lost_before, begin);
  EXPECT_EQ(append({"c"}), begin);
  close();
  open();
  EXPECT_EQ(append({"d"}), begin + 1);  // a clean stop gives back what was not used
}

TEST_F(MemoryPartitionTest, finds_times_and_deletes_before_an_offset) {
  const Timestamp begin = clock.now().wall_ms;
  append({"a"});
  clock.advance(seconds(1));
  append({"b"});
  EXPECT_EQ(partition().find_time(begin + 1)->value().offset, 1);
  EXPECT_EQ(*partition().delete_records_before(1), 1);
  EXPECT_THAT(values(), ElementsAre("b"));
  EXPECT_EQ(partition().read(0, 1).error().code, Errc::offset_out_of_range);
}

}  // namespace
}  // namespace bitacora::storage
