#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "storage/compaction_world.h"

namespace bitacora::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CompactionTest : public testing::Test, public CompactionWorld {
 protected:
  void change(const std::function<void(LogSettings&)>& how) {
    LogSettings settings = store().find_log("x")->settings();
    how(settings);
    ASSERT_TRUE(store().change_settings("x", settings));
  }
  void pass_time(std::chrono::milliseconds span) {
    clock.advance(span);
    compact();  // an expiry counts when two passes have seen it
    compact();
  }
};

TEST_F(CompactionTest, the_last_record_of_each_key_stays_with_its_offset_and_time) {
  open();
  put({{"a", big("1")}, {"b", big("1")}});
  clock.advance(minutes(1));
  put("a", big("2"));
  put("c", big("1"));
  seal();
  const std::vector<Offset> fillers = offsets_of("filler");
  EXPECT_GT(compact(), 0U);
  EXPECT_THAT(offsets_of("a"), ElementsAre(2));
  EXPECT_THAT(offsets_of("b"), ElementsAre(1));
  EXPECT_THAT(offsets_of("c"), ElementsAre(3));
  EXPECT_EQ(offsets_of("filler").back(), fillers.back());
  EXPECT_EQ(broken_promise(records()), "");
  EXPECT_EQ(compact(), 0U) << "nothing is left to do";
}

TEST_F(CompactionTest, the_active_segment_is_left_alone) {
  open();
  for (int i = 0; i < 3; ++i) put("a", std::to_string(i));
  EXPECT_EQ(compact(), 0U);
  EXPECT_THAT(offsets_of("a"), ElementsAre(0, 1, 2));
}

TEST_F(CompactionTest, a_cursor_at_an_offset_that_is_gone_gets_the_next_record) {
  open();
  for (int i = 0; i < 4; ++i) put("a", std::to_string(i));
  put("b", "0");
  seal();
  compact();
  for (Offset from = 0; from <= 3; ++from) EXPECT_EQ(records(from).front().offset, 3) << from;
  EXPECT_EQ(records(4).front().offset, 4);
}

TEST_F(CompactionTest, small_segments_are_merged_up_to_the_size_of_one) {
  open();
  for (int i = 0; i < 40; ++i) put(i % 2 == 0 ? "a" : "b", big(std::to_string(i)));
  const std::int32_t before = partition().segment_count();
  compact();
  compact();
  EXPECT_GT(before, 10);
  EXPECT_LE(partition().segment_count(), 3);
  EXPECT_EQ(static_cast<std::size_t>(partition().segment_count()), segment_files().size());
  EXPECT_EQ(broken_promise(records()), "");
  for (const std::string& name : segment_files()) EXPECT_LE(file("data/x-0/" + name).size(), 4096U);
}

TEST_F(CompactionTest, an_idle_log_rolls_by_age_and_is_compacted) {
  open();
  change([](LogSettings& settings) { settings.segment_age = hours(1); });
  put("a", "1");
  put("a", "2");
  clock.advance(hours(2));
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(1));
}

TEST_F(CompactionTest, a_pass_waits_until_enough_is_dirty) {
  open();
  for (int i = 0; i < 12; ++i) put("key " + std::to_string(i), big("1"));
  seal();
  compact();
  change([](LogSettings& settings) { settings.min_cleanable_ratio = 0.5; });
  put("key 0", big("2"));
  seal();
  compact();
  EXPECT_EQ(offsets_of("key 0").size(), 2U);
  change([](LogSettings& settings) { settings.min_cleanable_ratio = 0.1; });
  compact();
  EXPECT_EQ(offsets_of("key 0").size(), 1U);
}

TEST_F(CompactionTest, a_tombstone_removes_its_key_at_once_and_goes_itself_after_delete_retention) {
  open();
  put("a", "1");
  put("a", std::nullopt);
  seal();
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(1));
  const KeyedRecord tombstone = records().front();
  EXPECT_EQ(tombstone, written[1]) << "its time is as it was";
  pass_time(minutes(59));
  EXPECT_THAT(offsets_of("a"), ElementsAre(1));
  pass_time(minutes(2));
  EXPECT_THAT(offsets_of("a"), IsEmpty());
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, a_tombstones_time_is_not_forgotten_over_restarts) {
  open();
  put("a", "1");
  put("a", std::nullopt);
  seal();
  compact();
  kill();
  open();
  pass_time(minutes(30));
  close();
  open();
  pass_time(minutes(31));
  EXPECT_THAT(offsets_of("a"), IsEmpty());
}

