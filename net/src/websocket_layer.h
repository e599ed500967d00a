// WebSocket, the server's side: the upgrade from HTTP, then MQTT in binary frames: from the client however they are cut
// [MQTT-6.0.0-2], to the client none with more than one packet.
#pragma once

#include <cstdint>
#include <memory>

#include "net/layer.h"
#include "net/listener_options.h"
#include "packet_boundaries.h"
#include "websocket_frames.h"

namespace bitacora::net {

class WebSocketLayer final : public Layer {
 public:
  // `rules` are looked at during the handshake and let go of then.
  WebSocketLayer(std::shared_ptr<const ListenerRules> rules, std::uint64_t max_frame_bytes);

  [[nodiscard]] State receive(ByteView wire, Bytes& up, Bytes& down) override;
  void send(ByteView payload, Bytes& down) override;
  void finish(Bytes& down) override;
  [[nodiscard]] bool has_opened() const noexcept override { return has_opened_; }
  [[nodiscard]] const std::string& failure() const noexcept override { return failure_; }
  [[nodiscard]] const std::optional<std::string>& user() const noexcept override { return nobody_; }

 private:
  [[nodiscard]] State upgrade(ByteView& wire, Bytes& down);
  [[nodiscard]] State read_frames(ByteView wire, Bytes& up, Bytes& down);
  [[nodiscard]] State fail(std::string why);

  std::shared_ptr<const ListenerRules> rules_;
  FrameReader frames_;
  PacketBoundaries packets_;  // of what is sent
  Bytes head_;                // of the request, until it is whole
  State state_ = State::handshake;
  bool has_opened_ = false;
  bool said_close_ = false;
  std::string failure_;
  std::optional<std::string> nobody_;
};

}  // namespace bitacora::net
