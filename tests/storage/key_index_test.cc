// The key index: what a search by it finds is what a look at every record finds, whatever happens to the index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/endian.h"
#include "storage/compaction_world.h"
#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::uint64_t everything = std::uint64_t{1} << 40;
constexpr const char* first_index = "data/x-0/00000000000000000000.keyindex";

KeyFilter one_key(const std::string& key) {
  return {.prefix = key, .matches = [key](std::string_view other) { return other == key; }};
}
KeyFilter ends_with(const std::string& end) {
  return {.prefix = {}, .matches = [end](std::string_view key) { return key.ends_with(end); }};
}

// What somebody who searches reads, and what it found.
struct Searched {
  std::vector<Offset> found;
  std::uint64_t batches_read = 0;
};

class KeyWorld : public LogWorld {
 public:
  using LogWorld::LogWorld;

  void open_with_segments_of(std::int64_t bytes) {
    open();
    LogSettings settings = store().find_log("x")->settings();
    settings.segment_bytes = bytes;
    ASSERT_TRUE(store().change_settings("x", settings));
  }
  Offset put(const std::vector<std::string>& keys, std::size_t value_size = 100) {
    BatchBuilder builder;
    const std::string value(value_size, '.');
    for (const std::string& key : keys) {
      builder.add({.offset = 0,
                   .timestamp = clock.now().wall_ms,
                   .key = as_bytes(key),
                   .value = as_bytes(value),
                   .headers = {}});
    }
    EXPECT_TRUE(committer().submit({.partition = &partition(), .batch = builder.take(), .origin = 0, .id = 0}));
    committer().run_once();
    const AppendOutcome outcome = notices.back()->outcomes.back();
    EXPECT_FALSE(outcome.error) << outcome.error->message;
    notices.clear();
    for (const std::string& key : keys) keys_.push_back(key);
    return outcome.base_offset;
  }
  std::uint64_t index() {
    const auto done = store().index_keys(everything);
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(0);
  }
  // As a reader does it: from range to range, from segment to segment.
  Searched search(const KeyFilter& filter, Offset from = 0) {
    Searched result;
    const Offset end = partition().offsets().committed;
    while (from < end) {
      const auto search = partition().find_keys(from, filter);
      EXPECT_TRUE(search) << search.error().message;
      if (!search) return result;
      EXPECT_GT(search->until, from);
      Offset before = -1;
      for (const KeySearch::Range& range : search->ranges) {
        EXPECT_GT(range.offsets.begin, before) << "ranges do not rise";
        before = range.offsets.end;
        read_range(filter, std::max(from, range.offsets.begin), std::min(search->until, range.offsets.end), result);
      }
      from = search->until;
    }
    return result;
  }
  std::vector<Offset> scan(const KeyFilter& filter, Offset from = 0) {
    std::vector<Offset> found;
    for (auto offset = static_cast<std::size_t>(from); offset < keys_.size(); ++offset) {
      if (filter.matches(keys_[offset])) found.push_back(static_cast<Offset>(offset));
    }
    return found;
  }

 private:
  void read_range(const KeyFilter& filter, Offset from, Offset end, Searched& into) {
    while (from < end) {
      const auto read = partition().read(from, 1);
      ASSERT_TRUE(read) << read.error().message;
      ++into.batches_read;
      RecordReader reader(*BatchView::check(read->bytes));
      while (auto record = *reader.next()) {
        if (record->offset < from || record->offset >= end) continue;
        if (record->key && filter.matches(as_text(*record->key))) into.found.push_back(record->offset);
      }
      from = read->next;
    }
  }

  std::vector<std::string> keys_;  // of all records, by offset
};

class KeyIndexTest : public testing::Test, public KeyWorld {
 protected:
  // Three sealed segments and an active one, all indexed that can be.
  void fill() {
    open_with_segments_of(8192);
    for (int i = 0; i < 40; ++i) put({"k" + std::to_string(i % 7), "r" + std::to_string(i)}, 300);
    ASSERT_GT(index(), 0U);
    ASSERT_THAT(files(), Contains("00000000000000000000.keyindex"));
  }
  void expect_searches_agree() {
    for (const char* key : {"k0", "k6", "r3", "r39", "r40"}) {
      ASSERT_EQ(search(one_key(key)).found, scan(one_key(key))) << key;
    }
  }
};

