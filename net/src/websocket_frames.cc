#include "websocket_frames.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"

namespace bitacora::net {
namespace {

constexpr unsigned final_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned opcode_bits = 0x0F;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7F;
constexpr unsigned length_in_2_bytes = 126;
constexpr unsigned length_in_8_bytes = 127;

using Event = FrameReader::Event;

Event failed(WebSocketClose code, std::string why) { return {Event::Kind::failed, {}, code, std::move(why)}; }

}  // namespace

void append_frame(Bytes& to, Opcode opcode, ByteView payload) {
  to.reserve(to.size() + payload.size() + 10);
  to.push_back(static_cast<std::byte>(final_bit | static_cast<unsigned>(opcode)));
  if (payload.size() < length_in_2_bytes) {
    to.push_back(static_cast<std::byte>(payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    to.push_back(static_cast<std::byte>(length_in_2_bytes));
    append_be(to, static_cast<std::uint16_t>(payload.size()));
  } else {
    to.push_back(static_cast<std::byte>(length_in_8_bytes));
    append_be(to, static_cast<std::uint64_t>(payload.size()));
  }
  append(to, payload);
}

void append_close_frame(Bytes& to, WebSocketClose code) {
  std::array<std::byte, 2> status{};
  store_be(status.data(), static_cast<std::uint16_t>(code));
  append_frame(to, Opcode::close, status);
}

Opcode FrameReader::opcode() const noexcept {
  return static_cast<Opcode>(std::to_integer<unsigned>(header_[0]) & opcode_bits);
}

bool FrameReader::is_final() const noexcept { return (std::to_integer<unsigned>(header_[0]) & final_bit) != 0; }

// As far as it is known: the second byte says how long it is.
std::size_t FrameReader::header_size() const noexcept {
  if (header_read_ < 2) return 2;
  const unsigned second = std::to_integer<unsigned>(header_[1]);
  const unsigned length = second & length_bits;
  const std::size_t extended = length == length_in_2_bytes ? 2 : length == length_in_8_bytes ? 8 : 0;
  return 2 + extended + ((second & mask_bit) != 0 ? mask_.size() : 0);
}

bool FrameReader::complete_header(ByteView& wire) {
  while (header_read_ < header_size()) {
    if (wire.empty()) return false;
    header_[header_read_++] = wire.front();
    wire = wire.subspan(1);
  }
  return true;
}

// The header is whole. Whatever is wrong with a frame is in its header.
std::optional<Event> FrameReader::begin_frame() {
  const unsigned first = std::to_integer<unsigned>(header_[0]);
  const unsigned second = std::to_integer<unsigned>(header_[1]);
  const unsigned short_length = second & length_bits;
  if ((first & reserved_bits) != 0) {  // no extension was agreed on
    return failed(WebSocketClose::protocol_error, "a frame has reserved bits set");
  }
  if ((second & mask_bit) == 0) return failed(WebSocketClose::protocol_error, "a frame is not masked");
  std::uint64_t length = short_length;
  if (short_length == length_in_2_bytes) length = load_be<std::uint16_t>(header_.data() + 2);
  if (short_length == length_in_8_bytes) length = load_be<std::uint64_t>(header_.data() + 2);

  switch (opcode()) {
    case Opcode::text:  // [MQTT-6.0.0-1]
      return failed(WebSocketClose::unsupported_data, "MQTT is sent in binary frames, and this one is text");
    case Opcode::binary:
    case Opcode::continuation:
      if ((opcode() == Opcode::continuation) != in_message_) {
        return failed(WebSocketClose::protocol_error,
                      in_message_ ? "a message begins inside another one" : "a message goes on that has not begun");
      }
      if (length > max_frame_bytes_) {
        return failed(WebSocketClose::too_big, "a frame of " + std::to_string(length) + " bytes is over the limit of " +
                                                   std::to_string(max_frame_bytes_));
      }
      in_message_ = !is_final();
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!is_final() || length > max_control) {
        return failed(WebSocketClose::protocol_error, "a control frame is cut into pieces or too long");
      }
      if (opcode() == Opcode::close && length == 1) {
        return failed(WebSocketClose::protocol_error, "a close frame has half a status code");
      }
      break;
    default: return failed(WebSocketClose::protocol_error, "a frame has an unknown opcode");
  }
  std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(header_size() - mask_.size()), mask_.size(), mask_.begin());
  mask_at_ = 0;
  payload_left_ = length;
  in_payload_ = true;
  return std::nullopt;
}

void FrameReader::take_payload(ByteView& wire, Bytes& payload) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, wire.size()));
  const std::size_t begin = payload.size();
  append(payload, wire.first(size));
  for (std::size_t i = begin; i < payload.size(); ++i) payload[i] ^= mask_[mask_at_++ % mask_.size()];
  wire = wire.subspan(size);
  payload_left_ -= size;
}

FrameReader::Event FrameReader::read(ByteView& wire, Bytes& payload) {
  for (;;) {
    if (!in_payload_) {
      if (!complete_header(wire)) return {};
      if (auto wrong = begin_frame()) return std::move(*wrong);
    }
    take_payload(wire, is_control() ? control_ : payload);
    if (payload_left_ > 0) return {};
    const Opcode ended = opcode();
    in_payload_ = false;
    header_read_ = 0;
    Bytes control = std::exchange(control_, {});
    if (ended == Opcode::ping) return {Event::Kind::ping, std::move(control)};
    if (ended == Opcode::close) return {Event::Kind::close, std::move(control)};
  }
}

}  // namespace bitacora::net
