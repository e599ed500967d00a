// What a session has published at QoS 1 lately, over its connections: by this a PUBLISH that comes again because its
// PUBACK was lost is told from a new one (docs/records.md, reliability.md §6.4). It only marks, it never decides that
// something need not be stored: a client may send an equal message under the same packet id.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "mqtt/packet.h"
#include "storage/partition.h"

namespace bitacora::bridge {

class PublishHistory {
 public:
  struct Earlier {
    storage::PartitionIndex partition;
    storage::Offset offset = -1;  // -1: its record is still on the way
  };

  // The session is from before the server's start, of which nothing is known, however its client left.
  void begin_after_restart() noexcept { after_restart_ = true; }
  // A connection of the session begins.
  void begin_connection() noexcept { ++connection_; }
  // False: a copy that was taken before the server started would not be found.
  [[nodiscard]] bool complete() const noexcept { return !after_restart_ || connection_ > 1; }

  // The PUBLISH that came last under this packet id, if that was on another connection than this one and the same
  // message.
  [[nodiscard]] std::optional<Earlier> find(mqtt::PacketId id, std::uint64_t digest) const {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->id != id) continue;
      if (entry->connection == connection_ || entry->digest != digest || entry->failed) return std::nullopt;
      return Earlier{entry->partition, entry->offset};
    }
    return std::nullopt;
  }

  // Returns a number for on_stored. At most `depth` are remembered. `offset`: of the first copy, where there was one.
  std::uint64_t remember(mqtt::PacketId id, std::uint64_t digest, storage::PartitionIndex partition,
                         storage::Offset offset, std::size_t depth) {
    while (!entries_.empty() && entries_.size() >= depth) {
      entries_.pop_front();
      ++first_;
    }
    entries_.push_back({digest, offset, partition, connection_, id, false});
    return first_ + entries_.size() - 1;
  }
  void on_stored(std::uint64_t number, storage::Offset offset) noexcept {
    if (Entry* entry = at(number); entry != nullptr && entry->offset < 0) entry->offset = offset;
  }
  void on_failed(std::uint64_t number) noexcept {
    if (Entry* entry = at(number)) entry->failed = true;
  }

 private:
  struct Entry {
    std::uint64_t digest;
    storage::Offset offset;
    storage::PartitionIndex partition;
    std::uint32_t connection;
    mqtt::PacketId id;
    bool failed;
  };
  [[nodiscard]] Entry* at(std::uint64_t number) noexcept {
    return number < first_ || number - first_ >= entries_.size() ? nullptr : &entries_[number - first_];
  }

  std::deque<Entry> entries_;
  std::uint64_t first_ = 0;  // number of entries_.front()
  std::uint32_t connection_ = 0;
  bool after_restart_ = false;
};

}  // namespace bitacora::bridge
