// Bit-rot, without exception: each bit of a segment and of its indexes flipped, each page zeroed, swapped with the
// next, copied over it. Whatever was hit is told and not served; everything else is served, under its own offsets.
//
// BITACORA_BIT_ROT=all: every single bit (scripts/proof.sh bit-rot); a sample otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

constexpr const char* directory = "data/x-0";
constexpr std::string_view log_suffix = ".log";
constexpr std::string_view index_suffix = ".index";
constexpr std::string_view time_index_suffix = ".timeindex";
constexpr std::size_t page = 4096;
constexpr int sealed_records = 64;
constexpr int active_records = 12;

// The n-th, of about a KiB, so that 64 of them are a segment of 64 KiB.
std::string value_of(Offset offset) {
  return std::to_string(offset) + std::string(900, static_cast<char>('a' + offset % 26));
}

std::string segment_stem(Offset base) {
  const std::string digits = std::to_string(base);
  return std::string(20 - digits.size(), '0') + digits;
}

std::size_t stride() {
  const char* wanted = std::getenv("BITACORA_BIT_ROT");
  return wanted != nullptr && std::string_view(wanted) == "all" ? 1 : 701;
}

class BitRotTest : public testing::Test, public LogWorld {
 protected:
  void SetUp() override {
    options.preallocate_bytes = 0;
    options.ballast_bytes = 0;
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = 64 << 10;
    ASSERT_TRUE(store().change_settings("x", settings));
    for (Offset offset = 0; offset < sealed_records + active_records; ++offset) {
      clock.advance(std::chrono::seconds(1));
      ASSERT_EQ(append({value_of(offset)}), offset);
    }
    ASSERT_EQ(partition().segment_count(), 2);
    sealed_end_ = std::stoll(last_log());
    kill();
    for (const char* place : {"data", directory}) {
      const auto entries = disk->list(place);
      for (const DirectoryEntry& entry : *entries) {
        const std::string path = std::string(place) + "/" + entry.name;
        if (!entry.is_directory) good_[path] = file(path);
      }
    }
  }

  std::string last_log() const {
    std::string last;
    for (const std::string& name : files()) {
      if (name.ends_with(log_suffix)) last = name;
    }
    return last;
  }
  static std::string sealed(std::string_view suffix) {
    return std::string(directory) + "/" + segment_stem(0) + std::string(suffix);
  }

  // The disk as it was before anything rotted.
  void restore() {
    for (const char* place : {"data", directory}) {
      const auto entries = disk->list(place);
      for (const DirectoryEntry& entry : *entries) {
        const std::string path = std::string(place) + "/" + entry.name;
        if (entry.is_directory || good_.contains(path)) continue;
        ASSERT_TRUE(disk->remove(path));
      }
    }
    for (const auto& [path, bytes] : good_) {
      if (file(path) != bytes) overwrite(path, bytes);
    }
  }

  // Offsets that a reader was told are damaged. Everything else was read and is what it was.
  std::set<Offset> read_all() {
    std::set<Offset> damaged;
    const PartitionOffsets bounds = partition().offsets();
    EXPECT_EQ(bounds.log_start, 0);
    for (Offset offset = 0; offset < bounds.committed;) {
      const auto read = partition().read(offset, 1, {});
      if (!read) {
        if (!read.error().range || read.error().range->end <= offset) {
          ADD_FAILURE() << read.error().message;
          return damaged;
        }
        for (; offset < read.error().range->end; ++offset) damaged.insert(offset);
        continue;
      }
      const Result<BatchView> batch = BatchView::check(read->bytes);
      if (!batch) {
        ADD_FAILURE() << batch.error().message;
        return damaged;
      }
      RecordReader reader(*batch);
      while (auto record = *reader.next()) {
        EXPECT_EQ(as_text(*record->value), value_of(record->offset));
      }
      EXPECT_EQ(batch->base_offset(), offset);
      offset = read->next;
    }
    return damaged;
  }

  // Where the record with this offset lies in its segment, which begins with `base`.
  std::pair<std::size_t, std::size_t> place_of(Offset offset, Offset base) const {
    const Bytes& bytes = good_.at(std::string(directory) + "/" + segment_stem(base) + std::string(log_suffix));
    std::size_t at = 0;
    for (Offset next = base; next < offset; ++next) at += *BatchView::claimed_size(ByteView(bytes).subspan(at));
    return {at, at + *BatchView::claimed_size(ByteView(bytes).subspan(at))};
  }
  // The records of that segment that the bytes [begin, end) belong to.
  std::set<Offset> records_at(std::size_t begin, std::size_t end, Offset base, Offset segment_end) const {
    std::set<Offset> hit;
    for (Offset offset = base; offset < segment_end; ++offset) {
      const auto [first, past] = place_of(offset, base);
      if (first < end && begin < past) hit.insert(offset);
    }
    return hit;
  }

