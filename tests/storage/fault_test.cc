// Fails the N-th call of the file system, for N = 1, 2, ... until a run has no fault, and then loses power or is
// killed. Afterwards: what was acknowledged is there, offsets are dense, nothing is there that nobody sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

struct FaultCase {
  const char* name;
  FaultKind kind;
  FaultTarget target;
  bool sticky;
};

void PrintTo(const FaultCase& fault, std::ostream* out) { *out << fault.name; }

class FaultTest : public testing::TestWithParam<FaultCase> {
 protected:
  static LogSettings small_segments() {
    LogSettings settings = LogWorld::one_partition();
    settings.segment_bytes = 1024;
    return settings;
  }

  struct Acknowledged {
    Offset offset;
    std::string value;
  };

  // Appends, rolls, deletes, closes and opens again. A caller that was refused does not send the same again.
  static void work(LogWorld& world, std::vector<Acknowledged>& acknowledged, std::set<std::string>& sent) {
    for (int life = 0; life < 2; ++life) {
      if (!world.try_open()) return;
      for (int i = 0; i < 8; ++i) {
        const std::string value = std::to_string(life) + "/" + std::to_string(i) + std::string(300, '.');
        sent.insert(value);
        const AppendOutcome outcome = world.try_append({value});
        if (!outcome.error) acknowledged.push_back({outcome.base_offset, value});
      }
      static_cast<void>(world.store().run_housekeeping());
      static_cast<void>(world.store().close());
      world.drop();
    }
  }

  static void check(LogWorld& world, const std::vector<Acknowledged>& acknowledged, const std::set<std::string>& sent) {
    const Result<> opened = world.try_open();
    ASSERT_TRUE(opened) << opened.error().message;
    for (const PartitionRecovery& partition : world.store().recovery_report().partitions) {
      EXPECT_THAT(partition.quarantined, testing::IsEmpty()) << "taken for damage";
    }
    const auto values = world.try_values();
    ASSERT_TRUE(values) << values.error().message;
    EXPECT_EQ(static_cast<Offset>(values->size()), world.partition().offsets().committed);
    for (const Acknowledged& one : acknowledged) {
      ASSERT_LT(one.offset, static_cast<Offset>(values->size())) << "an acknowledged record is lost";
      EXPECT_EQ((*values)[static_cast<std::size_t>(one.offset)], one.value);
    }
    for (const std::string& value : *values) EXPECT_TRUE(sent.contains(value)) << "invented: " << value;
    EXPECT_FALSE(world.try_append({"after"}).error);
  }
};