TEST_F(KeyIndexTest, finds_one_key_among_many_and_reads_its_batches_only) {
  open_with_segments_of(64 << 10);
  for (int i = 0; i < 300; ++i) {
    put({"many/" + std::to_string(i % 50)}, 1000);
    if (i % 100 == 50) put({"rare/one"}, 5000);
  }
  put({"many/0"}, 60'000);  // seals the segment before
  ASSERT_GT(index(), 300'000U);
  const Searched searched = search(one_key("rare/one"));
  EXPECT_EQ(searched.found, scan(one_key("rare/one")));
  EXPECT_THAT(searched.found, SizeIs(3));
  EXPECT_LT(searched.batches_read, 60U);  // of 304
  EXPECT_THAT(search(one_key("rare/none")).found, IsEmpty());
}

TEST_F(KeyIndexTest, without_an_index_everything_is_named) {
  open_with_segments_of(4096);
  for (int i = 0; i < 30; ++i) put({"k" + std::to_string(i % 3)}, 300);
  EXPECT_EQ(search(one_key("k1")).found, scan(one_key("k1")));
  EXPECT_EQ(search(one_key("k1")).batches_read, 30U);
  EXPECT_THAT(files(), Not(Contains("00000000000000000000.keyindex")));
}

TEST_F(KeyIndexTest, a_filter_without_a_prefix_is_asked_about_every_key) {
  open_with_segments_of(16 << 10);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    put({"a/" + std::to_string(random() % 40) + "/c", "b/" + std::to_string(random() % 40) + "/d"}, 400);
  }
  index();
  EXPECT_EQ(search(ends_with("7/c")).found, scan(ends_with("7/c")));
  EXPECT_EQ(search({.prefix = "a/1", .matches = [](std::string_view key) { return key.starts_with("a/1"); }}).found,
            scan({.prefix = "", .matches = [](std::string_view key) { return key.starts_with("a/1"); }}));
}

// The model: every search, from every kind of place, against a look at each record; segments, batches and keys of all
// sizes, the index made now and then, starts in between.
TEST_F(KeyIndexTest, agrees_with_a_full_scan_whatever_is_written) {
  const char* given = std::getenv("BITACORA_SEED");
  const std::uint64_t first_seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first_seed; seed < first_seed + 10; ++seed) {
    SCOPED_TRACE("BITACORA_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    KeyWorld world;
    world.open_with_segments_of(static_cast<std::int64_t>(8192 + below(60'000)));
    for (int step = 0; step < 120 && !HasFailure(); ++step) {
      std::vector<std::string> keys(1 + below(12));
      for (std::string& key : keys) {
        key = "t/" + std::to_string(below(2) == 0 ? below(8) : below(5000)) + std::string(below(60), 'x');
      }
      world.put(keys, below(1500));
      if (below(9) == 0) world.index();
      if (below(40) == 0) {
        world.close();
        world.open();
      }
      if (step % 10 != 0) continue;
      const auto end = static_cast<std::uint64_t>(world.partition().offsets().committed);
      const KeyFilter filter =
          below(2) == 0 ? one_key("t/" + std::to_string(below(8))) : ends_with(std::to_string(below(10)));
      const auto from = static_cast<Offset>(below(end));
      ASSERT_EQ(world.search(filter, from).found, world.scan(filter, from));
    }
  }
}

TEST_F(KeyIndexTest, very_many_keys_are_indexed_in_sections_of_bounded_memory) {
  open_with_segments_of(16 << 20);
  for (int i = 0; i < 100; ++i) {
    std::vector<std::string> keys;
    for (int k = 0; k < 1000; ++k) keys.push_back("device/" + std::to_string(i * 1000 + k) + "/state");
    put(keys, 10);
  }
  put({"x"}, 10);
  put({"seal"}, 12 << 20);  // over the segment's size with what is there: the next one
  index();
  int sections = 0;
  const Bytes bytes = file(first_index);
  for (std::size_t at = 16; at < bytes.size(); at += 8 + load_be<std::uint32_t>(&bytes[at])) ++sections;
  EXPECT_GT(sections, 1);
  const Searched searched = search(one_key("device/77123/state"));
  EXPECT_THAT(searched.found, ElementsAre(77123));
  EXPECT_LE(searched.batches_read, 2U);  // the segment that is being written has one
}

TEST_F(KeyIndexTest, an_index_that_is_cut_anywhere_or_has_a_flipped_bit_hides_nothing_and_is_made_anew) {
  fill();
  const Bytes good = file(first_index);
  close();
  for (std::size_t at = 0; at < good.size(); at += at < 80 ? 1 : 13) {
    SCOPED_TRACE("byte " + std::to_string(at));
    for (const bool cut : {true, false}) {
      Bytes bad(good.begin(), cut ? good.begin() + static_cast<std::ptrdiff_t>(at) : good.end());
      if (!cut) bad[at] ^= std::byte{0x10};
      overwrite(first_index, bad);
      open();
      expect_searches_agree();
      ASSERT_GT(index(), 0U);
      EXPECT_EQ(file(first_index), good);
      expect_searches_agree();
      close();
    }
  }
}

TEST_F(KeyIndexTest, the_index_of_another_segment_is_not_believed) {
  fill();
  std::vector<std::string> indexes;
  for (const std::string& name : files()) {
    if (name.ends_with(".keyindex")) indexes.push_back("data/x-0/" + name);
  }
  ASSERT_GE(indexes.size(), 2U);
  close();
  overwrite(indexes[0], file(indexes[1]));
  open();
  expect_searches_agree();
}

// Same offsets, same sizes, other keys: only the binding to the batches themselves tells.
TEST_F(KeyIndexTest, the_index_of_a_log_with_other_records_at_the_same_offsets_is_not_believed) {
  KeyWorld other;
  open_with_segments_of(8192);
  other.open_with_segments_of(8192);
  for (int i = 0; i < 40; ++i) {
    put({"k" + std::to_string(i % 7)}, 600);
    other.put({"j" + std::to_string(i % 7)}, 600);
  }
  other.index();
  close();
  overwrite(first_index, other.file(first_index));
  open();
  EXPECT_EQ(search(one_key("k3")).found, scan(one_key("k3")));
}

TEST_F(KeyIndexTest, the_scrub_has_a_damaged_index_made_anew) {
  fill();
  const Bytes good = file(first_index);
  Bytes bad = good;
  bad[bad.size() / 2] ^= std::byte{1};
  overwrite(first_index, bad);
  EXPECT_EQ(index(), 0U);  // it is not looked at for no reason
  ASSERT_TRUE(store().scrub(everything));
  EXPECT_GT(index(), 0U);
  EXPECT_EQ(file(first_index), good);
}

TEST_F(KeyIndexTest, a_search_that_meets_a_damaged_index_has_it_made_anew) {
  fill();
  const Bytes good = file(first_index);
  overwrite(first_index, ByteView(good).first(good.size() - 1));
  expect_searches_agree();
  EXPECT_GT(index(), 0U);
  EXPECT_EQ(file(first_index), good);
}

TEST_F(KeyIndexTest, goes_with_its_segment) {
  fill();
  ASSERT_TRUE(partition().delete_records_before(partition().offsets().committed));
  ASSERT_TRUE(store().run_housekeeping());
  EXPECT_THAT(files(), Not(Contains(testing::EndsWith(".keyindex"))));
  EXPECT_EQ(partition().find_keys(0, one_key("k0")).error().code, Errc::offset_out_of_range);
}

TEST_F(KeyIndexTest, a_store_opened_to_read_uses_what_is_there_and_writes_nothing) {
  fill();
  close();
  const auto before = files();
  options.policy = OpenPolicy::read_only;
  open();
  EXPECT_EQ(index(), 0U);
  EXPECT_LT(search(one_key("r3")).batches_read, 25U);
  expect_searches_agree();
  EXPECT_EQ(files(), before);
}

TEST_F(KeyIndexTest, whoever_searches_is_sent_to_damage_that_was_there_when_the_index_was_made) {
  open_with_segments_of(8192);
  for (int i = 0; i < 40; ++i) put({"k" + std::to_string(i % 7)}, 600);
  close();
  ASSERT_TRUE(disk->flip_bit("data/x-0/00000000000000000000.log", 1000 * 8));  // in the second batch
  open();
  index();
  const auto search = partition().find_keys(0, one_key("none"));
  ASSERT_TRUE(search);
  ASSERT_THAT(search->ranges, testing::Not(IsEmpty()));
  const OffsetRange sent_to = search->ranges.front().offsets;
  EXPECT_LE(sent_to.begin, 1);
  EXPECT_GE(sent_to.end, 2);
}

TEST_F(KeyIndexTest, records_of_a_batch_that_cannot_be_read_into_may_have_any_key) {
  open_with_segments_of(8192);
  Bytes compressed = batch({std::string(5000, 'z')});
  compressed[22] |= std::byte{4};  // zstd
  ASSERT_TRUE(committer().submit({.partition = &partition(), .batch = compressed, .origin = 0, .id = 0}));
  committer().run_once();
  for (int i = 0; i < 20; ++i) append({std::string(600, '.')});
  index();
  const auto search = partition().find_keys(0, one_key("none"));
  ASSERT_TRUE(search);
  ASSERT_THAT(search->ranges, SizeIs(1));
  EXPECT_EQ(search->ranges[0].offsets, (OffsetRange{0, 1}));
}

TEST_F(KeyIndexTest, the_active_segment_is_indexed_as_it_grows) {
  open_with_segments_of(64 << 20);
  for (int i = 0; i < 10; ++i) put({"k" + std::to_string(i)}, 1 << 20);
  ASSERT_EQ(partition().segment_count(), 1);
  EXPECT_GT(index(), 9U << 20);
  EXPECT_EQ(search(one_key("k3")).batches_read, 1U);
  put({"k3"}, 100);
  EXPECT_EQ(index(), 0U);  // for so little a section is not worth it
  EXPECT_THAT(search(one_key("k3")).found, ElementsAre(3, 10));
}

// What was indexed was in the page cache only; the crash takes it, and other records get its offsets.
TEST_F(KeyIndexTest, an_index_that_survives_its_records_is_not_believed) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    KeyWorld world(LogWorld::one_partition(Durability::async));
    world.open_with_segments_of(64 << 20);
    for (int i = 0; i < 10; ++i) world.put({"old/" + std::to_string(i)}, 1 << 20);
    ASSERT_GT(world.index(), 0U);
    const Bytes index = world.file(first_index);
    world.lose_power(seed);
    world.open_with_segments_of(64 << 20);
    std::vector<Offset> wanted;
    for (int i = 0; i < 10; ++i) wanted.push_back(world.put({"new"}, 1 << 20));
    world.overwrite(first_index, index);
    EXPECT_EQ(world.search(one_key("new")).found, wanted);
    world.index();
    EXPECT_EQ(world.search(one_key("new")).found, wanted);
  }
}

TEST_F(KeyIndexTest, a_failure_or_a_crash_at_any_call_while_it_is_made_hides_nothing) {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::short_write, FaultKind::no_space}) {
    for (std::uint64_t at = 1;; ++at) {
      SCOPED_TRACE("call " + std::to_string(at));
      KeyWorld world;
      world.open_with_segments_of(8192);
      for (int i = 0; i < 40; ++i) world.put({"k" + std::to_string(i % 7)}, 600);
      world.faulty->arm({.kind = kind, .at = at, .seed = at});
      static_cast<void>(world.store().index_keys(everything));
      world.faulty->disarm();
      const bool fired = world.faulty->fired();
      EXPECT_EQ(world.search(one_key("k3")).found, world.scan(one_key("k3")));
      world.lose_power(at);
      world.open();
      EXPECT_EQ(world.search(one_key("k3")).found, world.scan(one_key("k3")));
      EXPECT_TRUE(world.store().index_keys(everything));
      EXPECT_EQ(world.search(one_key("k3")).found, world.scan(one_key("k3")));
      EXPECT_LT(world.search(one_key("none")).batches_read, 15U);  // those of the active segment
      if (!fired) break;
      ASSERT_LT(at, 1000U);
    }
  }
}

