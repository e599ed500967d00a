#include "storage/batch.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/endian.h"

namespace bitacora::storage {
namespace {

// Made by python3-kafka 2.0.2: offset 0, 1700000000000, k1 -> v1; offset 1, 5 ms later, no key, "hello", header h = x.
constexpr const char* golden_batch =
    "0000000000000000 0000004c 00000000 02 32deae19 0000 00000001"
    "0000018bcfe56800 0000018bcfe56805 ffffffffffffffff ffff ffffffff 00000002"
    "14 00 00 00 04 6b31 04 7631 00"
    "1e 00 0a 02 01 0a 68656c6c6f 02 02 68 02 78";

Bytes golden() { return from_hex(golden_batch); }

RecordView record(Timestamp timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                  std::span<const HeaderView> headers = {}) {
  return {.offset = 0, .timestamp = timestamp, .key = key, .value = value, .headers = headers};
}

Bytes golden_unsealed() {
  BatchBuilder builder;
  builder.add(record(1700000000000, as_bytes("k1"), as_bytes("v1")));
  const HeaderView header{"h", as_bytes("x")};
  builder.add(record(1700000000005, std::nullopt, as_bytes("hello"), std::span(&header, 1)));
  return builder.take();
}

TEST(Batch, is_written_as_kafka_writes_it_byte_for_byte) {
  Bytes batch = golden_unsealed();
  seal_batch(batch, 0, 0, CommitMark::absent, 0);
  EXPECT_EQ(to_hex(batch), to_hex(golden()));
}

TEST(Batch, written_by_kafka_is_read) {
  const Bytes bytes = golden();
  const Result<BatchView> batch = BatchView::check(bytes);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->base_offset(), 0);
  EXPECT_EQ(batch->next_offset(), 2);
  EXPECT_EQ(batch->crc(), 0x32deae19U);
  EXPECT_EQ(batch->base_timestamp(), 1700000000000);
  EXPECT_EQ(batch->max_timestamp(), 1700000000005);
  EXPECT_FALSE(batch->has_commit_mark());

  RecordReader reader(*batch);
  auto first = reader.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(as_text(*(*first)->key), "k1");
  EXPECT_EQ(as_text(*(*first)->value), "v1");
  auto second = reader.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->offset, 1);
  EXPECT_EQ((*second)->timestamp, 1700000000005);
  EXPECT_FALSE((*second)->key);
  ASSERT_EQ((*second)->headers.size(), 1U);
  EXPECT_EQ((*second)->headers[0].name, "h");
  EXPECT_EQ(as_text(*(*second)->headers[0].value), "x");
  auto end = reader.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST(Batch, sealing_sets_offset_epoch_mark_and_shifts_every_timestamp) {
  Bytes bytes = golden_unsealed();
  seal_batch(bytes, 4711, 7, CommitMark::present, 100);
  const Result<BatchView> batch = BatchView::check(bytes);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->base_offset(), 4711);
  EXPECT_EQ(batch->leader_epoch(), 7);
  EXPECT_TRUE(batch->has_commit_mark());
  EXPECT_EQ(batch->max_timestamp(), 1700000000105);
  RecordReader reader(*batch);
  EXPECT_EQ((*reader.next())->timestamp, 1700000000100);
  EXPECT_EQ((*reader.next())->timestamp, 1700000000105);
}

TEST(Batch, sealed_again_is_as_if_sealed_once) {
  Bytes again = golden_unsealed();
  seal_batch(again, 9, 3, CommitMark::present, 0);
  seal_batch(again, 0, 0, CommitMark::absent, 0);
  EXPECT_EQ(again, golden());
}

TEST(Batch, every_single_flipped_bit_is_seen) {
  const Bytes good = golden();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    const Result<BatchView> batch = BatchView::check(bad);
    // Base offset and leader epoch are outside the CRC: there the caller's expectation is the check.
    const bool seen = !batch || batch->base_offset() != 0 || batch->leader_epoch() != 0;
    EXPECT_TRUE(seen) << "bit " << bit;
  }
}

TEST(Batch, cut_at_any_length_is_refused) {
  const Bytes good = golden();
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(BatchView::check(ByteView(good).first(length))) << length;
  }
}

TEST(Batch, of_zeros_is_no_batch) {
  const Bytes zeros(4096);
  EXPECT_FALSE(BatchView::claimed_size(zeros));
  EXPECT_FALSE(BatchView::check(zeros));
}

TEST(Batch, tombstones_empty_values_and_null_headers_are_told_apart) {
  const HeaderView headers[] = {{"null", std::nullopt}, {"empty", ByteView()}};
  BatchBuilder builder;
  builder.add(record(1, as_bytes(""), std::nullopt, headers));
  Bytes bytes = builder.take();
  seal_batch(bytes, 0, 0, CommitMark::absent, 0);
  RecordReader reader(*BatchView::check(bytes));
  const auto read = *reader.next();
  ASSERT_TRUE(read->key);
  EXPECT_TRUE(read->key->empty());
  EXPECT_FALSE(read->value);
  EXPECT_FALSE(read->headers[0].value);
  EXPECT_TRUE(read->headers[1].value);
}

