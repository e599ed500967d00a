// Writes the fields of one packet, or only counts them: so one grammar, written once, gives both the bytes and their
// number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/endian.h"
#include "mqtt/protocol.h"
#include "variable_byte_integer.h"

namespace bitacora::mqtt {

class Writer {
 public:
  Writer() noexcept = default;                          // counts only
  explicit Writer(std::byte* to) noexcept : to_(to) {}  // the caller has made room, having counted

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void byte(std::uint8_t value) noexcept {
    if (to_ != nullptr) to_[size_] = std::byte{value};
    ++size_;
  }
  void two_byte_integer(std::uint16_t value) noexcept { integer(value); }
  void four_byte_integer(std::uint32_t value) noexcept { integer(value); }

  void variable_byte_integer(std::size_t value) {
    BITACORA_ASSERT(value <= max_variable_byte_integer);
    for (; value >= 128; value >>= 7) byte(static_cast<std::uint8_t>((value & 0x7F) | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }

  void raw(ByteView bytes) noexcept {
    if (to_ != nullptr && !bytes.empty()) std::memcpy(to_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void binary(ByteView bytes) {
    BITACORA_ASSERT(bytes.size() <= 65535);
    two_byte_integer(static_cast<std::uint16_t>(bytes.size()));
    raw(bytes);
  }
  void string(std::string_view text) { binary(as_bytes(text)); }

  void packet_id(PacketId id) {
    BITACORA_ASSERT(id.value() != 0);
    two_byte_integer(id.value());
  }

 private:
  template <class T>
  void integer(T value) noexcept {
    if (to_ != nullptr) store_be(to_ + size_, value);
    size_ += sizeof value;
  }

  std::byte* to_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bitacora::mqtt
