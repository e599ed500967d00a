// One layer between a socket and MQTT: TLS, WebSocket. It does no I/O: bytes come in from below, bytes for above and
// bytes for below come out. Not thread-safe, but it may move from thread to thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace bitacora::net {

class Layer {
 public:
  enum class State : std::uint8_t {
    handshake,  // nothing can be sent yet
    open,
    ended,  // the peer has sent all it will, and said so
    failed  // the peer broke the layer's rules, see failure(); what it is told of that is in `down` already
  };

  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  // Takes all of `wire`, which came from below. What it carries is appended to `up`, what has to be answered to `down`.
  // After ended or failed nothing is taken any more.
  [[nodiscard]] virtual State receive(ByteView wire, Bytes& up, Bytes& down) = 0;
  // Once it is open; after failed or finish() nothing comes of it.
  virtual void send(ByteView payload, Bytes& down) = 0;
  // Takes leave as the layer's protocol has it. Nothing is sent after it.
  virtual void finish(Bytes& down) = 0;

  // Whether it was open, whatever came then.
  [[nodiscard]] virtual bool has_opened() const noexcept = 0;
  // What the peer did wrong, for a person; empty unless failed.
  [[nodiscard]] virtual const std::string& failure() const noexcept = 0;
  // The user that the layer vouches for, once it is open.
  [[nodiscard]] virtual const std::optional<std::string>& user() const noexcept = 0;
};

}  // namespace bitacora::net
