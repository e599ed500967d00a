// The QoS 1 and 2 messages that a session has sent and whose handshake is not over, in the order of sending: packet ids
// and where the record lies, never the payload. A message that must be sent again is read from the log again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "mqtt/packet.h"
#include "storage/partition.h"

namespace bitacora::bridge {

struct Feed;

struct InFlightMessage {
  // clearing: PUBREL was sent before the PUBLISH, since the client may still hold a message of an earlier life of the
  // server under this packet id; its PUBCOMP says that the id is free.
  enum class Awaiting : std::uint8_t { clearing, puback, pubrec, pubcomp };

  std::uint64_t sequence = 0;  // of the allocation; the packet id follows from it
  storage::Partition* partition = nullptr;
  storage::Offset offset = 0;
  Feed* feed = nullptr;  // null: a retained message, or its feed is gone
  Awaiting awaiting = Awaiting::puback;
  mqtt::Retain retain = mqtt::Retain::no;
  std::uint32_t identifier = 0;  // retained: the subscription identifier; 0: none
  bool to_resend = false;        // was sent on an earlier connection, not yet on this one

  [[nodiscard]] mqtt::PacketId packet_id() const noexcept {
    return mqtt::PacketId(static_cast<std::uint16_t>(sequence % 65535 + 1));
  }
};

class InFlightWindow {
 public:
  // An unused packet id for the next message [MQTT-2.2.1-4]. There must be fewer than 65535 messages.
  [[nodiscard]] std::uint64_t allocate() noexcept {
    while (is_taken(next_)) ++next_;
    return next_++;
  }

  void add(InFlightMessage message) { messages_.push_back(message); }

  // The sequence from which the next message gets its own; as an earlier life of the server had it.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_; }
  void go_on_from(std::uint64_t sequence) noexcept { next_ = sequence; }

  // Acknowledgements come in order most of the time, so this looks from the front.
  [[nodiscard]] InFlightMessage* find(mqtt::PacketId id) noexcept {
    for (InFlightMessage& message : messages_) {
      if (message.packet_id() == id) return &message;
    }
    return nullptr;
  }

  void remove(mqtt::PacketId id) noexcept {
    for (auto at = messages_.begin(); at != messages_.end(); ++at) {
      if (at->packet_id() == id) {
        messages_.erase(at);
        return;
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
  [[nodiscard]] std::deque<InFlightMessage>& messages() noexcept { return messages_; }
  [[nodiscard]] const std::deque<InFlightMessage>& messages() const noexcept { return messages_; }

 private:
  // Only after all 65535 ids have gone round can an old message still hold this one.
  [[nodiscard]] bool is_taken(std::uint64_t sequence) const noexcept {
    if (messages_.empty() || sequence - messages_.front().sequence < 65535) return false;
    for (const InFlightMessage& message : messages_) {
      if (message.sequence % 65535 == sequence % 65535) return true;
    }
    return false;
  }

  std::deque<InFlightMessage> messages_;
  std::uint64_t next_ = 0;
};

}  // namespace bitacora::bridge
