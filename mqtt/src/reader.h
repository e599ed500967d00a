// Takes the fields of one packet off a run of bytes, never past its end. The first thing wrong is kept and makes
// everything after it empty: a packet's grammar is written straight down, and asked once, at its end, whether it held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "mqtt/codec.h"

namespace bitacora::mqtt {

class Reader {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  // `packet` is what error messages speak of. Views that are read point into `bytes`.
  Reader(ByteView bytes, PacketType packet) noexcept : rest_(bytes), packet_(packet) {}

  [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }  // also once failed: loops end
  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }

  // Each takes one field, named for the error message. After a failure: 0 or empty.
  std::uint8_t byte(const char* field);
  std::uint16_t two_byte_integer(const char* field);
  std::uint32_t four_byte_integer(const char* field);
  std::uint32_t variable_byte_integer(const char* field);
  std::string_view string(const char* field, std::size_t max_size = no_limit);  // well-formed UTF-8, no U+0000
  ByteView binary(const char* field, std::size_t max_size = no_limit);
  PacketId packet_id();  // not 0
  ByteView rest() noexcept;

  // A reader of the next `size` bytes alone, which this one skips. Give it back with join().
  Reader split(std::size_t size, const char* field);
  // Fails as `part` failed, or if it was not read to its end.
  void join(Reader&& part, const char* field);

  void expect_end();
  void fail(ReasonCode reason, const char* field, const char* what);
  void expect(bool condition, ReasonCode otherwise, const char* field, const char* what) {
    if (!condition) fail(otherwise, field, what);
  }

  // Of a CONNECT: goes with the error, if there is to be one.
  void note_protocol_level(std::uint8_t level) noexcept { protocol_level_ = level; }
  // Only when failed().
  [[nodiscard]] DecodeError take_error() &&;

 private:
  ByteView take(std::size_t size, const char* field);

  ByteView rest_;
  PacketType packet_;
  std::optional<std::uint8_t> protocol_level_;
  std::optional<DecodeError> error_;
};

}  // namespace bitacora::mqtt