TEST_P(FaultTest, at_every_call_in_turn_loses_nothing_acknowledged) {
  for (const bool power_cut : {false, true}) {
    std::uint64_t fired = 0;
    for (std::uint64_t at = 1;; ++at) {
      LogWorld world(small_segments());
      std::vector<Acknowledged> acknowledged;
      std::set<std::string> sent;
      world.faulty->arm({.kind = GetParam().kind,
                         .target = GetParam().target,
                         .at = at,
                         .sticky = GetParam().sticky,
                         .path_contains = {},
                         .seed = at});
      work(world, acknowledged, sent);
      const bool had_fault = world.faulty->fired();
      world.faulty->disarm();
      power_cut ? world.lose_power(at) : world.kill();
      SCOPED_TRACE("call " + std::to_string(at) + (power_cut ? ", then a power cut" : ", then a kill"));
      check(world, acknowledged, sent);
      if (HasFatalFailure() || HasNonfatalFailure()) return;
      if (!had_fault) break;
      ++fired;
    }
    EXPECT_GT(fired, 3U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fault, FaultTest,
    testing::Values(FaultCase{"io_error_anywhere", FaultKind::io_error, FaultTarget::any, false},
                    FaultCase{"io_errors_from_then_on", FaultKind::io_error, FaultTarget::any, true},
                    FaultCase{"no_space_once", FaultKind::no_space, FaultTarget::writes, false},
                    FaultCase{"no_space_from_then_on", FaultKind::no_space, FaultTarget::writes, true},
                    FaultCase{"short_write", FaultKind::short_write, FaultTarget::writes, false},
                    FaultCase{"failed_sync", FaultKind::failed_sync, FaultTarget::syncs, false},
                    FaultCase{"failed_syncs_from_then_on", FaultKind::failed_sync, FaultTarget::syncs, true},
                    FaultCase{"directory_error", FaultKind::io_error, FaultTarget::directories, false}),
    [](const auto& test) { return test.param.name; });

class WriteFailureTest : public testing::Test, public LogWorld {
 protected:
  void fail_next(FaultKind kind, FaultTarget target, bool sticky = false, const char* path = "/x-0/") {
    faulty->arm({.kind = kind, .target = target, .at = 1, .sticky = sticky, .path_contains = path, .seed = 1});
  }
  // Makes the log an `async` one, whose first record is durable.
  void append_durably_in_the_background() {
    LogSettings settings = store().find_log("x")->settings();
    settings.durability = Durability::async;
    ASSERT_TRUE(store().change_settings("x", settings));
    append({"a"});
    clock.advance(std::chrono::seconds(2));
    committer().run_once();
  }
};

TEST_F(WriteFailureTest, a_failed_sync_is_final_for_its_file_and_the_batch_is_retried_in_a_new_one) {
  open();
  append({"a"});
  fail_next(FaultKind::failed_sync, FaultTarget::syncs);
  EXPECT_EQ(append({"b"}), 1);
  EXPECT_TRUE(faulty->fired());
  EXPECT_EQ(partition().segment_count(), 2);
  EXPECT_THAT(values(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(append({"c"}), 2);
  lose_power(7);
  open();
  EXPECT_THAT(values(), testing::ElementsAre("a", "b", "c"));
}

TEST_F(WriteFailureTest, where_nothing_was_durable_the_new_segment_takes_the_old_ones_name) {
  open();
  fail_next(FaultKind::failed_sync, FaultTarget::syncs);
  EXPECT_EQ(append({"a"}), 0);
  EXPECT_EQ(partition().segment_count(), 1);
  lose_power(3);
  open();
  EXPECT_THAT(values(), testing::ElementsAre("a"));
}

TEST_F(WriteFailureTest, failing_twice_takes_the_partition_offline_and_nothing_is_acknowledged) {
  open();
  append({"a"});
  fail_next(FaultKind::failed_sync, FaultTarget::syncs, true);
  const AppendOutcome failed = try_append({"b"});
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code, Errc::partition_offline);
  EXPECT_EQ(failed.base_offset, -1);
  EXPECT_TRUE(partition().offline());
  faulty->disarm();
  EXPECT_EQ(try_append({"c"}).error->code, Errc::partition_offline);
  EXPECT_THAT(values(), testing::ElementsAre("a"));
  EXPECT_EQ(partition().offsets(), (PartitionOffsets{0, 1, 1}));
  kill();
  open();
  EXPECT_FALSE(partition().offline());
  EXPECT_FALSE(try_append({"d"}).error);
}

TEST_F(WriteFailureTest, what_a_start_finds_in_the_page_cache_alone_it_makes_durable) {
  const std::string large(3000, 'b');  // sectors of its own
  const std::unique_ptr<FaultyFileSystem> no_sync = std::move(faulty);
  faulty = make_faulty_file_system(*no_sync);
  open();
  append({"a"});
  no_sync->arm(
      {.kind = FaultKind::failed_sync, .target = FaultTarget::syncs, .at = 1, .sticky = true, .path_contains = {}});
  fail_next(FaultKind::io_error, FaultTarget::directories, true);  // and no new file
  ASSERT_TRUE(try_append({large}).error);                          // written, and visible to reads, but not on the disk
  no_sync->disarm();
  faulty->disarm();
  kill();
  open();
  ASSERT_THAT(values(), testing::ElementsAre("a", large));
  append({"c"});
  lose_power(1);
  open();
  EXPECT_THAT(recovery().quarantined, testing::IsEmpty());
  EXPECT_THAT(values(), testing::ElementsAre("a", large, "c"));
}

TEST_F(WriteFailureTest, a_full_disk_refuses_and_takes_appends_again_once_there_is_room) {
  open();
  append({"a"});
  disk->set_capacity(disk->used() + 100);
  const AppendOutcome refused = try_append({std::string(20000, 'b')});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, Errc::no_space);
  EXPECT_FALSE(partition().offline());
  EXPECT_THAT(values(), testing::ElementsAre("a"));
  disk->set_capacity(std::uint64_t{1} << 40);
  EXPECT_EQ(append({"c"}), 1);
  EXPECT_THAT(values(), testing::ElementsAre("a", "c"));
  lose_power(1);
  open();
  EXPECT_THAT(values(), testing::ElementsAre("a", "c"));
}

TEST_F(WriteFailureTest, a_full_disk_at_the_roll_refuses_and_goes_on_later) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.segment_bytes = 1024;
  ASSERT_TRUE(store().change_settings("x", settings));
  append({std::string(700, 'a')});
  fail_next(FaultKind::no_space, FaultTarget::directories, true);
  EXPECT_EQ(try_append({std::string(700, 'b')}).error->code, Errc::no_space);
  EXPECT_EQ(try_append({std::string(700, 'b')}).error->code, Errc::no_space);
  EXPECT_FALSE(partition().offline());
  faulty->disarm();
  EXPECT_EQ(append({std::string(700, 'c')}), 1);
  lose_power(1);
  open();
  EXPECT_EQ(values().size(), 2U);
}

TEST_F(WriteFailureTest, a_failed_background_sync_moves_what_was_acknowledged_to_a_new_file) {
  open();
  append_durably_in_the_background();
  append({"b"});
  append({"c"});
  clock.advance(std::chrono::seconds(2));
  fail_next(FaultKind::failed_sync, FaultTarget::syncs);
  committer().run_once();
  EXPECT_TRUE(faulty->fired());
  EXPECT_FALSE(partition().offline());
  EXPECT_EQ(partition().segment_count(), 2);
  EXPECT_THAT(values(), testing::ElementsAre("a", "b", "c"));
  lose_power(5);
  open();
  EXPECT_THAT(values(), testing::ElementsAre("a", "b", "c"));
  EXPECT_EQ(append({"d"}), 3);
}

TEST_F(WriteFailureTest, what_was_acknowledged_as_async_survives_a_kill_where_no_new_file_can_be_written) {
  open();
  append_durably_in_the_background();
  append({"b"});  // not yet
  fail_next(FaultKind::io_error, FaultTarget::writes, true);
  EXPECT_TRUE(try_append({"c"}).error);
  EXPECT_TRUE(partition().offline());
  kill();
  faulty->disarm();
  open();
  EXPECT_THAT(values(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(append({"d"}), 2);
}

// Of a roll each call in turn fails for good, and all behind it, then the process is killed and started, then the power
// is cut.
TEST(RollFaultTest, what_is_acknowledged_after_a_kill_behind_a_failed_roll_survives_a_power_cut) {
  bool fired = true;
  for (std::uint64_t call = 1; fired; ++call) {
    LogSettings settings = LogWorld::one_partition();
    settings.segment_bytes = 1024;
    LogWorld world(settings);
    world.open();
    world.append({std::string(700, 'a')});
    world.faulty->arm({.kind = FaultKind::failed_sync, .target = FaultTarget::any, .at = call, .sticky = true});
    std::vector<std::string> acknowledged = {std::string(700, 'a')};
    if (!world.try_append({std::string(700, 'b')}).error) acknowledged.emplace_back(700, 'b');
    fired = world.faulty->fired();
    world.kill();
    world.faulty->disarm();
    world.open();
    world.append({"c"});
    acknowledged.emplace_back("c");
    world.lose_power(call);
    world.open();
    std::vector<std::string> found = world.values();
    std::erase_if(found, [&](const std::string& value) {
      return std::ranges::find(acknowledged, value) == acknowledged.end();  // `b`, unheard
    });
    EXPECT_EQ(found, acknowledged) << "call " << call;
    ASSERT_LT(call, 100U);
  }
}

}  // namespace
}  // namespace bitacora::storage
