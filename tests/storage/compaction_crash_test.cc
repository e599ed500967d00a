// A pass that is cut short: by a fault at each call of the file system in turn, by a power cut at each. Afterwards each
// record is one that was written, the last of each key is there, nothing is taken for damage, and the next pass
// finishes what this one began.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <map>
#include <thread>

#include "storage/compaction_world.h"

namespace bitacora::storage {
namespace {

struct CutShort {
  const char* name;
  FaultKind kind;
  FaultTarget target;
  bool sticky;  // from then on: as if the power went at that call
};

void PrintTo(const CutShort& fault, std::ostream* out) { *out << fault.name; }

// Two generations of keys, some deleted, the first generation compacted and its tombstones due.
void fill(CompactionWorld& world) {
  for (int i = 0; i < 14; ++i) world.put("key " + std::to_string(i % 5), CompactionWorld::big(std::to_string(i)));
  world.put("key 3", std::nullopt);
  world.put("key 4", std::nullopt);
  world.seal();
  world.compact();
  world.clock.advance(std::chrono::hours(2));
  for (int i = 0; i < 9; ++i) world.put("key " + std::to_string(i % 4), CompactionWorld::big("again"));
  world.seal();
}

void expect_whole(CompactionWorld& world) {
  const Result<> opened = world.try_open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_THAT(world.recovery().quarantined, testing::IsEmpty());
  EXPECT_EQ(world.recovery().cut_bytes, 0U);
  EXPECT_THAT(world.files(), testing::Not(testing::Contains(testing::HasSubstr(".cleaned"))));
  EXPECT_EQ(world.partition().offsets().committed, static_cast<Offset>(world.written.size()));
  EXPECT_EQ(world.broken_promise(world.records()), "");
}

std::map<std::string, Offset> last_offsets(const std::vector<KeyedRecord>& records) {
  std::map<std::string, Offset> last;
  for (const KeyedRecord& record : records) last[record.key] = record.offset;
  return last;
}

class CompactionCrashTest : public testing::TestWithParam<CutShort> {};

TEST_P(CompactionCrashTest, at_every_call_in_turn_loses_no_last_record) {
  for (const bool power_cut : {true, false}) {
    std::uint64_t fired = 0;
    for (std::uint64_t at = 1;; ++at) {
      CompactionWorld world;
      world.open();
      fill(world);
      world.faulty->arm({.kind = GetParam().kind,
                         .target = GetParam().target,
                         .at = at,
                         .sticky = GetParam().sticky,
                         .path_contains = {},
                         .seed = at});
      for (int pass = 0; pass < 3; ++pass) static_cast<void>(world.store().run_housekeeping());
      const bool had_fault = world.faulty->fired();
      world.faulty->disarm();
      SCOPED_TRACE("call " + std::to_string(at) + (power_cut ? ", then a power cut" : ", then a kill"));
      EXPECT_EQ(world.broken_promise(world.records()), "") << "while it still runs";
      power_cut ? world.lose_power(at) : world.kill();

      expect_whole(world);
      if (testing::Test::HasFailure()) return;
      const std::vector<KeyedRecord> once = world.records();
      world.kill();
      expect_whole(world);
      EXPECT_EQ(world.records(), once) << "recovering twice is not recovering once";

      world.compact();
      world.compact();
      EXPECT_EQ(world.broken_promise(world.records()), "");
      EXPECT_EQ(last_offsets(world.records()).count("key 4"), 0U) << "the tombstone was due";
      const Offset active = world.active_base();
      for (int k = 0; k < 5; ++k) {
        std::vector<Offset> sealed = world.offsets_of("key " + std::to_string(k));
        std::erase_if(sealed, [&](Offset offset) { return offset >= active; });
        EXPECT_LE(sealed.size(), 1U) << k;
      }
      if (testing::Test::HasFailure()) return;
      if (!had_fault) break;
      ++fired;
    }
    EXPECT_GT(fired, 3U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Compaction, CompactionCrashTest,
    testing::Values(CutShort{"everything_fails_from_then_on", FaultKind::io_error, FaultTarget::any, true},
                    CutShort{"io_error_once", FaultKind::io_error, FaultTarget::any, false},
                    CutShort{"short_write", FaultKind::short_write, FaultTarget::writes, false},
                    CutShort{"no_space", FaultKind::no_space, FaultTarget::writes, false},
                    CutShort{"failed_sync", FaultKind::failed_sync, FaultTarget::syncs, false},
                    CutShort{"failed_syncs_from_then_on", FaultKind::failed_sync, FaultTarget::syncs, true},
                    CutShort{"directory_error", FaultKind::io_error, FaultTarget::directories, false}),
    [](const auto& test) { return test.param.name; });

// Names that no sync covered may be there or not, each by itself: every power cut in the middle of a pass, many disks.
TEST(CompactionCrash, whatever_the_disk_made_of_unsynced_names_the_log_is_whole) {
  for (std::uint64_t at = 1;; ++at) {
    bool had_fault = false;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      CompactionWorld world;
      world.open();
      fill(world);
      world.faulty->arm({.kind = FaultKind::io_error,
                         .target = FaultTarget::directories,
                         .at = at,
                         .sticky = true,
                         .path_contains = {},
                         .seed = seed});
      static_cast<void>(world.store().run_housekeeping());
      had_fault = world.faulty->fired();
      world.faulty->disarm();
      world.lose_power(1000 * at + seed);
      SCOPED_TRACE("call " + std::to_string(at) + ", seed " + std::to_string(seed));
      expect_whole(world);
      if (testing::Test::HasFailure()) return;
    }
    if (!had_fault) break;
  }
}

// The log beside all that was ever written to it.
class ModelledCompaction {
 public:
  ModelledCompaction() {
    world_.options.compaction_key_bytes = *rc::gen::element<std::int64_t>(1, 500, 64 << 20);
    world_.open();
  }

  void step() {
    switch (*rc::gen::weightedElement<int>({{12, 0}, {5, 1}, {2, 2}, {1, 3}, {1, 4}, {1, 5}, {2, 6}, {2, 7}})) {
      case 0: return put();
      case 1: return compact();
      case 2: return world_.clock.advance(std::chrono::minutes(*rc::gen::inRange(1, 50)));
      case 3: return world_.close(), world_.open();
      case 4: return world_.kill(), world_.open();
      case 5: return world_.lose_power(*rc::gen::arbitrary<std::uint64_t>()), world_.open();
      case 6: return read_somewhere();
      case 7: return find_some_time();
      default: return;
    }
  }
  void check_all() {
    for (const PartitionRecovery& partition : world_.store().recovery_report().partitions) {
      RC_ASSERT(partition.quarantined.empty());
    }
    RC_ASSERT(world_.partition().offsets().committed == static_cast<Offset>(world_.written.size()));
    const auto found = world_.try_records();
    RC_ASSERT(found.has_value());
    RC_ASSERT(world_.broken_promise(*found) == "");
  }

 private:
  void put() {
    std::vector<Put> puts(*rc::gen::inRange<std::size_t>(1, 4));
    for (auto& [key, value] : puts) {
      key = "key " + std::to_string(*rc::gen::inRange(0, 6));
      if (*rc::gen::inRange(0, 4) != 0) {
        value = std::to_string(world_.written.size()) + std::string(*rc::gen::inRange<std::size_t>(0, 200), '.');
      }
    }
    world_.put(puts);
  }
  void compact() {
    const std::vector<KeyedRecord> before = world_.records();
    const Offset active = world_.active_base();
    world_.compact();
    std::map<std::string, int> sealed;
    for (const KeyedRecord& record : world_.records()) {
      if (record.offset < active) ++sealed[record.key];
      RC_ASSERT(std::find(before.begin(), before.end(), record) != before.end());
    }
    if (world_.options.compaction_key_bytes < 1000) return;  // this pass may not have seen all
    for (const auto& [key, count] : sealed) RC_ASSERT(count == 1);
  }
  void read_somewhere() {
    const std::vector<KeyedRecord> all = world_.records();
    const Offset from = *rc::gen::inRange<Offset>(0, static_cast<Offset>(world_.written.size()) + 1);
    std::vector<KeyedRecord> expected;
    for (const KeyedRecord& record : all)
      if (record.offset >= from) expected.push_back(record);
    const auto found = world_.try_records(from, *rc::gen::inRange<std::size_t>(1, 3000));
    RC_ASSERT(found.has_value());
    RC_ASSERT(*found == expected);
  }
  void find_some_time() {
    const Timestamp wanted = world_.clock.now().wall_ms - *rc::gen::inRange(0, 3'600'000);
    const std::vector<KeyedRecord> all = world_.records();
    const auto first =
        std::find_if(all.begin(), all.end(), [&](const KeyedRecord& record) { return record.timestamp >= wanted; });
    const auto found = world_.partition().find_time(wanted);
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->has_value() == (first != all.end()));
    if (*found) RC_ASSERT((*found)->offset == first->offset);
  }

  CompactionWorld world_;
};

TEST(CompactionModel, the_last_record_of_each_key_is_there_whatever_happens) {
  EXPECT_TRUE(rc::check("compaction", [] {
    const int steps = *rc::gen::inRange(1, 60);
    ModelledCompaction log;
    for (int i = 0; i < steps; ++i) {
      log.step();
      log.check_all();
    }
  }));
}

TEST(CompactionThreads, readers_beside_compaction_see_offsets_rise_and_no_error) {
  CompactionWorld world;
  world.open();
  std::atomic<bool> ending = false;
  std::atomic<int> times_read = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!ending) {
        Offset next = 0;
        ReadHint hint;
        while (next < world.partition().offsets().committed) {
          const auto read = world.partition().read(next, 700, hint);
          ASSERT_TRUE(read) << read.error().message;
          ASSERT_GT(read->next, next);
          next = read->next;
          hint = read->hint;
        }
        const auto first = world.partition().find_time(0);
        ASSERT_TRUE(first) << first.error().message;
        ++times_read;
      }
    });
  }
  const auto has_failed = [] { return testing::Test::HasFailure(); };
  for (int i = 0; !has_failed() && (i < 300 || times_read < 20); ++i) {
    if (i < 300) world.put("key " + std::to_string(i % 7), CompactionWorld::big(std::to_string(i)));
    if (i % 3 == 0) world.compact();
    std::this_thread::yield();
  }
  ending = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(world.broken_promise(world.records()), "");
  EXPECT_LT(world.partition().segment_count(), 10);
}

}  // namespace
}  // namespace bitacora::storage