  std::map<std::string, Bytes> good_;
  Offset sealed_end_ = 0;
};

TEST_F(BitRotTest, of_each_bit_of_a_sealed_segment_is_told_and_costs_its_own_record_alone) {
  const std::string path = sealed(log_suffix);
  std::size_t flips = 0;
  for (std::size_t bit = 0; bit < good_.at(path).size() * 8; bit += stride(), ++flips) {
    restore();
    ASSERT_TRUE(disk->flip_bit(path, bit));
    open();
    EXPECT_EQ(read_all(), records_at(bit / 8, bit / 8 + 1, 0, sealed_end_)) << "bit " << bit;
    EXPECT_EQ(store().known_damage().size(), 1U) << "bit " << bit;
    EXPECT_EQ(partition().offsets().committed, sealed_records + active_records) << "bit " << bit;
    kill();
    if (HasFailure()) return;
  }
  RecordProperty("flips", static_cast<int>(flips));
  std::printf("%zu bits flipped in the segment\n", flips);
}

TEST_F(BitRotTest, of_each_bit_of_the_indexes_costs_nothing) {
  std::size_t flips = 0;
  for (const std::string_view suffix : {index_suffix, time_index_suffix}) {
    const std::string path = sealed(suffix);
    ASSERT_GT(good_.at(path).size(), 0U);
    for (std::size_t bit = 0; bit < good_.at(path).size() * 8; bit += stride() == 1 ? 1 : 7, ++flips) {
      restore();
      ASSERT_TRUE(disk->flip_bit(path, bit));
      open();
      EXPECT_EQ(read_all(), std::set<Offset>{}) << suffix << " bit " << bit;
      for (const Offset offset : {Offset{0}, sealed_end_ / 2, sealed_end_ - 1}) {  // by time, through the other index
        const auto found =
            partition().find_time(clock.now().wall_ms - 1000 * (sealed_records + active_records - 1 - offset));
        EXPECT_EQ(found && *found ? (*found)->offset : -1, offset) << suffix << " bit " << bit;
      }
      kill();
      if (HasFailure()) return;
    }
  }
  std::printf("%zu bits flipped in the indexes\n", flips);
}

// The last batch may be one that a crash tore: that one is cut. All before it was durable when it was written.
TEST_F(BitRotTest, in_the_last_segment_of_a_crashed_log_costs_no_record_behind_it) {
  const Offset end = sealed_records + active_records;
  const std::string path = std::string(directory) + "/" + segment_stem(sealed_end_) + std::string(log_suffix);
  const std::size_t proven = place_of(end - 1, sealed_end_).first;
  std::size_t flips = 0;
  for (std::size_t bit = 0; bit < proven * 8; bit += stride(), ++flips) {
    restore();
    ASSERT_TRUE(disk->flip_bit(path, bit));
    open();
    EXPECT_EQ(read_all(), records_at(bit / 8, bit / 8 + 1, sealed_end_, end)) << "bit " << bit;
    EXPECT_EQ(partition().offsets().committed, end) << "bit " << bit;
    kill();
    if (HasFailure()) return;
  }
  std::printf("%zu bits flipped in the last segment\n", flips);
}

TEST_F(BitRotTest, of_whole_pages_costs_the_records_on_them_alone) {
  const std::string path = sealed(log_suffix);
  const Bytes good = good_.at(path);
  const auto swap_with_next = [](Bytes& bytes, std::size_t at) {
    std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + page),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + page));
  };
  const auto copy_over_next = [](Bytes& bytes, std::size_t at) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), page,
                bytes.begin() + static_cast<std::ptrdiff_t>(at + page));
  };
  const auto zero = [](Bytes& bytes, std::size_t at) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), page, std::byte{});
  };
  std::size_t rotted = 0;
  for (std::size_t at = 0; at + 2 * page <= good.size(); at += page) {
    for (int kind = 0; kind < 3; ++kind, ++rotted) {
      restore();
      Bytes bytes = good;
      if (kind == 0) zero(bytes, at);
      if (kind == 1) swap_with_next(bytes, at);
      if (kind == 2) copy_over_next(bytes, at);
      overwrite(path, bytes);
      open();
      const std::size_t begin = kind == 2 ? at + page : at;
      const std::size_t end = kind == 0 ? at + page : at + 2 * page;
      // A whole record that a swap has moved is still known by its offset, and given.
      const std::set<Offset> damaged = read_all();
      const std::set<Offset> hit = records_at(begin, end, 0, sealed_end_);
      EXPECT_FALSE(damaged.empty()) << "page " << at / page << " kind " << kind;
      EXPECT_TRUE(std::ranges::includes(hit, damaged)) << "page " << at / page << " kind " << kind;
      kill();
      if (HasFailure()) return;
    }
  }
  std::printf("%zu pages zeroed, swapped or copied\n", rotted);
}

}  // namespace
}  // namespace bitacora::storage
