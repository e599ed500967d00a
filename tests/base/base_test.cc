#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "base/murmur2.h"
#include "base/varint.h"

namespace bitacora {
namespace {

TEST(Crc32c, AgreesWithThePublishedCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, ExtendsOverPiecesToTheChecksumOfTheWhole) {
  const std::string_view text = "an acknowledgement is never sent before the record is durable";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c_extend(crc32c(as_bytes(text.substr(0, cut))), as_bytes(text.substr(cut))), crc32c(as_bytes(text)));
  }
}

TEST(Crc32c, OfZerosIsNotZeroSoThatAnEmptyTailIsNeverABatch) {
  const Bytes zeros(64);
  EXPECT_NE(crc32c(zeros), 0U);
}

struct KnownHash {
  std::string_view key;
  std::uint32_t hash;
  std::int32_t partition_of_10;
};

TEST(Murmur2, AgreesWithTheJavaClient) {
  for (const auto& known :
       {KnownHash{"kafka", 0xd067cf64, 0}, KnownHash{"21", 0xc5f2f8ec, 0}, KnownHash{"foobar", 0xd0e47bbe, 6},
        KnownHash{"abc", 0x1c94221b, 7}, KnownHash{"", 0x106e08d9, 1}, KnownHash{"giberish123456789", 0x8f552b0c, 0}}) {
    EXPECT_EQ(murmur2(as_bytes(known.key)), known.hash) << known.key;
    EXPECT_EQ(partition_of_key(as_bytes(known.key), 10), known.partition_of_10) << known.key;
  }
}

TEST(Varint, ComesBackAsItWasAtEveryWidth) {
  for (int shift = 0; shift < 63; ++shift) {
    for (const std::int64_t value :
         {std::int64_t{1} << shift, -(std::int64_t{1} << shift), (std::int64_t{1} << shift) - 1}) {
      Bytes bytes;
      append_varint(bytes, value);
      EXPECT_EQ(bytes.size(), varint_size(value));
      ByteView view = bytes;
      EXPECT_EQ(take_varint(view), value);
      EXPECT_TRUE(view.empty());
    }
  }
}

TEST(Varint, CutShortIsNotAValueAndTakesNothing) {
  Bytes bytes;
  append_varint(bytes, 1'000'000);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteView view(bytes.data(), size);
    EXPECT_EQ(take_varint(view), std::nullopt);
    EXPECT_EQ(view.size(), size);
  }
}

TEST(Varint, LongerThanTenBytesIsRefused) {
  const Bytes bytes(11, std::byte{0xff});
  ByteView view = bytes;
  EXPECT_EQ(take_varint(view), std::nullopt);
}

TEST(Endian, StoresTheHighByteFirst) {
  Bytes bytes;
  append_be<std::int32_t>(bytes, 0x01020304);
  EXPECT_EQ(to_hex(bytes), "01020304");
  EXPECT_EQ(load_be<std::int32_t>(bytes.data()), 0x01020304);
  append_be<std::int64_t>(bytes, -2);
  EXPECT_EQ(load_be<std::int64_t>(bytes.data() + 4), -2);
}

TEST(Hex, ComesBackAndRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(from_hex("00ff 10")), "00ff10");
  EXPECT_TRUE(from_hex("0g").empty());
  EXPECT_TRUE(from_hex("0").empty());
}

TEST(VirtualClock, CarriesPartsOfAMillisecondOver) {
  VirtualClock clock(1000);
  for (int i = 0; i < 10; ++i) clock.advance(std::chrono::microseconds(100));
  EXPECT_EQ(clock.now().wall_ms, 1001);
  EXPECT_EQ(clock.now().monotonic.time_since_epoch(), std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace bitacora
