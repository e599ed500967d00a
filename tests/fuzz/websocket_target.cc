// A client's bytes to a WebSocket listener: however the network cuts them, the same MQTT comes out of them and the same
// end; and a payload that was put into frames, however the client cut it, comes out as it was.
//
//   1 byte   bit 0: the rest is payload, to be put into frames; bit 1: a good request comes first
//   1 byte   how large the network's pieces are
#include <memory>
#include <string>

#include "fuzz/fuzz_target.h"
#include "net/listener_options.h"
#include "websocket_frames.h"
#include "websocket_layer.h"

namespace bitacora::net {
namespace {

using fuzz::must;

constexpr std::uint64_t max_frame_bytes = 4096;
constexpr std::string_view good_request =
    "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

struct Outcome {
  Layer::State state = Layer::State::handshake;
  std::string failure;
  Bytes up;
  Bytes down;  // without pongs: of several pings that come at once only the last is answered
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Of what a server sent; its control frames are short, and it sends nothing else here.
Bytes without_pongs(ByteView down) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  const std::size_t head = as_text(down).find(end_of_head);
  if (!as_text(down).starts_with("HTTP/1.1 101") || head == std::string_view::npos) return {down.begin(), down.end()};
  ByteView frames = down.subspan(head + end_of_head.size());
  Bytes rest(down.begin(), frames.begin());
  while (!frames.empty()) {
    must(frames.size() >= 2, "a server's frame has a header");
    const std::size_t size = 2 + std::to_integer<std::size_t>(frames[1]);
    must(size <= 2 + 125 && size <= frames.size(), "a server's control frame is whole and not masked");
    const bool is_pong = (std::to_integer<unsigned>(frames[0]) & 0x0F) == static_cast<unsigned>(Opcode::pong);
    if (!is_pong) append(rest, frames.first(size));
    frames = frames.subspan(size);
  }
  return rest;
}

Outcome talk(ByteView wire, std::size_t piece_size) {
  ListenerRules rules;
  rules.transport = Transport::websocket;
  WebSocketLayer layer(std::make_shared<const ListenerRules>(rules), max_frame_bytes);
  Outcome outcome;
  while (!wire.empty() && outcome.state != Layer::State::ended && outcome.state != Layer::State::failed) {
    const ByteView piece = wire.first(std::min(piece_size, wire.size()));
    wire = wire.subspan(piece.size());
    const Bytes own(piece.begin(), piece.end());  // a view of it may not be kept
    outcome.state = layer.receive(own, outcome.up, outcome.down);
  }
  must(layer.failure().empty() == (outcome.state != Layer::State::failed), "who fails says why");
  outcome.failure = layer.failure();
  outcome.down = without_pongs(outcome.down);
  return outcome;
}

// As a client sends it [RFC 6455 section 5.2].
void append_masked(Bytes& to, unsigned first, std::uint32_t mask, ByteView payload) {
  constexpr unsigned mask_bit = 0x80;
  const std::size_t size = payload.size();
  to.push_back(static_cast<std::byte>(first));
  if (size < 126) {
    to.push_back(static_cast<std::byte>(mask_bit | size));
  } else {
    to.push_back(static_cast<std::byte>(mask_bit | 126));
    to.push_back(static_cast<std::byte>(size >> 8));
    to.push_back(static_cast<std::byte>(size));
  }
  for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(mask >> (24 - 8 * i)));
  for (std::size_t i = 0; i < size; ++i) to.push_back(payload[i] ^ static_cast<std::byte>(mask >> (24 - 8 * (i % 4))));
}

// Frames of the sizes that the input says, with pings between them; the payload without frames goes to `payload`.
Bytes frames_of(fuzz::FuzzInput& input, Bytes& payload) {
  constexpr unsigned final_bit = 0x80;
  Bytes wire;
  bool in_message = false;
  while (!input.empty()) {
    const std::uint8_t how = input.byte();
    const std::size_t size = how & 0x40 ? input.word() % max_frame_bytes : how & 0x3F;
    const std::uint32_t mask = std::uint32_t{input.word()} << 16 | input.word();
    const ByteView piece = input.take(size);
    const bool is_last = (how & final_bit) != 0;
    const Opcode opcode = in_message ? Opcode::continuation : Opcode::binary;
    append_masked(wire, (is_last ? final_bit : 0) | static_cast<unsigned>(opcode), mask, piece);
    append(payload, piece);
    in_message = !is_last;
    if (how % 3 == 0) append_masked(wire, final_bit | static_cast<unsigned>(Opcode::ping), mask, as_bytes("ping"));
  }
  return wire;
}

}  // namespace

FUZZ_TARGET(websocket) {
  const std::uint8_t flags = input.byte();
  const std::size_t piece_size = 1 + input.byte();
  const bool is_payload = (flags & 1) != 0;
  Bytes wire;
  if (is_payload || (flags & 2) != 0) append(wire, as_bytes(good_request));
  Bytes payload;
  append(wire, is_payload ? ByteView(frames_of(input, payload)) : input.take_rest());
  const Outcome whole = talk(wire, wire.size() + 1);
  must(talk(wire, piece_size) == whole, "pieces do not matter");
  if (!is_payload) return;
  must(whole.state == Layer::State::open, "good frames are taken");
  must(whole.up == payload, "what was put into frames comes out of them");
}

}  // namespace bitacora::net
