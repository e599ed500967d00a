// A disk that fills up: refusals before and at its end, a start without any room, the ballast, and the way back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "storage/ballast.h"
#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* segment = "data/x-0/00000000000000000000.log";
constexpr const char* epochs = "data/x-0/leader-epoch-checkpoint";

class FullDiskTest : public testing::Test, public LogWorld {
 protected:
  void fill_disk() { disk->set_capacity(disk->used()); }
  void make_room() { disk->set_capacity(std::uint64_t{1} << 40); }
  // As if somebody's files took this much of it.
  void use_percent(std::uint64_t percent) { disk->set_capacity(disk->used() * 100 / percent); }
  void let_a_look_grow_old() { clock.advance(std::chrono::seconds(1)); }

  Errc refusal(const std::vector<std::string>& values) {
    const AppendOutcome outcome = try_append(values);
    EXPECT_TRUE(outcome.error) << "taken";
    EXPECT_FALSE(partition().offline());
    return outcome.error ? outcome.error->code : Errc::closed;
  }
  // Two commits, of which the power cut left the second without its last byte.
  Bytes torn_log() {
    open();
    append({"a"});
    append({"b"});
    kill();
    Bytes bytes = file(segment);
    ByteView rest = bytes;
    while (const auto size = BatchView::claimed_size(rest)) rest = rest.subspan(*size);
    bytes.resize(bytes.size() - rest.size() - 1);
    overwrite(segment, bytes);
    return bytes;
  }
};

TEST_F(FullDiskTest, after_a_kill_a_start_without_any_room_serves_reads_and_takes_appends_once_there_is_some) {
  open();
  append({"a", "b"});
  kill();
  const Bytes before = file(epochs);
  fill_disk();
  open();
  EXPECT_THAT(values(), ElementsAre("a", "b"));
  EXPECT_EQ(refusal({"c"}), Errc::no_space);
  EXPECT_THAT(recovery().notes, Contains(HasSubstr("full")));
  EXPECT_EQ(file(epochs), before);
  make_room();
  EXPECT_EQ(append({"d"}), 2);
  EXPECT_NE(file(epochs), before) << "a record of an epoch that no checkpoint knows";
  lose_power(1);
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_THAT(values(), ElementsAre("a", "b", "d"));
}

TEST_F(FullDiskTest, any_number_of_starts_without_room_changes_nothing) {
  const Bytes torn = torn_log();
  const Bytes before = file(epochs);
  fill_disk();
  for (int start = 0; start < 3; ++start) {
    open();
    EXPECT_THAT(values(), ElementsAre("a"));
    EXPECT_EQ(recovery().durable_end, 1);
    EXPECT_GT(recovery().cut_bytes, 0U);
    EXPECT_EQ(refusal({"c"}), Errc::no_space);
    EXPECT_EQ(file(segment), torn) << "cut without a copy";
    EXPECT_EQ(file(epochs), before);
    kill();
  }
}

TEST_F(FullDiskTest, what_a_start_had_no_room_to_keep_aside_is_kept_aside_before_the_first_append) {
  const Bytes torn = torn_log();
  fill_disk();
  open();
  EXPECT_EQ(recovery().cut_copy, "");
  make_room();
  EXPECT_EQ(append({"c"}), 1);
  const std::string copy = std::string(segment) + ".torn-1";
  ASSERT_THAT(files(), Contains("00000000000000000000.log.torn-1"));
  EXPECT_EQ(file(copy).size(), recovery().cut_bytes);
  EXPECT_TRUE(equal(file(copy), ByteView(torn).last(static_cast<std::size_t>(recovery().cut_bytes))));
  kill();
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(recovery().cut_bytes, 0U);
  EXPECT_THAT(values(), ElementsAre("a", "c"));
}

TEST_F(FullDiskTest, housekeeping_finishes_the_start_too_and_a_clean_stop_needs_it_finished) {
  torn_log();
  fill_disk();
  open();
  EXPECT_EQ(store().run_housekeeping().error().code, Errc::no_space);
  EXPECT_FALSE(store().close());
  drop();
  open();
  EXPECT_FALSE(store().recovery_report().clean_shutdown);
  make_room();
  EXPECT_TRUE(store().run_housekeeping());
  EXPECT_THAT(files(), Contains("00000000000000000000.log.torn-1"));
  close();
  open();
  EXPECT_TRUE(store().recovery_report().clean_shutdown);
  EXPECT_THAT(values(), ElementsAre("a"));
}

