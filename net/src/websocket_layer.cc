#include "websocket_layer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "websocket_handshake.h"

namespace bitacora::net {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

}  // namespace

WebSocketLayer::WebSocketLayer(std::shared_ptr<const ListenerRules> rules, std::uint64_t max_frame_bytes)
    : rules_(std::move(rules)), frames_(max_frame_bytes) {}

Layer::State WebSocketLayer::receive(ByteView wire, Bytes& up, Bytes& down) {
  if (state_ == State::handshake) state_ = upgrade(wire, down);
  if (state_ == State::open) state_ = read_frames(wire, up, down);
  return state_;
}

// Takes the request from `wire`; what follows it stays there.
Layer::State WebSocketLayer::upgrade(ByteView& wire, Bytes& down) {
  const std::size_t before = head_.size();
  append(head_, wire);
  const std::size_t search_from = before < end_of_head.size() ? 0 : before - end_of_head.size() + 1;
  const std::size_t found = as_text(head_).find(end_of_head, search_from);
  const bool whole = found != std::string_view::npos;
  const std::size_t size = whole ? found + end_of_head.size() : head_.size();
  if (!whole && size <= max_upgrade_request) {
    wire = {};
    return State::handshake;
  }
  UpgradeAnswer answer =
      size > max_upgrade_request ? refuse_large_request() : answer_upgrade(ByteView(head_).first(size), *rules_);
  append(down, answer.response);
  head_ = Bytes();
  rules_.reset();
  if (!answer.refusal.empty()) {
    said_close_ = true;  // there is no WebSocket to close
    return fail(std::move(answer.refusal));
  }
  wire = wire.subspan(size - before);
  has_opened_ = true;
  return State::open;
}

Layer::State WebSocketLayer::read_frames(ByteView wire, Bytes& up, Bytes& down) {
  std::optional<Bytes> ping;  // only the last is answered [RFC 6455 section 5.5.3]
  for (;;) {
    FrameReader::Event event = frames_.read(wire, up);
    if (event.kind == FrameReader::Event::Kind::ping) {
      ping = std::move(event.payload);
      continue;
    }
    if (ping && !said_close_) append_frame(down, Opcode::pong, *ping);
    switch (event.kind) {
      case FrameReader::Event::Kind::ping:
      case FrameReader::Event::Kind::needs_more: return State::open;
      case FrameReader::Event::Kind::close:
        if (!std::exchange(said_close_, true)) append_close_frame(down, WebSocketClose::normal);
        return State::ended;
      case FrameReader::Event::Kind::failed:
        if (!std::exchange(said_close_, true)) append_close_frame(down, event.code);
        return fail(std::move(event.why));
    }
  }
}

Layer::State WebSocketLayer::fail(std::string why) {
  failure_ = "WebSocket: " + std::move(why);
  return State::failed;
}

void WebSocketLayer::send(ByteView payload, Bytes& down) {
  if (said_close_ || state_ == State::handshake) return;  // [RFC 6455 section 5.5.1]
  while (!payload.empty()) {
    const std::size_t size = packets_.next(payload);
    append_frame(down, Opcode::binary, payload.first(size));
    payload = payload.subspan(size);
  }
}

void WebSocketLayer::finish(Bytes& down) {
  if (state_ == State::handshake || std::exchange(said_close_, true)) return;
  append_close_frame(down, WebSocketClose::normal);
}

}  // namespace bitacora::net
