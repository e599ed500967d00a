#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/endian.h"
#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* segment = "data/x-0/00000000000000000000.log";

class RecoveryTest : public testing::Test, public LogWorld {
 protected:
  // The batches' bytes without the zeros behind them.
  Bytes batches_on_disk(const std::string& path = segment) const {
    Bytes bytes = file(path);
    ByteView rest = bytes;
    while (const auto size = BatchView::claimed_size(rest)) rest = rest.subspan(*size);
    bytes.resize(bytes.size() - rest.size());
    return bytes;
  }
  // All values that can be read, going on behind what cannot; `lost` gets the ranges.
  std::vector<std::string> values_around_damage(std::vector<OffsetRange>& lost) {
    std::vector<std::string> found;
    Offset offset = partition().offsets().log_start;
    const Offset end = partition().offsets().committed;
    while (offset < end) {
      const auto read = partition().read(offset, 1);
      if (!read) {
        EXPECT_EQ(read.error().code, Errc::corrupt) << read.error().message;
        if (!read.error().range || read.error().range->end <= offset) {
          ADD_FAILURE() << "no way on from " << offset;
          return found;
        }
        lost.push_back(*read.error().range);
        offset = read.error().range->end;
        continue;
      }
      RecordReader reader(*BatchView::check(read->bytes));
      while (auto record = *reader.next()) {
        EXPECT_EQ(std::to_string(record->offset), as_text(*record->value)) << "renumbered";
        found.emplace_back(as_text(*record->value));
      }
      offset = read->next;
    }
    return found;
  }
};

TEST_F(RecoveryTest, cut_at_any_length_of_the_last_batch_exactly_the_earlier_batches_stay) {
  open();
  append({"a", "b"});
  const std::size_t begin = batches_on_disk().size();
  append({"c"});
  const Bytes whole = batches_on_disk();
  kill();
  for (std::size_t length = begin; length < whole.size(); ++length) {
    overwrite(segment, ByteView(whole).first(length));
    open();
    EXPECT_THAT(values(), ElementsAre("a", "b")) << length;
    EXPECT_EQ(recovery().durable_end, 2) << length;
    EXPECT_THAT(recovery().quarantined, IsEmpty());
    EXPECT_EQ(append({"d"}), 2);
    EXPECT_THAT(values(), ElementsAre("a", "b", "d"));
    kill();
  }
}

TEST_F(RecoveryTest, cut_bytes_are_kept_aside_and_reported) {
  open();
  append({"a"});
  const std::size_t begin = batches_on_disk().size();
  append({"b"});
  Bytes torn = batches_on_disk();
  torn.pop_back();
  kill();
  overwrite(segment, torn);
  open();
  EXPECT_EQ(recovery().cut_bytes, torn.size() - begin);
  EXPECT_EQ(recovery().cut_copy, std::string(segment) + ".torn-1");
  EXPECT_TRUE(equal(file(recovery().cut_copy), ByteView(torn).subspan(begin)));
}

TEST_F(RecoveryTest, zeros_behind_the_last_batch_are_a_clean_end) {
  for (const std::size_t zeros : {1UL, 60UL, 61UL, 512UL, 4097UL, 1UL << 20}) {
    open();
    append({"a"});
    const std::vector<std::string> before = values();
    Bytes bytes = batches_on_disk();
    kill();
    bytes.resize(bytes.size() + zeros);
    overwrite(segment, bytes);
    open();
    EXPECT_EQ(recovery().cut_bytes, 0U);
    EXPECT_EQ(values(), before);
    kill();
  }
}

TEST_F(RecoveryTest, a_good_batch_behind_a_torn_one_of_the_same_round_is_cut_with_it) {
  open();
  append({"a"});
  submit({"b"});
  submit({"c"});
  committer().run_once();
  kill();
  Bytes bytes = batches_on_disk();
  const std::size_t second = *BatchView::claimed_size(bytes);
  bytes[second + 65] ^= std::byte{1};
  overwrite(segment, bytes);
  open();
  EXPECT_THAT(values(), ElementsAre("a"));
  EXPECT_THAT(recovery().quarantined, IsEmpty());
}