TEST_F(FullDiskTest, a_partition_that_has_no_segment_yet_starts_empty_and_gets_one_later) {
  open();
  kill();
  ASSERT_TRUE(disk->remove(segment));
  ASSERT_TRUE(disk->remove(epochs));
  fill_disk();
  open();
  EXPECT_THAT(values(), IsEmpty());
  EXPECT_FALSE(partition().find_time(0)->has_value());
  EXPECT_EQ(refusal({"a"}), Errc::no_space);
  make_room();
  EXPECT_EQ(append({"b"}), 0);
  lose_power(1);
  open();
  EXPECT_THAT(values(), ElementsAre("b"));
}

// Whatever it is that first has no room, and everything after it. What lies behind the last commit mark is written
// again in place; only where even that asks for room (a file system that copies on write) does the start fail.
TEST_F(FullDiskTest, a_start_that_runs_out_of_room_at_any_call_still_serves_and_loses_nothing) {
  std::uint64_t fired = 0;
  std::uint64_t refused = 0;
  for (const FaultTarget target : {FaultTarget::writes, FaultTarget::directories, FaultTarget::syncs}) {
    for (std::uint64_t at = 1;; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(target)) + ", call " + std::to_string(at));
      LogWorld world;
      world.open();
      world.append({"a"});
      world.append({"b"});
      world.kill();
      Bytes bytes = world.file(segment);
      bytes[*BatchView::claimed_size(bytes) + 65] ^= std::byte{1};  // "b" is torn
      world.overwrite(segment, bytes);
      world.faulty->arm({.kind = FaultKind::no_space,
                         .target = target,
                         .at = at,
                         .sticky = true,
                         .path_contains = "x-0",
                         .seed = at});
      const Result<> started = world.try_open();
      if (!started) {
        EXPECT_EQ(started.error().code, Errc::no_space);
        EXPECT_THAT(started.error().message, HasSubstr("written again"));
        ++refused;
        world.faulty->disarm();
        world.lose_power(at);
        world.open();
        EXPECT_THAT(world.values(), ElementsAre("a"));
        if (HasFailure()) return;
        continue;
      }
      const bool had_fault = world.faulty->fired();
      EXPECT_THAT(world.values(), ElementsAre("a"));
      const AppendOutcome early = world.try_append({"c"});
      world.faulty->disarm();
      std::vector<std::string> expected{"a"};
      if (!early.error) expected.emplace_back("c");
      if (!world.partition().offline()) {
        EXPECT_FALSE(world.try_append({"d"}).error);
        expected.emplace_back("d");
      }
      at % 2 == 0 ? world.kill() : world.lose_power(at);
      world.open();
      EXPECT_THAT(world.recovery().quarantined, IsEmpty());
      EXPECT_EQ(world.values(), expected);
      if (HasFailure()) return;
      if (!had_fault) break;
      ++fired;
    }
  }
  EXPECT_GT(fired, 8U);
  EXPECT_EQ(refused, 2U);  // its write, its sync
}

// What is read, or taken for received, must not be gone after a power cut, whatever else there was no room for.
TEST_F(FullDiskTest, what_a_start_without_room_serves_is_there_after_a_power_cut) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    LogWorld world;
    world.open();
    world.append({"a"});
    world.append({"b"});
    world.kill();
    // The page cache shows "b", and something torn behind it; the disk may have neither.
    const Bytes bytes = world.file(segment);
    const std::size_t a = *BatchView::claimed_size(bytes);
    Bytes only_a = bytes;
    std::fill(only_a.begin() + static_cast<std::ptrdiff_t>(a), only_a.end(), std::byte{0});
    world.overwrite(segment, only_a);
    const auto active = world.disk->open(segment, OpenMode::read_write);
    ASSERT_TRUE(active);
    ASSERT_TRUE((*active)->write_at(a, ByteView(bytes).subspan(a, a)));
    ASSERT_TRUE((*active)->write_at(2 * a, as_bytes("torn")));
    world.disk->set_capacity(world.disk->used());
    ASSERT_TRUE(world.try_open());
    EXPECT_GT(world.recovery().cut_bytes, 0U);
    const std::vector<std::string> served = world.values();
    EXPECT_THAT(served, ElementsAre("a", "b"));
    world.lose_power(seed);
    world.open();
    EXPECT_EQ(world.values(), served);
    if (HasFailure()) return;
  }
}

