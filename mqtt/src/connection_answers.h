// Answers in the order of what they answer [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4]. A slot is opened as a packet
// comes in; its answer may be given at any time and leaves when all slots before it have left.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "mqtt/packet.h"
#include "mqtt/server_connection.h"

namespace bitacora::mqtt {

class AnswerQueue {
 public:
  // The slot for an answer of type `type` that carries `id`.
  [[nodiscard]] AnswerSlot open(PacketType type, PacketId id);

  // Encodes to `output` at once if the slot is the oldest, together with the answers that waited behind it; else keeps
  // the bytes. Asserts that the slot is open and that `packet` is what it asks for. Returns how many publishes were
  // finished by what left: PUBACK, PUBCOMP, or PUBREC with an error.
  [[nodiscard]] std::size_t answer(AnswerSlot slot, const Packet& packet, ProtocolVersion version, Bytes& output);

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }  // slots that are open or wait for their turn
  // Gives back the memory of an empty queue.
  void release_spare() noexcept;

 private:
  enum class State : std::uint8_t { open, answered, answered_finishes_publish };
  struct Slot {
    Bytes bytes;  // of an answer that waits for its turn
    PacketId id;
    PacketType type = PacketType::puback;
    State state = State::open;
  };
  [[nodiscard]] Slot& at(std::size_t index) noexcept { return ring_[(head_ + index) & (ring_.size() - 1)]; }
  void grow();
  std::size_t flush(Bytes& output);

  std::vector<Slot> ring_;  // a power of two or empty; count_ of them from head_ on are in use
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t first_ = 1;  // number of the slot at head_; 0 is CONNECT's
};

}  // namespace bitacora::mqtt