TEST_F(CompactionTest, a_clock_that_jumps_once_costs_no_tombstone) {
  open();
  put("a", std::nullopt);
  seal();
  compact();
  clock.jump_wall(hours(24));
  compact();
  clock.jump_wall(-hours(24));
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(0));
}

TEST_F(CompactionTest, a_key_that_was_deleted_may_come_back) {
  open();
  put("a", "1");
  put("a", std::nullopt);
  seal();
  compact();
  const Offset again = put("a", "2");
  seal();
  pass_time(hours(2));
  EXPECT_THAT(offsets_of("a"), ElementsAre(again));
}

TEST_F(CompactionTest, a_segment_of_which_nothing_stays_leaves_its_offsets) {
  open();
  put({{"a", std::nullopt}, {"b", std::nullopt}});
  put("filler", big("x"));
  seal();
  compact();
  pass_time(hours(2));
  EXPECT_THAT(offsets_of("a"), IsEmpty());
  EXPECT_EQ(partition().offsets().log_start, 0);
  const Offset first = records().front().offset;
  EXPECT_EQ(records(1).front().offset, first);
  kill();
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, records_without_a_key_are_refused) {
  open();
  BatchBuilder builder;
  builder.add({.offset = 0, .timestamp = 1, .key = as_bytes("a"), .value = as_bytes("1"), .headers = {}});
  builder.add({.offset = 0, .timestamp = 1, .key = {}, .value = as_bytes("1"), .headers = {}});
  const AppendOutcome outcome = try_submit(builder.take());
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, Errc::invalid_argument);
  EXPECT_EQ(partition().offsets().committed, 0);
}

TEST_F(CompactionTest, records_without_a_key_that_are_there_already_stay) {
  open();
  change([](LogSettings& settings) { settings.cleanup = Cleanup::remove; });
  BatchBuilder builder;
  builder.add({.offset = 0, .timestamp = clock.now().wall_ms, .key = {}, .value = as_bytes("1"), .headers = {}});
  ASSERT_FALSE(try_submit(builder.take()).error);
  change([](LogSettings& settings) { settings.cleanup = Cleanup::compact; });
  put("a", "1");
  put("a", "2");
  seal();
  compact();
  const std::vector<KeyedRecord> found = records();
  EXPECT_EQ(found[0].offset, 0);
  EXPECT_EQ(found[1].offset, 2);
}

TEST_F(CompactionTest, a_compressed_or_control_batch_is_refused) {
  open();
  for (const int attributes : {0x01, 0x20, 0x40}) {
    Bytes bytes = batch({"v"});
    bytes[22] = static_cast<std::byte>(attributes);
    const AppendOutcome outcome = try_submit(std::move(bytes));
    ASSERT_TRUE(outcome.error) << attributes;
    EXPECT_EQ(outcome.error->code, Errc::invalid_argument);
  }
}

// A batch that nobody can look into may hold an older value of any key.
TEST_F(CompactionTest, no_tombstone_goes_while_something_below_it_cannot_be_read) {
  open();
  change([](LogSettings& settings) { settings.cleanup = Cleanup::remove; });
  Bytes compressed = batch({"v"});
  compressed[22] = std::byte{0x01};
  ASSERT_FALSE(try_submit(std::move(compressed)).error);
  change([](LogSettings& settings) { settings.cleanup = Cleanup::compact; });
  put("a", "1");
  const Offset tombstone = put("a", std::nullopt);
  seal();
  compact();
  pass_time(hours(2));
  const auto kept = partition().read(0, 1);
  ASSERT_TRUE(kept);
  EXPECT_EQ(BatchView::check(kept->bytes)->codec(), Codec::gzip);
  const std::vector<KeyedRecord> rest = records(1);
  EXPECT_EQ(rest.front().offset, tombstone);
}

