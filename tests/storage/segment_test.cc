// The small formats around the batches: indexes, epochs, names, the clean-shutdown mark.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/endian.h"
#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::ElementsAre;

class SegmentFilesTest : public testing::Test, public LogWorld {
 protected:
  struct Entry {
    std::int32_t offset;
    std::int32_t position;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> index(const std::string& path) const {
    const Bytes bytes = file(path);
    std::vector<Entry> entries;
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      entries.push_back({load_be<std::int32_t>(&bytes[at]), load_be<std::int32_t>(&bytes[at + 4])});
    }
    return entries;
  }
};

TEST_F(SegmentFilesTest, are_named_and_laid_out_as_kafka_does) {
  open();
  append({"a"});
  EXPECT_THAT(files(), ElementsAre("00000000000000000000.log", "leader-epoch-checkpoint", "partition.metadata"));
  EXPECT_EQ(as_text(file("data/x-0/leader-epoch-checkpoint")), "0\n1\n0 0\n");
  EXPECT_EQ(as_text(file("data/x-0/partition.metadata")), "version: 0\ntopic_id: " + store().find_log("x")->topic_id());
  EXPECT_EQ(store().find_log("x")->topic_id().size(), 22U);
  close();
  EXPECT_THAT(files(), ElementsAre("00000000000000000000.index", "00000000000000000000.log",
                                   "00000000000000000000.timeindex", "leader-epoch-checkpoint", "partition.metadata"));
}

TEST_F(SegmentFilesTest, an_unclean_start_adds_an_epoch_where_the_log_ended) {
  open();
  append({"a", "b"});
  kill();
  open();
  EXPECT_EQ(as_text(file("data/x-0/leader-epoch-checkpoint")), "0\n2\n0 0\n1 2\n");
  kill();
  open();  // nothing was written in epoch 1: its line is replaced
  EXPECT_EQ(as_text(file("data/x-0/leader-epoch-checkpoint")), "0\n2\n0 0\n2 2\n");
}

TEST_F(SegmentFilesTest, index_entries_name_a_batchs_last_offset_and_its_start_each_4096_bytes) {
  open();
  std::size_t size = 0;
  for (int i = 0; i < 10; ++i) {
    size = batch({std::string(1000, 'x'), "y"}).size();
    append({std::string(1000, 'x'), "y"});
    clock.advance(std::chrono::milliseconds(1));
  }
  close();
  // Batches of a little over 1000 bytes: an entry is due at the first batch behind more than 4096 bytes.
  ASSERT_GT(4 * size, 4096U);
  const auto at = [&](std::int32_t number) { return Entry{2 * number + 1, static_cast<std::int32_t>(size) * number}; };
  EXPECT_EQ(index("data/x-0/00000000000000000000.index"), (std::vector<Entry>{at(4), at(8)}));
  const Bytes times = file("data/x-0/00000000000000000000.timeindex");
  ASSERT_EQ(times.size(), 3U * 12);  // one more at the end
  const Timestamp begin = clock.now().wall_ms - 10;
  EXPECT_EQ(load_be<std::int64_t>(&times[0]), begin + 4);
  EXPECT_EQ(load_be<std::int32_t>(&times[8]), 9);
  EXPECT_EQ(load_be<std::int64_t>(&times[24]), begin + 9);
  EXPECT_EQ(load_be<std::int32_t>(&times[32]), 19);
}

TEST_F(SegmentFilesTest, appending_to_a_reopened_segment_goes_on_with_its_index) {
  options.index_interval_bytes = 100;
  open();
  for (int i = 0; i < 5; ++i) append({std::string(90, 'x')});
  close();
  open();
  for (int i = 0; i < 5; ++i) append({std::string(90, 'x')});
  close();
  const Bytes index = file("data/x-0/00000000000000000000.index");
  ASSERT_TRUE(disk->remove("data/x-0/00000000000000000000.index"));
  open();  // rebuilt from the segment
  EXPECT_EQ(file("data/x-0/00000000000000000000.index"), index);
}

TEST_F(SegmentFilesTest, zeros_are_written_ahead_and_trimmed_at_roll_and_close) {
  open();
  append({"a"});
  const std::string path = "data/x-0/00000000000000000000.log";
  const std::size_t size = batch({"a"}).size();
  EXPECT_EQ(file(path).size(), size + 4096);
  append({"b"});
  EXPECT_EQ(file(path).size(), size + 4096);  // no growth: the sync has no size to commit
  close();
  EXPECT_EQ(file(path).size(), 2 * size);
}

TEST_F(SegmentFilesTest, a_clean_shutdown_mark_that_fails_its_check_counts_as_absent) {
  open();
  append({"a"});
  close();
  ASSERT_TRUE(disk->flip_bit("data/clean-shutdown", 8 * 30));
  open();
  EXPECT_FALSE(store().recovery_report().clean_shutdown);
  EXPECT_THAT(values(), ElementsAre("a"));
  EXPECT_FALSE(*disk->exists("data/clean-shutdown"));
}

}  // namespace
}  // namespace bitacora::storage
