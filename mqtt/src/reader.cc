#include "reader.h"

#include <string>
#include <utility>

#include "base/assert.h"
#include "base/endian.h"
#include "variable_byte_integer.h"

namespace bitacora::mqtt {

void Reader::fail(ReasonCode reason, const char* field, const char* what) {
  rest_ = {};
  if (error_) return;
  error_ = DecodeError{reason, std::string(name_of(packet_)) + ": " + field + " " + what, std::nullopt};
}

ByteView Reader::take(std::size_t size, const char* field) {
  if (size > rest_.size()) {
    fail(ReasonCode::malformed_packet, field, "is cut short");
    return {};
  }
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint8_t Reader::byte(const char* field) {
  const ByteView bytes = take(1, field);
  return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
}

std::uint16_t Reader::two_byte_integer(const char* field) {
  const ByteView bytes = take(2, field);
  return bytes.empty() ? std::uint16_t{0} : load_be<std::uint16_t>(bytes.data());
}

std::uint32_t Reader::four_byte_integer(const char* field) {
  const ByteView bytes = take(4, field);
  return bytes.empty() ? 0 : load_be<std::uint32_t>(bytes.data());
}

std::uint32_t Reader::variable_byte_integer(const char* field) {
  const VariableByteInteger integer = decode_variable_byte_integer(rest_);
  switch (integer.status) {
    case VariableByteInteger::Status::whole: rest_ = rest_.subspan(integer.size); return integer.value;
    case VariableByteInteger::Status::cut_short: fail(ReasonCode::malformed_packet, field, "is cut short"); return 0;
    case VariableByteInteger::Status::too_long:
      fail(ReasonCode::malformed_packet, field, "is longer than four bytes");
      return 0;
    case VariableByteInteger::Status::not_shortest:
      fail(ReasonCode::malformed_packet, field, "is not in its shortest form [MQTT-1.5.5-1]");
      return 0;
  }
  return 0;
}

std::string_view Reader::string(const char* field, std::size_t max_size) {
  const std::string_view text = as_text(binary(field, max_size));
  if (is_valid_utf8_string(text)) return text;
  fail(ReasonCode::malformed_packet, field,
       "is not well-formed UTF-8 or has a U+0000 in it [MQTT-1.5.4-1] [MQTT-1.5.4-2]");
  return {};
}

ByteView Reader::binary(const char* field, std::size_t max_size) {
  const std::size_t size = two_byte_integer(field);
  if (size > max_size) {
    fail(ReasonCode::quota_exceeded, field, "is longer than this server takes");
    return {};
  }
  return take(size, field);
}

PacketId Reader::packet_id() {
  const PacketId id(two_byte_integer("Packet Identifier"));
  expect(id.value() != 0, ReasonCode::protocol_error, "Packet Identifier", "is 0");
  return id;
}

ByteView Reader::rest() noexcept { return std::exchange(rest_, {}); }

Reader Reader::split(std::size_t size, const char* field) { return Reader(take(size, field), packet_); }

void Reader::join(Reader&& part, const char* field) {
  part.expect(part.at_end(), ReasonCode::malformed_packet, field, "has bytes left over");
  if (!part.failed()) return;
  rest_ = {};
  if (!error_) error_ = std::move(part.error_);
}

DecodeError Reader::take_error() && {
  BITACORA_ASSERT(error_.has_value());
  error_->protocol_level = protocol_level_;
  return *std::move(error_);
}

void Reader::expect_end() { expect(at_end(), ReasonCode::malformed_packet, "the packet", "has bytes behind its end"); }

}  // namespace bitacora::mqtt
