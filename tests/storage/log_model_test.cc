// The log beside a vector: random appends, reads, rolls, deletions, clean stops, kills and power cuts.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

struct ModelRecord {
  std::string value;
  bool durable = false;  // acknowledged by a sync log, or covered by a background sync since
};

class ModelledLog {
 public:
  explicit ModelledLog(Durability durability) : world_(settings(durability)), durability_(durability) {
    world_.options.index_interval_bytes = 200;
    world_.open();
  }

  void step() {
    switch (*rc::gen::weightedElement<int>({{12, 0}, {6, 1}, {2, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {2, 7}})) {
      case 0: return append_round();
      case 1: return read_somewhere();
      case 2: return find_some_time();
      case 3: return delete_some();
      case 4: return restart_cleanly();
      case 5: return kill();
      case 6: return lose_power();
      case 7: return pass_time();
      default: return;
    }
  }

  void check_all() {
    const PartitionOffsets offsets = world_.partition().offsets();
    RC_ASSERT(offsets.log_start == log_start_);
    RC_ASSERT(offsets.committed == end());
    RC_ASSERT(offsets.log_end == offsets.committed);
    const auto values = world_.try_values(log_start_);
    RC_ASSERT(values.has_value());
    RC_ASSERT(static_cast<Offset>(values->size()) == end() - log_start_);
    for (std::size_t i = 0; i < values->size(); ++i)
      RC_ASSERT((*values)[i] == record(log_start_ + static_cast<Offset>(i)).value);
  }

 private:
  static LogSettings settings(Durability durability) {
    LogSettings settings = LogWorld::one_partition(durability);
    settings.segment_bytes = 2048;
    return settings;
  }
  [[nodiscard]] Offset end() const { return static_cast<Offset>(records_.size()); }
  [[nodiscard]] ModelRecord& record(Offset offset) { return records_[static_cast<std::size_t>(offset)]; }

  void append_round() {
    const int batches = *rc::gen::inRange(1, 6);
    for (int b = 0; b < batches; ++b) {
      std::vector<std::string> values(*rc::gen::inRange<std::size_t>(1, 4));
      for (std::string& value : values) {
        value = std::to_string(next_value_++) + std::string(*rc::gen::inRange<std::size_t>(0, 300), '.');
        records_.push_back({value, durability_ == Durability::sync});
      }
      world_.submit(values);
    }
    world_.committer().run_once();
    for (const auto& outcome : world_.notices.back()->outcomes) RC_ASSERT(!outcome.error);
    world_.notices.clear();
  }
  void read_somewhere() {
    if (end() == log_start_) return;
    const Offset from = *rc::gen::inRange(log_start_, end());
    const auto max_bytes = *rc::gen::inRange<std::size_t>(1, 5000);
    const auto read = world_.partition().read(from, max_bytes);
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->next > from);
    const auto first = BatchView::check(read->bytes);
    RC_ASSERT(first.has_value());
    RC_ASSERT(first->base_offset() <= from);
    RC_ASSERT(first->next_offset() > from);
    RC_ASSERT(read->bytes.size() <= max_bytes || read->bytes.size() == first->size());
  }
  void find_some_time() {
    const Timestamp wanted = world_.clock.now().wall_ms - *rc::gen::inRange(0, 5000);
    const auto found = world_.partition().find_time(wanted);
    RC_ASSERT(found.has_value());
    if (!*found) return;
    RC_ASSERT((*found)->timestamp >= wanted);
    RC_ASSERT((*found)->offset >= log_start_);
    RC_ASSERT((*found)->offset < end());
  }
  void delete_some() {
    log_start_ = *rc::gen::inRange(log_start_, end() + 1);
    const auto start = world_.partition().delete_records_before(log_start_);
    RC_ASSERT(start.has_value());
    RC_ASSERT(*start == log_start_);
    RC_ASSERT(world_.store().run_housekeeping().has_value());
  }
  void restart_cleanly() {
    world_.close();
    for (ModelRecord& one : records_) one.durable = true;
    world_.open();
    RC_ASSERT(world_.store().recovery_report().clean_shutdown);
  }
  void kill() {
    world_.kill();
    for (ModelRecord& one : records_) one.durable = true;  // the kernel kept it, and recovery makes it durable
    world_.open();
  }
  void lose_power() {
    world_.lose_power(*rc::gen::arbitrary<std::uint64_t>());
    world_.open();
    // What was durable is there; of the rest, which only an async log has, a prefix.
    const Offset kept = world_.partition().offsets().committed;
    RC_ASSERT(kept <= end());
    for (Offset offset = kept; offset < end(); ++offset) RC_ASSERT(!record(offset).durable);
    records_.resize(static_cast<std::size_t>(kept));
    for (ModelRecord& one : records_) one.durable = true;
    log_start_ = std::min(log_start_, kept);
  }
  void pass_time() {
    world_.clock.advance(std::chrono::milliseconds(*rc::gen::inRange(1, 3000)));
    world_.committer().run_once();
  }

  LogWorld world_;
  const Durability durability_;
  std::deque<ModelRecord> records_;  // by offset, from 0
  Offset log_start_ = 0;
  int next_value_ = 0;
};

void follow_the_model(Durability durability) {
  const int steps = *rc::gen::inRange(1, 60);
  ModelledLog log(durability);
  for (int i = 0; i < steps; ++i) {
    log.step();
    log.check_all();
  }
}

TEST(LogModel, a_sync_log_is_a_vector_whatever_happens) {
  EXPECT_TRUE(rc::check("sync", [] { follow_the_model(Durability::sync); }));
}

TEST(LogModel, an_async_log_is_a_vector_that_a_power_cut_may_shorten) {
  EXPECT_TRUE(rc::check("async", [] { follow_the_model(Durability::async); }));
}

}  // namespace
}  // namespace bitacora::storage
