#include "connection_answers.h"

#include <utility>

#include "base/assert.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t initial_slots = 4;
constexpr std::size_t max_idle_slots = 16;        // an empty queue may hold on to
constexpr std::size_t max_idle_slot_bytes = 128;  // and so may each slot

PacketId id_of(const Packet& packet) {
  switch (type_of(packet)) {
    case PacketType::puback: return std::get<Puback>(packet).packet_id;
    case PacketType::pubrec: return std::get<Pubrec>(packet).packet_id;
    case PacketType::pubcomp: return std::get<Pubcomp>(packet).packet_id;
    case PacketType::suback: return std::get<Suback>(packet).packet_id;
    case PacketType::unsuback: return std::get<Unsuback>(packet).packet_id;
    default: return PacketId{0};
  }
}

bool finishes_publish(const Packet& packet) {
  const auto* pubrec = std::get_if<Pubrec>(&packet);
  return std::holds_alternative<Puback>(packet) || std::holds_alternative<Pubcomp>(packet) ||
         (pubrec != nullptr && is_error(pubrec->reason));
}

}  // namespace

AnswerSlot AnswerQueue::open(PacketType type, PacketId id) {
  if (count_ == ring_.size()) grow();
  Slot& slot = at(count_);
  slot.id = id;
  slot.type = type;
  slot.state = State::open;
  return AnswerSlot{first_ + count_++};
}

std::size_t AnswerQueue::answer(AnswerSlot slot_number, const Packet& packet, ProtocolVersion version, Bytes& output) {
  BITACORA_ASSERT(slot_number.value() >= first_ && slot_number.value() - first_ < count_);
  const std::size_t index = slot_number.value() - first_;
  Slot& slot = at(index);
  BITACORA_ASSERT(slot.state == State::open);
  // [MQTT-3.8.4-2] [MQTT-3.10.4-5]
  BITACORA_ASSERT(slot.type == type_of(packet) && slot.id == id_of(packet));  // [MQTT-2.2.1-5] [MQTT-2.2.1-6]
  slot.state = finishes_publish(packet) ? State::answered_finishes_publish : State::answered;
  if (index > 0) {
    encode(slot.bytes, packet, version);
    return 0;
  }
  encode(output, packet, version);
  return flush(output);
}

// Lets the answers leave that nothing is in front of.
std::size_t AnswerQueue::flush(Bytes& output) {
  std::size_t finished = 0;
  while (count_ > 0 && at(0).state != State::open) {
    Slot& slot = at(0);
    append(output, slot.bytes);
    finished += slot.state == State::answered_finishes_publish ? 1 : 0;
    slot.bytes.clear();
    if (slot.bytes.capacity() > max_idle_slot_bytes) Bytes().swap(slot.bytes);
    head_ = (head_ + 1) & (ring_.size() - 1);
    ++first_;
    --count_;
  }
  if (empty() && ring_.size() > max_idle_slots) release_spare();
  return finished;
}

void AnswerQueue::grow() {
  std::vector<Slot> larger(ring_.empty() ? initial_slots : ring_.size() * 2);
  for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move(at(i));
  ring_ = std::move(larger);
  head_ = 0;
}

void AnswerQueue::release_spare() noexcept {
  if (!empty()) return;
  std::vector<Slot>().swap(ring_);
  head_ = 0;
}

}  // namespace bitacora::mqtt