TEST_F(RecoveryTest, damage_below_a_later_commit_is_quarantined_and_the_rest_keeps_its_offsets) {
  open();
  append({"0"});
  append({"1", "2"});
  append({"3"});
  kill();
  Bytes bytes = batches_on_disk();
  const std::size_t second = *BatchView::claimed_size(bytes);
  bytes[second + 65] ^= std::byte{1};
  overwrite(segment, bytes);
  for (int start = 0; start < 3; ++start) {  // and again at each start
    open();
    ASSERT_THAT(recovery().quarantined, SizeIs(1));
    EXPECT_EQ(recovery().quarantined[0].offsets, (OffsetRange{1, 3}));
    EXPECT_EQ(recovery().quarantined[0].position, second);
    EXPECT_EQ(recovery().cut_bytes, 0U);
    const auto read = partition().read(2, 1000);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::corrupt);
    EXPECT_EQ(read.error().range, (OffsetRange{1, 3}));
    EXPECT_EQ(values(3).front(), "3");
    EXPECT_EQ(append({std::to_string(4 + start)}), 4 + start);
    start == 1 ? close() : kill();
    if (start == 1) {
      open();
      EXPECT_EQ(values(3).back(), "5");
      kill();
    }
  }
}

TEST_F(RecoveryTest, told_to_refuse_damage_it_does_not_start) {
  open();
  append({"a"});
  append({"b"});
  kill();
  ASSERT_TRUE(disk->flip_bit(segment, 65 * 8));
  options.policy = OpenPolicy::refuse_on_damage;
  const Result<> done = try_open();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::corrupt);
}

TEST_F(RecoveryTest, what_the_last_epoch_proves_durable_is_not_cut_even_without_a_later_commit) {
  open();
  append({"0"});
  append({"1"});
  kill();
  open();  // epoch 1 begins at 2: all below was durable
  kill();
  const std::size_t second = *BatchView::claimed_size(file(segment));
  ASSERT_TRUE(disk->flip_bit(segment, (second + 65) * 8));
  open();
  ASSERT_THAT(recovery().quarantined, SizeIs(1));
  EXPECT_EQ(recovery().quarantined[0].offsets, (OffsetRange{1, 2}));
  EXPECT_EQ(append({"2"}), 2);
  std::vector<OffsetRange> lost;
  EXPECT_THAT(values_around_damage(lost), ElementsAre("0", "2"));
}

TEST_F(RecoveryTest, a_log_whose_end_is_damaged_can_be_stopped_cleanly_and_goes_on_in_a_new_segment) {
  open();
  append({"0"});
  kill();
  open();
  kill();
  ASSERT_TRUE(disk->flip_bit(segment, 65 * 8));
  open();
  ASSERT_THAT(recovery().quarantined, SizeIs(1));
  close();
  open();
  EXPECT_TRUE(store().recovery_report().clean_shutdown);
  EXPECT_EQ(partition().segment_count(), 2);
  EXPECT_EQ(append({"1"}), 1);
}

// Three commits, then every bit of the file flipped, one by one. Nothing may be wrong, renumbered or silently gone.
TEST_F(RecoveryTest, every_flipped_bit_below_the_last_commit_loses_one_batch_and_says_so) {
  open();
  append({"0"});
  append({"1", "2"});
  append({"3"});
  const Bytes good = batches_on_disk();
  kill();
  const std::size_t second = *BatchView::claimed_size(good);
  const std::size_t third = second + *BatchView::claimed_size(ByteView(good).subspan(second));
  const Bytes epochs = file("data/x-0/leader-epoch-checkpoint");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    overwrite(segment, good);
    overwrite("data/x-0/leader-epoch-checkpoint", epochs);
    ASSERT_TRUE(disk->flip_bit(segment, bit));
    open();
    std::vector<OffsetRange> lost;
    const std::vector<std::string> found = values_around_damage(lost);
    if (bit / 8 < second) {
      EXPECT_THAT(found, ElementsAre("1", "2", "3")) << bit;
      EXPECT_THAT(lost, ElementsAre(OffsetRange{0, 1})) << bit;
    } else if (bit / 8 < third) {
      EXPECT_THAT(found, ElementsAre("0", "3")) << bit;
      EXPECT_THAT(lost, ElementsAre(OffsetRange{1, 3})) << bit;
    } else {  // nothing proves the last round: it is cut, and kept aside
      EXPECT_THAT(found, ElementsAre("0", "1", "2")) << bit;
      EXPECT_GT(recovery().cut_bytes, 0U) << bit;
    }
    kill();
    if (HasFailure()) return;
  }
}