TEST(Batch, a_builder_is_empty_again_after_take) {
  BatchBuilder builder;
  builder.add(record(5, std::nullopt, as_bytes("a")));
  EXPECT_GT(builder.size(), batch_header_size);
  (void)builder.take();
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.size(), 0U);
  builder.add(record(7, std::nullopt, as_bytes("b")));
  Bytes bytes = builder.take();
  seal_batch(bytes, 0, 0, CommitMark::absent, 0);
  EXPECT_EQ(BatchView::check(bytes)->base_timestamp(), 7);
}

// What a stranger may send: the bytes behind the header say something else than the header. The CRC is right.
struct Malformed {
  const char* what;
  std::int32_t record_count;
  const char* records;
};

class MalformedRecords : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedRecords, are_refused) {
  Bytes bytes = golden();
  bytes.resize(batch_header_size);
  append(bytes, from_hex(GetParam().records));
  store_be(bytes.data() + 8, static_cast<std::int32_t>(bytes.size() - batch_prefix_size));
  store_be(bytes.data() + 23, GetParam().record_count - 1);
  store_be(bytes.data() + 57, GetParam().record_count);
  seal_batch(bytes, 0, 0, CommitMark::absent, 0);
  const Result<BatchView> batch = BatchView::check(bytes);
  ASSERT_TRUE(batch);
  const Result<> records = check_records(*batch);
  ASSERT_FALSE(records) << GetParam().what;
  EXPECT_EQ(records.error().code, Errc::corrupt);
}

INSTANTIATE_TEST_SUITE_P(
    Batch, MalformedRecords,
    testing::Values(Malformed{"no record where one is counted", 1, ""},
                    Malformed{"length past the end", 1, "14 00 00 00 01"},
                    Malformed{"negative length", 1, "03 00 00 00 01 01 00"}, Malformed{"empty record", 1, "00"},
                    Malformed{"key length past the end", 1, "0c 00 00 00 7e 01 00"},
                    Malformed{"key length -2", 1, "0c 00 00 00 03 01 00"},
                    Malformed{"header count past the end", 1, "0c 00 00 00 01 01 7e"},
                    Malformed{"header without a name", 1, "10 00 00 00 01 01 02 01 01"},
                    Malformed{"bytes behind the last header", 1, "0e 00 00 00 01 01 00 00"},
                    Malformed{"bytes behind the last record", 1, "0c 00 00 00 01 01 00 00"},
                    Malformed{"offset outside the batch", 1, "0c 00 00 02 01 01 00"},
                    Malformed{"offsets that do not rise", 2, "0c 00 00 02 01 01 00 0c 00 00 02 01 01 00"},
                    Malformed{"a varint without an end", 1, "ffffffffffffffffffffff"}));

TEST(Batch, what_is_built_is_read_back) {
  const bool held = rc::check("read(build(x)) == x", [] {
    struct Given {
      Timestamp timestamp;
      std::optional<std::string> key, value;
      std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    };
    const auto text = [] { return *rc::gen::arbitrary<std::string>(); };
    const auto maybe_text = [&]() -> std::optional<std::string> {
      if (*rc::gen::inRange(0, 4) == 0) return std::nullopt;
      return text();
    };
    std::vector<Given> given(*rc::gen::inRange<std::size_t>(1, 20));
    for (Given& one : given) {
      one.timestamp = *rc::gen::inRange<Timestamp>(-1000, 2'000'000'000'000);
      one.key = maybe_text();
      one.value = maybe_text();
      one.headers.resize(*rc::gen::inRange<std::size_t>(0, 5));
      for (auto& [name, value] : one.headers) {
        name = text();
        value = maybe_text();
      }
    }
    const auto view = [](const std::optional<std::string>& bytes) {
      return bytes ? std::optional<ByteView>(as_bytes(*bytes)) : std::nullopt;
    };
    BatchBuilder builder;
    for (const Given& one : given) {
      std::vector<HeaderView> headers;
      for (const auto& [name, value] : one.headers) headers.push_back({name, view(value)});
      builder.add(record(one.timestamp, view(one.key), view(one.value), headers));
    }
    const std::size_t size = builder.size();
    Bytes bytes = builder.take();
    RC_ASSERT(bytes.size() == size);
    seal_batch(bytes, 1000, 1, CommitMark::present, 0);
    const Result<BatchView> batch = BatchView::check(bytes);
    RC_ASSERT(batch.has_value());
    RecordReader reader(*batch);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const auto read = *reader.next();
      RC_ASSERT(read.has_value());
      RC_ASSERT(read->offset == 1000 + static_cast<Offset>(i));
      RC_ASSERT(read->timestamp == given[i].timestamp);
      const auto same = [](const std::optional<ByteView>& a, const std::optional<std::string>& b) {
        return a.has_value() == b.has_value() && (!a || as_text(*a) == *b);
      };
      RC_ASSERT(same(read->key, given[i].key));
      RC_ASSERT(same(read->value, given[i].value));
      RC_ASSERT(read->headers.size() == given[i].headers.size());
      for (std::size_t h = 0; h < read->headers.size(); ++h) {
        RC_ASSERT(read->headers[h].name == given[i].headers[h].first);
        RC_ASSERT(same(read->headers[h].value, given[i].headers[h].second));
      }
    }
    RC_ASSERT(!*reader.next());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace bitacora::storage