TEST_F(CompactionTest, a_damaged_segment_is_left_as_it_is_and_the_others_are_compacted) {
  open();
  for (int i = 0; i < 12; ++i) put("a", big(std::to_string(i)));
  const std::string damaged = "data/x-0/" + segment_files()[1];
  const Offset lost = std::stoll(segment_files()[1]);
  ASSERT_TRUE(disk->flip_bit(damaged, 100 * 8));
  const Bytes before = file(damaged);
  compact();
  EXPECT_EQ(file(damaged), before);
  const auto read = partition().read(lost, 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().range, (OffsetRange{lost, lost + 1}));
  EXPECT_EQ(records(lost + 1).back(), written.back());
  EXPECT_LT(records(lost + 1).size(), 12U - static_cast<std::size_t>(lost) - 1);
}

TEST_F(CompactionTest, a_pass_ends_where_its_memory_for_keys_does_and_the_next_goes_on) {
  options.compaction_key_bytes = 1;
  open();
  for (int i = 0; i < 20; ++i) put("key " + std::to_string(i % 3), big(std::to_string(i)));
  const Offset sealed = active_base();
  compact();
  EXPECT_THAT(offsets_of("key 1"), Contains(4)) << "one pass sees one batch";
  for (int i = 0; i < 20; ++i) compact();
  for (const std::string key : {"key 0", "key 1", "key 2"}) {
    const std::vector<Offset> offsets = offsets_of(key);
    EXPECT_LE(std::count_if(offsets.begin(), offsets.end(), [&](Offset offset) { return offset < sealed; }), 1);
  }
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, how_far_it_came_is_remembered_and_only_a_saving) {
  open();
  for (int i = 0; i < 12; ++i) put("a", big(std::to_string(i)));
  compact();
  const std::vector<KeyedRecord> compacted = records();
  for (const std::string text : {"", "bitacora-compaction 1\n99999 -\n", "bitacora-compaction 1\n-1 -\n", "rubbish"}) {
    kill();
    overwrite("data/x-0/compaction-checkpoint", as_bytes(text));
    open();
    compact();
    EXPECT_EQ(records(), compacted) << text;
  }
}

TEST_F(CompactionTest, times_are_found_after_it) {
  open();
  const Timestamp begin = clock.now().wall_ms;
  for (int i = 0; i < 30; ++i) {
    put("key " + std::to_string(i % 4), big(std::to_string(i)));
    clock.advance(minutes(1));
  }
  compact();
  for (int restart = 0; restart < 2; ++restart) {
    const std::vector<KeyedRecord> found = records();
    for (Timestamp wanted = begin; wanted <= found.back().timestamp; wanted += 30'000) {
      const auto first = std::find_if(found.begin(), found.end(),
                                      [&](const KeyedRecord& record) { return record.timestamp >= wanted; });
      const auto at = partition().find_time(wanted);
      ASSERT_TRUE(at && *at) << wanted;
      EXPECT_EQ((*at)->offset, first->offset);
      EXPECT_EQ((*at)->timestamp, first->timestamp);
    }
    kill();
    open();
    EXPECT_EQ(recovery().indexes_rebuilt, 0);
  }
}

TEST_F(CompactionTest, it_starts_cleanly_and_from_a_kill_with_every_batch_in_its_place) {
  open();
  for (int i = 0; i < 30; ++i) put("key " + std::to_string(i % 4), big(std::to_string(i)));
  compact();
  const std::vector<KeyedRecord> before = records();
  close();
  open();
  EXPECT_TRUE(store().recovery_report().clean_shutdown);
  EXPECT_EQ(records(), before);
  kill();
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(records(), before);
}

TEST_F(CompactionTest, a_missing_segment_of_a_compacted_log_is_still_a_hole) {
  open();
  for (int i = 0; i < 30; ++i) put("key " + std::to_string(i), big(std::to_string(i)));
  compact();
  const std::vector<std::string> names = segment_files();
  ASSERT_GE(names.size(), 4U);
  kill();
  ASSERT_TRUE(disk->remove("data/x-0/" + names[1]));
  open();
  ASSERT_THAT(recovery().quarantined, testing::SizeIs(1));
  EXPECT_EQ(recovery().quarantined[0].offsets, (OffsetRange{std::stoll(names[1]), std::stoll(names[2])}));
}

