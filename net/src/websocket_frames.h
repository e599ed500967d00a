// Frames of RFC 6455 section 5, as a server reads and writes them. Payload of binary frames streams through: nothing of
// it is kept, however the sender cut it into frames. Control frames are kept until they are whole, 125 bytes at most.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace bitacora::net {

// Status codes of section 7.4.1 that a server has a use for.
enum class WebSocketClose : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  too_big = 1009,
};

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// Frames from a server are not masked.
void append_frame(Bytes& to, Opcode opcode, ByteView payload);
void append_close_frame(Bytes& to, WebSocketClose code);

class FrameReader {
 public:
  // What came to an end in the bytes, besides payload.
  struct Event {
    enum class Kind : std::uint8_t { needs_more, ping, close, failed } kind = Kind::needs_more;
    Bytes payload{};                                       // of ping and close
    WebSocketClose code = WebSocketClose::protocol_error;  // failed
    std::string why{};                                     // failed, for a person
  };

  explicit FrameReader(std::uint64_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  // Reads on until an event other than payload; `wire` is cut by what was read, payload is appended to `payload`.
  // needs_more: all of `wire` was read. After failed or close nothing may be read.
  [[nodiscard]] Event read(ByteView& wire, Bytes& payload);

 private:
  static constexpr std::size_t max_header = 14;
  static constexpr std::size_t max_control = 125;

  [[nodiscard]] bool complete_header(ByteView& wire);
  [[nodiscard]] std::optional<Event> begin_frame();
  void take_payload(ByteView& wire, Bytes& payload);
  [[nodiscard]] std::size_t header_size() const noexcept;
  [[nodiscard]] Opcode opcode() const noexcept;
  [[nodiscard]] bool is_control() const noexcept { return opcode() >= Opcode::close; }
  [[nodiscard]] bool is_final() const noexcept;

  const std::uint64_t max_frame_bytes_;
  std::array<std::byte, max_header> header_{};
  std::size_t header_read_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;  // a binary message has begun and not ended
  std::uint64_t payload_left_ = 0;
  std::array<std::byte, 4> mask_{};
  std::size_t mask_at_ = 0;
  Bytes control_;
};

}  // namespace bitacora::net
