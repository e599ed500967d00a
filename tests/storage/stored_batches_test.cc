// Batches as they lie in the log: what they are, where they end, and what is not in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class StoredBatchesTest : public testing::Test, public LogWorld {
 protected:
  // `count` batches of one record of about 400 bytes.
  void open_and_fill(int count, std::int64_t segment_bytes = 1 << 20) {
    options.index_interval_bytes = 1000;
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = segment_bytes;
    ASSERT_TRUE(store().change_settings("x", settings));
    for (int i = 0; i < count; ++i) append({std::to_string(i) + std::string(400, '.')});
  }
  StoredBatches stored(Offset offset, std::uint64_t max_bytes = 1 << 30) {
    auto found = partition().stored_batches(offset, max_bytes);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *std::move(found) : StoredBatches{};
  }
  static Bytes bytes_of(const StoredBatches& stored) {
    if (!stored.file) return stored.bytes;
    Bytes bytes(static_cast<std::size_t>(stored.size));
    const auto count = stored.file->read_at(stored.position, bytes);
    EXPECT_TRUE(count && *count == bytes.size());
    return bytes;
  }
  // The numbers of the records, each batch checked.
  static std::vector<int> numbers_in(ByteView rest) {
    std::vector<int> numbers;
    while (!rest.empty()) {
      const Result<BatchView> batch = BatchView::check(rest);
      EXPECT_TRUE(batch) << "no whole batch";
      if (!batch) return numbers;
      RecordReader reader(*batch);
      while (auto record = *reader.next()) numbers.push_back(std::stoi(std::string(as_text(*record->value))));
      rest = rest.subspan(batch->size());
    }
    return numbers;
  }
};

TEST_F(StoredBatchesTest, are_what_a_read_gives_from_the_batch_of_the_offset_to_the_committed_end) {
  open_and_fill(10);
  append({"10", "11", "12"});
  const StoredBatches found = stored(4);
  EXPECT_EQ(found.offsets, (OffsetRange{4, 13}));
  EXPECT_EQ(bytes_of(found), partition().read(4, 1 << 20)->bytes);
  EXPECT_EQ(stored(11).offsets, (OffsetRange{10, 13}));  // the batch that holds it
  EXPECT_EQ(stored(13).size, 0U);
  EXPECT_EQ(partition().stored_batches(14, 1000).error().code, Errc::offset_out_of_range);
}

TEST_F(StoredBatchesTest, read_on_from_their_end_are_the_whole_log_once_whatever_is_asked_for) {
  open_and_fill(40, 8192);
  ASSERT_GT(partition().segment_count(), 2);
  for (const std::uint64_t max_bytes : {1U, 900U, 2500U, 5000U, 100'000U}) {
    std::vector<int> found;
    Offset next = 0;
    while (next < 40) {
      const StoredBatches some = stored(next, max_bytes);
      ASSERT_EQ(some.offsets.begin, next);
      ASSERT_GT(some.offsets.end, next);
      const std::vector<int> numbers = numbers_in(bytes_of(some));
      EXPECT_EQ(static_cast<Offset>(numbers.size()), some.offsets.end - next);
      EXPECT_TRUE(some.size <= max_bytes || numbers.size() == 1);
      found.insert(found.end(), numbers.begin(), numbers.end());
      next = some.offsets.end;
    }
    EXPECT_THAT(found, SizeIs(40));
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  }
}

TEST_F(StoredBatchesTest, use_the_room_that_they_are_given) {
  open_and_fill(200);
  EXPECT_GT(stored(0, 20'000).size, 15'000U);
}

TEST_F(StoredBatchesTest, that_are_known_to_be_damaged_are_not_given) {
  open_and_fill(8);
  close();
  ASSERT_TRUE(disk->flip_bit("data/x-0/00000000000000000000.log", 2100 * 8));
  open();
  const auto met = partition().read(0, 1 << 20);
  ASSERT_TRUE(met);
  const OffsetRange damaged = *partition().read(met->next, 1000).error().range;
  EXPECT_EQ(stored(0).offsets, (OffsetRange{0, damaged.begin}));
  EXPECT_EQ(numbers_in(bytes_of(stored(0))), numbers_in(met->bytes));
  EXPECT_EQ(partition().stored_batches(damaged.begin, 1000).error().range, damaged);
  EXPECT_EQ(stored(damaged.end).offsets, (OffsetRange{damaged.end, 8}));
}

TEST_F(StoredBatchesTest, the_first_is_checked) {
  open_and_fill(8);
  close();
  ASSERT_TRUE(disk->flip_bit("data/x-0/00000000000000000000.log", 100 * 8));
  open();
  EXPECT_EQ(partition().stored_batches(0, 1 << 20).error().range, (OffsetRange{0, 1}));
}

TEST_F(StoredBatchesTest, stay_readable_while_they_are_held_though_retention_takes_the_segment) {
  open_and_fill(40, 8192);
  const StoredBatches held = stored(0);
  ASSERT_TRUE(partition().delete_records_before(40));
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_EQ(numbers_in(bytes_of(held)).size(), static_cast<std::size_t>(held.offsets.end));
}

TEST(StoredBatchesOfAMemoryLogTest, are_bytes) {
  LogWorld world(LogWorld::one_partition(Durability::memory));
  world.open();
  world.append({"a"});
  world.append({"b"});
  const auto found = world.partition().stored_batches(1, 1 << 20);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, nullptr);
  EXPECT_EQ(found->offsets, (OffsetRange{1, 2}));
  EXPECT_EQ(found->bytes, world.partition().read(1, 1 << 20)->bytes);
}

}  // namespace
}  // namespace bitacora::storage