TEST_F(CompactionTest, a_file_that_was_being_built_is_removed_at_the_next_start) {
  open();
  put("a", "1");
  kill();
  overwrite("data/x-0/00000000000000000000.log.cleaned", as_bytes("half a segment"));
  open();
  EXPECT_THAT(files(), Not(Contains(HasSubstr(".cleaned"))));
  EXPECT_THAT(recovery().notes, Contains(HasSubstr(".cleaned")));
  EXPECT_EQ(broken_promise(records()), "");
}

// As a file system without a journal can leave a rename that a power cut has broken off: found by the power-cut rig.
TEST_F(CompactionTest, what_it_made_takes_the_place_of_a_segment_that_has_lost_its_name) {
  open();
  for (int i = 0; i < 7; ++i) put("key " + std::to_string(i), big(std::to_string(i)));
  kill();
  const std::string segment = "data/x-0/00000000000000000000.log";
  ASSERT_TRUE(disk->rename(segment, segment + ".cleaned"));
  open();
  EXPECT_THAT(files(), Not(Contains(HasSubstr(".cleaned"))));
  EXPECT_THAT(recovery().notes, Contains(HasSubstr("renamed")));
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, a_full_disk_stops_it_and_it_goes_on_when_there_is_room) {
  open();
  for (int i = 0; i < 12; ++i) put("key " + std::to_string(i % 5), big(std::to_string(i)));
  disk->set_capacity(disk->used() + 10);
  EXPECT_EQ(store().run_housekeeping().error().code, Errc::no_space);
  EXPECT_THAT(files(), Not(Contains(HasSubstr(".cleaned"))));
  EXPECT_EQ(broken_promise(records()), "");
  disk->set_capacity(std::uint64_t{1} << 40);
  EXPECT_GT(compact(), 0U);
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, a_reader_goes_on_over_a_swap_where_it_was) {
  open();
  for (int i = 0; i < 20; ++i) put("key " + std::to_string(i % 7), big(std::to_string(i)));
  const std::vector<KeyedRecord> before = records();
  const auto first = partition().read(0, 1);
  ASSERT_TRUE(first);
  compact();
  const auto second = partition().read(first->next, 1, first->hint);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GT(second->next, first->next);
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, nothing_at_or_above_a_hold_is_removed) {
  open();
  for (int i = 0; i < 12; ++i) put("a", big(std::to_string(i)));  // segments of three
  seal();
  const auto hold = store().hold_compaction({5});
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  hold->move_to({9});
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(8, 9, 10, 11));
  EXPECT_EQ(broken_promise(records()), "");
}

TEST_F(CompactionTest, the_lowest_of_all_holds_counts_until_it_is_let_go) {
  open();
  for (int i = 0; i < 12; ++i) put("a", big(std::to_string(i)));
  seal();
  auto high = store().hold_compaction({6});
  auto low = store().hold_compaction({3});
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  low.reset();
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(5, 6, 7, 8, 9, 10, 11));
  high.reset();
  compact();
  EXPECT_THAT(offsets_of("a"), ElementsAre(11));
}

TEST_F(CompactionTest, a_hold_without_an_offset_for_a_partition_holds_all_of_it) {
  open();
  for (int i = 0; i < 12; ++i) put("a", big(std::to_string(i)));
  seal();
  const auto hold = store().hold_compaction({});
  EXPECT_EQ(compact(), 0U);
  EXPECT_EQ(offsets_of("a").size(), 12U);
}

TEST_F(CompactionTest, a_hold_may_be_moved_while_a_pass_runs) {
  open();
  for (int i = 0; i < 60; ++i) put("a", big(std::to_string(i)));
  seal();
  const auto hold = store().hold_compaction({0});
  std::thread keeper([this] {
    for (int i = 0; i < 20; ++i) compact();
  });
  for (Offset offset = 1; offset <= 30; ++offset) hold->move_to({offset});
  keeper.join();
  compact();
  const std::vector<Offset> kept = offsets_of("a");
  EXPECT_EQ(kept.size(), 31U) << "29, the last below the hold, and all from it on";
  EXPECT_EQ(kept.front(), 29);
}

}  // namespace
}  // namespace bitacora::storage
