// One client's socket as its shard's loop holds it. While it is idle it owns no buffer: what it costs is this, a node
// of the map it lies in, and one wait inside Asio.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "event_loop.h"
#include "net/stream.h"
#include "seats.h"

namespace bitacora::net {

enum class WaitFor : std::uint8_t { input, room, failure };  // readable, writable, in an error state

struct Connection {
  enum class Stage : std::uint8_t {
    open,      // the shard knows it
    leaving,   // the shard has closed it; its last output is being written
    lingering  // all is written and the peer was told; its own bytes are dropped until it closes too
  };

  Connection(ReadyDescriptor ready, Seat taken, std::unique_ptr<Stream> layers)
      : socket(std::move(ready)), seat(std::move(taken)), stream(std::move(layers)) {}

  [[nodiscard]] bool& awaits(WaitFor what) noexcept { return waits[static_cast<std::size_t>(what)]; }

  ReadyDescriptor socket;
  Seat seat;
  std::unique_ptr<Stream> stream;  // null: its bytes are MQTT as they come
  Stage stage = Stage::open;
  bool broken = false;          // the socket can neither be read nor written
  bool peer_ended = false;      // the peer has sent all it will
  std::array<bool, 3> waits{};  // which waits are under way, by WaitFor
};

}  // namespace bitacora::net