TEST_F(RecoveryTest, a_leader_epoch_that_cannot_be_is_no_batch_though_the_checkpoint_is_lost_too) {
  open();
  append({"0"});
  kill();
  ASSERT_TRUE(disk->remove("data/x-0/leader-epoch-checkpoint"));
  Bytes bytes = file(segment);
  constexpr std::size_t leader_epoch_at = 12;
  bytes[leader_epoch_at] = std::byte{0x80};
  overwrite(segment, bytes);
  open();
  EXPECT_GT(recovery().cut_bytes, 0U);
  std::vector<OffsetRange> lost;
  EXPECT_THAT(values_around_damage(lost), IsEmpty());
  EXPECT_THAT(lost, IsEmpty()) << "a start gave what its readers refuse";
}

TEST_F(RecoveryTest, every_flipped_bit_after_a_clean_stop_is_found_when_it_is_read) {
  open();
  append({"0"});
  append({"1", "2"});
  append({"3"});
  close();
  const Bytes good = file(segment);
  const Bytes mark = file("data/clean-shutdown");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    overwrite(segment, good);
    overwrite("data/clean-shutdown", mark);
    ASSERT_TRUE(disk->flip_bit(segment, bit));
    open();
    std::vector<OffsetRange> lost;
    const std::vector<std::string> found = values_around_damage(lost);
    EXPECT_THAT(lost, SizeIs(1)) << bit;
    EXPECT_GE(found.size(), 2U) << bit;
    EXPECT_EQ(partition().offsets().committed, 4);
    kill();
    if (HasFailure()) return;
  }
}

class RolledRecoveryTest : public RecoveryTest {
 protected:
  // Four segments of two batches each: values are the offsets.
  void fill() {
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = 1024;
    ASSERT_TRUE(store().change_settings("x", settings));
    for (int i = 0; i < 8; ++i) append({std::to_string(i) + std::string(400, ' ')});
    ASSERT_EQ(partition().segment_count(), 4);
  }
  std::vector<Offset> readable(std::vector<OffsetRange>& lost) {
    std::vector<Offset> offsets;
    for (Offset offset = 0; offset < partition().offsets().committed;) {
      const auto read = partition().read(offset, 1);
      if (!read) {
        EXPECT_EQ(read.error().code, Errc::corrupt) << read.error().message;
        if (!read.error().range) return offsets;
        lost.push_back(*read.error().range);
        offset = read.error().range->end;
        continue;
      }
      offsets.push_back(offset);
      offset = read->next;
    }
    return offsets;
  }
};

TEST_F(RolledRecoveryTest, after_a_kill_only_the_last_segment_is_scanned) {
  fill();
  kill();
  open();
  EXPECT_EQ(values().size(), 8U);
  EXPECT_EQ(recovery().segments, 4);
  EXPECT_EQ(recovery().indexes_rebuilt, 0);
}

TEST_F(RolledRecoveryTest, a_missing_segment_is_a_hole_and_no_new_beginning) {
  fill();
  kill();
  ASSERT_TRUE(disk->remove("data/x-0/00000000000000000002.log"));
  open();
  ASSERT_THAT(recovery().quarantined, SizeIs(1));
  EXPECT_EQ(recovery().quarantined[0].offsets, (OffsetRange{2, 4}));
  std::vector<OffsetRange> lost;
  EXPECT_THAT(readable(lost), ElementsAre(0, 1, 4, 5, 6, 7));
  EXPECT_THAT(lost, ElementsAre(OffsetRange{2, 4}));
}

TEST_F(RolledRecoveryTest, a_sealed_segment_that_lost_its_end_is_a_hole) {
  fill();
  kill();
  Bytes bytes = file("data/x-0/00000000000000000002.log");
  bytes.resize(bytes.size() - 1);
  overwrite("data/x-0/00000000000000000002.log", bytes);
  open();
  ASSERT_THAT(recovery().quarantined, SizeIs(1));
  EXPECT_EQ(recovery().quarantined[0].offsets, (OffsetRange{3, 4}));
  std::vector<OffsetRange> lost;
  EXPECT_THAT(readable(lost), ElementsAre(0, 1, 2, 4, 5, 6, 7));
}

