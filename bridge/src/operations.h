// What waits for the log: each answer that may leave only when its records are durable.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/assert.h"
#include "bridge/append_queue.h"
#include "bridge/shard.h"
#include "mqtt/packet.h"

namespace bitacora::bridge {

struct Operation {
  enum class Kind : std::uint8_t { publish, release, subscribe, unsubscribe, connect };

  Kind kind = Kind::publish;
  ConnectionId connection;
  mqtt::AnswerSlot slot;
  std::uint32_t waiting_for = 0;          // records without a fate
  std::unique_ptr<storage::Error> error;  // the first one
  std::uint64_t session_epoch = 0;

  std::size_t unwritten_bytes = 0;  // that its connection gets off its account with it

  // publish, release
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  mqtt::PacketId packet_id;
  std::uint32_t qos2_sequence = 0;
  bool is_retained_copy = false;                // of a QoS 2 publish whose record is stored already
  storage::Partition* log_partition = nullptr;  // of the published record, not of its retained copy
  storage::Offset offset = -1;
  Timestamp timestamp = 0;
  std::optional<std::uint64_t> history_number{};  // in the session's PublishHistory

  // subscribe, unsubscribe
  std::vector<mqtt::ReasonCode> reasons;
  std::string why;  // of the first that is an error
  // connect
  mqtt::SessionPresent session_present = mqtt::SessionPresent::no;
  std::string assigned_client_id;  // empty: the client named its own
  bool wants_response_information = false;
};

class Operations {
 public:
  // A new operation; its ticket may be given to any number of records (`waiting_for` counts them).
  Ticket begin(Operation operation) {
    std::size_t index = operations_.size();
    if (free_.empty()) {
      operations_.push_back(std::move(operation));
    } else {
      index = free_.back();
      free_.pop_back();
      operations_[index] = std::move(operation);
    }
    return Ticket(index + 1);
  }
  [[nodiscard]] Operation& at(Ticket ticket) { return operations_[ticket.value() - 1]; }

  // One of its records has its fate. Returns the operation when that was the last one: it is over and its ticket free.
  [[nodiscard]] std::optional<Operation> settle(const RecordFate& fate) {
    Operation& operation = at(fate.ticket);
    BITACORA_ASSERT(operation.waiting_for > 0);
    if (fate.error != nullptr && !operation.error) operation.error = std::make_unique<storage::Error>(*fate.error);
    if (fate.partition == operation.log_partition) {
      operation.offset = fate.offset;
      operation.timestamp += fate.timestamp_shift_ms;
    }
    if (--operation.waiting_for > 0) return std::nullopt;
    free_.push_back(fate.ticket.value() - 1);
    return std::move(operation);
  }

  [[nodiscard]] bool empty() const noexcept { return free_.size() == operations_.size(); }

 private:
  std::deque<Operation> operations_;  // stable places
  std::vector<std::size_t> free_;
};

}  // namespace bitacora::bridge