TEST_F(KeyIndexTest, is_made_and_searched_while_records_come_and_segments_go) {
  open_with_segments_of(8192);
  std::atomic<bool> done = false;
  std::thread indexer([&] {
    while (!done) EXPECT_TRUE(store().index_keys(1 << 20));
  });
  std::thread searcher([&] {
    const KeyFilter filter = one_key("k3");
    while (!done) {
      for (Offset from = partition().offsets().log_start; from < partition().offsets().committed;) {
        const auto found = partition().find_keys(from, filter);
        if (!found) {
          EXPECT_EQ(found.error().code, Errc::offset_out_of_range);  // retention was faster
          break;
        }
        EXPECT_GT(found->until, from);
        from = found->until;
      }
    }
  });
  for (int i = 0; i < 400; ++i) {
    put({"k" + std::to_string(i % 7)}, 600);
    if (i % 100 != 99) continue;
    EXPECT_TRUE(partition().delete_records_before(partition().offsets().committed - 50));
    EXPECT_TRUE(store().run_housekeeping());
  }
  done = true;
  indexer.join();
  searcher.join();
  const Offset from = partition().offsets().log_start;
  index();
  EXPECT_EQ(search(one_key("k3"), from).found, scan(one_key("k3"), from));
}

TEST(KeyIndexOfACompactedLogTest, is_made_anew_for_what_compaction_put_in_place) {
  CompactionWorld world;
  world.open();
  for (int i = 0; i < 12; ++i) world.put("k" + std::to_string(i % 3), CompactionWorld::big(std::to_string(i)));
  world.seal();
  ASSERT_GT(*world.store().index_keys(everything), 0U);
  ASSERT_GT(world.compact(), 0U);
  const auto found_by = [&](const std::string& key) {
    std::vector<Offset> found;
    for (Offset from = 0; from < world.partition().offsets().committed;) {
      const auto search = world.partition().find_keys(from, one_key(key));
      EXPECT_TRUE(search);
      for (const KeyedRecord& record : world.records()) {
        if (record.key != key) continue;
        for (const KeySearch::Range& range : search->ranges) {
          if (record.offset >= range.offsets.begin && record.offset < range.offsets.end) found.push_back(record.offset);
        }
      }
      from = search->until;
    }
    return found;
  };
  EXPECT_EQ(found_by("k1"), world.offsets_of("k1"));
  EXPECT_GT(*world.store().index_keys(everything), 0U);
  EXPECT_EQ(found_by("k1"), world.offsets_of("k1"));
  EXPECT_EQ(found_by("k2"), world.offsets_of("k2"));
}

}  // namespace
}  // namespace bitacora::storage