TEST_F(RolledRecoveryTest, indexes_that_are_missing_cut_random_or_of_another_segment_are_rebuilt) {
  options.index_interval_bytes = 0;  // an entry for each batch but the first
  fill();
  kill();
  const std::string stem = "data/x-0/00000000000000000002";
  const Bytes offsets = file(stem + ".index");
  const Bytes times = file(stem + ".timeindex");
  ASSERT_EQ(offsets.size(), 8U);
  std::vector<Bytes> wrong{{}, Bytes(offsets.size()), to_bytes("random!!"), file(stem + ".log")};
  for (std::size_t length = 1; length < offsets.size(); ++length)
    wrong.emplace_back(offsets.begin(), offsets.begin() + static_cast<long>(length));
  for (const Bytes& bytes : wrong) {
    overwrite(stem + ".index", bytes);
    open();
    EXPECT_EQ(values().size(), 8U);
    EXPECT_EQ(recovery().indexes_rebuilt, 1) << to_hex(bytes);
    EXPECT_EQ(file(stem + ".index"), offsets);
    kill();
    overwrite(stem + ".timeindex", bytes);
    open();
    EXPECT_EQ(partition().find_time(0)->value().offset, 0);
    EXPECT_EQ(file(stem + ".timeindex"), times);
    kill();
  }
  ASSERT_TRUE(disk->remove(stem + ".index"));
  open();
  EXPECT_EQ(file(stem + ".index"), offsets);
}

TEST_F(RolledRecoveryTest, a_missing_epoch_checkpoint_is_made_anew_from_the_batches) {
  fill();
  kill();
  open();
  append({"8"});
  kill();
  ASSERT_TRUE(disk->remove("data/x-0/leader-epoch-checkpoint"));
  open();
  EXPECT_THAT(recovery().notes, Contains(HasSubstr("leader-epoch-checkpoint")));
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(values().size(), 9U);
  EXPECT_EQ(partition().leader_epoch(), 2);
}

TEST_F(RolledRecoveryTest, behind_the_highest_leader_epoch_there_is_none_and_the_log_goes_on) {
  fill();
  kill();
  overwrite("data/x-0/leader-epoch-checkpoint", to_bytes("0\n2\n0 0\n2147483647 8\n"));
  for (const char* value : {"8", "9"}) {
    open();
    EXPECT_EQ(partition().leader_epoch(), 2147483647);
    append({value});
    kill();
  }
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(values().size(), 10U);
}

TEST_F(RolledRecoveryTest, a_batch_of_an_earlier_life_is_not_taken_for_one_of_this) {
  fill();
  kill();
  const std::string active = "data/x-0/00000000000000000006.log";
  const Bytes old_life = batches_on_disk(active);
  const std::size_t kept = *BatchView::claimed_size(old_life);
  overwrite(active, ByteView(old_life).first(kept));
  open();  // offset 7 was lost; epoch 1 begins there
  EXPECT_EQ(partition().offsets().committed, 7);
  kill();
  overwrite(active, old_life);  // and the disk brings it back
  open();
  EXPECT_EQ(partition().offsets().committed, 7);
  EXPECT_GT(recovery().cut_bytes, 0U);
}

TEST_F(RolledRecoveryTest, bytes_past_the_next_segments_base_are_no_part_of_the_log) {
  fill();
  kill();
  Bytes poisoned = file("data/x-0/00000000000000000002.log");
  bitacora::append(poisoned, file("data/x-0/00000000000000000004.log"));
  overwrite("data/x-0/00000000000000000002.log", poisoned);
  open();
  EXPECT_THAT(recovery().quarantined, IsEmpty());
  EXPECT_EQ(values().size(), 8U);
}

TEST_F(RolledRecoveryTest, recovering_twice_is_recovering_once) {
  fill();
  kill();
  open();
  const Bytes once = file("data/x-0/00000000000000000006.log");
  const std::vector<std::string> found = values();
  kill();
  open();
  EXPECT_EQ(file("data/x-0/00000000000000000006.log"), once);
  EXPECT_EQ(values(), found);
  EXPECT_EQ(recovery().cut_bytes, 0U);
}

}  // namespace
}  // namespace bitacora::storage