class DiskMarksTest : public FullDiskTest {
 protected:
  DiskMarksTest() {
    options.disk_warn_percent = 80;
    options.disk_stop_percent = 90;
  }
  AppendOutcome append_to_state() {
    const Result<> queued = committer().submit(
        {.partition = &store().find_log("__state")->partition(0), .batch = batch({"s"}), .origin = 0, .id = 1});
    EXPECT_TRUE(queued);
    committer().run_once();
    return notices.back()->outcomes.back();
  }
};

TEST_F(DiskMarksTest, past_the_stop_mark_clients_logs_take_nothing_until_there_is_room_again) {
  open();
  append({"a"});
  use_percent(91);
  let_a_look_grow_old();
  EXPECT_EQ(store().disk_space().level, SpaceLevel::exhausted);
  EXPECT_EQ(refusal({"b"}), Errc::no_space);
  EXPECT_THAT(values(), ElementsAre("a"));
  EXPECT_EQ(partition().offsets(), (PartitionOffsets{0, 1, 1}));
  use_percent(89);
  let_a_look_grow_old();
  EXPECT_EQ(append({"c"}), 1);
  lose_power(1);
  open();
  EXPECT_THAT(values(), ElementsAre("a", "c"));
}

TEST_F(DiskMarksTest, past_the_stop_mark_the_servers_own_logs_and_logs_in_memory_go_on) {
  open();
  ASSERT_TRUE(store().create_log("__state", one_partition()));
  ASSERT_TRUE(store().create_log("ring", one_partition(Durability::memory)));
  append({std::string(100'000, 'a')});
  use_percent(95);
  let_a_look_grow_old();
  EXPECT_FALSE(append_to_state().error);
  ASSERT_TRUE(committer().submit(
      {.partition = &store().find_log("ring")->partition(0), .batch = batch({"m"}), .origin = 0, .id = 2}));
  committer().run_once();
  EXPECT_FALSE(notices.back()->outcomes.back().error);
  EXPECT_EQ(refusal({"a"}), Errc::no_space);
}

TEST_F(DiskMarksTest, past_the_stop_mark_retention_goes_on_and_brings_the_log_back) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.segment_bytes = 1024;
  settings.retention_bytes = 1024;
  ASSERT_TRUE(store().change_settings("x", settings));
  for (int i = 0; i < 20; ++i) append({std::string(700, 'a')});
  use_percent(95);
  let_a_look_grow_old();
  EXPECT_EQ(refusal({"b"}), Errc::no_space);
  const Result<std::uint64_t> freed = store().run_housekeeping();
  ASSERT_TRUE(freed) << freed.error().message;
  EXPECT_GT(*freed, 10'000U);
  let_a_look_grow_old();
  EXPECT_EQ(append({"c"}), 20);
}

TEST_F(DiskMarksTest, the_warning_mark_refuses_nothing) {
  open();
  append({std::string(20'000, 'a')});
  EXPECT_EQ(store().disk_space().level, SpaceLevel::enough);
  use_percent(81);
  let_a_look_grow_old();
  EXPECT_EQ(store().disk_space().level, SpaceLevel::low);
  EXPECT_NEAR(store().disk_space().used_percent, 81, 0.1);
  EXPECT_EQ(append({"b"}), 1);
}

TEST_F(DiskMarksTest, marks_of_0_and_of_100_are_none) {
  for (const int percent : {0, 100}) {
    options.disk_warn_percent = options.disk_stop_percent = percent;
    open();
    append({std::string(20'000, 'a')});
    use_percent(99);
    let_a_look_grow_old();
    EXPECT_EQ(store().disk_space().level, SpaceLevel::enough);
    EXPECT_FALSE(try_append({"b"}).error);
    make_room();
    kill();
  }
}

TEST_F(DiskMarksTest, where_the_space_cannot_be_told_nothing_is_refused) {
  open();
  append({"a"});
  use_percent(99);
  let_a_look_grow_old();
  // The one call on that path, of the partition's are below it: "data/x-0/...".
  faulty->arm({.kind = FaultKind::io_error, .target = FaultTarget::any, .at = 1, .path_contains = "data"});
  EXPECT_EQ(store().disk_space().level, SpaceLevel::enough);
  EXPECT_TRUE(faulty->fired());
}

class BallastTest : public FullDiskTest {
 protected:
  BallastTest() { options.ballast_bytes = 4096; }
  bool has_ballast() { return *disk->exists("data/ballast"); }
};

TEST_F(BallastTest, is_there_from_the_first_start_on_with_its_size_on_the_disk) {
  open();
  EXPECT_EQ(file("data/ballast").size(), 4096U);
  lose_power(1);
  EXPECT_EQ(file("data/ballast").size(), 4096U) << "not durable";
}

TEST_F(BallastTest, gives_a_start_on_a_full_disk_its_room_and_comes_back_when_there_is_some) {
  open();
  append({"a"});
  kill();
  fill_disk();
  open();
  EXPECT_FALSE(has_ballast());
  EXPECT_THAT(store().recovery_report().notes, Contains(HasSubstr("ballast")));
  EXPECT_THAT(recovery().notes, Not(Contains(HasSubstr("full"))));
  EXPECT_EQ(store().disk_space().level, SpaceLevel::exhausted);
  EXPECT_EQ(refusal({"b"}), Errc::no_space) << "the room is not for publishes";
  EXPECT_TRUE(store().run_housekeeping());
  EXPECT_FALSE(has_ballast()) << "it took the room that was just made";
  kill();
  open();
  EXPECT_THAT(recovery().notes, Not(Contains(HasSubstr("full"))));
  make_room();
  let_a_look_grow_old();
  EXPECT_EQ(append({"c"}), 1);
  EXPECT_TRUE(store().run_housekeeping());
  EXPECT_TRUE(has_ballast());
}

TEST_F(BallastTest, is_kept_while_the_disk_is_full_but_nothing_needs_room) {
  open();
  append({"a"});
  fill_disk();
  EXPECT_TRUE(store().run_housekeeping());
  EXPECT_TRUE(has_ballast());
}

TEST_F(BallastTest, is_given_up_for_housekeeping_that_has_no_room) {
  options.preallocate_bytes = 0;  // or the zeros that are trimmed make room enough
  open();
  append({"a"});
  fill_disk();
  clock.advance(std::chrono::hours(24 * 30));
  EXPECT_TRUE(store().run_housekeeping());  // would begin a new segment
  EXPECT_FALSE(has_ballast());
  let_a_look_grow_old();
  EXPECT_EQ(refusal({"b"}), Errc::no_space) << "the room is not for publishes";
  make_room();
  let_a_look_grow_old();
  EXPECT_EQ(append({"c"}), 1);
}

TEST_F(BallastTest, past_the_stop_mark_is_not_made_anew) {
  options.disk_stop_percent = 90;
  open();
  ASSERT_TRUE(release_ballast(*disk, "data").value());
  append({std::string(400'000, 'a')});
  use_percent(95);  // 5 % are more than three ballasts
  EXPECT_TRUE(store().run_housekeeping());
  EXPECT_FALSE(has_ballast());
}

TEST_F(BallastTest, cut_short_or_of_another_size_is_made_anew_and_of_none_is_removed) {
  open();
  kill();
  overwrite("data/ballast", Bytes(17));
  open();
  EXPECT_EQ(file("data/ballast").size(), 4096U);
  kill();
  options.ballast_bytes = 8192;
  open();
  EXPECT_EQ(file("data/ballast").size(), 8192U);
  kill();
  options.ballast_bytes = 0;
  open();
  EXPECT_FALSE(has_ballast());
}

TEST_F(BallastTest, that_does_not_fit_three_times_is_not_made) {
  options.ballast_bytes = 0;
  open();
  disk->set_capacity(disk->used() + 3 * 4096 - 1);
  EXPECT_TRUE(restore_ballast(*disk, "data", 4096));
  EXPECT_FALSE(has_ballast());
  disk->set_capacity(disk->used() + 3 * 4096);
  EXPECT_TRUE(restore_ballast(*disk, "data", 4096));
  EXPECT_TRUE(has_ballast());
}

}  // namespace
}  // namespace bitacora::storage
