// No CRC covers the base offset of a batch (Kafka's choice). Each of its bits flipped, in each batch of a small log,
// and read by every way by which a batch leaves the disk, from every offset: nothing comes out under a wrong offset. So
// too where the batch in front is damaged as well, so that there is nothing for the base offset to continue.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

class BaseOffsetRotTest : public testing::Test, public LogWorld {
 protected:
  static constexpr const char* directory = "data/x-0";
  static constexpr Offset record_count = 24;
  static constexpr std::uint64_t base_offset_bits = 64;

  struct Place {
    std::string path;
    std::uint64_t position = 0;
    std::uint64_t size = 0;
  };

  void SetUp() override {
    options.preallocate_bytes = 0;
    options.ballast_bytes = 0;
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = 10 << 10;
    ASSERT_TRUE(store().change_settings("x", settings));
    for (Offset offset = 0; offset < record_count; ++offset) {
      clock.advance(std::chrono::seconds(1));
      ASSERT_EQ(append({std::to_string(offset) + " " + std::string(1000, 'x')}), offset);
    }
    ASSERT_GT(partition().segment_count(), 2);
    ASSERT_TRUE(store().index_keys(1 << 20));
    kill();
    for (const std::string& name : files()) {
      const std::string path = std::string(directory) + "/" + name;
      good_[path] = file(path);
      if (!name.ends_with(".log")) continue;
      std::uint64_t position = 0;
      for (ByteView rest = good_[path]; !rest.empty();) {
        const std::size_t size = *BatchView::claimed_size(rest);
        places_.push_back({path, position, size});
        position += size;
        rest = rest.subspan(size);
      }
    }
    ASSERT_EQ(places_.size(), static_cast<std::size_t>(record_count));
  }

  void restore() {
    for (const std::string& name : files()) {
      const std::string path = std::string(directory) + "/" + name;
      if (!good_.contains(path)) {
        ASSERT_TRUE(disk->remove(path));
      }
    }
    for (const auto& [path, bytes] : good_) {
      if (!disk->exists(path).value_or(false) || file(path) != bytes) overwrite(path, bytes);
    }
  }
  void flip(Offset batch, std::uint64_t bit) {
    const Place& place = places_[static_cast<std::size_t>(batch)];
    ASSERT_TRUE(disk->flip_bit(place.path, place.position * 8 + bit));
  }

  // The batch at the front of `bytes` is one that was written, and stands where it was.
  void expect_in_its_place(ByteView bytes) {
    const Result<BatchView> batch = BatchView::check(bytes);
    ASSERT_TRUE(batch) << batch.error().message;
    RecordReader reader(*batch);
    const auto record = reader.next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->offset, std::stoll(std::string(as_text(*(*record)->value))));
  }
  void expect_all_in_their_places(ByteView bytes) {
    while (!bytes.empty() && !HasFailure()) {
      expect_in_its_place(bytes);
      bytes = bytes.subspan(*BatchView::claimed_size(bytes));
    }
  }
  // By every way, from this offset. Whether it can be read.
  bool read_from(Offset offset) {
    const auto one = partition().read(offset, 1, {});
    if (one) {
      expect_in_its_place(one->bytes);
      EXPECT_EQ(BatchView::trusted(one->bytes).base_offset(), offset);
      const auto hinted = partition().read(one->next, 1 << 20, one->hint);
      if (hinted) expect_all_in_their_places(hinted->bytes);
    } else {
      EXPECT_TRUE(one.error().range && one.error().range->begin <= offset && offset < one.error().range->end)
          << one.error().message;
    }
    const auto stored = partition().stored_batches(offset, 3000);
    EXPECT_EQ(stored.has_value(), one.has_value());
    if (stored) {  // of these the server checks the first
      Bytes bytes(static_cast<std::size_t>(stored->size));
      EXPECT_TRUE(stored->file->read_at(stored->position, bytes));
      expect_in_its_place(bytes);
      EXPECT_EQ(stored->offsets.begin, offset);
    }
    const auto found = partition().find_keys(offset, everything_);
    EXPECT_TRUE(found);
    for (const KeySearch::Range& range : found->ranges) {
      const auto some = partition().read(std::max(range.offsets.begin, offset), range.bytes, {});
      if (some) expect_all_in_their_places(some->bytes);
    }
    const Timestamp at = clock.now().wall_ms - 1000 * (record_count - 1 - offset);
    const auto by_time = partition().find_time(at);
    EXPECT_TRUE(by_time);
    if (one && by_time && *by_time) {
      EXPECT_EQ((*by_time)->offset, offset);
    }
    return one.has_value();
  }
  std::set<Offset> unreadable() {
    std::set<Offset> offsets;
    const PartitionOffsets bounds = partition().offsets();
    EXPECT_EQ(bounds.committed, record_count);
    for (Offset offset = bounds.log_start; offset < bounds.committed && !HasFailure(); ++offset) {
      if (!read_from(offset)) offsets.insert(offset);
    }
    return offsets;
  }

  const KeyFilter everything_{.prefix = "", .matches = [](std::string_view) { return true; }};
  std::map<std::string, Bytes> good_;
  std::vector<Place> places_;  // by offset: each batch has one record
};

