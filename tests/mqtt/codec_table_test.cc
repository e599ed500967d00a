// The shared packet tables, run whole, cut at every length and with every bit flipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "mqtt/codec.h"
#include "mqtt/packet_table.h"

namespace bitacora::mqtt {
namespace {

// A copy that ends where its memory ends, so that the address sanitizer sees a read past it.
class ExactCopy {
 public:
  explicit ExactCopy(ByteView bytes) : bytes_(std::make_unique<std::byte[]>(bytes.size())), size_(bytes.size()) {
    std::ranges::copy(bytes, bytes_.get());
  }
  [[nodiscard]] ByteView view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

std::string outcome(const Result<Packet>& result) {
  return result ? format(*result) : std::string(name_of(result.error().reason)) + ": " + result.error().message;
}

void expect_decodes(const TabledPacket& row) {
  SCOPED_TRACE(row.name);
  const ExactCopy bytes(row.bytes);
  const Result<Packet> decoded = decode(bytes.view(), row.version);
  ASSERT_TRUE(decoded.has_value()) << outcome(decoded);
  EXPECT_TRUE(*decoded == row.packet) << format(*decoded) << "\n" << format(row.packet);
}

// What decode accepts, encode writes so that decode gives the same again.
void expect_canonical_form_means_the_same(ByteView bytes, ProtocolVersion version) {
  const ExactCopy copy(bytes);
  const Result<Packet> decoded = decode(copy.view(), version);
  if (!decoded) return;
  Bytes canonical;
  encode(canonical, *decoded, version);
  const Result<Packet> again = decode(canonical, version);
  ASSERT_TRUE(again.has_value()) << to_hex(bytes) << ": " << outcome(again);
  EXPECT_TRUE(*again == *decoded) << to_hex(bytes) << "\n" << format(*decoded) << "\n" << format(*again);
}

// [MQTT-2.2.1-2] [MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.3.2-1]
TEST(CodecTable, EveryPacketDecodesToItsValue) {
  for (const TabledPacket& row : packet_table()) expect_decodes(row);
}

TEST(CodecTable, EveryAlternativeSpellingDecodesToItsValue) {
  for (const TabledPacket& row : alternative_spelling_table()) {
    expect_decodes(row);
    Bytes encoded;
    encode(encoded, row.packet, row.version);
    EXPECT_NE(encoded, row.bytes) << row.name << " belongs into packet_table";
  }
}

// [MQTT-2.1.3-1] [MQTT-2.2.2-1] [MQTT-3.2.2-1]
TEST(CodecTable, EveryPacketEncodesToItsBytes) {
  for (const TabledPacket& row : packet_table()) {
    Bytes encoded = to_bytes("before");
    encode(encoded, row.packet, row.version);
    EXPECT_EQ(to_hex(encoded), to_hex(to_bytes("before")) + to_hex(row.bytes)) << row.name;
  }
}

TEST(CodecTable, EncodedSizeIsTheSizeOfTheEncodedPacket) {
  for (const TabledPacket& row : packet_table()) {
    EXPECT_EQ(encoded_size(row.packet, row.version), row.bytes.size()) << row.name;
  }
}

TEST(CodecTable, HasEveryPacketTypeOf311AndOf50) {
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5}) {
    for (int type = 1; type <= 15; ++type) {
      const bool is_tabled = std::ranges::any_of(packet_table(), [&](const TabledPacket& row) {
        return static_cast<int>(type_of(row.packet)) == type && row.version == version;
      });
      const bool exists = version == ProtocolVersion::v5 || type != static_cast<int>(PacketType::auth);
      EXPECT_EQ(is_tabled, exists) << name_of(static_cast<PacketType>(type)) << " " << name_of(version);
    }
  }
}

TEST(CodecTable, TheFrameOfEveryPacketIsKnownAsSoonAsItsHeaderIs) {
  for (const TabledPacket& row : packet_table()) {
    SCOPED_TRACE(row.name);
    const Result<std::optional<Frame>> whole = decode_frame(row.bytes);
    ASSERT_TRUE(whole.has_value() && whole->has_value());
    const Frame& frame = **whole;
    EXPECT_EQ(frame.size(), row.bytes.size());
    EXPECT_EQ(frame.type(), type_of(row.packet));
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
      const ExactCopy prefix(ByteView(row.bytes).first(size));
      const Result<std::optional<Frame>> result = decode_frame(prefix.view());
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->has_value(), size >= frame.header_size) << size;
    }
  }
}

TEST(CodecTable, APrefixOfAPacketIsNoPacket) {
  for (const TabledPacket& row : packet_table()) {
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
      const ExactCopy prefix(ByteView(row.bytes).first(size));
      const Result<Packet> decoded = decode(prefix.view(), row.version);
      ASSERT_FALSE(decoded.has_value()) << row.name << " cut to " << size;
      EXPECT_EQ(decoded.error().reason, ReasonCode::malformed_packet);
    }
  }
}

// The Remaining Length is made to fit, so the cut is met by the packet's own grammar.
TEST(CodecTable, APacketWhoseBodyIsCutIsAnErrorOrAnotherPacket) {
  for (const TabledPacket& row : packet_table()) {
    SCOPED_TRACE(row.name);
    ASSERT_LT(row.bytes.size(), 130U) << "the fixed header is taken to be two bytes";
    for (std::size_t body_size = 0; body_size + 2 < row.bytes.size(); ++body_size) {
      Bytes cut(row.bytes.begin(), row.bytes.begin() + 2 + static_cast<std::ptrdiff_t>(body_size));
      cut[1] = static_cast<std::byte>(body_size);
      expect_canonical_form_means_the_same(cut, row.version);
    }
  }
}

TEST(CodecTable, AFlippedBitIsAnErrorOrAnotherPacket) {
  for (const TabledPacket& row : packet_table()) {
    SCOPED_TRACE(row.name);
    for (std::size_t bit = 0; bit < row.bytes.size() * 8; ++bit) {
      Bytes flipped = row.bytes;
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5}) {
        expect_canonical_form_means_the_same(flipped, version);
      }
    }
  }
}

TEST(CodecTable, EveryByteOfEveryPacketMayHaveAnyValue) {
  for (const TabledPacket& row : packet_table()) {
    SCOPED_TRACE(row.name);
    for (std::size_t at = 0; at < row.bytes.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Bytes changed = row.bytes;
        changed[at] = static_cast<std::byte>(value);
        expect_canonical_form_means_the_same(changed, row.version);
      }
    }
  }
}

TEST(MalformedPacketTable, EveryPacketIsRefusedWithItsReason) {
  for (const MalformedPacket& row : malformed_packet_table()) {
    SCOPED_TRACE(row.name);
    const ExactCopy bytes(row.bytes);
    const Result<Packet> decoded = decode(bytes.view(), row.version);
    ASSERT_FALSE(decoded.has_value()) << outcome(decoded);
    EXPECT_EQ(decoded.error().reason, row.reason) << outcome(decoded);
    EXPECT_FALSE(decoded.error().message.empty());
  }
}

// Otherwise a row could be refused for its length and not for what it is named after.
TEST(MalformedPacketTable, EveryPacketIsAsLongAsItsRemainingLengthSays) {
  for (const MalformedPacket& row : malformed_packet_table()) {
    const Result<std::optional<Frame>> frame = decode_frame(row.bytes);
    if (!frame) continue;  // refused for its fixed header alone
    ASSERT_TRUE(frame->has_value()) << row.name;
    EXPECT_EQ((*frame)->size(), row.bytes.size()) << row.name;
  }
}

}  // namespace
}  // namespace bitacora::mqtt
