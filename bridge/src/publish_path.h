// From a PUBLISH to its records, and from the records' fate to PUBACK, PUBREC and PUBCOMP. Wills take the same way.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "bridge/message.h"
#include "bridge/retained_index.h"
#include "journal.h"
#include "operations.h"
#include "session.h"
#include "session_table.h"
#include "shard_context.h"

namespace bitacora::bridge {

class PublishPath {
 public:
  // `retained` is what the shard knows of; it outlives this.
  PublishPath(ShardContext& context, Journal& journal, Operations& operations, const RetainedIndex& retained)
      : context_(context), journal_(journal), operations_(operations), retained_(retained) {}

  void on_publish(Connection& connection, const mqtt::PublishEvent& event);
  void on_pubrel(Connection& connection, const mqtt::PubrelEvent& event);
  void publish_will(Session& session);

  // The operation is over. `connection` is null if it has gone, `session` if it has ended.
  void on_published(Operation& operation, Connection* connection, Session* session);
  void on_released(Operation& operation, Connection* connection);

 private:
  struct OverLimit {
    Limit limit;
    std::string_view why;
  };
  [[nodiscard]] std::optional<OverLimit> over_limit(const Session& session, const mqtt::Publish& packet) const;
  [[nodiscard]] std::optional<OverLimit> over_retained_limit(const Session& session, std::string_view topic,
                                                             std::size_t payload_bytes) const;
  void refuse(Connection& connection, const mqtt::PublishEvent& event, mqtt::ReasonCode reason, std::string_view why);
  void refuse_unauthorized(Connection& connection, const mqtt::PublishEvent& event);
  // True if the PUBLISH is one that is in the log already, or on its way: it was dealt with.
  [[nodiscard]] bool is_repeated_qos2(Connection& connection, const mqtt::PublishEvent& event);
  // As the record with this digest_of().
  [[nodiscard]] bool is_same_message(const Session& session, const mqtt::Publish& packet, std::uint64_t digest);
  // What becomes of a PUBLISH once its record is stored; an operation of its own where somebody waits for it.
  [[nodiscard]] Ticket begin(Connection& connection, const mqtt::PublishEvent& event, Message& message,
                             storage::Partition& partition);
  // Marks a QoS 1 PUBLISH that may be in the log already, and remembers it. Returns its number in the history.
  [[nodiscard]] std::uint64_t mark_duplicate(Session& session, const mqtt::Publish& packet, Message& message,
                                             const storage::Partition& partition);
  // Queues the record, and its retained copy, which names its publisher, where there is one.
  void append(const Session& session, Message& message, const Destination& destination, Ticket ticket);
  // The retained copy alone.
  void append_retained(const Session& session, Message& message, const Destination& destination, Ticket ticket);
  [[nodiscard]] Message message_of(const Session& session, const mqtt::Publish& packet) const;
  // What is known of a QoS 2 id now. not_yet: the operation, of a repeated PUBLISH, waits on.
  enum class Settled : std::uint8_t { yes, not_yet };
  [[nodiscard]] Settled settle_qos2(Session& session, Operation& operation);
  void wait_for_first_copy(Session& session, Operation operation);
  // Whether of a QoS 2 PUBLISH that has failed the record is stored all the same: then its retained copy is not.
  [[nodiscard]] static bool is_half_stored(const Session& session, const Operation& operation);
  // `why` becomes the Reason String of an error; "": none.
  void answer(Connection& connection, const Operation& operation, mqtt::ReasonCode reason, std::string_view why = {});

  ShardContext& context_;
  Journal& journal_;
  Operations& operations_;
  const RetainedIndex& retained_;
  MessageEncoder encoder_;
};

}  // namespace bitacora::bridge