// After a crash the last batch would be one that the crash has torn.
TEST_F(BaseOffsetRotTest, of_one_batch_costs_that_batch) {
  for (Offset batch = 0; batch + 1 < record_count; ++batch) {
    for (std::uint64_t bit = 0; bit < base_offset_bits; ++bit) {
      restore();
      flip(batch, bit);
      open();
      EXPECT_EQ(unreadable(), std::set<Offset>{batch}) << "batch " << batch << " bit " << bit;
      kill();
      if (HasFailure()) return;
    }
  }
}

TEST_F(BaseOffsetRotTest, that_comes_while_the_server_runs_costs_that_batch) {
  for (Offset batch = 0; batch < record_count; ++batch) {
    for (std::uint64_t bit = 0; bit < base_offset_bits; bit += 3) {
      restore();
      open();
      flip(batch, bit);
      EXPECT_EQ(unreadable(), std::set<Offset>{batch}) << "batch " << batch << " bit " << bit;
      kill();
      if (HasFailure()) return;
    }
  }
}

TEST_F(BaseOffsetRotTest, behind_a_damaged_batch_costs_both_and_no_other) {
  constexpr std::uint64_t length_bit = 11 * 8 + 3, count_bit = 26 * 8, record_bit = 200 * 8;
  for (const std::uint64_t first_bit : {std::uint64_t{60}, length_bit, count_bit, record_bit}) {
    for (Offset batch = 1; batch + 1 < record_count; ++batch) {
      for (std::uint64_t bit = 0; bit < base_offset_bits; bit += 3) {
        restore();
        flip(batch - 1, first_bit);
        flip(batch, bit);
        open();
        EXPECT_EQ(unreadable(), (std::set<Offset>{batch - 1, batch})) << "batch " << batch << " bit " << bit;
        kill();
        if (HasFailure()) return;
      }
    }
  }
}

// What is whole between the two is not given up because one that cannot be trusted speaks against it.
TEST_F(BaseOffsetRotTest, two_batches_behind_a_damaged_one_leaves_the_one_between_readable) {
  constexpr std::uint64_t length_bit = 11 * 8 + 3, record_bit = 200 * 8;
  for (const std::uint64_t first_bit : {length_bit, record_bit}) {
    for (Offset batch = 1; batch + 2 < record_count; ++batch) {
      for (std::uint64_t bit = 0; bit < base_offset_bits; bit += 3) {
        restore();
        flip(batch - 1, first_bit);
        flip(batch + 1, bit);
        open();
        EXPECT_EQ(unreadable(), (std::set<Offset>{batch - 1, batch + 1})) << "batch " << batch << " bit " << bit;
        kill();
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace bitacora::storage
